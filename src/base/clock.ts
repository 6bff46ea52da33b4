/**
 * The port of time. Nothing but the edges reads a clock or sets a timer by itself: it is handed one
 * of these, so that a simulator can own time. Callbacks, not promises: a simulated clock must be
 * able to drain its work synchronously.
 */

/** A timer that can be called off; calling off twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Two clocks and two kinds of alarm. */
export interface Clock {
  /** Milliseconds since some fixed moment; never runs backwards; fractions allowed. */
  monotonicMillis(): number;
  /** Milliseconds since 1970 by the wall clock; may jump. Only for stamps that people read. */
  wallMillis(): number;
  /** Calls `then` once, `delayMillis` from now. */
  after(delayMillis: number, then: () => void): Timer;
  /** Calls `then` once this turn of the event loop has taken in all that is ready
   * (setImmediate). */
  afterTurn(then: () => void): void;
}
