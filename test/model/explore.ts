/**
 * Every world that a few servers can get into, breadth first, within bounds of terms, entries,
 * changes, crashes and heartbeats. What was sent can arrive at any time later, any number of times
 * or never: that is loss, doubling and reordering in one. Worlds that differ by a renaming of the
 * founders are one.
 */

import type { LogBase, MemberChange, MemberId } from '../../src/raft/types.js';
import { founders } from '../raft/checker.js';
import { Automata, type LocalState, type Prefix, prefixAt, type SentMessage } from './automata.js';
import {
  commitFault,
  completenessFault,
  configurationFault,
  matchingFault,
  voteFault,
} from './invariants.js';
import { type Action, ModelServer } from './model-server.js';
import { addHashes, type Hashes, hashesOf, hashText, SeenHashes } from './state-hash.js';
import type { Renaming } from './state-text.js';

/** The bounds of a world. */
export interface Bounds {
  readonly voters: number;
  /** Members that begin as learners. */
  readonly learners: number;
  readonly termMax: number;
  readonly proposalsMax: number;
  readonly changesMax: number;
  /** The changes that a leader may be asked for. */
  readonly changes: readonly (readonly MemberChange[])[];
  readonly crashesMax: number;
  /** Heartbeat ticks of leaders. */
  readonly ticksMax: number;
  /** Every write is on disk at once: fewer worlds, and none in which that matters. */
  readonly quickDisks: boolean;
}

/** When to stop before the end. */
export interface Limits {
  readonly statesMax: number;
  readonly secondsMax: number;
}

/** What was found. */
export interface Findings {
  readonly states: number;
  readonly steps: number;
  /** Actions from the beginning to the farthest world looked at. */
  readonly depth: number;
  /** True: there is no other world within the bounds. */
  readonly isWhole: boolean;
  readonly serverStates: number;
  readonly messages: number;
  readonly seconds: number;
  /** What broke, and how to get there, one action a line; null: nothing did. */
  readonly violation: readonly string[] | null;
}

/** One world: numbers of server states and messages, and what has been used up. */
interface World {
  readonly locals: readonly LocalState[];
  /** Sorted. */
  readonly messages: readonly number[];
  /** Proposals, changes, crashes, ticks. */
  readonly used: readonly number[];
  /** Who led in term 1, 2, …; 0: nobody yet. */
  readonly leaders: readonly MemberId[];
  /** The longest that anybody knew to be committed. */
  readonly committed: Prefix;
  readonly number: number;
}

const budget = { proposals: 0, changes: 1, crashes: 2, ticks: 3 } as const;

/** All orders of the ids 1 … n, as renamings; the rest keep theirs. */
function renamingsOf(count: number): readonly Renaming[] {
  const orders = (rest: readonly number[]): readonly (readonly number[])[] =>
    rest.length === 0
      ? [[]]
      : rest.flatMap((first) =>
          orders(rest.filter((id) => id !== first)).map((order) => [first, ...order]),
        );
  const all = orders(Array.from({ length: count }, (_, i) => i + 1));
  return all.map((order) => (id) => order[id - 1] ?? id);
}

/** What a member is, and so may be swapped with, is the founding configuration's word. */
function baseOf({ voters, learners }: Bounds): LogBase {
  const all = founders(voters + learners);
  const configuration = {
    ...all,
    voters: all.voters.slice(0, voters),
    learners: all.voters.slice(voters),
  };
  const index = voters + learners;
  return { index, term: 0, configuration, configurationIndex: index };
}

/** One exploration. */
export class Exploration {
  readonly #bounds: Bounds;
  readonly #automata: Automata;
  readonly #renamings: readonly Renaming[];
  readonly #seen = new SeenHashes();
  readonly #sums: Hashes;
  /** By the number of a world: where it came from and by which action of which server. */
  readonly #parents: number[] = [];
  readonly #moves: number[] = [];
  #next: string[] = [];
  #steps = 0;
  #fault: { readonly world: World; readonly move: number; readonly what: string } | null = null;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#renamings = renamingsOf(bounds.voters);
    this.#sums = new Uint32Array(this.#renamings.length * 2);
    this.#automata = new Automata(baseOf(bounds), this.#renamings, bounds);
  }

  /** Explores. @param onDepth told at the end of each depth. */
  run(limits: Limits, onDepth: (findings: Findings) => void = () => {}): Findings {
    const begun = performance.now();
    const end = begun + limits.secondsMax * 1000;
    const report = (depth: number, isWhole: boolean): Findings => ({
      ...{ states: this.#seen.size, steps: this.#steps, depth, isWhole },
      serverStates: this.#automata.locals.length,
      messages: this.#automata.messages.length,
      seconds: (performance.now() - begun) / 1000,
      violation: this.#violation(),
    });
    this.#begin();
    for (let depth = 0; ; depth++) {
      const frontier = this.#next;
      const first = this.#parents.length - frontier.length;
      this.#next = [];
      for (let i = 0; i < frontier.length; i++) {
        this.#expand(this.#unpack(frontier[i] as string, first + i));
        const isOver = this.#seen.size >= limits.statesMax || performance.now() > end;
        if (this.#fault !== null || isOver) return report(depth + 1, false);
      }
      onDepth(report(this.#next.length === 0 ? depth : depth + 1, false));
      if (this.#next.length === 0) return report(depth, true);
    }
  }

  #begin(): void {
    const base = baseOf(this.#bounds);
    const count = this.#bounds.voters + this.#bounds.learners;
    const locals = Array.from({ length: count }, (_, i) =>
      this.#automata.start(new ModelServer(i + 1, base)),
    );
    const leaders = Array.from({ length: this.#bounds.termMax }, () => 0);
    const committed = this.#automata.root;
    this.#visit({ locals, messages: [], used: [0, 0, 0, 0], leaders, committed }, -1, -1);
  }

  #visit(world: Omit<World, 'number'>, parent: number, move: number): void {
    const sums = this.#sums;
    sums.fill(0);
    for (const local of world.locals) addHashes(sums, local.hashes);
    for (const id of world.messages) {
      addHashes(sums, (this.#automata.messages[id] as SentMessage).hashes);
    }
    addHashes(sums, world.committed.hashes);
    for (const [i, as] of this.#renamings.entries()) {
      const leaders = world.leaders.map((id) => (id === 0 ? 0 : as(id)));
      hashText(`${leaders.join()} ${world.used.join()}`, rest, 0);
      sums[i * 2] = (sums[i * 2] as number) + (rest[0] as number);
      sums[i * 2 + 1] = (sums[i * 2 + 1] as number) + (rest[1] as number);
    }
    if (!this.#seen.add(sums)) return;
    this.#next.push(this.#pack(world));
    this.#parents.push(parent);
    this.#moves.push(move);
  }

  /** A world as text: a frontier holds millions of them. */
  #pack({ locals, messages, used, leaders, committed }: Omit<World, 'number'>): string {
    const units = [...used, ...leaders, committed.id];
    for (const { id } of locals) units.push(id >>> 16, id & 0xffff);
    return String.fromCharCode(...units, ...messages);
  }

  #unpack(text: string, number: number): World {
    const { termMax, voters, learners } = this.#bounds;
    let at = 0;
    const take = (count: number): number[] =>
      Array.from({ length: count }, () => text.charCodeAt(at++));
    const used = take(4);
    const leaders = take(termMax);
    const committed = this.#automata.prefixes[text.charCodeAt(at++)] as Prefix;
    const locals: LocalState[] = [];
    for (let i = 0; i < voters + learners; i++) {
      const id = (text.charCodeAt(at++) << 16) | text.charCodeAt(at++);
      locals.push(this.#automata.locals[id] as LocalState);
    }
    const messages = take(text.length - at);
    return { locals, messages, used, leaders, committed, number };
  }

  #expand(world: World): void {
    for (let slot = 0; slot < world.locals.length; slot++) {
      const local = world.locals[slot] as LocalState;
      if (local.mayCampaign) this.#move(world, slot, { kind: 'campaign' });
      if (local.writes > 0) this.#move(world, slot, { kind: 'sync' });
      if (local.isLeader) this.#lead(world, slot, local);
      this.#spend(world, budget.crashes, this.#bounds.crashesMax, () => {
        for (let kept = 0; kept <= local.writes; kept++) {
          this.#move(world, slot, { kind: 'crash', kept }, budget.crashes);
        }
      });
      if (this.#fault !== null) return;
    }
    for (const id of world.messages) {
      const { message } = this.#automata.messages[id] as SentMessage;
      this.#move(world, message.to - 1, { kind: 'deliver', message });
      if (this.#fault !== null) return;
    }
  }

  #lead(world: World, slot: number, local: LocalState): void {
    const { termMax, proposalsMax, changesMax, ticksMax, changes } = this.#bounds;
    if (local.term < termMax) this.#move(world, slot, { kind: 'resign' });
    this.#spend(world, budget.ticks, ticksMax, () =>
      this.#move(world, slot, { kind: 'tick' }, budget.ticks),
    );
    this.#spend(world, budget.proposals, proposalsMax, (value) =>
      this.#move(world, slot, { kind: 'propose', value }, budget.proposals),
    );
    this.#spend(world, budget.changes, changesMax, () => {
      for (const each of changes) {
        this.#move(world, slot, { kind: 'change', changes: each }, budget.changes);
      }
    });
  }

  #spend(world: World, which: number, most: number, work: (used: number) => void): void {
    const used = world.used[which] as number;
    if (used < most) work(used);
  }

  #move(world: World, slot: number, action: Action, spent = -1): void {
    const before = world.locals[slot] as LocalState;
    const actionId = this.#automata.actionId(action);
    const step = this.#automata.step(before, actionId);
    this.#steps++;
    if (step === null) return;
    const move = actionId * 16 + slot;
    if ('fault' in step) return this.#broke(world, move, step.fault);
    const { next, sent } = step;
    const fresh = sent.filter((id) => !world.messages.includes(id));
    if (next === before && fresh.length === 0) return;
    const locals = world.locals.slice();
    locals[slot] = next;
    const fault = this.#judge(world, locals, slot, fresh);
    if (fault !== null) return this.#broke(world, move, fault);
    const used = world.used.slice();
    if (spent >= 0) used[spent] = (used[spent] as number) + 1;
    const leaders = world.leaders.slice();
    if (next.isLeader) leaders[next.term - 1] = next.server;
    const committed = committedAfter(next, world.committed);
    const messages = this.#messages(world, next, fresh);
    this.#visit({ locals, messages, used, leaders, committed }, world.number, move);
  }

  /** What is on the way, without what its receiver will never listen to any more. */
  #messages(world: World, next: LocalState, fresh: readonly number[]): readonly number[] {
    const all = fresh.length === 0 ? world.messages : [...world.messages, ...fresh];
    const old = world.locals[next.server - 1] as LocalState;
    const isPast = next.durableTerm > old.durableTerm;
    const kept = isPast ? all.filter((id) => !this.#isDead(id, next)) : all;
    return fresh.length === 0 ? kept : [...kept].sort((a, b) => a - b);
  }

  /** Answers of a term that is over, by the receiver's own disk, do nothing at all. */
  #isDead(id: number, receiver: LocalState): boolean {
    const { message } = this.#automata.messages[id] as SentMessage;
    if (message.to !== receiver.server || message.term >= receiver.durableTerm) return false;
    if (message.type === 'voteReply') return message.granted;
    return message.type === 'appendReply' || message.type === 'heartbeatReply';
  }

  #judge(
    world: World,
    locals: readonly LocalState[],
    slot: number,
    fresh: readonly number[],
  ): string | null {
    const before = world.locals[slot] as LocalState;
    const next = locals[slot] as LocalState;
    const { committed, leaders } = world;
    if (next.isLeader) {
      const leader = leaders[next.term - 1];
      if (leader !== 0 && leader !== next.server) return `two leaders in term ${next.term}`;
      const isNew = !before.isLeader || before.term !== next.term;
      const fault = isNew ? completenessFault(next, committed) : null;
      if (fault !== null) return fault;
    }
    if (next.commit > before.commit) {
      const fault = commitFault(before, next, committed, locals);
      if (fault !== null) return fault;
    }
    if (next.image !== before.image) {
      const fault = configurationFault(next.image, committedAfter(next, committed));
      if (fault !== null) return fault;
      for (const other of locals) {
        const apart = other === next ? null : matchingFault(next.image, other.image);
        if (apart !== null) return `${next.server} and ${other.server}: ${apart}`;
      }
    }
    return fresh.length === 0 ? null : this.#judgeVotes(world, fresh);
  }

  #judgeVotes(world: World, fresh: readonly number[]): string | null {
    const sent = world.messages.map((id) => (this.#automata.messages[id] as SentMessage).message);
    for (const id of fresh) {
      const fault = voteFault((this.#automata.messages[id] as SentMessage).message, sent);
      if (fault !== null) return fault;
    }
    return null;
  }

  #broke(world: World, move: number, what: string): void {
    this.#fault ??= { world, move, what };
  }

  #violation(): readonly string[] | null {
    if (this.#fault === null) return null;
    const moves = [this.#fault.move];
    for (let at = this.#fault.world.number; at > 0; at = this.#parents[at] as number) {
      moves.push(this.#moves[at] as number);
    }
    const lines = moves.reverse().map((move) => {
      const action = this.#automata.actions[Math.floor(move / 16)];
      return `${(move % 16) + 1}: ${JSON.stringify(action, (key, value) =>
        key === 'members' || key === 'encoded' ? undefined : value,
      )}`;
    });
    return [...lines, this.#fault.what];
  }
}

const rest = hashesOf(['']);

/** The longest prefix that anybody knows to be committed, once `next` is what it is. */
function committedAfter(next: LocalState, committed: Prefix): Prefix {
  return next.commit > committed.index
    ? (prefixAt(next.image, next.commit) ?? committed)
    : committed;
}
