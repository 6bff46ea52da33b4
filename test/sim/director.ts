/**
 * Whoever makes things go wrong on purpose: one play after the other, of the directed kinds that
 * the seed has switched on. A play is a script that waits for sights (sight.ts) and strikes; it
 * runs in events of its own, between those of servers.
 * Invariant: a world without directed kinds is not touched: no event, no chance taken.
 */

import { crashAtAppend } from './append-plays.js';
import { changeCut, rashPlan } from './change-plays.js';
import { breakWindow, killClient } from './client-plays.js';
import { figureEight } from './figure-eight.js';
import type { Nemesis } from './nemesis.js';
import { rotAndCrash } from './rot-play.js';
import type { Sight } from './sight.js';
import { type Part, Stage, type Wait } from './stage.js';
import { type DirectedClass, isDirected } from './swarm.js';
import type { World } from './world.js';

/** Before this moment there is no cluster worth the trouble, milliseconds. */
const beginsAtMillis = 1500;

/** Longest pause between two plays, milliseconds. */
const pauseMillisMax = 2500;

const plays: Readonly<Record<DirectedClass, (stage: Stage) => Part<void>>> = {
  figure8: figureEight,
  changecut: changeCut,
  rashplan: rashPlan,
  appendcrash: crashAtAppend,
  clientcrash: killClient,
  linkbreak: breakWindow,
  rotcrash: rotAndCrash,
};

/** See the head of the file. */
export class Director {
  readonly #world: World;
  readonly #stage: Stage;
  readonly #kinds: readonly DirectedClass[];
  #play: Part<void> | null = null;
  #waiting: Wait | null = null;
  #isOver = false;

  constructor(world: World, nemesis: Nemesis) {
    this.#world = world;
    this.#stage = new Stage(world, nemesis);
    this.#kinds = [...world.swarm.faults].filter(isDirected);
  }

  start(): void {
    if (this.#kinds.length === 0) return;
    this.#world.checkers.onSight = (sight) => this.#see(sight);
    this.#later(beginsAtMillis);
  }

  stop(): void {
    this.#isOver = true;
    this.#waiting = null;
    this.#world.checkers.onSight = null;
    this.#stage.heal();
  }

  #later(fromNowMillis: number): void {
    const { scheduler } = this.#world;
    const pause = fromNowMillis + this.#stage.rng.below(pauseMillisMax);
    scheduler.at(scheduler.nowMillis + pause, null, () => {
      if (this.#isOver) return;
      const kind = this.#kinds[this.#stage.rng.below(this.#kinds.length)] as DirectedClass;
      this.#play = plays[kind](this.#stage);
      this.#goOn(null);
    });
  }

  #see(sight: Sight): void {
    const waiting = this.#waiting;
    if (waiting === null || waiting.until === null || !waiting.until(sight)) return;
    this.#waiting = null;
    const { scheduler } = this.#world;
    scheduler.at(scheduler.nowMillis, null, () => this.#goOn(sight));
  }

  #goOn(sight: Sight | null): void {
    if (this.#isOver || this.#play === null) return;
    const next = this.#play.next(sight);
    if (next.done === true) {
      this.#play = null;
      this.#stage.heal();
      this.#later(0);
      return;
    }
    const waiting = next.value;
    this.#waiting = waiting;
    const { scheduler } = this.#world;
    scheduler.at(scheduler.nowMillis + waiting.millis, null, () => {
      if (this.#waiting !== waiting) return;
      this.#waiting = null;
      this.#goOn(null);
    });
  }
}
