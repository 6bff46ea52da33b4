/**
 * One end of a connection between two servers: the exchange of greetings, and the queues of its
 * channels. Both sides judge the other's greeting, once its life is let in by the same rule as in
 * the real transport (clone-watch.ts); the end is up when both have accepted.
 */

import type { Claimant, CloneWatch } from '../../src/transport/clone-watch.js';
import type { Channel, Hello, PeerId, TransportHandlers } from '../../src/transport/transport.js';
import type { ConnectionEnd, EndEvents, Packet } from './connection.js';
import type { Network } from './network.js';
import type { TransportHabits } from './sim-transport.js';
import { Violation } from './violation.js';

const channels: readonly Channel[] = ['consensus', 'forward', 'control', 'gossip'];

/** The transport of an end. */
export interface PeerEndOwner {
  readonly self: PeerId;
  readonly handlers: TransportHandlers | null;
  readonly habits: TransportHabits;
  readonly network: Network;
  below(bound: number): number;
  keeps(peer: PeerId): boolean;
  /** What this process says of itself. */
  hello(): Hello | undefined;
  /** Which of a peer's lives is let in. */
  clones(peer: PeerId): CloneWatch;
  /** A publication came by one of its ends. */
  published(number: number, content: Uint8Array): void;
  up(end: PeerEnd): void;
  ended(end: PeerEnd, reason: string): void;
}

/** How an end came to be. */
export interface Origin {
  readonly isDialler: boolean;
  readonly address: string;
}

interface Queue {
  /** Of this turn, not handed to the network yet. */
  frames: Uint8Array[];
  bytes: number;
  /** On their way or held up. */
  underWayBytes: number;
}

/** See the head of the file. */
export class PeerEnd implements EndEvents, Claimant {
  /** Whom it leads to; empty before the greeting. */
  peer: PeerId = '';
  hello: Hello | null = null;
  /** The same before it was judged. */
  remoteHello: Hello | null = null;
  readonly origin: Claimant['origin'];
  isFlushing = false;
  readonly isDialler: boolean;
  readonly address: string;
  readonly #end: ConnectionEnd;
  readonly #owner: PeerEndOwner;
  #wanted: PeerId | null = null;
  #isUp = false;
  #hasGreeted = false;
  /** What follows on the other side's greeting, once it may be judged. */
  #waiting: (() => void) | null = null;
  readonly #queues: Record<Channel, Queue> = {
    consensus: { frames: [], bytes: 0, underWayBytes: 0 },
    forward: { frames: [], bytes: 0, underWayBytes: 0 },
    control: { frames: [], bytes: 0, underWayBytes: 0 },
    gossip: { frames: [], bytes: 0, underWayBytes: 0 },
  };

  constructor(end: ConnectionEnd, owner: PeerEndOwner, origin: Origin) {
    this.#end = end;
    this.#owner = owner;
    this.isDialler = origin.isDialler;
    this.address = origin.address;
    this.origin = { remoteAddress: origin.address };
    end.events = this;
  }

  get isOpen(): boolean {
    return this.#end.isOpen;
  }

  /** Begins the greeting. @param wanted who should answer, if that is known. */
  greet(wanted: PeerId | null = null): void {
    const hello = this.#owner.hello();
    if (hello === undefined) return this.close('stopping');
    this.#wanted = wanted;
    if (wanted !== null) this.peer = wanted;
    this.#hasGreeted = true;
    this.#transmit({ kind: 'hello', peer: this.#owner.self, hello, wanted });
  }

  /** What the greeting says has changed; one that was not given yet will say so by itself. */
  greetAgain(hello: Hello): void {
    if (this.#hasGreeted) this.#transmit({ kind: 'again', peer: this.#owner.self, hello });
  }

  /** Whether either side wants the link to last. */
  isKept(): boolean {
    const other = this.#end.other.events;
    const keptThere = other instanceof PeerEnd && other.#owner.keeps(this.#owner.self);
    return this.#owner.keeps(this.peer) || keptThere;
  }

  /** Of two connections with one peer both sides prefer the same. */
  isBetterThan(other: PeerEnd): boolean {
    if (this.hello?.incarnation !== other.hello?.incarnation) return false;
    if (this.isDialler === other.isDialler) return false;
    return this.isDialler === this.#owner.self < this.peer;
  }

  /** False: the channel's queue is full. */
  queue(channel: Channel, frames: readonly Uint8Array[]): boolean {
    const queue = this.#queues[channel];
    let added = 0;
    for (const frame of frames) added += frame.length;
    const { consensusQueueBytesMax, queueBytesMax } = this.#owner.habits;
    const waiting = queue.bytes + queue.underWayBytes;
    if (channel === 'consensus' || channel === 'gossip') {
      const bytesMax = channel === 'consensus' ? consensusQueueBytesMax : queueBytesMax;
      if (waiting + added > bytesMax) this.#dropOldest(channel, waiting + added - bytesMax);
    } else if (waiting > 0 && waiting + added > queueBytesMax) return false;
    for (const frame of frames) queue.frames.push(frame);
    queue.bytes += added;
    return true;
  }

  /** Hands what was queued in this turn to the network. */
  flush(): void {
    this.isFlushing = false;
    for (const channel of channels) {
      const queue = this.#queues[channel];
      if (queue.frames.length === 0) continue;
      const { bytes } = queue;
      const frames =
        channel === 'consensus' ? this.#survivors(queue.frames) : (queue.frames as Uint8Array[]);
      queue.frames = [];
      queue.bytes = 0;
      if (frames.length === 0) continue;
      queue.underWayBytes += bytes;
      this.#transmit({ kind: 'frames', channel, frames, bytes });
    }
  }

  /** Passes on what somebody published. */
  publish(number: number, content: Uint8Array): void {
    if (!this.#owner.network.losesPublication()) {
      this.#transmit({ kind: 'published', number, content });
    }
  }

  close(reason: string): void {
    this.#owner.network.close(this.#end, reason);
  }

  packet(packet: Packet): void {
    const { handlers } = this.#owner;
    if (handlers === null) return;
    switch (packet.kind) {
      case 'frames':
        this.#delivered(packet);
        // In order behind the greeting: this side is up.
        if (packet.channel !== 'client') handlers.frames(this.peer, packet.channel, packet.frames);
        return;
      case 'hello':
        // Keys are proved before anything is said.
        if (packet.wanted !== null && packet.wanted !== this.#owner.self) {
          return this.#over('somebody else was wanted');
        }
        return this.#arrived(packet, () => {
          const hello = this.#owner.hello();
          if (hello === undefined) return;
          this.#hasGreeted = true;
          this.#transmit({ kind: 'welcome', peer: this.#owner.self, hello });
        });
      case 'welcome':
        if (this.#wanted !== null && this.#wanted !== packet.peer)
          return this.#over('somebody else');
        return this.#arrived(packet, () => {
          this.#transmit({ kind: 'accepted' });
          this.#becameUp();
        });
      case 'accepted':
        return this.#becameUp();
      case 'again':
        this.remoteHello = packet.hello;
        if (this.#waiting === null) this.#judge(packet.peer, packet.hello);
        return;
      case 'ask':
        return this.#transmit({ kind: 'answer', question: packet.question });
      case 'answer':
        return this.#owner.clones(this.peer).answered(this, packet.question);
      case 'published':
        return this.#owner.published(packet.number, packet.content);
      case 'refused':
        handlers.refused(this.peer, this.isDialler ? this.address : null, packet.reason);
        return this.#over(`refused: ${packet.reason}`);
    }
  }

  closed(reason: string): void {
    this.#isUp = false;
    this.#owner.ended(this, reason);
  }

  // ---- as a claimant: there are no copies in this world, so nobody may be taken for one ----

  ask(question: number): void {
    this.#transmit({ kind: 'ask', question });
  }

  letIn(): void {
    const follow = this.#waiting;
    this.#waiting = null;
    if (follow !== null && this.#judge(this.peer, this.remoteHello as Hello)) follow();
  }

  refuseClone(reason: string): void {
    throw new Violation(`a restart was taken for a copy: ${reason}`);
  }

  warnOfClone(reason: string): void {
    throw new Violation(`a restart was taken for a copy: ${reason}`);
  }

  /** The first greeting: it is judged now, or when the connections of the life before are over. */
  #arrived({ peer, hello }: { readonly peer: PeerId; readonly hello: Hello }, follow: () => void) {
    this.peer = peer;
    this.remoteHello = hello;
    this.#waiting = follow;
    if (this.#owner.clones(peer).arrived(this)) this.letIn();
  }

  #becameUp(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#owner.up(this);
  }

  /** False when the greeting was refused. */
  #judge(peer: PeerId, hello: Hello): boolean {
    this.peer = peer;
    const reason = this.#owner.handlers?.greeted(peer, hello, this.address) ?? null;
    if (reason === null) {
      this.hello = hello;
      return true;
    }
    this.#transmit({ kind: 'refused', reason });
    this.#over(`we refused it: ${reason}`);
    return false;
  }

  #over(reason: string): void {
    this.close(reason);
    this.closed(reason);
  }

  #transmit(packet: Packet): void {
    this.#owner.network.transmit(this.#end, packet);
  }

  /** The receiver has them: there is room again where they were sent. */
  #delivered({ channel, bytes }: Extract<Packet, { kind: 'frames' }>): void {
    const sender = this.#end.other.events;
    if (sender instanceof PeerEnd && channel !== 'client') {
      sender.#queues[channel].underWayBytes -= bytes;
    }
  }

  #dropOldest(channel: Channel, bytes: number): void {
    const { stalled } = this.#end;
    const queue = this.#queues[channel];
    let over = bytes;
    for (let i = 0; i < stalled.length && over > 0; ) {
      const packet = stalled[i] as Packet;
      if (packet.kind !== 'frames' || packet.channel !== channel) i += 1;
      else {
        stalled.splice(i, 1);
        queue.underWayBytes -= packet.bytes;
        over -= packet.bytes;
      }
    }
    while (over > 0 && queue.frames.length > 0) {
      const { length } = queue.frames.shift() as Uint8Array;
      queue.bytes -= length;
      over -= length;
    }
  }

  /** Frames that go the right way; the others are lost, doubled or late. */
  #survivors(frames: readonly Uint8Array[]): readonly Uint8Array[] {
    const owner = this.#owner;
    const { lossPermille, doublingPermille, delayPermille, delayMillisMax } = owner.habits;
    if (lossPermille + doublingPermille + delayPermille === 0) return frames;
    const kept: Uint8Array[] = [];
    for (const frame of frames) {
      if (owner.below(1000) < lossPermille) continue;
      const astray: Packet = { kind: 'frames', channel: 'consensus', frames: [frame], bytes: 0 };
      const late = owner.below(delayMillisMax + 1);
      if (owner.below(1000) < doublingPermille) {
        owner.network.transmitAstray(this.#end, astray, late);
      }
      if (owner.below(1000) < delayPermille) owner.network.transmitAstray(this.#end, astray, late);
      else kept.push(frame);
    }
    return kept;
  }
}
