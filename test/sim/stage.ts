/**
 * What a play of the director has at hand: it sees who leads and whose disk has what, waits for a
 * moment, cuts ways, takes servers down and makes disks slow. What it did to the world it undoes
 * when the play is over, but for what was lost with a crash.
 */

import type { Rng } from '../../src/base/rng.js';
import type { Configuration, Entry } from '../../src/raft/types.js';
import type { Mark } from './marks.js';
import type { Nemesis } from './nemesis.js';
import type { Shadow } from './shadow.js';
import type { Sight } from './sight.js';
import type { SimHost } from './sim-host.js';
import type { World } from './world.js';

/** What a play waits for: a sight (null: time alone), or the end of its patience. */
export interface Wait {
  readonly until: ((sight: Sight) => boolean) | null;
  readonly millis: number;
}

/** A part of a play; it is handed the sight that it waited for, null when its time was over. */
export type Part<T> = Generator<Wait, T, Sight | null>;

/** See the head of the file. */
export class Stage {
  readonly world: World;
  readonly rng: Rng;
  readonly nemesis: Nemesis;
  readonly #undo: (() => void)[] = [];

  constructor(world: World, nemesis: Nemesis) {
    this.world = world;
    this.rng = world.chances.directed;
    this.nemesis = nemesis;
  }

  // ---- who there is ----

  /** The longest election timeout, milliseconds. */
  get electionMillis(): number {
    const { raft, tickMillis } = this.world.swarm;
    return raft.electionTicksMax * tickMillis;
  }

  /** The machine that a member lives on, if it is up there. */
  hostOf(shadow: Shadow | undefined): SimHost | null {
    if (shadow === undefined) return null;
    return this.world.hosts.find((host) => host.isUp && host.shadow === shadow) ?? null;
  }

  /** Machines of those of `ids` that are up. */
  hostsOf(ids: readonly number[]): SimHost[] {
    const { shadows } = this.world.checkers;
    return ids.map((id) => this.hostOf(shadows.get(id))).filter((host) => host !== null);
  }

  /** Whoever leads in the newest term, up and at work. */
  leader(): Shadow | null {
    let newest: Shadow | null = null;
    for (const { shadow, server, isUp } of this.world.hosts) {
      if (!isUp || shadow === null || server?.isStarting !== false || !shadow.leads) continue;
      if (newest === null || shadow.term > newest.term) newest = shadow;
    }
    return newest;
  }

  others(than: Iterable<SimHost>): SimHost[] {
    const out = new Set(than);
    return this.world.hosts.filter((host) => !out.has(host));
  }

  shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    const out: T[] = [];
    while (left.length > 0) out.push(...left.splice(this.rng.below(left.length), 1));
    return out;
  }

  // ---- waiting ----

  *pause(millis: number): Part<void> {
    yield { until: null, millis };
  }

  /** Waits until somebody gives entries out to be written, as `fits` wants it. */
  *appends(
    millis: number,
    fits: (shadow: Shadow, entries: readonly Entry[], leads: boolean) => boolean,
  ): Part<Shadow | null> {
    const sight = yield {
      until: (seen) => seen.type === 'appends' && fits(seen.shadow, seen.entries, seen.leads),
      millis,
    };
    return sight?.type === 'appends' ? sight.shadow : null;
  }

  /** Waits for the end of a write. */
  *writes(millis: number, fits: (shadow: Shadow) => boolean): Part<Shadow | null> {
    const sight = yield {
      until: (seen) => seen.type === 'written' && fits(seen.shadow),
      millis,
    };
    return sight?.type === 'written' ? sight.shadow : null;
  }

  *election(millis: number, fits: (shadow: Shadow) => boolean): Part<Shadow | null> {
    const sight = yield {
      until: (seen) => seen.type === 'elected' && fits(seen.shadow),
      millis,
    };
    return sight?.type === 'elected' ? sight.shadow : null;
  }

  // ---- doing ----

  mark(mark: Mark): void {
    this.world.marks.hit(mark);
  }

  note(text: string): void {
    this.world.trace.event(`director: ${text}`);
  }

  /** Nothing passes between the two sides. */
  cut(side: readonly SimHost[], other: readonly SimHost[]): void {
    const names = (hosts: readonly SimHost[]): string => hosts.map(({ name }) => name).join(' ');
    this.note(`cut ${names(side)} | ${names(other)}`);
    for (const a of side) {
      for (const b of other) {
        this.block(a, b);
        this.block(b, a);
      }
    }
  }

  /** Nothing passes from one to the other. */
  block(from: SimHost, to: SimHost): void {
    const { network } = this.world;
    if (network.isBlocked(from.number, to.number)) return;
    network.block(from.number, to.number);
    this.#undo.push(() => network.unblock(from.number, to.number));
  }

  /** The machine stays down until all is undone, unless the play starts it. */
  takeDown(host: SimHost, power: boolean): void {
    host.kill(power);
    host.isHeld = true;
    this.#undo.push(() => {
      host.isHeld = false;
    });
  }

  /** What these disks are given from now on takes long. */
  slowDown(hosts: readonly SimHost[], millis: number): void {
    for (const { habits, name } of hosts) {
      this.note(`the disk of ${name} takes ${millis} ms`);
      const before = habits.syncMillisMin;
      habits.syncMillisMin = millis;
      this.#undo.push(() => {
        habits.syncMillisMin = before;
      });
    }
  }

  /** Asks the core of a member for a change that no planner was asked about. */
  askChange(shadow: Shadow): void {
    const { configuration, configurationIndex: expected } = shadow;
    const changes = this.#anyChange(configuration);
    if (changes.length === 0) return;
    const words = changes.map(({ op, id }) => `${op} ${id}`).join(', ');
    this.note(`${shadow.name} is to ${words}`);
    const ref = 2 ** 52 + this.rng.below(2 ** 30);
    const wish = { ref, expected, reason: 'the director wants it', changes };
    this.world.checkers.drivers.get(shadow.id)?.change(wish);
  }

  /** Other voters out of the present members, any number of them, odd or even. */
  #anyChange(configuration: Configuration): { op: 'promote' | 'demote'; id: number }[] {
    const { members, voters } = configuration;
    // What is lost unseen must not come to weigh more among other voters.
    if (members.some(({ id }) => this.nemesis.lost.has(id))) return [];
    const alive = members.filter(({ id }) => this.hostsOf([id]).length > 0).map(({ id }) => id);
    const wanted = this.shuffled(alive).slice(0, this.rng.between(1, 6));
    const changes: { op: 'promote' | 'demote'; id: number }[] = [];
    for (const id of wanted) if (!voters.includes(id)) changes.push({ op: 'promote', id });
    for (const id of voters) if (!wanted.includes(id)) changes.push({ op: 'demote', id });
    return wanted.length === 0 ? [] : changes;
  }

  /** Undoes what was done. */
  heal(): void {
    if (this.#undo.length === 0) return;
    for (const undo of this.#undo.splice(0).reverse()) undo();
    this.note('heals what it did');
  }
}
