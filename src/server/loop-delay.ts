/**
 * How late the event loop runs, as Node itself measures it: a native timer whose lateness goes into
 * a histogram. Gossip asks, so that a busy server does not call its peers dead.
 */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is looked at, milliseconds: what the histogram holds when all is well. */
const resolutionMillis = 50;

/** Of the looks of the last seconds the worst in so many of a hundred are left out: one collection
 * of garbage is no illness. */
const percentile = 90;

/** How long looks count, milliseconds. */
const windowMillis = 2000;

/** See the head of the file. Its timer keeps no process alive. */
export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMillis });
  #askedAt = performance.now();
  #lastMillis = 0;

  constructor() {
    this.#histogram.enable();
  }

  /** Of the last few seconds, milliseconds. */
  millis(): number {
    const now = performance.now();
    if (now - this.#askedAt < windowMillis) return this.#lastMillis;
    this.#askedAt = now;
    const nanos = this.#histogram.percentile(percentile);
    this.#histogram.reset();
    this.#lastMillis = Math.max(0, Math.round(nanos / 1e6 - resolutionMillis));
    return this.#lastMillis;
  }

  stop(): void {
    this.#histogram.disable();
  }
}
