/**
 * A network closed by a secret: who has it speaks, who lacks it is shown out in time and told why,
 * and what stands on the wire is what the specification of private networks says.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClientDialer } from '../../src/transport/client-dialer.js';
import { Keystream } from '../../src/transport/keystream.js';
import {
  type NetworkSecret,
  newSecretText,
  parseSecret,
} from '../../src/transport/network-secret.js';
import {
  besiege,
  handshakeMillisMax,
  rawConnection,
  type Server,
  startServer,
} from './hostile-world.js';
import { bytes, realClock, text, within } from './transport-world.js';

const test = suite('a network closed by a secret');

const [oldText, newText] = [newSecretText(), newSecretText()];
const old = parseSecret(oldText);
const secret = parseSecret(newText);
const both = { oldFirst: parseSecret(oldText + newText), newFirst: parseSecret(newText + oldText) };
const closed = { secret };
const warning = 'connections refused: they lack the secret of this cluster';
const agreement = '\x13/multistream/1.0.0\n\x07/noise\n';
const openingBytes = 24 + 20;

/** Has a client say a word and hear it again; or the reason why it could not. */
async function ask(server: Server, of: NetworkSecret | null): Promise<string> {
  server.owner.onClient = (stream) => stream.onFrames((frames) => stream.send(frames));
  const dialer = createClientDialer({ secret: of }, { clock: realClock });
  try {
    const address = server.transport.addresses()[0] as string;
    const stream = await dialer.dial(address, AbortSignal.timeout(4000));
    const heard = new Promise<string>((resolve) => {
      stream.onFrames(([frame]) => resolve(text(frame as Uint8Array)));
    });
    stream.send([bytes('a word')]);
    return await within(heard, 'the echo');
  } catch (error) {
    return (error as Error).message;
  } finally {
    await dialer.stop();
  }
}

/** Waits for a line of the log, which comes with a tick of the transport. */
async function said(server: Server, event: string): Promise<Readonly<Record<string, unknown>>> {
  const look = async (): Promise<Readonly<Record<string, unknown>>> => {
    for (;;) {
      const line = server.log.lines.find((one) => one.event === event);
      if (line !== undefined) return { level: line.level, ...line.fields };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return within(look(), event);
}

type Speaker = [who: string, client: NetworkSecret | null, server: NetworkSecret | null, RegExp];

const speakers: Speaker[] = [
  ['one secret on both sides', secret, secret, /^a word$/],
  ['none on both sides', null, null, /^a word$/],
  ['a client without', null, secret, /does not understand this client: it may want a secret/],
  ['a client with another', old, secret, /does not understand this secret: it may have another/],
  ['a client with one, a server without', secret, null, /at once: it may have no secret/],
  ['rotation: both know both', both.newFirst, both.oldFirst, /^a word$/],
  ['rotation: a client that is ahead', secret, both.oldFirst, /^a word$/],
  ['rotation: a client that is behind', old, both.newFirst, /^a word$/],
  ['a client that speaks what is not known yet', both.newFirst, old, /may have another/],
];

for (const [who, client, server, expected] of speakers) {
  test(`${who}: ${expected.source}`, async () => {
    const one = await startServer('one', { secret: server });
    try {
      assert.match(await ask(one, client), expected);
    } finally {
      await within(one.transport.stop(), 'stop');
    }
  });
}

test('servers link through a rotation, whichever of them dials', async () => {
  const steps: [NetworkSecret, NetworkSecret][] = [
    [old, both.oldFirst],
    [both.oldFirst, both.newFirst],
    [both.newFirst, secret],
  ];
  for (const [here, there] of steps) {
    for (const [mine, its] of [
      [here, there],
      [there, here],
    ] as const) {
      const one = await startServer('one', { secret: mine });
      const two = await startServer('two', { secret: its });
      one.transport.keep(two.transport.self, two.transport.addresses());
      await one.owner.until(() => one.transport.isLinked(two.transport.self), 'the link');
      one.transport.send(two.transport.self, 'consensus', [bytes('x'.repeat(200_000))]);
      await two.owner.until(() => two.owner.receivedBytes === 200_000, 'all of it');
      await within(Promise.all([one.transport.stop(), two.transport.stop()]), 'stop');
    }
  }
});

test('a server with another secret, or without one, is never linked', async () => {
  const one = await startServer('one', { secret });
  for (const other of [old, null]) {
    const two = await startServer('two', { secret: other });
    const address = one.transport.addresses()[0] as string;
    const probe = two.transport.probe(address, AbortSignal.timeout(4000));
    const fault = await within(probe, 'the probe').then(
      () => 'it answered',
      (error: Error) => error.message,
    );
    assert.match(fault, other === null ? /may want a secret/ : /may have another/);
    const back = one.transport.probe(
      two.transport.addresses()[0] as string,
      AbortSignal.timeout(4000),
    );
    assert.match(await back.then(String, (error: Error) => error.message), /secret/);
    await within(two.transport.stop(), 'stop');
  }
  assert.equal(one.owner.told, []);
  await within(one.transport.stop(), 'stop');
});

const lacking: [string, NetworkSecret | null, RegExp][] = [
  ['no secret', null, /it speaks without a secret/],
  ['another secret', old, /it has another secret/],
];

for (const [what, of, reason] of lacking) {
  test(
    `many with ${what} are one warning with the address of the last, in ten seconds`,
    besiege(async (victim) => {
      for (let i = 0; i < 5; i += 1) await ask(victim, of);
      const line = await said(victim, warning);
      assert.is(line['level'], 'warn');
      assert.match(String(line['last']), /^127\.0\.0\.1:\d+$/);
      assert.match(String(line['reason']), reason);
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.is(victim.log.lines.filter(({ event }) => event === warning).length, 1);
      const shown = JSON.stringify(victim.log.lines);
      for (const one of [oldText, newText]) assert.not.ok(shown.includes(one.slice(-60, -2)));
    }, closed),
  );
}

/** Says `chunks` on a raw connection; all that came back when it ended, and how long it took. */
async function say(
  server: Server,
  chunks: readonly Uint8Array[],
  pauseMillis = 0,
): Promise<{ heard: Buffer; tookMillis: number }> {
  const begin = performance.now();
  const { socket, ended } = rawConnection(server);
  const heard: Buffer[] = [];
  socket.on('data', (data: Buffer) => heard.push(data));
  for (const chunk of chunks) {
    socket.write(chunk);
    if (pauseMillis > 0) await new Promise((resolve) => setTimeout(resolve, pauseMillis));
  }
  await within(ended, 'the end');
  return { heard: Buffer.concat(heard), tookMillis: performance.now() - begin };
}

const each = (data: Uint8Array): Uint8Array[] => [...data].map((byte) => Uint8Array.of(byte));
const patience = handshakeMillisMax * 4;

const strangers: [string, Uint8Array[], number][] = [
  ['silence', [], 0],
  ['a nonce and no more', [new Uint8Array(24)], 0],
  ['a byte at a time', each(new Uint8Array(60)), 30],
  ['garbage', [new Uint8Array(100_000).fill(0xff)], 0],
  ['an open handshake', [bytes(agreement)], 0],
  ['the same, byte by byte', each(bytes(agreement)), 5],
];

for (const [what, chunks, pauseMillis] of strangers) {
  test(
    `${what} without the secret hears a nonce and nothing else, and ends in time`,
    besiege(async (victim) => {
      const { heard, tookMillis } = await say(victim, chunks, pauseMillis);
      assert.ok(heard.length <= 24, `${heard.length} bytes were told to a stranger`);
      assert.ok(tookMillis < patience, `${tookMillis} ms`);
    }, closed),
  );
}

test(
  'what an honest dialler said, said again by another, proves nothing and ends in time',
  besiege(async (victim) => {
    // A listener in the middle passes everything on and writes it down.
    const recorded: Buffer[] = [];
    const port = Number(victim.transport.addresses()[0]?.split(':')[1]);
    const between = createServer((socket) => {
      const onward = connect(port, '127.0.0.1');
      for (const one of [socket, onward]) one.on('error', () => undefined);
      socket.on('data', (data: Buffer) => recorded.push(data));
      socket.pipe(onward).pipe(socket);
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    const dialer = createClientDialer({ secret }, { clock: realClock });
    const address = `127.0.0.1:${(between.address() as AddressInfo).port}`;
    await dialer.dial(address, AbortSignal.timeout(4000));
    await victim.owner.until(() => victim.owner.clients.length === 1, 'the honest client');
    await dialer.stop();
    between.close();
    assert.ok(Buffer.concat(recorded).length > openingBytes + 100);
    const { tookMillis } = await say(victim, [Buffer.concat(recorded)]);
    assert.ok(tookMillis < patience, `${tookMillis} ms`);
    assert.is(victim.owner.clients.length, 1);
  }, closed),
);

/** Reads from a socket until there are so many bytes. */
function read(socket: Socket, byteCount: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  const all = new Promise<Uint8Array>((resolve) => {
    socket.on('data', (data: Buffer) => {
      parts.push(data);
      const heard = Buffer.concat(parts);
      if (heard.length >= byteCount) resolve(new Uint8Array(heard));
    });
  });
  return within(all, `${byteCount} bytes`);
}

/** What was said under a nonce that stands before it. */
function opened(heard: Uint8Array): string {
  const words = heard.slice(24);
  new Keystream(secret.spoken, heard.subarray(0, 24)).apply(words);
  return Buffer.from(words).toString('latin1');
}

test('a dialler of another make, which waits for our nonce first, is answered', async () => {
  const server = await startServer('one', closed);
  const { socket } = rawConnection(server);
  const first = await read(socket, 24);
  assert.is(first.length, 24);
  const nonce = new Uint8Array(24).fill(7);
  const words = bytes(agreement);
  new Keystream(secret.spoken, nonce).apply(words);
  socket.write(nonce);
  const answer = read(socket, agreement.length);
  socket.write(words);
  assert.is(opened(Buffer.concat([first, await answer])), agreement);
  socket.destroy();
  await within(server.transport.stop(), 'stop');
});

test('a listener of another make, which waits for our nonce, hears the agreement', async () => {
  const heard = new Promise<Uint8Array>((resolve) => {
    const listener = createServer((socket) => {
      socket.on('error', () => undefined);
      void read(socket, 24 + agreement.length).then((all) => {
        resolve(all);
        socket.destroy();
        listener.close();
      });
    });
    listener.listen(0, '127.0.0.1', () => {
      const dialer = createClientDialer({ secret: both.newFirst }, { clock: realClock });
      const address = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
      void dialer
        .dial(address, AbortSignal.timeout(4000))
        .catch(() => undefined)
        .then(() => dialer.stop());
    });
  });
  const all = await within(heard, 'the words');
  assert.is(opened(all), agreement);
  // Nothing of it stands there in the open.
  assert.not.match(Buffer.from(all).toString('latin1'), /multistream|noise/);
});

test('no two connections use the same nonce', async () => {
  const server = await startServer('one', closed);
  const nonces = new Set<string>();
  for (let i = 0; i < 8; i += 1) {
    const { socket } = rawConnection(server);
    nonces.add(Buffer.from(await read(socket, 24)).toString('hex'));
    socket.destroy();
  }
  assert.is(nonces.size, 8);
  await within(server.transport.stop(), 'stop');
});

test(
  'a host that opens connections without end is slowed down, and peers are not',
  besiege(
    async (victim) => {
      const outcomes = await Promise.all(
        Array.from({ length: 60 }, () => say(victim, [new Uint8Array(100).fill(255)])),
      );
      // Whoever got in heard a nonce; the honest peer took the one there was.
      const admitted = outcomes.filter(({ heard }) => heard.length > 0).length;
      assert.ok(admitted <= 3, `${admitted} got in`);
      await said(victim, 'connections refused: too many are open');
      const late = await startServer('late', closed);
      victim.transport.keep(late.transport.self, ['127.0.0.1:1']);
      late.transport.keep(victim.transport.self, victim.transport.addresses());
      const { self } = late.transport;
      await victim.owner.until(() => victim.transport.isLinked(self), 'the link', 3000);
      victim.owner.told.splice(victim.owner.told.indexOf(`up ${self}`), 1);
      await within(late.transport.stop(), 'stop');
      const isDown = (): boolean => victim.owner.told.includes(`down ${self}`);
      await victim.owner.until(isDown, 'down');
      victim.owner.told.splice(victim.owner.told.indexOf(`down ${self}`), 1);
    },
    // One at once, and the next after five seconds.
    { ...closed, handshakesPerHostPerSecondMax: 0.2 },
  ),
);

test.run();
