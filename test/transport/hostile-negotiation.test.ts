/**
 * Strangers who never come to an agreement on a protocol, on raw connections, encrypted ones and
 * streams, in both directions, and who use Yamux beyond its rules. Each is ended at its first bytes
 * and named in one line at debug; an honest peer stays linked.
 */

import { type AddressInfo, createServer } from 'node:net';
import type {
  Connection,
  MessageStream,
  Stream,
  StreamMuxer,
  StreamMuxerFactory,
} from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { besiege, closeOf, intruder, rawConnection, type Server } from './hostile-world.js';
import { within } from './transport-world.js';

const test = suite('strangers who do not agree');

/** A mebibyte of a length that goes on and on. */
const endless = new Uint8Array(1024 * 1024).fill(0xff);

/** Waits for the line that tells why a connection ended, with its reason. */
async function told(victim: Server, event: string, reason: RegExp): Promise<void> {
  const isTold = (): boolean =>
    victim.log.lines.some(
      (line) =>
        line.level === 'debug' &&
        line.event.includes(event) &&
        reason.test(String(line.fields['reason'])),
    );
  const giveUpAt = Date.now() + 1500;
  while (!isTold()) {
    if (Date.now() > giveUpAt)
      assert.unreachable(`not told: ${reason} in ${JSON.stringify(victim.log.lines)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test(
  'a length that never ends, before any key, ends the connection at its first bytes',
  besiege(async (victim) => {
    for (const begin of ['', '\x13/multistream/1.0.0\n']) {
      const { socket, ended } = rawConnection(victim);
      socket.write(Buffer.concat([Buffer.from(begin), endless]));
      await within(ended, 'the end', 1000);
      victim.log.lines.splice(0, victim.log.lines.length - 1);
      await told(victim, 'in its handshake', /a length that does not end/);
    }
  }),
);

test(
  'a length that never ends in place of a multiplexer ends the connection',
  besiege(async (victim) => {
    const late: ReturnType<typeof noise> = (components) => {
      const made = noise()(components);
      const secure = made.secureOutbound;
      made.secureOutbound = async (connection, options) => {
        const rule = { ...options, skipStreamMuxerNegotiation: true };
        const secured = await secure.call(made, connection, rule);
        secured.connection.send(endless);
        return secured;
      };
      return made;
    };
    const refused = await within(intruder(victim, late).catch(String), 'the end', 3000);
    assert.type(refused, 'string');
    await told(victim, 'in its negotiation', /a length that does not end/);
  }),
);

/** The parts of a connection that an honest program leaves alone. */
interface Inside extends Connection {
  readonly muxer: StreamMuxer & { readonly maConn: MessageStream };
}

/** A Yamux frame without data. */
function yamuxHeader(type: number, flags: number, stream: number, length: number): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(stream, 4);
  header.writeUInt32BE(length, 8);
  return header;
}

const [syn, rst] = [1, 8];

const wrongMuxing: [string, RegExp, (inside: Inside) => Promise<unknown>][] = [
  [
    'a stream that begins with a length that never ends',
    /a length that does not end/,
    async ({ muxer }) => (await muxer.createStream()).send(endless.subarray(0, 200 * 1024)),
  ],
  [
    'a stream that asks for one protocol after another',
    /no protocol of ours in 16 texts/,
    async ({ muxer }) => (await muxer.createStream()).send(Buffer.from('\x03/x\n'.repeat(16))),
  ],
  [
    'a thousand streams that are opened and dropped',
    /65 streams were dropped/,
    async (connection) => {
      // Until the other end listens, libp2p has a bound of its own.
      await connection.newStream('/ipfs/ping/1.0.0');
      const { muxer } = connection;
      const opened = Array.from({ length: 1000 }, (_, i) => [
        yamuxHeader(1, syn, 1001 + 2 * i, 0),
        yamuxHeader(1, rst, 1001 + 2 * i, 0),
      ]);
      muxer.maConn.send(Buffer.concat(opened.flat()));
    },
  ],
  [
    'a frame of a gibibyte',
    /larger than any window/,
    async ({ muxer }) => {
      muxer.maConn.send(yamuxHeader(0, syn, 1001, 2 ** 30));
      for (let i = 0; i < 3; i += 1) muxer.maConn.send(endless);
    },
  ],
];

for (const [what, reason, attack] of wrongMuxing) {
  test(
    `${what} ends the connection`,
    besiege(async (victim) => {
      const { node, connection } = await intruder(victim);
      await attack(connection as Inside);
      await within(closeOf(connection), 'the end', 1500);
      await told(victim, 'in its negotiation', reason);
      await node.stop();
    }),
  );
}

test(
  'one who answers a dial with a length that never ends is given up at once',
  besiege(async (victim) => {
    const answerer = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(endless);
    });
    await new Promise<void>((resolve) => answerer.listen(0, '127.0.0.1', resolve));
    const { port } = answerer.address() as AddressInfo;
    const probing = victim.transport.probe(`127.0.0.1:${port}`, AbortSignal.timeout(4000));
    const refused = await within(probing.catch(String), 'the end', 1000);
    assert.match(String(refused), /not a Quorate server/);
    answerer.close();
  }),
);

test(
  'one who answers a stream with a length that never ends is given up at once',
  besiege(async (victim) => {
    const hostile = (): StreamMuxerFactory => {
      const made = yamux()();
      const create = made.createStreamMuxer.bind(made);
      made.createStreamMuxer = (connection) => {
        const muxer = create(connection);
        muxer.dispatchEvent = (event) => {
          if (event.type !== 'stream') return true;
          return (event as CustomEvent<Stream>).detail.send(endless.subarray(0, 200 * 1024));
        };
        return muxer;
      };
      return made;
    };
    const node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [hostile],
      connectionMonitor: { enabled: false },
    });
    const port = node.getMultiaddrs()[0]?.getComponents()[1]?.value;
    const probing = victim.transport.probe(`127.0.0.1:${port}`, AbortSignal.timeout(4000));
    const refused = await within(probing.catch(String), 'the end', 2000);
    assert.match(String(refused), /the connection closed/);
    await told(victim, 'in its negotiation', /a length that does not end/);
    await node.stop();
  }),
);

test.run();
