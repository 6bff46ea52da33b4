/**
 * Decides when queued frames leave. A lone message leaves at once (in a microtask, so that
 * everything one callback sends goes together). When the last flush is only a moment ago, the
 * process is busy, and what is sent now waits for the end of this turn of the event loop and leaves
 * in one write with the rest. All streams of a transport share one of these.
 *
 * Measured (256 bytes, two processes on two cores that others used too): a round trip takes about
 * 75 µs when all leaves at once and about 98 µs when all waits for the end of the turn. This rule
 * keeps the 75; what it gives away in throughput of frames sent one by one was not measured on its
 * own.
 */

import type { Clock } from '../base/clock.js';

/** A flush this soon after another waits for the end of the turn, milliseconds: a bit less than the
 * shortest round trip, so that question and answer never wait. */
const gatherMillis = 0.05;

/** Something that has bytes to write. */
export interface Flushable {
  /** Writes what it has. Called once for each `schedule`. */
  flush(): void;
}

/** See the head of the file. */
export class TurnFlusher {
  readonly #clock: Clock;
  #pending: Flushable[] = [];
  #armed = false;
  #flushedAtMillis = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks for one call of `flush`, soon. The caller asks only once until then. */
  schedule(flushable: Flushable): void {
    this.#pending.push(flushable);
    if (this.#armed) return;
    this.#armed = true;
    const isBusy = this.#clock.monotonicMillis() - this.#flushedAtMillis < gatherMillis;
    if (isBusy) this.#clock.afterTurn(this.#run);
    else queueMicrotask(this.#run);
  }

  /** The same, but not before the end of this turn: for one who has more than a turn should
   * write. */
  scheduleLater(flushable: Flushable): void {
    this.#clock.afterTurn(() => this.schedule(flushable));
  }

  readonly #run = (): void => {
    this.#armed = false;
    const pending = this.#pending;
    this.#pending = [];
    for (const flushable of pending) flushable.flush();
    this.#flushedAtMillis = this.#clock.monotonicMillis();
  };
}
