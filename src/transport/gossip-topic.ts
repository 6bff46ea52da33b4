/**
 * The broadcast of a cluster: gossipsub on one topic, among peers that greeted and were accepted,
 * and nobody else. libp2p never shows gossipsub a connection or a stream: it is given a registrar
 * that only this file answers, so a stranger without a greeting reaches no line of it. It dials
 * nobody, and learns of nobody.
 *
 * Streams are opened here, each by itself: gossipsub opens them one after the other, and one peer
 * that is slow to agree would hold up all. Messages carry no signature of gossipsub's: what is
 * published here is signed by its author, and a second signature on each hop would cost 0.2 ms.
 *
 * Invariant: a peer has at most one outbound stream, on a connection that is up; what is kept for
 * it is gone when its last connection is. What comes in is bounded by rumour-meter.ts (before it is
 * read) and rumour-sieve.ts (before it is kept). Best effort: it may lose, double and delay.
 */

import './node-shim.js';
import { createHash, randomBytes } from 'node:crypto';
import { type GossipSub, type GossipsubOpts, gossipsub } from '@chainsafe/libp2p-gossipsub';
import type { RPC } from '@chainsafe/libp2p-gossipsub/message';
import type { Connection, PeerId as LibP2pPeerId, Libp2p, Stream } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import type { GossipCount } from './gossip-count.js';
import { decodePeerKey } from './peer-key.js';
import { quietLogger } from './quiet-logger.js';
import { RumourMeter, RumourReader, rumourFrameBytesMax } from './rumour-meter.js';
import {
  pruneSecondsMax,
  RumourAllowance,
  rumourBytesMax,
  rumourNonceBytes,
  siftRumours,
} from './rumour-sieve.js';
import type { PeerId } from './transport.js';
import { type CompleteOptions, rumourProtocol } from './transport-options.js';

/** A stream that failed is opened again after this, milliseconds. */
const reopenMillis = 5000;

/** Bytes that may wait for one peer inside libp2p; beyond, its stream is reset. */
const waitingBytesMax = 1024 * 1024;

/** How long a message that was seen is known again, milliseconds. */
const seenMillis = 30_000;

/** Things of one kind in one message of gossipsub; an honest one has one or two. */
const listMax = 16;

/** How gossipsub is set; its defaults are for a network of thousands of strangers. */
const pubsubSettings = {
  globalSignaturePolicy: 'StrictNoSign',
  msgIdFn: (message) => createHash('sha256').update(message.data).digest().subarray(0, 16),
  fallbackToFloodsub: false,
  // To everybody at once, whether the mesh has formed or not (docs/libp2p.md, trap 15).
  floodPublish: true,
  allowPublishToZeroTopicPeers: true,
  ignoreDuplicatePublishError: true,
  batchPublish: true,
  tagMeshPeers: false,
  doPX: false,
  // Full mesh up to five servers; beyond, a few paths around a broken link.
  D: 4,
  Dlo: 3,
  Dhi: 6,
  Dscore: 0,
  Dout: 1,
  // No offers of messages: rumour-sieve.ts.
  Dlazy: 0,
  gossipFactor: 0,
  mcacheLength: 2,
  mcacheGossip: 1,
  seenTTL: seenMillis,
  pruneBackoff: pruneSecondsMax * 1000,
  graftFloodThreshold: 0,
  maxInboundDataLength: rumourFrameBytesMax,
  maxOutboundBufferSize: waitingBytesMax,
  maxTopicBytesPerPeer: 4096,
  decodeRpcLimits: {
    maxSubscriptions: listMax,
    maxMessages: listMax,
    maxControlMessages: listMax,
    maxIhaveMessageIDs: 0,
    maxIwantMessageIDs: 0,
    maxIdontwantMessageIDs: listMax,
    maxPeerInfos: listMax,
  },
  // Nobody is scored: many servers share a host in honest clusters, and a flooder is cut off by
  // rumour-meter.ts before a score would tell.
  scoreParams: {
    IPColocationFactorWeight: 0,
    behaviourPenaltyWeight: 0,
    appSpecificWeight: 0,
    decayInterval: 10_000,
    retainScore: 0,
  },
} satisfies Partial<GossipsubOpts>;

/** What the broadcast needs of the transport. */
export interface GossipTopicInit {
  readonly options: CompleteOptions;
  /** Both greetings were accepted on the connection; null: none was said. */
  isUp(connection: Connection): boolean | null;
  published(bytes: Uint8Array): void;
  readonly clock: Clock;
  /** Takes what gossipsub sends. */
  readonly count: GossipCount;
}

interface Neighbour {
  readonly id: LibP2pPeerId;
  /** Those that are up, the latest last. */
  readonly connections: Connection[];
  readonly meter: RumourMeter;
  readonly allowance: RumourAllowance;
  /** What we send by, or its opening. */
  outbound: 'none' | 'opening' | Stream;
  /** Until the next try to open it, milliseconds. */
  reopenMillis: number;
}

/** What gossipsub registers with libp2p: here it is kept. */
interface Callbacks {
  incoming: ((stream: Stream, connection: Connection) => void) | null;
  topology: {
    onConnect?(peer: LibP2pPeerId, connection: Connection): void;
    onDisconnect?(peer: LibP2pPeerId): void;
  } | null;
}

/** The parts of @libp2p/gossipsub 17.1 that its type does not name. */
interface Inside {
  start(): Promise<void>;
  stop(): Promise<void>;
  handleReceivedRpc(from: LibP2pPeerId, rpc: RPC): Promise<void>;
  readonly status?: { readonly heartbeatTimeout?: NodeJS.Timeout };
}

/** The topic of a cluster name. */
function topicOf(clusterName: string): string {
  return `quorate-${createHash('sha256').update(clusterName).digest('hex').slice(0, 16)}`;
}

/** Makes the broadcast of a node that is not started yet, and starts it. */
export async function startGossipTopic(node: Libp2p, init: GossipTopicInit): Promise<GossipTopic> {
  const topic = new GossipTopic(init);
  await topic.start();
  const accept = (stream: Stream, connection: Connection): void => topic.accept(stream, connection);
  // The second takes over before the first has gone.
  await node.handle(rumourProtocol, accept, { maxInboundStreams: 2 });
  return topic;
}

/** See the head of the file. */
export class GossipTopic {
  readonly #init: GossipTopicInit;
  readonly #topic: string;
  readonly #pubsub: GossipSub & Inside;
  readonly #callbacks: Callbacks = { incoming: null, topology: null };
  readonly #neighbours = new Map<PeerId, Neighbour>();
  /** Inbound streams whose bytes wait inside libp2p until their connection is up. */
  readonly #waiting = new Map<Connection, Stream>();
  readonly #allowance = RumourAllowance.ofAll();
  /** Goes before each publication, and counts. */
  readonly #nonce = randomBytes(rumourNonceBytes);
  #stopped = false;

  constructor(init: GossipTopicInit) {
    this.#init = init;
    this.#topic = topicOf(init.options.clusterName);
    this.#pubsub = makePubsub(this.#topic, init.options, this.#callbacks);
    this.#pubsub.addEventListener('message', (event) => {
      if (!this.#stopped) init.published(event.detail.data.subarray(rumourNonceBytes));
    });
    const take = this.#pubsub.handleReceivedRpc.bind(this.#pubsub);
    assert(typeof take === 'function', 'gossipsub hands its messages over elsewhere');
    this.#pubsub.handleReceivedRpc = async (from, rpc) => {
      const neighbour = this.#neighbours.get(from.toString());
      if (neighbour === undefined || this.#stopped) return;
      siftRumours(rpc, this.#topic, [neighbour.allowance, this.#allowance]);
      await take(from, rpc);
    };
  }

  async start(): Promise<void> {
    await this.#pubsub.start();
    this.#pubsub.subscribe(this.#topic);
  }

  /** Tells everybody who can be reached. */
  publish(bytes: Uint8Array): void {
    assert(bytes.length <= rumourBytesMax, 'a publication over its limit');
    if (this.#stopped || bytes.length === 0) return;
    const { buffer, byteOffset } = this.#nonce;
    const count = new DataView(buffer, byteOffset, rumourNonceBytes);
    count.setUint32(rumourNonceBytes - 4, count.getUint32(rumourNonceBytes - 4) + 1);
    // It fails when a stream closes under it: best effort.
    this.#pubsub.publish(this.#topic, Buffer.concat([this.#nonce, bytes])).catch(() => undefined);
  }

  /** The other side opened its stream. */
  accept(stream: Stream, connection: Connection): void {
    const isUp = this.#init.isUp(connection);
    if (isUp === null) {
      stream.abort(new Error('no greeting was said on this connection'));
      return;
    }
    if (!isUp) {
      this.#waiting.get(connection)?.abort(new Error('another stream came'));
      this.#waiting.set(connection, stream);
      return;
    }
    const neighbour = this.#neighbours.get(connection.remotePeer.toString());
    if (neighbour === undefined || neighbour.meter.isSpent || this.#stopped) {
      stream.abort(new Error('not now'));
      return;
    }
    const reader = new RumourReader(neighbour.meter);
    stream.addEventListener('message', (event) => {
      const fault = reader.read(event.data);
      if (fault === null) return;
      // Gossipsub, which listens too, must not see this chunk.
      event.stopImmediatePropagation();
      stream.abort(new Error(fault));
    });
    this.#callbacks.incoming?.(stream, facade(connection, null));
  }

  /** A connection came up. */
  opened(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    const neighbour = this.#neighbours.get(peer) ?? newNeighbour(connection.remotePeer);
    this.#neighbours.set(peer, neighbour);
    neighbour.connections.push(connection);
    this.#open(neighbour);
    const waiting = this.#waiting.get(connection);
    this.#waiting.delete(connection);
    if (waiting !== undefined) this.accept(waiting, connection);
  }

  /** A connection is gone. */
  ended(connection: Connection): void {
    this.#waiting.delete(connection);
    const peer = connection.remotePeer.toString();
    const neighbour = this.#neighbours.get(peer);
    const at = neighbour?.connections.indexOf(connection) ?? -1;
    if (neighbour === undefined || at < 0) return;
    neighbour.connections.splice(at, 1);
    if (neighbour.connections.length > 0) {
      neighbour.reopenMillis = 0;
      return;
    }
    this.#neighbours.delete(peer);
    this.#callbacks.topology?.onDisconnect?.(neighbour.id);
  }

  /** Once for each tick of the transport. */
  tick(elapsedMillis: number): void {
    this.#allowance.elapsed(elapsedMillis);
    for (const neighbour of this.#neighbours.values()) {
      neighbour.meter.elapsed(elapsedMillis);
      neighbour.allowance.elapsed(elapsedMillis);
      if (neighbour.outbound !== 'none') continue;
      neighbour.reopenMillis -= elapsedMillis;
      if (neighbour.reopenMillis <= 0) this.#open(neighbour);
    }
  }

  /** After all connections are closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const heartbeat = this.#pubsub.status?.heartbeatTimeout;
    await this.#pubsub.stop();
    // Else it beats once more, and keeps the process for as long.
    clearTimeout(heartbeat);
  }

  /** In a turn of its own, as peer-connection.ts does and for its reason: a microtask of Yamux
   * throws, and ends the process, when the connection was closed in the turn of the opening. */
  #open(neighbour: Neighbour): void {
    if (neighbour.outbound !== 'none') return;
    neighbour.outbound = 'opening';
    neighbour.reopenMillis = reopenMillis;
    this.#init.clock.afterTurn(() => this.#openNow(neighbour));
  }

  #openNow(neighbour: Neighbour): void {
    const connection = neighbour.connections.at(-1);
    if (connection === undefined || connection.status !== 'open' || this.#stopped) {
      neighbour.outbound = 'none';
      return;
    }
    const signal = AbortSignal.timeout(this.#init.options.handshakeMillisMax);
    connection.newStream(rumourProtocol, { signal }).then(
      (stream) => this.#outbound(neighbour, connection, stream),
      () => {
        neighbour.outbound = 'none';
      },
    );
  }

  #outbound(neighbour: Neighbour, connection: Connection, stream: Stream): void {
    neighbour.outbound = stream;
    stream.addEventListener('close', () => {
      neighbour.outbound = 'none';
    });
    if (stream.status !== 'open') neighbour.outbound = 'none';
    else if (this.#stopped || !this.#neighbours.has(neighbour.id.toString())) {
      stream.abort(new Error('the connection ended'));
    } else {
      const counted = countingStream(stream, this.#init.count);
      this.#callbacks.topology?.onConnect?.(neighbour.id, facade(connection, counted));
    }
  }
}

function newNeighbour(id: LibP2pPeerId): Neighbour {
  return {
    id,
    connections: [],
    meter: new RumourMeter(),
    allowance: RumourAllowance.ofPeer(),
    outbound: 'none',
    reopenMillis: 0,
  };
}

/** The stream itself, with what gossipsub sends on it counted. */
function countingStream(stream: Stream, count: GossipCount): Stream {
  const send = stream.send.bind(stream);
  stream.send = (data) => {
    count.add([data]);
    return send(data);
  };
  return stream;
}

/** A connection as gossipsub may use it: its one outbound stream is opened already, or is not for
 * it to open. */
function facade(connection: Connection, stream: Stream | null): Connection {
  const newStream = (): Promise<Stream> =>
    stream === null ? Promise.reject(new Error('it is opened elsewhere')) : Promise.resolve(stream);
  const { status, direction, remoteAddr, remotePeer } = connection;
  return { status, direction, remoteAddr, remotePeer, newStream } as unknown as Connection;
}

function makePubsub(
  topic: string,
  options: CompleteOptions,
  callbacks: Callbacks,
): GossipSub & Inside {
  const privateKey = decodePeerKey(options.privateKey);
  const registrar = {
    handle: async (_protocol: string, incoming: Callbacks['incoming']) => {
      callbacks.incoming = incoming;
    },
    unhandle: async () => {
      callbacks.incoming = null;
    },
    register: async (_protocol: string, topology: Callbacks['topology']) => {
      callbacks.topology = topology;
      return rumourProtocol;
    },
    unregister: () => {
      callbacks.topology = null;
    },
    getTopologies: () => [],
  };
  const nobody = { openConnection: () => Promise.reject(new Error('gossip dials nobody')) };
  const components = {
    privateKey,
    peerId: peerIdFromPrivateKey(privateKey),
    logger: quietLogger,
    registrar,
    connectionManager: nobody,
    peerStore: {},
  } as unknown as Parameters<ReturnType<typeof gossipsub>>[0];
  const pubsub = gossipsub({ ...pubsubSettings, allowedTopics: [topic] })(components) as GossipSub &
    Inside;
  pubsub.protocols = [rumourProtocol];
  return pubsub;
}
