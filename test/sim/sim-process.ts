/**
 * A process of the false world: its clocks, its turns, its life. It is the `Clock` handed to the
 * server or client that runs in it; it may be paused, its clock may run fast or slow, its wall
 * clock may jump. When it ends, nothing of it ever runs again.
 */

import type { Clock, Timer } from '../../src/base/clock.js';
import type { EventOwner, Scheduler } from './scheduler.js';

/** The wall clock at the beginning of every world, milliseconds since 1970. */
const epochMillis = 1_700_000_000_000;

/** One life of a server or a client. */
export class SimProcess implements Clock, EventOwner {
  readonly name: string;
  /** Small number for trace hashes. */
  readonly number: number;
  /** The host that the process runs on; null for clients. */
  tenant: object | null = null;
  isUp = true;
  pausedUntilMillis = 0;
  readonly #scheduler: Scheduler;
  #rate = 1;
  #fromMillis: number;
  #localMillis: number;
  #wallStepMillis = 0;
  #turn: (() => void)[] = [];

  constructor(name: string, number: number, scheduler: Scheduler) {
    this.name = name;
    this.number = number;
    this.#scheduler = scheduler;
    this.#fromMillis = scheduler.nowMillis;
    // Monotonic clocks of two machines, or of two lives, have nothing to do with each other.
    this.#localMillis = scheduler.nowMillis + number * 1000;
  }

  monotonicMillis(): number {
    return this.#localMillis + (this.#scheduler.nowMillis - this.#fromMillis) * this.#rate;
  }

  wallMillis(): number {
    return epochMillis + Math.floor(this.monotonicMillis()) + this.#wallStepMillis;
  }

  after(delayMillis: number, then: () => void): Timer {
    const delay = Math.max(0, delayMillis) / this.#rate;
    return this.#scheduler.at(this.#scheduler.nowMillis + delay, this, then);
  }

  afterTurn(then: () => void): void {
    this.#turn.push(then);
    if (this.#turn.length === 1) this.#scheduler.turn(this);
  }

  takeTurn(): void {
    const turn = this.#turn;
    this.#turn = [];
    for (const then of turn) if (this.isUp) then();
  }

  /** From now on the clock runs at `rate` times true time. */
  drift(rate: number): void {
    this.#localMillis = this.monotonicMillis();
    this.#fromMillis = this.#scheduler.nowMillis;
    this.#rate = rate;
  }

  /** The wall clock jumps. */
  stepWall(millis: number): void {
    this.#wallStepMillis += millis;
  }

  /** Nothing of this process runs for so long. */
  pause(millis: number): void {
    this.pausedUntilMillis = Math.max(this.pausedUntilMillis, this.#scheduler.nowMillis + millis);
  }

  /** The end, at once. */
  end(): void {
    this.isUp = false;
    this.#turn = [];
  }
}
