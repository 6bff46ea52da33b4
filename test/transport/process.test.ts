/**
 * Transports in processes of their own: how soon a dead and a stopped process are noticed, and that
 * a process whose transport is stopped ends by itself.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClientDialer } from '../../src/transport/client-dialer.js';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { bytes, CollectedLog, Owner, realClock, text, within } from './transport-world.js';

const test = suite('transports in processes');

interface Child {
  readonly process: ChildProcess;
  readonly self: string;
  readonly addresses: readonly string[];
  readonly lines: string[];
}

async function startChild(...options: string[]): Promise<Child> {
  const script = fileURLToPath(new URL('./transport-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...options], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  reader.on('line', (line) => lines.push(line));
  await within(once(reader, 'line'), 'the first line of the child', 15_000);
  return { process: child, lines, ...JSON.parse(lines[0] as string) };
}

async function end(child: Child): Promise<void> {
  if (child.process.exitCode !== null || child.process.signalCode !== null) return;
  child.process.kill('SIGKILL');
  await once(child.process, 'exit');
}

async function here(): Promise<{ transport: Transport; owner: Owner }> {
  const privateKey = await generatePeerKey();
  const options = { privateKey, host: '127.0.0.1', port: 0, mdns: false, clusterName: 'test' };
  const deps = { clock: realClock, log: new CollectedLog(), seed: 2 };
  const transport = createTransport(options, deps);
  const owner = new Owner('here');
  await transport.start(owner);
  return { transport, owner };
}

test('a killed process is noticed at once', async () => {
  const { transport, owner } = await here();
  const child = await startChild();
  try {
    transport.keep(child.self, child.addresses);
    await owner.until(() => transport.isLinked(child.self), 'the link');
    const begin = performance.now();
    child.process.kill('SIGKILL');
    await owner.until(() => owner.count(`down ${child.self}`) === 1, 'link down');
    const took = performance.now() - begin;
    assert.ok(took < 500, `${took} ms`);
    assert.is(transport.send(child.self, 'consensus', [bytes('x')]), false);
  } finally {
    await end(child);
    await within(transport.stop(), 'stop');
  }
});

test('a stopped process is noticed in 1 to 2 s, and linked again when it goes on', async () => {
  const { transport, owner } = await here();
  const child = await startChild();
  try {
    transport.keep(child.self, child.addresses);
    await owner.until(() => transport.isLinked(child.self), 'the link');
    const begin = performance.now();
    child.process.kill('SIGSTOP');
    await owner.until(() => owner.count(`down ${child.self}`) === 1, 'link down');
    const took = performance.now() - begin;
    assert.ok(took > 700 && took < 2000, `${took} ms`);
    child.process.kill('SIGCONT');
    await owner.until(() => owner.count(`up ${child.self}`) === 2, 'link up again', 10_000);
  } finally {
    child.process.kill('SIGCONT');
    await end(child);
    await within(transport.stop(), 'stop');
  }
});

test('a stall of our own is not taken for the silence of others', async () => {
  const { transport, owner } = await here();
  const child = await startChild();
  try {
    transport.keep(child.self, child.addresses);
    await owner.until(() => transport.isLinked(child.self), 'the link');
    // 600 ms, less than the child's own patience of a second.
    for (let round = 0; round < 3; round++) {
      const until = performance.now() + 600;
      while (performance.now() < until);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert.is(owner.count(`down ${child.self}`), 0);
  } finally {
    await end(child);
    await within(transport.stop(), 'stop');
  }
});

test('a client keeps its stream to a server that is stalled for three seconds', async () => {
  const dialer = createClientDialer({}, { clock: realClock });
  const child = await startChild();
  try {
    const stream = await dialer.dial(child.addresses[0] as string, AbortSignal.timeout(5000));
    const closes: string[] = [];
    stream.onClose((reason) => closes.push(reason));
    child.process.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    child.process.kill('SIGCONT');
    const echoed = new Promise<string>((resolve) => {
      stream.onFrames((frames) => resolve(text(frames[0] as Uint8Array)));
    });
    stream.send([bytes('hello')]);
    assert.is(await within(echoed, 'the echo'), 'hello');
    assert.equal(closes, []);
    const closed = new Promise<string>((resolve) => stream.onClose(resolve));
    child.process.kill('SIGSTOP');
    assert.match(await within(closed, 'the close', 8000), /nothing was heard/);
  } finally {
    child.process.kill('SIGCONT');
    await end(child);
    await within(dialer.stop(), 'stop');
  }
});

test('a process ends by itself once its transport is stopped', async () => {
  const { transport, owner } = await here();
  const address = transport.addresses()[0] as string;
  const child = await startChild('--keep', transport.self, address);
  try {
    await owner.until(() => transport.isLinked(child.self), 'the link');
    const begin = performance.now();
    child.process.stdin?.end();
    const [code] = await within(once(child.process, 'exit'), 'its exit', 4000);
    assert.is(code, 0);
    assert.is(child.lines.at(-1), 'stopped');
    const took = performance.now() - begin;
    assert.ok(took < 1500, `${took} ms`);
  } finally {
    await end(child);
    await within(transport.stop(), 'stop');
  }
});

test('mDNS off: its code is not loaded; a client loads no libp2p before a dial', async () => {
  const rows: [string, string][] = [
    ['libp2p-transport.ts', '@libp2p/mdns'],
    ['client-dialer.ts', '/libp2p/'],
  ];
  for (const [file, absent] of rows) {
    const source = fileURLToPath(new URL(`../../src/transport/${file}`, import.meta.url));
    // The loader of the child lists what is imported.
    const hook = `export async function resolve(name, context, next) {
      const found = await next(name, context); console.log(found.url); return found; }`;
    const main = `import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
      await import(${JSON.stringify(source)});`;
    const { stdout } = await new Promise<{ stdout: string }>((resolve, reject) => {
      const options = ['--import', 'tsx', '--input-type=module', '-e', main];
      execFile(process.execPath, options, { timeout: 15_000 }, (error, out) =>
        error === null ? resolve({ stdout: out }) : reject(error),
      );
    });
    assert.ok(stdout.includes(file), 'nothing was listed');
    assert.not.ok(stdout.includes(absent), `${file} loads ${absent}`);
  }
});

test.run();
