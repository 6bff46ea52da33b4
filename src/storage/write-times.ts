/**
 * Adds up how long the writes of the log take, the one in flight as far as it has come, by the
 * clock that was handed in. It judges nothing; two calls a write are all that it costs.
 *
 * Invariant: one write is in flight at a time, so between two questions the sum grows by no more
 * than the time between them.
 */

import type { Clock } from '../base/clock.js';
import type { WriteTimes } from './log-store.js';

/** The sum of one log, from its opening on. */
export class WriteTimer {
  readonly #clock: Clock;
  #count = 0;
  #millis = 0;
  /** When the write in flight began; null: there is none. */
  #begunAt: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A write is handed to the disk. */
  begun(): void {
    this.#count += 1;
    this.#begunAt = this.#clock.monotonicMillis();
  }

  /** It is on disk. */
  ended(): void {
    this.#millis += this.#inFlightMillis();
    this.#begunAt = null;
  }

  /** What was added up. */
  get times(): WriteTimes {
    return { count: this.#count, millis: this.#millis + this.#inFlightMillis() };
  }

  #inFlightMillis(): number {
    return this.#begunAt === null ? 0 : this.#clock.monotonicMillis() - this.#begunAt;
  }
}
