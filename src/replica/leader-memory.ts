/**
 * Remembers who led last and since when nobody does, as far as this server knows: for people who
 * ask a server why nothing goes on.
 */

import type { Clock } from '../base/clock.js';
import type { ClusterStatus } from '../wire/client-messages.js';

/** The memory of one server, from its start on. */
export class LeaderMemory {
  readonly #clock: Clock;
  #lastLeader: string | null = null;
  /** Since when there is no leader, monotonic milliseconds; null: there is one. */
  #leaderlessSince: number | null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#leaderlessSince = clock.monotonicMillis();
  }

  /** This one leads now, as far as is known; null: nobody. */
  changed(leader: string | null): void {
    if (leader === null) {
      this.#leaderlessSince ??= this.#clock.monotonicMillis();
      return;
    }
    this.#lastLeader = leader;
    this.#leaderlessSince = null;
  }

  /** Null while there is a leader. */
  leaderless(): ClusterStatus['self']['leaderless'] {
    const since = this.#leaderlessSince;
    if (since === null) return null;
    const millis = Math.round(this.#clock.monotonicMillis() - since);
    return { millis, lastLeader: this.#lastLeader };
  }
}
