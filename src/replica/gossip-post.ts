/**
 * How gossip gets to others: frames to linked peers, each taking along a little of what is yet to
 * be passed on, and news told to three members at once.
 *
 * Invariant: whoever is spoken against hears it in every frame that this server sends him, so he
 * can refute it however often it was said before (Lifeguard's buddy system).
 */

import type { Clock } from '../base/clock.js';
import type { Rng } from '../base/rng.js';
import type { Liveness } from '../membership/liveness.js';
import { RumourQueue, timesMaxFor } from '../membership/rumour-queue.js';
import type { Rumour, SignedRecord } from '../membership/table.js';
import type { PeerId, Transport } from '../transport/transport.js';
import { encodeGossip } from '../wire/gossip-codec.js';
import type { GossipBody } from '../wire/gossip-messages.js';
import { shuffled } from './prober.js';

/** To how many others news is told at once. */
const spreadWidth = 3;

/** What the post works with. */
export interface GossipPostDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly transport: Pick<Transport, 'send'>;
  readonly liveness: Liveness;
  /** Whether a linked peer greeted as a server of this cluster. */
  readonly isOfCluster: (peer: PeerId) => boolean;
}

/** See the head of the file. */
export class GossipPost {
  /** The other members. */
  members: readonly PeerId[] = [];
  readonly #deps: GossipPostDeps;
  readonly #linked = new Set<PeerId>();
  readonly #queue = new RumourQueue();
  #spreading = false;
  #stopped = false;

  constructor(deps: GossipPostDeps) {
    this.#deps = deps;
  }

  stop(): void {
    this.#stopped = true;
  }

  linkUp(peer: PeerId): void {
    this.#linked.add(peer);
  }

  linkDown(peer: PeerId): void {
    this.#linked.delete(peer);
  }

  get linked(): readonly PeerId[] {
    return [...this.#linked];
  }

  /** Members that are linked and greeted as such. */
  linkedMembers(): readonly PeerId[] {
    const { isOfCluster } = this.#deps;
    return this.members.filter((peer) => this.#linked.has(peer) && isOfCluster(peer));
  }

  /** Sends a message, and takes along what there is. False: there is no link. */
  send(peer: PeerId, body: GossipBody): boolean {
    if (this.#stopped || !this.#linked.has(peer)) return false;
    const { rumours, records } = this.#queue.take(timesMaxFor(this.members.length + 1));
    const against = this.#deps.liveness.rumourOf(peer);
    const others = rumours.filter(({ subject }) => against === null || subject !== peer);
    const all = against === null ? others : [against, ...others];
    return this.#transmit(peer, { body, rumours: all, records });
  }

  /** Tells these records, each with what is said against it, and these rumours. */
  tell(peer: PeerId, records: readonly SignedRecord[], rumours: readonly Rumour[] = []): void {
    const against = records
      .map(({ record }) => this.#deps.liveness.rumourOf(record.peerId))
      .filter((rumour) => rumour !== null);
    this.#transmit(peer, { body: { type: 'tell' }, rumours: [...rumours, ...against], records });
  }

  /** A rumour that is new here: on with it. */
  passOn(rumour: Rumour): void {
    this.#queue.addRumour(rumour);
    this.#spread();
  }

  /** A record that refutes a rumour travels as the rumour did, and replaces it. */
  passOnRefutation(signed: SignedRecord): void {
    this.#queue.addRecord(signed);
    this.#spread();
  }

  #spread(): void {
    if (this.#spreading) return;
    this.#spreading = true;
    // All that one turn brings goes in the same frames.
    this.#deps.clock.afterTurn(() => {
      this.#spreading = false;
      const peers = shuffled(this.linkedMembers(), this.#deps.rng).slice(0, spreadWidth);
      for (const peer of peers) this.send(peer, { type: 'tell' });
    });
  }

  #transmit(peer: PeerId, frame: Parameters<typeof encodeGossip>[0]): boolean {
    if (this.#stopped) return false;
    return this.#deps.transport.send(peer, 'gossip', [encodeGossip(frame)]);
  }
}
