/**
 * A clock moved by hand: nothing happens until a test ends the turn or lets time pass. For parts of
 * the replica tested by themselves.
 */

import type { Clock, Timer } from '../../src/base/clock.js';

interface Alarm {
  readonly atMillis: number;
  readonly then: () => void;
}

/** Time by hand. */
export class HandClock implements Clock {
  #nowMillis = 0;
  readonly #turn: (() => void)[] = [];
  readonly #alarms = new Set<Alarm>();

  monotonicMillis(): number {
    return this.#nowMillis;
  }

  wallMillis(): number {
    return 1_700_000_000_000 + this.#nowMillis;
  }

  after(delayMillis: number, then: () => void): Timer {
    const alarm = { atMillis: this.#nowMillis + delayMillis, then };
    this.#alarms.add(alarm);
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  afterTurn(then: () => void): void {
    this.#turn.push(then);
  }

  /** Alarms that are set and not due yet. */
  get waiting(): number {
    return this.#alarms.size;
  }

  /** Ends turns until nothing waits for the end of one. */
  settle(): void {
    for (let due = this.#turn.splice(0); due.length > 0; due = this.#turn.splice(0)) {
      for (const then of due) then();
    }
  }

  /** Lets time pass; what is due then happens, turn by turn. */
  pass(millis: number): void {
    this.#nowMillis += millis;
    for (const alarm of [...this.#alarms]) {
      if (alarm.atMillis > this.#nowMillis || !this.#alarms.delete(alarm)) continue;
      alarm.then();
      this.settle();
    }
  }
}
