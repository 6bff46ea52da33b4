/**
 * Tells people how far a newcomer has come on its way to the log index at which it was admitted,
 * and when it is there: at most one line a second.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Index } from '../raft/types.js';

/** The least time between two lines, milliseconds. */
const tellEveryMillis = 1000;

/** The way of one newcomer. */
export class CatchUp {
  readonly #target: Index;
  readonly #clock: Clock;
  readonly #log: Log;
  #toldAt: number;
  #done = false;

  /** @param target the leader's last index when it took us in. */
  constructor(target: Index, deps: { clock: Clock; log: Log }) {
    this.#target = target;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#toldAt = deps.clock.monotonicMillis();
  }

  applied(index: Index): void {
    if (this.#done) return;
    if (index >= this.#target) {
      this.#done = true;
      this.#log.info({ index }, 'caught up with the cluster');
      return;
    }
    const now = this.#clock.monotonicMillis();
    if (now - this.#toldAt < tellEveryMillis) return;
    this.#toldAt = now;
    const percent = Math.floor((index / this.#target) * 100);
    this.#log.info({ index, of: this.#target, percent }, 'catching up');
  }
}
