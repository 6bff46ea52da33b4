/**
 * The `Transport` of one process over the false network: greetings, links of one or several
 * connections, dialling with back-off, bounded queues. What src/transport promises, no more: frames
 * are lost when a connection breaks, and two connections of one pair overlap for a while.
 */

import type { Timer } from '../../src/base/clock.js';
import { QuorateError } from '../../src/base/errors.js';
import { CloneWatch } from '../../src/transport/clone-watch.js';
import { GossipCount } from '../../src/transport/gossip-count.js';
import type {
  Channel,
  GossipSent,
  Hello,
  PeerId,
  Transport,
  TransportHandlers,
} from '../../src/transport/transport.js';
import type { ConnectionEnd, Party } from './connection.js';
import type { Listener, Network, Purpose } from './network.js';
import { PeerEnd, type PeerEndOwner } from './peer-end.js';
import { SimClientStream } from './sim-client-stream.js';

const dialMillisMax = 3000;
const redialMillisMin = 100;
const redialMillisMax = 5000;
const retireMillis = 2000;

/** What may be lost, doubled or late on the consensus channel, in thousandths; and queue limits. */
export interface TransportHabits {
  lossPermille: number;
  doublingPermille: number;
  delayPermille: number;
  delayMillisMax: number;
  consensusQueueBytesMax: number;
  queueBytesMax: number;
  /** A link that neither side keeps is closed after this. */
  unkeptMillisMax: number;
}

/** What a transport works with. */
export interface SimTransportDeps extends Party {
  readonly network: Network;
  readonly habits: TransportHabits;
  readonly below: (bound: number) => number;
  /** Sees every frame that this server hands to the network. */
  readonly sending: (channel: Channel, frame: Uint8Array) => void;
  /** It tells its life. @default false */
  readonly tellsLife?: boolean;
  /** A peer greeted as another process than the one that is linked. @default nobody cares */
  readonly secondLife?: () => void;
}

interface Kept {
  addresses: readonly string[];
  timer: Timer | null;
  pauseMillis: number;
  dialling: boolean;
}

interface Probe {
  readonly resolve: (found: { peer: PeerId; hello: Hello }) => void;
  readonly reject: (error: Error) => void;
}

/** The network of one server's life. */
export class SimTransport implements Transport, Listener, PeerEndOwner {
  readonly self: PeerId;
  readonly #address: string;
  readonly #deps: SimTransportDeps;
  handlers: TransportHandlers | null = null;
  readonly #kept = new Map<PeerId, Kept>();
  readonly #links = new Map<PeerId, PeerEnd[]>();
  readonly #clones = new Map<PeerId, CloneWatch>();
  readonly #probes = new Map<PeerEnd, Probe>();
  /** Every end that is open, those still greeting too. */
  readonly #ends = new Set<PeerEnd>();
  readonly #clients = new Set<SimClientStream>();
  readonly #publicationsSeen = new Set<number>();
  readonly #gossip = new GossipCount();
  #flushing: PeerEnd[] = [];

  constructor(self: PeerId, address: string, deps: SimTransportDeps) {
    this.self = self;
    this.#address = address;
    this.#deps = deps;
  }

  get host(): number {
    return this.#deps.host;
  }

  get process(): SimTransportDeps['process'] {
    return this.#deps.process;
  }

  get habits(): TransportHabits {
    return this.#deps.habits;
  }

  get network(): Network {
    return this.#deps.network;
  }

  below(bound: number): number {
    return this.#deps.below(bound);
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#deps.network.listen(this.#address, this);
    this.handlers = handlers;
  }

  addresses(): readonly string[] {
    return [this.#address];
  }

  keep(peer: PeerId, addresses: readonly string[]): void {
    if (peer === this.self) return;
    const known = this.#kept.get(peer);
    if (known !== undefined) {
      known.addresses = addresses;
      return;
    }
    const kept = { addresses, timer: null, pauseMillis: redialMillisMin, dialling: false };
    this.#kept.set(peer, kept);
    this.process.afterTurn(() => this.#redial(peer));
  }

  keeps(peer: PeerId): boolean {
    return this.#kept.has(peer);
  }

  hello(): Hello | undefined {
    const hello = this.handlers?.hello();
    if (hello === undefined || this.#deps.tellsLife !== true) return hello;
    const word = this.process.number.toString(16).padStart(16, '0');
    return { ...hello, life: { word, heard: true } };
  }

  clones(peer: PeerId): CloneWatch {
    const known = this.#clones.get(peer);
    if (known !== undefined) return known;
    const made = new CloneWatch({ asked: () => this.#deps.secondLife?.(), proved: () => {} });
    this.#clones.set(peer, made);
    return made;
  }

  release(peer: PeerId): void {
    this.#kept.get(peer)?.timer?.cancel();
    this.#kept.delete(peer);
    for (const end of this.#links.get(peer) ?? []) this.#watchUnkept(end);
  }

  probe(address: string, signal: AbortSignal): Promise<{ peer: PeerId; hello: Hello }> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => reject(new QuorateError('DISCONNECTED', reason));
      if (address === this.#address) return fail(`${address}: it is this server itself`);
      signal.addEventListener('abort', () => fail(`${address}: no answer in time`));
      this.network.dial(this, address, 'peer', dialMillisMax, (made, reason) => {
        if (made === null) return fail(reason);
        const end = this.#newEnd(made, true, address);
        this.#probes.set(end, { resolve, reject });
        end.greet();
      });
    });
  }

  isLinked(peer: PeerId): boolean {
    return this.#links.has(peer);
  }

  send(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): boolean {
    const ends = this.#links.get(peer);
    if (ends === undefined || !this.process.isUp) return false;
    const end = ends[ends.length - 1] as PeerEnd;
    for (const frame of frames) this.#deps.sending(channel, frame);
    if (!end.queue(channel, frames)) return false;
    if (channel === 'gossip') this.#gossip.add(frames);
    if (end.isFlushing) return true;
    end.isFlushing = true;
    this.#flushing.push(end);
    if (this.#flushing.length === 1) this.process.afterTurn(() => this.#flush());
    return true;
  }

  publish(bytes: Uint8Array): void {
    if (this.process.isUp && this.handlers !== null) {
      this.#flood(this.network.nextPublication(), bytes.slice());
    }
  }

  /** Each passes on what is new to it, once. */
  published(number: number, content: Uint8Array): void {
    if (this.#publicationsSeen.has(number)) return;
    this.#flood(number, content);
    this.handlers?.published(content);
  }

  #flood(number: number, content: Uint8Array): void {
    this.#publicationsSeen.add(number);
    for (const ends of this.#links.values()) {
      this.#gossip.add([content]);
      ends[ends.length - 1]?.publish(number, content);
    }
  }

  gossipSent(): GossipSent {
    return this.#gossip.sent;
  }

  greetAgain(): void {
    const hello = this.hello();
    if (hello === undefined) return;
    for (const end of this.#ends) end.greetAgain(hello);
  }

  async stop(): Promise<void> {
    if (this.handlers === null) return;
    this.#flush();
    this.handlers = null;
    this.network.deafen(this.#address, false);
    for (const kept of this.#kept.values()) kept.timer?.cancel();
    this.#kept.clear();
    for (const end of this.#ends) end.close('stopping');
    this.#ends.clear();
    for (const client of this.#clients) client.close();
    this.#links.clear();
  }

  accepted(made: ConnectionEnd, purpose: Purpose, from: string): void {
    if (purpose === 'peer') this.#newEnd(made, false, from);
    else {
      const options = { bytesMax: this.habits.queueBytesMax, network: this.network };
      const stream = new SimClientStream(made, { peer: from, address: from }, options);
      this.#clients.add(stream);
      this.handlers?.client(stream);
    }
  }

  // ---- of ends ----

  up(end: PeerEnd): void {
    const { peer } = end;
    const ends = this.#links.get(peer) ?? [];
    const wasLinked = ends.length > 0;
    for (const other of ends) this.#leaveWorse(other, end);
    // The better one is the last: by it goes what is sent.
    const at = ends.findIndex((other) => other.isBetterThan(end));
    ends.splice(at < 0 ? ends.length : at, 0, end);
    this.#links.set(peer, ends);
    const kept = this.#kept.get(peer);
    if (kept !== undefined) kept.pauseMillis = redialMillisMin;
    this.#watchUnkept(end);
    if (!wasLinked) this.handlers?.linkUp(peer);
    const probe = this.#probes.get(end);
    this.#probes.delete(end);
    if (probe !== undefined && end.hello !== null) probe.resolve({ peer, hello: end.hello });
  }

  ended(end: PeerEnd, reason: string): void {
    this.#ends.delete(end);
    const probe = this.#probes.get(end);
    this.#probes.delete(end);
    probe?.reject(new QuorateError('DISCONNECTED', `${end.address}: ${reason}`));
    const ends = this.#links.get(end.peer);
    const at = ends?.indexOf(end) ?? -1;
    if (ends !== undefined && at >= 0) {
      ends.splice(at, 1);
      if (ends.length === 0) {
        this.#links.delete(end.peer);
        this.handlers?.linkDown(end.peer);
      }
    }
    this.#clones.get(end.peer)?.ended(end);
    this.#redialLater(end.peer);
  }

  #newEnd(made: ConnectionEnd, isDialler: boolean, address: string): PeerEnd {
    const end = new PeerEnd(made, this, { isDialler, address });
    this.#ends.add(end);
    return end;
  }

  #flush(): void {
    const ends = this.#flushing;
    this.#flushing = [];
    for (const end of ends) end.flush();
  }

  #leaveWorse(a: PeerEnd, b: PeerEnd): void {
    const worse = a.isBetterThan(b) ? b : a;
    if (!worse.isDialler) return;
    this.process.after(retireMillis, () => {
      if (this.#links.get(worse.peer)?.some((other) => other !== worse) === true) {
        worse.close('another connection is used');
        this.ended(worse, 'another connection is used');
      }
    });
  }

  #watchUnkept(end: PeerEnd): void {
    if (end.isKept()) return;
    this.process.after(this.habits.unkeptMillisMax, () => {
      if (end.isKept() || !end.isOpen) return;
      end.close('neither side keeps the link');
      this.ended(end, 'neither side keeps the link');
    });
  }

  #redial(peer: PeerId): void {
    const kept = this.#kept.get(peer);
    if (kept === undefined || kept.dialling || this.handlers === null) return;
    if (this.#links.has(peer)) return;
    const address = kept.addresses[this.below(Math.max(1, kept.addresses.length))];
    if (address === undefined) return this.#redialLater(peer);
    kept.dialling = true;
    this.network.dial(this, address, 'peer', dialMillisMax, (made) => {
      kept.dialling = false;
      if (made === null) this.#redialLater(peer);
      else this.#newEnd(made, true, address).greet(peer);
    });
  }

  #redialLater(peer: PeerId): void {
    const kept = this.#kept.get(peer);
    if (kept === undefined || this.handlers === null) return;
    kept.timer?.cancel();
    kept.timer = this.process.after(kept.pauseMillis, () => this.#redial(peer));
    kept.pauseMillis = Math.min(redialMillisMax, kept.pauseMillis * 2);
  }
}
