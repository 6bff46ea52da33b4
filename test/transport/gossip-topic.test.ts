/**
 * The broadcast among real servers, beyond the contract: round a link that is missing, with a
 * server from before there was gossip, past one that is stopped, and after a stream that failed.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { frameKind } from '../../src/transport/framing.js';
import { frame, hello, intruder, type Server, startServer } from './hostile-world.js';
import { bytes, within } from './transport-world.js';

const test = suite('the broadcast');

async function link(a: Server, b: Server): Promise<void> {
  a.transport.keep(b.transport.self, b.transport.addresses());
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    await from.owner.until(() => from.transport.isLinked(to.transport.self), 'the link');
  }
}

/** Publishes until it is heard: from then on the way is open. */
async function opensTo(from: Server, to: Server, millis = 4000): Promise<void> {
  const word = `open to ${to.owner.name}?`;
  const speaking = setInterval(() => from.transport.publish(bytes(word)), 25);
  try {
    await to.owner.until(() => to.owner.rumours.includes(word), word, millis);
  } finally {
    clearInterval(speaking);
  }
}

async function stop(...servers: readonly Server[]): Promise<void> {
  await within(Promise.all(servers.map((server) => server.transport.stop())), 'stop');
}

test('a rumour goes round a link that is missing', async () => {
  const [a, b, c] = [await startServer('a'), await startServer('b'), await startServer('c')];
  try {
    await link(a, b);
    await link(b, c);
    await opensTo(a, c);
    a.transport.publish(bytes('over b'));
    await c.owner.until(() => c.owner.rumours.includes('over b'), 'the rumour', 1000);
    assert.not.ok(a.transport.isLinked(c.transport.self));
  } finally {
    await stop(a, b, c);
  }
});

test('a rumour is not passed on over a bridge between clusters of two names', async () => {
  const [a, b] = [await startServer('a'), await startServer('b', { clusterName: 'other' })];
  try {
    // The owners of this test accept each other, whatever the names.
    await link(a, b);
    for (let i = 0; i < 10; i++) {
      a.transport.publish(bytes(`for ours ${i}`));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(b.owner.rumours, []);
  } finally {
    await stop(a, b);
  }
});

test('a server from before there was gossip stays linked, and gets none', async () => {
  const server = await startServer('new');
  // It handles no stream of gossip's, and so refuses ours.
  const { node, connection } = await intruder(server);
  const old = node.peerId.toString();
  try {
    const control = await connection.newStream('/quorate/control/1');
    control.send(Buffer.concat([hello(), frame(frameKind.accepted, bytes(''))]));
    await server.owner.until(() => server.transport.isLinked(old), 'the link');
    const alive = setInterval(() => control.send(frame(frameKind.alive, bytes(''))), 200);
    const refused = (): boolean => !server.transport.send(old, 'gossip', [bytes('x')]);
    const until = performance.now() + 3000;
    while (!refused() && performance.now() < until) {
      server.transport.publish(bytes('anybody?'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    clearInterval(alive);
    assert.ok(refused(), 'the channel was not refused');
    assert.ok(server.transport.send(old, 'consensus', [bytes('x')]));
    assert.ok(server.transport.isLinked(old));
  } finally {
    await node.stop();
    await stop(server);
  }
});

interface Child {
  readonly process: ChildProcess;
  readonly self: string;
  readonly addresses: readonly string[];
}

async function startChild(): Promise<Child> {
  const script = fileURLToPath(new URL('./transport-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await within(once(reader, 'line'), 'the first line of the child', 15_000);
  return { process: child, ...JSON.parse(line as string) };
}

test('a stopped peer keeps no rumour from the others', async () => {
  const [a, b, child] = [await startServer('a'), await startServer('b'), await startChild()];
  try {
    await link(a, b);
    await opensTo(a, b);
    a.transport.keep(child.self, child.addresses);
    await a.owner.until(() => a.transport.isLinked(child.self), 'the link');
    // The way to it opens within this.
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.process.kill('SIGSTOP');
    const begin = performance.now();
    const long = 'x'.repeat(16 * 1024);
    // Almost what one peer may say at once, sooner than the stopped one is called dead.
    for (let i = 0; i < 60; i++) {
      a.transport.publish(bytes(`${i} ${long}`));
      if (i % 10 === 9) {
        const word = `${i} ${long}`;
        await b.owner.until(() => b.owner.rumours.includes(word), `number ${i}`, 1000);
      }
    }
    const took = performance.now() - begin;
    assert.ok(took < 2000, `${took} ms`);
    assert.is(b.owner.rumours.filter((rumour) => rumour.endsWith(long)).length, 60);
  } finally {
    child.process.kill('SIGCONT');
    child.process.kill('SIGKILL');
    await once(child.process, 'exit');
    await stop(a, b);
  }
});

test.run();
