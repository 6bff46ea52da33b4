/**
 * What only real sockets show: families and names, the cork, memory under a fast sender.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClientDialer } from '../../src/transport/client-dialer.js';
import { corkConnection } from '../../src/transport/cork.js';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import type { ClientStream, Transport } from '../../src/transport/transport.js';
import { rejection } from './contract-world.js';
import { CollectedLog, Owner, realClock, within } from './transport-world.js';

const test = suite('sockets');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function start(
  host: string,
  log = new CollectedLog(),
): Promise<{ transport: Transport; owner: Owner }> {
  const transport = createTransport(
    { privateKey: await generatePeerKey(), host, port: 0, mdns: false, clusterName: 'test' },
    { clock: realClock, log, seed: 1 },
  );
  const owner = new Owner(host);
  await within(transport.start(owner), 'start');
  return { transport, owner };
}

test('every kind of listener is reached by the addresses that lead to it', async () => {
  const rows: [string, readonly string[]][] = [
    ['127.0.0.1', ['127.0.0.1', 'localhost']],
    ['::1', ['[::1]']],
    ['0.0.0.0', ['127.0.0.1', 'localhost']],
    ['::', ['[::1]', '127.0.0.1']],
    ['localhost', ['localhost']],
  ];
  const prober = await start('127.0.0.1');
  for (const [host, ways] of rows) {
    const { transport } = await start(host);
    const port = transport.addresses()[0]?.split(':').at(-1);
    for (const way of [...ways.map((name) => `${name}:${port}`), ...transport.addresses()]) {
      const found = await within(prober.transport.probe(way, AbortSignal.timeout(4000)), way);
      assert.is(found.peer, transport.self, `${host} by ${way}`);
    }
    await within(transport.stop(), 'stop');
  }
  await within(prober.transport.stop(), 'stop');
});

test('of two connections that were dialled at once, one is left after a while', async () => {
  const log = new CollectedLog();
  const [a, b] = [await start('127.0.0.1', log), await start('127.0.0.1')];
  a.transport.keep(b.transport.self, b.transport.addresses());
  b.transport.keep(a.transport.self, a.transport.addresses());
  const count = (event: string): number => log.lines.filter((line) => line.event === event).length;
  await a.owner.until(() => a.transport.isLinked(b.transport.self), 'the link');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.is(count('connection opened') - count('connection ended'), 1);
  assert.ok(a.transport.isLinked(b.transport.self) && b.transport.isLinked(a.transport.self));
  await within(Promise.all([a.transport.stop(), b.transport.stop()]), 'stop');
});

test('a name that does not resolve and a host that is not ours are said in one line', async () => {
  const { transport } = await start('127.0.0.1');
  for (const address of ['does-not-exist.invalid:1', 'nonsense']) {
    const error = await rejection(transport.probe(address, AbortSignal.timeout(4000)));
    assert.match(error.message, /does not resolve|bad address|no answer/);
    assert.not.match(error.message, /\n/);
  }
  await within(transport.stop(), 'stop');
  const error = await rejection(start('192.0.2.200'));
  assert.match(error.message, /no such address/);
});

test('the cork finds the socket inside this version of libp2p, and joins its writes', async () => {
  const { transport } = await start('127.0.0.1');
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  const [, port] = transport.addresses()[0]?.split(':') ?? [];
  const connection = await node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}`));
  assert.is(corkConnection(connection), true);
  await node.stop();
  await within(transport.stop(), 'stop');
});

/** Bytes in buffers that somebody still holds: what waits for the collector is not held. */
function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

test('a fast sender holds its queue and little more, drain after drain', async () => {
  const { transport, owner } = await start('127.0.0.1');
  const dialer = createClientDialer({ queueBytesMax: 4_000_000 }, { clock: realClock });
  const address = transport.addresses()[0] as string;
  const client = await within(dialer.dial(address, AbortSignal.timeout(4000)), 'dial');
  await owner.until(() => owner.clients.length === 1, 'the client');
  let received = 0;
  (owner.clients[0] as ClientStream).onFrames((frames) => {
    for (const frame of frames) received += frame.length;
  });
  const frame = new Uint8Array(10_000);
  let sent = 0;
  let mostHeld = 0;
  const before = heldBytes();
  for (let round = 0; round < 12; round++) {
    const drained = new Promise<void>((resolve) => client.onDrain(resolve));
    while (client.send([frame])) sent += frame.length;
    mostHeld = Math.max(mostHeld, heldBytes() - before);
    await within(drained, `drain ${round}`);
  }
  const receiving = (async () => {
    while (received < sent) await new Promise((resolve) => setTimeout(resolve, 10));
  })();
  await within(receiving, 'all received');
  await within(Promise.all([dialer.stop(), transport.stop()]), 'stop');
  assert.ok(sent > 20_000_000, `only ${sent} bytes were taken`);
  assert.is(received, sent);
  assert.ok(mostHeld < 60_000_000, `${mostHeld} bytes held`);
});

test.run();
