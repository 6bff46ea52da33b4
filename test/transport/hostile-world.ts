/**
 * A victim with an honest peer, and the tools of those who besiege it: raw sockets, and libp2p
 * nodes that prove a key and then break the rules.
 */

import { connect, type Socket } from 'node:net';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import * as assert from 'uvu/assert';
import { frameHeaderBytes, frameKind, writeFrameHeader } from '../../src/transport/framing.js';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import type { Transport } from '../../src/transport/transport.js';
import type { TransportOptions } from '../../src/transport/transport-options.js';
import { encodeHello } from '../../src/wire/hello-codec.js';
import { bytes, CollectedLog, Owner, realClock, within } from './transport-world.js';

/** What nobody caught: libp2p throws in microtasks and drops promises. */
const uncaught: unknown[] = [];
process.on('uncaughtException', (error) => uncaught.push(error));
process.on('unhandledRejection', (error) => uncaught.push(error));

export const handshakeMillisMax = 600;

export interface Server {
  readonly transport: Transport;
  readonly owner: Owner;
  readonly log: CollectedLog;
}

export async function startServer(
  name: string,
  options: Partial<TransportOptions> = {},
): Promise<Server> {
  const log = new CollectedLog();
  const privateKey = await generatePeerKey();
  const common = { privateKey, host: '127.0.0.1', port: 0, mdns: false, clusterName: 'test' };
  const transport = createTransport(
    { ...common, handshakeMillisMax, ...options },
    { clock: realClock, log, seed: 1 },
  );
  const owner = new Owner(name);
  await transport.start(owner);
  return { transport, owner, log };
}

/** Runs `body` against a victim with an honest peer, then sees that both are well. */
export function besiege(
  body: (victim: Server, honest: Server) => Promise<void>,
  options: Partial<TransportOptions> = {},
): () => Promise<void> {
  return async () => {
    uncaught.length = 0;
    const victim = await startServer('victim', options);
    const honest = await startServer('honest', options);
    honest.transport.keep(victim.transport.self, victim.transport.addresses());
    await victim.owner.until(() => victim.transport.isLinked(honest.transport.self), 'the link');
    await honest.owner.until(() => honest.transport.isLinked(victim.transport.self), 'the link');
    try {
      await body(victim, honest);
      assert.ok(honest.transport.send(victim.transport.self, 'consensus', [bytes('still here')]));
      await victim.owner.until(() => victim.owner.received.length > 0, 'an honest frame');
      assert.equal(victim.owner.texts('consensus'), ['still here']);
      assert.equal(victim.owner.texts('forward'), []);
      assert.is(victim.owner.told.filter((line) => line.startsWith('down')).length, 0);
      assert.is(victim.owner.told.filter((line) => line.startsWith('up')).length, 1);
      assert.equal(uncaught, []);
    } finally {
      await within(Promise.all([victim.transport.stop(), honest.transport.stop()]), 'stop');
    }
  };
}

function portOf(server: Server): number {
  return Number(server.transport.addresses()[0]?.split(':')[1]);
}

/** A TCP connection; `ended` resolves when the other side ends it. */
export function rawConnection(server: Server): { socket: Socket; ended: Promise<void> } {
  const socket = connect(portOf(server), '127.0.0.1');
  socket.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.resume();
  });
  return { socket, ended };
}

/** A libp2p node with a key of its own, connected to the victim. */
export async function intruder(
  victim: Server,
  encrypter = noise(),
): Promise<{ node: Libp2p; connection: Connection }> {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [encrypter],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  for (const channel of ['control', 'consensus', 'forward']) {
    await node.handle(`/quorate/${channel}/1`, () => undefined);
  }
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${portOf(victim)}`);
  return { node, connection: await node.dial(address) };
}

export function frame(kind: number, payload: Uint8Array): Uint8Array {
  const target = new Uint8Array(frameHeaderBytes + payload.length);
  writeFrameHeader(target, 0, kind, payload.length);
  target.set(payload, frameHeaderBytes);
  return target;
}

/** A greeting. @param life the word of its life; none: it does not tell. */
export const hello = (life?: string): Uint8Array => {
  const told = life === undefined ? {} : { life: { word: life, heard: false } };
  return frame(frameKind.hello, encodeHello({ ...new Owner('intruder').hello(), ...told }));
};

export function closeOf(connection: Connection): Promise<void> {
  if (connection.status !== 'open') return Promise.resolve();
  return new Promise((resolve) => connection.addEventListener('close', () => resolve()));
}

export function closeOfStream(stream: Stream): Promise<void> {
  if (stream.status !== 'open') return Promise.resolve();
  return new Promise((resolve) => stream.addEventListener('close', () => resolve()));
}
