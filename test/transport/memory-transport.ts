/**
 * A network in memory with the contract of src/transport/transport.ts, for tests of whoever stands
 * on it: links, greetings, bounded queues, client streams, cuts and lost frames. Time is a `Clock`,
 * so a simulated one drives it without a socket or a thread. The same suite as for the real
 * transport (transport-contract.ts) holds it to the contract.
 */

import type { Clock, Timer } from '../../src/base/clock.js';
import { QuorateError } from '../../src/base/errors.js';
import { GossipCount } from '../../src/transport/gossip-count.js';
import type {
  Channel,
  ClientDialer,
  ClientStream,
  GossipSent,
  Hello,
  PeerId,
  Transport,
  TransportHandlers,
} from '../../src/transport/transport.js';
import { memoryStreamPair } from './memory-client-stream.js';
import { FrameQueue } from './memory-queue.js';

/** How a network of memory behaves. */
export interface MemoryNetworkOptions {
  readonly clock: Clock;
  /** One way, milliseconds. @default 0: the end of the turn */
  readonly latencyMillis?: number;
  /** Pause between dials, milliseconds. @default 100 */
  readonly redialMillis?: number;
  /** A link that neither side keeps is closed after this, milliseconds. @default 10_000 */
  readonly unkeptMillisMax?: number;
  /** Bytes that may wait on `consensus`. @default 64 MiB */
  readonly consensusQueueBytesMax?: number;
  /** Bytes that may wait on `forward`, on `control`, and for a client. @default 16 MiB */
  readonly queueBytesMax?: number;
}

const networkDefaults = Object.freeze({
  latencyMillis: 0,
  redialMillis: 100,
  unkeptMillisMax: 10_000,
  consensusQueueBytesMax: 64 << 20,
  queueBytesMax: 16 << 20,
});

const refusedConnection = 'connection refused: nothing listens there';

const channels: readonly Channel[] = ['consensus', 'forward', 'control', 'gossip'];

/** One link: two ends, each with its queues. `up` once both sides accepted the greeting. */
class MemoryLink {
  readonly ends: readonly [MemoryTransport, MemoryTransport];
  up = false;
  closed = false;
  unkept: Timer | null = null;

  constructor(dialler: MemoryTransport, answerer: MemoryTransport) {
    this.ends = [dialler, answerer];
  }

  other(end: MemoryTransport): MemoryTransport {
    return this.ends[0] === end ? this.ends[1] : this.ends[0];
  }
}

/** The network: who is where, and what is broken. */
export class MemoryNetwork {
  readonly options: Required<MemoryNetworkOptions>;
  /** Says whether a frame is lost on its way. */
  loses: ((from: PeerId, to: PeerId, channel: Channel, frame: Uint8Array) => boolean) | null = null;
  readonly #transports = new Map<string, MemoryTransport>();
  readonly #cuts = new Set<string>();
  #clients = 0;

  constructor(options: MemoryNetworkOptions) {
    this.options = { ...networkDefaults, ...options };
  }

  /** A server's network at `address`; nobody finds it before its `start`. */
  createTransport(self: PeerId, address: string): Transport {
    return new MemoryTransport(this, self, address);
  }

  createClientDialer(): ClientDialer {
    this.#clients += 1;
    const self = `client-${this.#clients}`;
    const streams = new Set<ClientStream>();
    return {
      dial: async (address) => {
        const server = this.#transports.get(address);
        if (server === undefined) throw failure(address, refusedConnection);
        const ends = memoryStreamPair(this, { client: self, server: server.self, address });
        streams.add(ends.client);
        this.later(() => server.acceptClient(ends.server));
        return ends.client;
      },
      stop: async () => {
        for (const stream of streams) stream.close();
      },
    };
  }

  /** Ends the link between two, and keeps them apart until `heal`. */
  cut(a: PeerId, b: PeerId): void {
    this.#cuts.add(pair(a, b));
    for (const transport of this.#transports.values()) {
      if (transport.self === a) transport.dropLink(b);
    }
  }

  heal(a: PeerId, b: PeerId): void {
    this.#cuts.delete(pair(a, b));
  }

  isCut(a: PeerId, b: PeerId): boolean {
    return this.#cuts.has(pair(a, b));
  }

  find(address: string): MemoryTransport | undefined {
    return this.#transports.get(address);
  }

  add(address: string, transport: MemoryTransport): void {
    if (this.#transports.has(address)) {
      throw new QuorateError('BAD_REQUEST', `cannot listen on ${address}: it is in use`);
    }
    this.#transports.set(address, transport);
  }

  remove(address: string): void {
    this.#transports.delete(address);
  }

  /** Calls `then` after one latency. */
  later(then: () => void): void {
    const { clock, latencyMillis } = this.options;
    if (latencyMillis === 0) clock.afterTurn(then);
    else clock.after(latencyMillis, then);
  }
}

class MemoryTransport implements Transport {
  readonly self: PeerId;
  readonly #network: MemoryNetwork;
  readonly #address: string;
  readonly #kept = new Map<PeerId, { addresses: readonly string[]; timer: Timer | null }>();
  readonly #links = new Map<PeerId, MemoryLink>();
  readonly #queues = new Map<PeerId, Record<Channel, FrameQueue>>();
  readonly #clients = new Set<ClientStream>();
  readonly #gossip = new GossipCount();
  #handlers: TransportHandlers | null = null;
  #flushing = false;

  constructor(network: MemoryNetwork, self: PeerId, address: string) {
    this.#network = network;
    this.self = self;
    this.#address = address;
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#network.add(this.#address, this);
    this.#handlers = handlers;
  }

  addresses(): readonly string[] {
    return [this.#address];
  }

  keep(peer: PeerId, addresses: readonly string[]): void {
    if (peer === this.self) return;
    const known = this.#kept.get(peer);
    known?.timer?.cancel();
    this.#kept.set(peer, { addresses, timer: null });
    this.#network.later(() => this.#dialKept(peer));
  }

  release(peer: PeerId): void {
    this.#kept.get(peer)?.timer?.cancel();
    this.#kept.delete(peer);
    const link = this.#links.get(peer);
    if (link !== undefined) this.#watchUnkept(link);
  }

  probe(address: string, signal: AbortSignal): Promise<{ peer: PeerId; hello: Hello }> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(failure(address, 'no answer in time')));
      this.#network.later(() => {
        const other = this.#network.find(address);
        if (other === this) reject(failure(address, 'it is this server itself'));
        else if (other === undefined || this.#network.isCut(this.self, other.self)) {
          reject(failure(address, refusedConnection));
        } else {
          this.#greet(other, (hello, refusal) => {
            if (hello === null) reject(failure(address, refusal));
            else resolve({ peer: other.self, hello });
          });
        }
      });
    });
  }

  isLinked(peer: PeerId): boolean {
    return this.#links.get(peer)?.up === true;
  }

  send(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): boolean {
    const queues = this.#queues.get(peer);
    if (queues === undefined || !this.isLinked(peer)) return false;
    if (!queues[channel].push(frames)) return false;
    if (channel === 'gossip') this.#gossip.add(frames);
    if (!this.#flushing) {
      this.#flushing = true;
      this.#network.options.clock.afterTurn(() => this.#flush());
    }
    return true;
  }

  publish(bytes: Uint8Array): void {
    // A copy: the receivers own their bytes, as over a socket.
    this.#passOn(bytes.slice(), new Set([this]));
  }

  gossipSent(): GossipSent {
    return this.#gossip.sent;
  }

  /** Each passes on what is new to it, over every link, once. */
  #passOn(bytes: Uint8Array, seen: Set<MemoryTransport>): void {
    for (const [peer, link] of this.#links) {
      if (!link.up || this.#network.loses?.(this.self, peer, 'gossip', bytes) === true) continue;
      this.#gossip.add([bytes]);
      const other = link.other(this);
      this.#network.later(() => {
        if (seen.has(other) || other.#handlers === null) return;
        seen.add(other);
        other.#handlers.published(bytes.slice());
        other.#passOn(bytes, seen);
      });
    }
  }

  greetAgain(): void {
    for (const link of [...this.#links.values()]) {
      if (!link.up) continue;
      const hello = (this.#handlers as TransportHandlers).hello();
      this.#network.later(() => link.other(this).#regreeted(link, this, hello));
    }
  }

  async stop(): Promise<void> {
    if (this.#handlers === null) return;
    this.#flush();
    this.#handlers = null;
    this.#network.remove(this.#address);
    for (const kept of this.#kept.values()) kept.timer?.cancel();
    this.#kept.clear();
    for (const link of [...this.#links.values()]) {
      // What was flushed above arrives first.
      this.#network.later(() => link.other(this).#down(link));
      this.#down(link);
    }
    for (const client of this.#clients) client.close();
  }

  acceptClient(stream: ClientStream): void {
    if (this.#handlers === null) {
      stream.close();
      return;
    }
    this.#clients.add(stream);
    this.#handlers.client(stream);
  }

  /** Ends the link on both sides. */
  dropLink(peer: PeerId): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    this.#network.later(() => {
      for (const end of link.ends) end.#down(link);
    });
  }

  #dialKept(peer: PeerId): void {
    const kept = this.#kept.get(peer);
    if (kept === undefined || this.#handlers === null) return;
    const link = this.#links.get(peer);
    if (link !== undefined) {
      this.#watchUnkept(link);
      return;
    }
    const { clock, redialMillis } = this.#network.options;
    const again = (): void => {
      kept.timer = clock.after(redialMillis, () => this.#dialKept(peer));
    };
    const other = kept.addresses
      .map((address) => this.#network.find(address))
      .find((found) => found?.self === peer);
    if (other === undefined || this.#network.isCut(this.self, peer)) again();
    else {
      this.#greet(other, (hello) => {
        if (hello === null) again();
      });
    }
  }

  /** Greets `other`; `done` hears its greeting, or why not. */
  #greet(other: MemoryTransport, done: (hello: Hello | null, refusal: string) => void): void {
    const ours = this.#handlers;
    const theirs = other.#handlers;
    if (ours === null || theirs === null) {
      done(null, 'the connection closed');
      return;
    }
    if (this.#links.get(other.self)?.up === true) {
      done(theirs.hello(), '');
      return;
    }
    const hello = theirs.hello();
    const refusedThere = theirs.greeted(this.self, ours.hello(), this.#address);
    const refusedHere = ours.greeted(other.self, hello, other.#address);
    if (refusedHere !== null) theirs.refused(this.self, null, refusedHere);
    if (refusedThere !== null) ours.refused(other.self, other.#address, refusedThere);
    if (refusedHere !== null) done(null, `we refused it: ${refusedHere}`);
    else if (refusedThere !== null) done(null, `refused: ${refusedThere}`);
    else {
      this.#linkTo(other);
      done(hello, '');
    }
  }

  #linkTo(other: MemoryTransport): void {
    const link = new MemoryLink(this, other);
    link.up = true;
    for (const end of link.ends) {
      const peer = link.other(end).self;
      end.#links.set(peer, link);
      end.#queues.set(peer, end.#newQueues());
    }
    for (const end of link.ends) end.#handlers?.linkUp(link.other(end).self);
    this.#watchUnkept(link);
  }

  #newQueues(): Record<Channel, FrameQueue> {
    const { consensusQueueBytesMax, queueBytesMax } = this.#network.options;
    return {
      consensus: new FrameQueue(consensusQueueBytesMax, 'dropOldest'),
      forward: new FrameQueue(queueBytesMax, 'refuse'),
      control: new FrameQueue(queueBytesMax, 'refuse'),
      gossip: new FrameQueue(queueBytesMax, 'dropOldest'),
    };
  }

  #regreeted(link: MemoryLink, from: MemoryTransport, hello: Hello): void {
    if (link.closed || this.#handlers === null) return;
    const refusal = this.#handlers.greeted(from.self, hello, from.#address);
    if (refusal === null) return;
    from.#handlers?.refused(this.self, link.ends[0] === from ? this.#address : null, refusal);
    for (const end of link.ends) end.#down(link);
  }

  /** This end of the link is gone. */
  #down(link: MemoryLink): void {
    const peer = link.other(this).self;
    if (this.#links.get(peer) !== link) return;
    link.closed = true;
    link.unkept?.cancel();
    this.#links.delete(peer);
    this.#queues.delete(peer);
    if (link.up) this.#handlers?.linkDown(peer);
    const kept = this.#kept.get(peer);
    if (kept === undefined) return;
    const { clock, redialMillis } = this.#network.options;
    kept.timer?.cancel();
    kept.timer = clock.after(redialMillis, () => this.#dialKept(peer));
  }

  #watchUnkept(link: MemoryLink): void {
    link.unkept?.cancel();
    link.unkept = null;
    const isKept = link.ends.some((end) => end.#kept.has(link.other(end).self));
    if (isKept || link.closed) return;
    const { clock, unkeptMillisMax } = this.#network.options;
    link.unkept = clock.after(unkeptMillisMax, () => {
      for (const end of link.ends) end.#down(link);
    });
  }

  #flush(): void {
    this.#flushing = false;
    for (const [peer, queues] of this.#queues) {
      const link = this.#links.get(peer);
      if (link === undefined) continue;
      for (const channel of channels) {
        const frames = this.#survivors(peer, channel, queues[channel].take());
        if (frames.length === 0) continue;
        this.#network.later(() => link.other(this).#deliver(link, channel, frames));
      }
    }
  }

  #survivors(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): readonly Uint8Array[] {
    const { loses } = this.#network;
    if (loses === null) return frames;
    return frames.filter((frame) => !loses(this.self, peer, channel, frame));
  }

  #deliver(link: MemoryLink, channel: Channel, frames: readonly Uint8Array[]): void {
    const peer = link.other(this).self;
    if (this.#links.get(peer) === link) this.#handlers?.frames(peer, channel, frames);
  }
}

function pair(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function failure(address: string, reason: string): QuorateError {
  return new QuorateError('DISCONNECTED', `${address}: ${reason}`);
}
