/**
 * The clock of a process: Node's own timers behind the port of base/clock. Servers and clients read
 * no other, so that tests can hand them a false one. Timers keep the process alive on purpose: a
 * program that waits for an answer must not end before it comes.
 */

import type { Clock, Timer } from '../base/clock.js';

class NodeTimer implements Timer {
  readonly #handle: ReturnType<typeof setTimeout>;

  constructor(delayMillis: number, then: () => void) {
    this.#handle = setTimeout(then, delayMillis);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The clock of this process. */
export const nodeClock: Clock = {
  monotonicMillis: () => performance.now(),
  wallMillis: () => Date.now(),
  after: (delayMillis, then) => new NodeTimer(delayMillis, then),
  afterTurn: (then) => {
    setImmediate(then);
  },
};
