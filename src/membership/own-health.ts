/**
 * How well this server itself is, as it can tell: Lifeguard's local health. A server that misses
 * answers, or whose event loop runs late, waits longer before it accuses others, asks less often,
 * and says of itself that its word about others counts less.
 *
 * Invariant: the score is a whole number in 0 … `ownHealthMax`; every wait that this server gives
 * others is multiplied by score + 1.
 * Source: Dadgar, Phillips, Currey: Lifeguard (2018), 4.1; the steps are memberlist's.
 */

import { ownHealthMax } from './table.js';

/** One point of the score for so much delay of the event loop, milliseconds: as long as a probe
 * waits for a direct answer. */
const loopDelayPerPointMillis = 100;

/** Up to this score a server's word about others counts: one slow answer is not an illness. */
const goodScoreMax = 2;

/** What came of a probe. */
export interface ProbeOutcome {
  readonly answered: boolean;
  /** How many relays were asked, and how many of them said anything at all. */
  readonly relaysAsked: number;
  readonly relaysHeard: number;
}

/** The score of one server. */
export class OwnHealth {
  #missed = 0;
  #late = 0;

  /** 0 (well) … `ownHealthMax`. */
  get score(): number {
    return Math.min(ownHealthMax, this.#missed + this.#late);
  }

  /** Whether this server's word about others counts. */
  get isGood(): boolean {
    return this.score <= goodScoreMax;
  }

  /** A probe ended. A relay that says nothing at all speaks against this server: a relay that is
   * well says at least that it did not reach the target. */
  probed({ answered, relaysAsked, relaysHeard }: ProbeOutcome): void {
    this.#missed += answered ? -1 : relaysAsked - relaysHeard;
    this.#missed = Math.max(0, Math.min(ownHealthMax, this.#missed));
  }

  /** Others suspected this server, which had to say that it lives. */
  refuted(): void {
    this.#missed = Math.min(ownHealthMax, this.#missed + 1);
  }

  /** How late the event loop ran of late. */
  loopDelayed(millis: number): void {
    this.#late = Math.min(ownHealthMax, Math.floor(Math.max(0, millis) / loopDelayPerPointMillis));
  }
}
