/**
 * A clock that jumps: time stands still while anything of the turn is left to do, then goes
 * straight to the next timer. So a test of minutes of time-outs takes milliseconds, and the same
 * each time.
 */

import type { Clock, Timer } from '../../src/base/clock.js';

interface Alarm {
  readonly atMillis: number;
  readonly order: number;
  readonly then: () => void;
}

/** Virtual time. */
export class VirtualClock implements Clock {
  #nowMillis = 0;
  #order = 0;
  #turn: (() => void)[] = [];
  readonly #alarms = new Set<Alarm>();

  monotonicMillis(): number {
    return this.#nowMillis;
  }

  wallMillis(): number {
    return 1_700_000_000_000 + this.#nowMillis;
  }

  after(delayMillis: number, then: () => void): Timer {
    this.#order += 1;
    const alarm = { atMillis: this.#nowMillis + delayMillis, order: this.#order, then };
    this.#alarms.add(alarm);
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  afterTurn(then: () => void): void {
    this.#turn.push(then);
  }

  /** Runs the world until `promise` settles. Rejects when more than `limitMillis` of virtual time
   * pass, or nothing is left that could settle it. */
  async until<T>(promise: Promise<T>, limitMillis = 60_000): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    const endMillis = this.#nowMillis + limitMillis;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isSettled) return promise;
      this.#step(endMillis);
    }
  }

  /** Lets this much time pass. */
  async pass(millis: number): Promise<void> {
    await this.until(new Promise<void>((resolve) => this.after(millis, resolve)), millis + 1);
  }

  #step(endMillis: number): void {
    const turn = this.#turn;
    if (turn.length > 0) {
      this.#turn = [];
      for (const then of turn) then();
      return;
    }
    let next: Alarm | null = null;
    for (const alarm of this.#alarms) {
      if (next === null || alarm.atMillis < next.atMillis) next = alarm;
    }
    if (next === null) throw new Error('nothing is left to happen');
    if (next.atMillis > endMillis) throw new Error('too much virtual time has passed');
    this.#alarms.delete(next);
    this.#nowMillis = Math.max(this.#nowMillis, next.atMillis);
    next.then();
  }
}
