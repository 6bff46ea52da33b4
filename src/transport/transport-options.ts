/**
 * The options of the real transport, each with its unit, effect and default. What is not given
 * comes from one frozen constant; after `completeOptions` nothing is optional.
 */

import { frameBytesMax } from '../base/limits.js';
import type { NetworkSecret } from './network-secret.js';
import type { Channel } from './transport.js';

/** What `createTransport` takes. */
export interface TransportOptions {
  /** Ed25519 private key, as `generatePeerKey` makes it: the server's identity. */
  readonly privateKey: Uint8Array;
  /** Where to listen: an IP address or a name; `0.0.0.0` and `::` stand for every interface. */
  readonly host: string;
  /** TCP port; 0 takes any free one. */
  readonly port: number;
  /** Looks for servers of the same cluster name on the local network, and answers them. */
  readonly mdns: boolean;
  readonly clusterName: string;
  /** Closes the network to whoever lacks it, servers and clients. @default null: open to all */
  readonly secret?: NetworkSecret | null;
  /** How often mDNS asks, milliseconds. @default 10_000 */
  readonly mdnsIntervalMillis?: number;
  /** UDP port of mDNS. @default 5353 */
  readonly mdnsPort?: number;
  /** Joins the socket writes of a turn (cork.ts). @default true */
  readonly cork?: boolean;
  /** Bytes that may wait for each peer on `consensus` before the oldest are dropped. @default 64
   * MiB */
  readonly consensusQueueBytesMax?: number;
  /** Bytes that may wait for each peer on `forward` before `send` refuses. @default 32 MiB */
  readonly forwardQueueBytesMax?: number;
  /** Bytes that may wait for each peer on `control` before `send` refuses. @default 4 MiB */
  readonly controlQueueBytesMax?: number;
  /** Bytes that may wait for each peer on `gossip` before the oldest are dropped. @default 1 MiB */
  readonly gossipQueueBytesMax?: number;
  /** Bytes that may wait for each client before `send` refuses. @default 16 MiB */
  readonly clientQueueBytesMax?: number;
  /** Client streams open at once, over all connections. @default 1000 */
  readonly clientStreamsMax?: number;
  /** Connections that have not proved their key yet, over all hosts. @default 512 */
  readonly handshakesMax?: number;
  /** The same, for each remote host. @default 128 */
  readonly handshakesPerHostMax?: number;
  /** New connections of one remote host, a second on average; hosts of kept peers that are missing
   * are not counted. @default 100 */
  readonly handshakesPerHostPerSecondMax?: number;
  /** Connections open at once, whatever for; those of kept peers get in beyond it.
   * @default 2500 */
  readonly connectionsMax?: number;
  /** A connection must have proved its key after this, and greeted after this again, milliseconds.
   * @default 5000 */
  readonly handshakeMillisMax?: number;
  /** One dial, over all addresses of a peer, milliseconds. @default 10_000 */
  readonly dialMillisMax?: number;
  /** One address of a dial, milliseconds. @default 3000 */
  readonly dialAddressMillisMax?: number;
  /** First pause before dialling a lost peer again, milliseconds; it doubles. @default 100 */
  readonly redialMillisMin?: number;
  /** Longest pause, milliseconds. @default 5000 */
  readonly redialMillisMax?: number;
  /** A peer that is silent for this long has lost its link, milliseconds. @default 1000 */
  readonly peerSilenceMillisMax?: number;
  /** A client that is silent for this long has lost its stream, milliseconds. @default 15_000 */
  readonly clientSilenceMillisMax?: number;
  /** A link that neither side keeps is closed after this, milliseconds. @default 10_000 */
  readonly unkeptMillisMax?: number;
  /** Longest time `stop` waits for queues to empty, milliseconds. @default 500 */
  readonly stopMillisMax?: number;
}

/** Options with nothing left out. */
export type CompleteOptions = Required<TransportOptions>;

const mebibyte = 1024 * 1024;

/** What holds when an option is not given. */
const transportDefaults = Object.freeze({
  secret: null,
  mdnsIntervalMillis: 10_000,
  mdnsPort: 5353,
  cork: true,
  consensusQueueBytesMax: 64 * mebibyte,
  forwardQueueBytesMax: 32 * mebibyte,
  controlQueueBytesMax: 4 * mebibyte,
  gossipQueueBytesMax: mebibyte,
  clientQueueBytesMax: 16 * mebibyte,
  clientStreamsMax: 1000,
  handshakesMax: 512,
  handshakesPerHostMax: 128,
  // A handshake costs 2 to 3 ms of CPU: one host takes a quarter of a core at most.
  handshakesPerHostPerSecondMax: 100,
  connectionsMax: 2500,
  handshakeMillisMax: 5000,
  dialMillisMax: 10_000,
  dialAddressMillisMax: 3000,
  redialMillisMin: 100,
  redialMillisMax: 5000,
  peerSilenceMillisMax: 1000,
  clientSilenceMillisMax: 15_000,
  unkeptMillisMax: 10_000,
  stopMillisMax: 500,
}) satisfies Omit<CompleteOptions, 'privateKey' | 'host' | 'port' | 'mdns' | 'clusterName'>;

/** Fills in the defaults. */
export function completeOptions(options: TransportOptions): CompleteOptions {
  return Object.freeze({ ...transportDefaults, ...options });
}

/** How often connections are looked at, milliseconds. */
export const tickMillis = 250;

/** Silent for this long, an end of a client stream says that it lives, milliseconds. */
export const clientSpeakMillis = 1000;

/** Client streams on one connection. */
export const clientStreamsPerConnectionMax = 64;

/** Protocol id of client streams. */
export const clientProtocol = '/quorate/client/1';

/** Protocol ids of the channels between servers. */
export const channelProtocols: Readonly<Record<Channel, string>> = {
  consensus: '/quorate/consensus/1',
  forward: '/quorate/forward/1',
  control: '/quorate/control/1',
  gossip: '/quorate/gossip/1',
};

/** Protocol id of the broadcast; gossipsub knows by it what the other side understands. */
export const rumourProtocol = '/meshsub/1.2.0';

/** Longest payload of a frame of each channel, bytes. Raft's messages have a header around the
 * entries, whose own limit is `frameBytesMax`. */
export const channelFrameBytesMax: Readonly<Record<Channel, number>> = {
  consensus: frameBytesMax + 64 * 1024,
  forward: frameBytesMax,
  control: 256 * 1024,
  gossip: 64 * 1024,
};
