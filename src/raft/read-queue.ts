/**
 * The queues of reads that wait for a read index, on a leader and on a follower: plain books, no
 * messages. Invariant: a number that was sent out for one batch of reads never stands for another,
 * so that no delayed answer confirms a later read (trap 33).
 * Source: Raft thesis 6.4; etcd-io/raft's read-only queue, whose contexts could be used twice.
 */

import type { Index, MemberId } from './types.js';

/** A read that a leader shall confirm: its own (`from` is itself) or a follower's. */
export interface LeaderRead {
  readonly from: MemberId;
  readonly ref: number;
}

/** The reads that one round of heartbeats confirms, and the commit index when it began. */
interface Round {
  readonly round: number;
  readonly index: Index;
  readonly reads: readonly LeaderRead[];
}

/**
 * The leader's reads. Made anew with each leadership; rounds are told apart by the term as well.
 */
export class LeaderReads {
  /** The newest round begun; rounds count upwards. */
  round = 0;
  /** Reads that wait for the next round. */
  waiting: LeaderRead[] = [];
  #rounds: Round[] = [];

  /** True while a round is out and not confirmed. */
  get inFlight(): boolean {
    return this.#rounds.length > 0;
  }

  /** All that wait go into a new round, to be answered with `index`. */
  begin(index: Index): void {
    this.round++;
    this.#rounds.push({ round: this.round, index, reads: this.waiting });
    this.waiting = [];
  }

  /** Takes out the rounds that a quorum has confirmed up to `round`. */
  confirmed(round: number): readonly Round[] {
    let count = 0;
    while (count < this.#rounds.length && (this.#rounds[count] as Round).round <= round) count++;
    return count === 0 ? [] : this.#rounds.splice(0, count);
  }

  /** Takes out every read, confirmed or not: the leadership is over. */
  drain(): readonly LeaderRead[] {
    const reads = this.#rounds.flatMap((round) => round.reads).concat(this.waiting);
    this.#rounds = [];
    this.waiting = [];
    return reads;
  }
}

/** A follower's reads, of which one batch at a time is asked for. */
export class FollowerReads {
  /** Wishes that wait for the next request. */
  waiting: number[] = [];
  /** Wishes behind the request that is out; empty when none is. */
  asked: readonly number[] = [];
  /** Number of the newest request. */
  ref: number;
  /** Tick at which it was sent. */
  askedTick = 0;

  /** @param firstRef random, so that an answer to a process of before means nothing to this one. */
  constructor(firstRef: number) {
    this.ref = firstRef;
  }

  /** Everything that waits goes behind one new number, which is returned. */
  ask(tick: number): number {
    this.asked = this.asked.concat(this.waiting);
    this.waiting = [];
    this.askedTick = tick;
    this.ref++;
    return this.ref;
  }

  /** Takes out the wishes that the answer to `ref` is for. */
  answered(ref: number): readonly number[] {
    if (ref !== this.ref) return [];
    const wishes = this.asked;
    this.asked = [];
    return wishes;
  }

  /** Takes out every wish. */
  drain(): readonly number[] {
    const wishes = this.asked.concat(this.waiting);
    this.asked = [];
    this.waiting = [];
    return wishes;
  }
}
