/**
 * What comes over the wire and by signals to real servers: garbage, strangers that prove a key and
 * then break the rules, floods of connections, a leader that is frozen, impatient operators. The
 * servers stay, keep their leader where it lives, and lose or double nothing.
 */

// time limit: 120 s

import '../../src/transport/node-shim.js';
import { randomBytes } from 'node:crypto';
import * as net from 'node:net';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { frameHeaderBytes, frameKind, writeFrameHeader } from '../../src/transport/framing.js';
import { channelProtocols, clientProtocol } from '../../src/transport/transport-options.js';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { encodeHello } from '../../src/wire/hello-codec.js';
import { recordsAt, type ServerProcess, Servers, statusAt, within } from './servers.js';

const quick = ['--stabilisation', '300'];

test('garbage on the port harms nobody: same leader, same term, same processes', async () => {
  const servers = await Servers.cluster(3, [...quick, '--log-level', 'debug']);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    await client.append('before');
    const leader = await servers.leader();
    const before = await statusAt(leader.address);
    const begun = leader.lines.length;
    const greetings = [
      randomBytes(4096),
      Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n'),
      tlsHello(),
      Buffer.concat([Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n'), randomBytes(500)]),
      Buffer.alloc(0),
    ];
    await within(15_000, 'all greetings end', Promise.all(greetings.map((g) => say(leader, g))));
    await leader.says('a connection ended in its handshake', { from: begun });
    await within(30_000, '1,000 quick connects', quickConnects(leader, 1000));
    const after = await statusAt(leader.address);
    assert.is(after.term, before.term, 'no election');
    assert.equal(after.leader, before.leader);
    await client.append('after');
    for (const server of servers.all) {
      assert.equal(await recordsAt(server.address), ['before', 'after']);
      assert.equal(server.plain, [], 'no stack trace');
    }
  } finally {
    await servers.stopAll();
  }
});

test('lengths that never end, before any key is proved, do not freeze the leader', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const leader = await servers.leader();
    const before = await statusAt(leader.address);
    const endless = new Uint8Array(256 * 1024).fill(0xff);
    const all = Promise.all([1, 2, 3, 4].map(() => say(leader, endless)));
    await within(15_000, 'all are turned away', all);
    assert.equal(standing(await statusAt(leader.address)), standing(before));
  } finally {
    await servers.stopAll();
  }
});

test('a frame of monstrous length ends the connection it came on and nothing else', async () => {
  const servers = await Servers.cluster(3, [...quick, '--log-level', 'debug']);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    const leader = await servers.leader();
    const before = await statusAt(leader.address);
    for (const channel of ['control', 'consensus', 'forward'] as const) {
      const begun = leader.lines.length;
      const stranger = await intruder(leader);
      const control = await stranger.connection.newStream(channelProtocols.control);
      control.send(hello('quorate'));
      const stream =
        channel === 'control'
          ? control
          : await stranger.connection.newStream(channelProtocols[channel]);
      if (channel !== 'control') control.send(frame(frameKind.accepted, new Uint8Array(0)));
      stream.send(monstrousHeader());
      await within(10_000, `${channel} ends`, endOf(stranger.connection));
      const line = await leader.says('connection ended', {
        from: begun,
        where: ({ reason }) => String(reason).startsWith(`${channel}: `),
      });
      assert.match(String(line['reason']), /16777215|too long|over|limit/, JSON.stringify(line));
      await stranger.node.stop();
    }
    const stranger = await intruder(leader);
    const stream = await stranger.connection.newStream(clientProtocol);
    stream.send(monstrousHeader());
    await within(10_000, 'the client stream ends', endOfStream(stream));
    await stranger.node.stop();
    assert.equal(standing(await statusAt(leader.address)), standing(before));
    await client.append('on');
    for (const server of servers.all) {
      assert.equal(await recordsAt(server.address), ['on']);
      assert.equal(server.plain, [], 'no stack trace');
    }
  } finally {
    await servers.stopAll();
  }
});

test('a frozen leader is replaced and steps down; no append is lost or doubled', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client({ timeoutMillis: 20_000 });
    const frozen = await servers.leader();
    const termBefore = (await statusAt(frozen.address)).term;
    const lanes = 8;
    let isRunning = true;
    const counts = Array.from({ length: lanes }, () => 0);
    const appending = Promise.all(
      counts.map(async (_, lane) => {
        while (isRunning) {
          await client.append(`lane ${lane} record ${counts[lane]}`);
          counts[lane] = (counts[lane] as number) + 1;
        }
      }),
    );
    const total = (): number => counts.reduce((sum, count) => sum + count, 0);
    await until('appends before the freeze', () => total() > 200);
    const frozenAt = performance.now();
    frozen.signal('SIGSTOP');
    const others = servers.all.filter((server) => server !== frozen);
    const next = await Promise.race(
      others.map(async (server) => {
        await server.says('leader elected', { where: ({ term }) => Number(term) > termBefore });
        return server;
      }),
    );
    const during = total();
    await until('appends during the freeze', () => total() > during + 200);
    // What is left of three seconds: longer than any timeout that tells life from death.
    await until('three seconds', () => performance.now() - frozenAt > 3000);
    frozen.signal('SIGCONT');
    await servers.until('the old leader follows', ({ self, leader }) => {
      return self.name === frozen.name && self.role === 'follower' && leader?.name === next.name;
    });
    const woken = total();
    await until('appends after the freeze', () => total() > woken + 200);
    isRunning = false;
    await within(20_000, 'the last appends', appending);
    for (const server of servers.all) {
      const records = await recordsAt(server.address);
      assert.is(records.length, total(), `${server.name}: each record once`);
      for (const lane of counts.keys()) {
        const own = records.filter((record) => record.startsWith(`lane ${lane} `));
        const wanted = Array.from({ length: counts[lane] as number }, (_, n) => n);
        assert.equal(
          own,
          wanted.map((n) => `lane ${lane} record ${n}`),
          server.name,
        );
      }
    }
  } finally {
    await servers.stopAll();
  }
});

test('a second SIGTERM ends the process at once, and nothing acknowledged is lost', async () => {
  const servers = await Servers.cluster(1);
  try {
    const [server] = servers.all as [ServerProcess];
    const client = await servers.client();
    await Promise.all(Array.from({ length: 100 }, (_, n) => client.append(`record ${n}`)));
    server.signal('SIGTERM');
    server.signal('SIGTERM');
    const code = await server.exit(1500);
    assert.ok(code === 0 || code === 1, `it ended with ${code}`);
    assert.equal(server.plain, []);
    await servers.start(server);
    await servers.leader();
    assert.is((await recordsAt(server.address)).length, 100);
  } finally {
    await servers.stopAll();
  }
});

/** Says something on a connection of its own and waits for its end. */
function say(server: ServerProcess, greeting: Uint8Array): Promise<void> {
  const socket = net.connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  if (greeting.length > 0) socket.write(greeting);
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Opens and drops connections, a hundred at a time. */
async function quickConnects(server: ServerProcess, count: number): Promise<void> {
  for (let done = 0; done < count; done += 100) {
    const connects = Array.from({ length: 100 }, (_, i) => {
      const socket = net.connect(server.port, '127.0.0.1', () => {
        if (i % 2 === 0) socket.destroy();
        else socket.end('\x13/multistream/1.0.0\n');
      });
      socket.on('error', () => undefined);
      socket.resume();
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(connects);
  }
}

/** The first bytes of a TLS handshake. */
function tlsHello(): Uint8Array {
  const body = Buffer.concat([Buffer.from([1, 0, 1, 252, 3, 3]), randomBytes(506)]);
  return Buffer.concat([Buffer.from([22, 3, 1, body.length >> 8, body.length & 255]), body]);
}

/** A libp2p node with a key of its own, which the server let through the handshake. */
async function intruder(
  server: ServerProcess,
): Promise<{ readonly node: Libp2p; readonly connection: Connection }> {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  for (const protocol of Object.values(channelProtocols)) {
    await node.handle(protocol, () => undefined);
  }
  const connection = await node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${server.port}`));
  return { node, connection };
}

function frame(kind: number, payload: Uint8Array): Uint8Array {
  const target = new Uint8Array(frameHeaderBytes + payload.length);
  writeFrameHeader(target, 0, kind, payload.length);
  target.set(payload, frameHeaderBytes);
  return target;
}

function hello(clusterName: string): Uint8Array {
  const greeting = encodeHello({
    protocol: 1,
    clusterName,
    clusterId: null,
    memberId: null,
    incarnation: '00112233445566778899aabbccddeeff',
    name: 'intruder',
    version: '0.0.0',
    addresses: [],
  });
  return frame(frameKind.hello, greeting);
}

/** The head of a data frame of 16 MiB. */
function monstrousHeader(): Uint8Array {
  return Uint8Array.of(frameKind.data, 0xff, 0xff, 0xff, 1, 2, 3);
}

function endOf(connection: Connection): Promise<void> {
  if (connection.status !== 'open') return Promise.resolve();
  return new Promise((resolve) => connection.addEventListener('close', () => resolve()));
}

function endOfStream(stream: Stream): Promise<void> {
  if (stream.status !== 'open') return Promise.resolve();
  return new Promise((resolve) => stream.addEventListener('close', () => resolve()));
}

function standing(status: ClusterStatus): unknown {
  return [status.term, status.leader?.name, status.members.length];
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!isTrue()) {
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test.run();
