/**
 * Virtual time: a binary heap of events by (time, sequence), and behind the events of an instant
 * the turns of processes (what setImmediate is to Node). Time jumps from event to event. An event
 * that belongs to a process is dropped when the process is down and put off while it is paused, in
 * order.
 * Invariant: what runs next depends on nothing but what was scheduled, in which order, for when.
 * Promises are drained to the end after every event, so none of them ever waits for another event.
 */

import * as v8 from 'node:v8';
import type { Timer } from '../../src/base/clock.js';

/** Runs every micro-task that waits. Works from within a macro-task alone (`inMacroTask`). */
const drainMicroTasks = makeDrain();

function makeDrain(): () => void {
  v8.setFlagsFromString('--allow-natives-syntax');
  const drain = new Function('%PerformMicrotaskCheckpoint()') as () => void;
  v8.setFlagsFromString('--no-allow-natives-syntax');
  return drain;
}

/** Runs `work` where micro-tasks can be drained: not itself within one. */
export function inMacroTask<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

/** Whose events they are. */
export interface EventOwner {
  readonly isUp: boolean;
  /** Before this moment nothing of it runs. */
  readonly pausedUntilMillis: number;
  /** Runs what was left for the end of the turn. */
  takeTurn(): void;
}

class SimEvent implements Timer {
  atMillis: number;
  sequence: number;
  readonly owner: EventOwner | null;
  work: (() => void) | null;

  constructor(atMillis: number, sequence: number, owner: EventOwner | null, work: () => void) {
    this.atMillis = atMillis;
    this.sequence = sequence;
    this.owner = owner;
    this.work = work;
  }

  cancel(): void {
    this.work = null;
  }
}

/** Turns at one instant; more mean that something spins without time passing. */
const turnsMax = 20_000;

/** The one clock of a world. */
export class Scheduler {
  /** Milliseconds since the world began. */
  nowMillis = 0;
  /** The process whose event runs. */
  current: EventOwner | null = null;
  /** Events that ran. */
  steps = 0;
  readonly #heap: SimEvent[] = [];
  #sequence = 0;
  #turns: EventOwner[] = [];
  #turnsNow = 0;

  /** Calls `then` at `atMillis`, in the name of `owner` (null: the world itself). */
  at(atMillis: number, owner: EventOwner | null, then: () => void): Timer {
    this.#sequence += 1;
    const event = new SimEvent(Math.max(atMillis, this.nowMillis), this.#sequence, owner, then);
    this.#push(event);
    return event;
  }

  /** Gives `owner` a turn once all events of this instant are done. */
  turn(owner: EventOwner): void {
    this.#turns.push(owner);
  }

  /** Runs everything up to `endMillis`; stops early once `isDone` says so. */
  run(endMillis: number, isDone: () => boolean = () => false): void {
    for (;;) {
      const next = this.#heap[0];
      if (this.#turns.length > 0 && (next === undefined || next.atMillis > this.nowMillis)) {
        this.#runTurns();
      } else if (next === undefined || next.atMillis > endMillis) {
        this.nowMillis = endMillis;
        return;
      } else {
        this.#pop();
        this.#runEvent(next);
      }
      if (isDone()) return;
    }
  }

  #runEvent(event: SimEvent): void {
    const { owner, work } = event;
    if (work === null) return;
    if (event.atMillis > this.nowMillis) {
      this.nowMillis = event.atMillis;
      this.#turnsNow = 0;
    }
    if (owner !== null) {
      if (!owner.isUp) return;
      if (owner.pausedUntilMillis > this.nowMillis) {
        this.#sequence += 1;
        event.atMillis = owner.pausedUntilMillis;
        event.sequence = this.#sequence;
        this.#push(event);
        return;
      }
    }
    event.work = null;
    this.steps += 1;
    this.current = owner;
    work();
    drainMicroTasks();
    this.current = null;
  }

  #runTurns(): void {
    const turns = this.#turns;
    this.#turns = [];
    this.#turnsNow += 1;
    if (this.#turnsNow > turnsMax) throw new Error('turns without end: time does not pass');
    for (const owner of turns) {
      if (!owner.isUp) continue;
      if (owner.pausedUntilMillis > this.nowMillis) {
        this.at(owner.pausedUntilMillis, owner, () => this.turn(owner));
        continue;
      }
      this.steps += 1;
      this.current = owner;
      owner.takeTurn();
      drainMicroTasks();
      this.current = null;
    }
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as SimEvent;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as SimEvent;
    const count = heap.length;
    if (count === 0) return;
    let at = 0;
    for (;;) {
      let down = at * 2 + 1;
      if (down >= count) break;
      const right = down + 1;
      if (right < count && isBefore(heap[right] as SimEvent, heap[down] as SimEvent)) down = right;
      const child = heap[down] as SimEvent;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMillis < b.atMillis || (a.atMillis === b.atMillis && a.sequence < b.sequence);
}
