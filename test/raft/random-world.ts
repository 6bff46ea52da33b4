/**
 * A small random world: servers over a network that delays, loses, doubles and reorders, disks that
 * are slow, crashes that lose unsynced writes, membership that changes all the time. One seed, one
 * run, replayed exactly. Time is counted in moments; a tick of a server is about ten.
 */

import { strict as assert } from 'node:assert';
import { Rng } from '../../src/base/rng.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Message } from '../../src/raft/messages.js';
import { raftOptionsDefault } from '../../src/raft/options.js';
import type { Entry, LogBase, MemberChange, MemberId } from '../../src/raft/types.js';
import { Checker, founders } from './checker.js';
import { FakeServer, type Watcher } from './fake-server.js';

const serversMax = 9;
const momentsPerTick = 10;

const options = {
  ...raftOptionsDefault,
  appendEntriesMax: 8,
  inflightMessagesMax: 4,
  tailBytesMax: 400,
  uncommittedBytesMax: 4000,
};

/** How bad the world is. Percent for loss and doubling, moments for delays. */
export interface Faults {
  readonly servers: number;
  readonly loss: number;
  readonly doubling: number;
  readonly delayMax: number;
  readonly diskMax: number;
  readonly snapshots: boolean;
  /** Mean moments between two crashes or cuts. */
  readonly faultEvery: number;
}

/** Swarm: every seed has faults of its own. */
function drawFaults(rng: Rng): Faults {
  return {
    servers: [1, 2, 3, 3, 3, 4, 5, 5][rng.below(8)]!,
    loss: rng.below(2) * rng.below(30),
    doubling: rng.below(2) * rng.below(30),
    delayMax: [2, 8, 40, 150][rng.below(4)]!,
    diskMax: [1, 10, 60][rng.below(3)]!,
    snapshots: rng.below(2) === 0,
    faultEvery: [40, 100, 250][rng.below(3)]!,
  };
}

/** One run. */
export class RandomWorld implements Watcher {
  readonly checker: Checker;
  now = 0;
  messages = 0;
  readonly #rng: Rng;
  readonly #base: LogBase;
  readonly #seed: number;
  readonly #agenda = new Map<number, (() => void)[]>();
  readonly #nextTick = new Map<MemberId, number>();
  readonly #diskFree = new Map<MemberId, number>();
  #cut = new Set<MemberId>();
  readonly #faults: Faults;
  #delayMax: number;
  #diskMax: number;
  #calm = false;
  #ref = 0;

  constructor(seed: number, faults?: Faults) {
    this.#seed = seed;
    this.#rng = new Rng(seed);
    this.#faults = faults ?? drawFaults(this.#rng);
    this.#delayMax = this.#faults.delayMax;
    this.#diskMax = this.#faults.diskMax;
    const count = this.#faults.servers;
    const configuration = founders(count);
    this.#base = { index: count, term: 0, configuration, configurationIndex: count };
    this.checker = new Checker(count);
    for (const id of configuration.voters) this.#spawn(id, 0);
  }

  get #servers(): Map<MemberId, FakeServer> {
    return this.checker.servers;
  }

  #spawn(id: MemberId, joinIndex: number): void {
    const seed = this.#seed;
    const server = new FakeServer({ id, joinIndex, seed, base: this.#base, options }, this);
    this.#servers.set(id, server);
    this.#nextTick.set(id, this.now + this.#rng.below(momentsPerTick));
    server.start();
  }

  #at(delay: number, then: () => void): void {
    const moment = this.now + Math.max(1, delay);
    const list = this.#agenda.get(moment);
    if (list === undefined) this.#agenda.set(moment, [then]);
    else list.push(then);
  }

  // ---- what servers do ----

  sent(server: FakeServer, message: Message): void {
    this.checker.sent(server, message);
    this.messages++;
    const rng = this.#rng;
    if (!this.#calm && rng.below(100) < this.#faults.loss) return;
    const copies = !this.#calm && rng.below(100) < this.#faults.doubling ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.#at(rng.between(1, this.#delayMax), () => {
        if (this.#cut.has(message.from) !== this.#cut.has(message.to)) return;
        this.#servers.get(message.to)?.step({ type: 'message', message });
      });
    }
  }

  effect(server: FakeServer, effect: Effect): void {
    this.checker.effect(server, effect);
    if (effect.type !== 'sendSnapshot') return;
    const base = server.image.base;
    this.#at(this.#rng.between(1, this.#delayMax * 2), () =>
      this.#snapshotTo(effect.to, server, base),
    );
  }

  #snapshotTo(to: MemberId, from: FakeServer, base: LogBase): void {
    const lost = !this.#calm && (this.#cut.has(to) || this.#rng.below(5) === 0);
    const target = this.#servers.get(to);
    if (lost || target === undefined || !target.install(base, from.id)) {
      from.step({ type: 'snapshotFailed', to });
    }
  }

  applied(server: FakeServer, entry: Entry): void {
    this.checker.applied(server, entry);
    for (const { id } of entry.configuration?.members ?? []) {
      // A newcomer begins once its admission is committed, as it would be told by the leader.
      if (!this.#servers.has(id)) this.#at(1, () => this.#servers.has(id) || this.#spawn(id, id));
    }
  }

  written(entries: readonly Entry[]): void {
    this.checker.written(entries);
  }

  writing(server: FakeServer): void {
    // One disk does one thing after the other.
    const free = Math.max(this.now, this.#diskFree.get(server.id) ?? 0);
    const done = free + this.#rng.between(1, this.#diskMax);
    this.#diskFree.set(server.id, done);
    const { starts } = server;
    this.#at(done - this.now, () => {
      if (server.alive && server.starts === starts) server.syncOne();
    });
  }

  // ---- what happens to them ----

  #moment(): void {
    this.now++;
    for (const [id, at] of this.#nextTick) {
      if (at > this.now) continue;
      const pace = momentsPerTick + (this.#calm ? 0 : this.#rng.between(-3, 3));
      this.#nextTick.set(id, this.now + pace);
      this.#servers.get(id)?.step({ type: 'tick' });
    }
    const due = this.#agenda.get(this.now);
    if (due === undefined) return;
    this.#agenda.delete(this.now);
    for (const then of due) then();
  }

  /** Faults and wishes for so many moments. */
  disturb(moments: number): void {
    for (const end = this.now + moments; this.now < end; ) {
      this.#moment();
      if (this.#rng.below(6) === 0) this.#wish();
      if (this.#rng.below(this.#faults.faultEvery) === 0) this.#fault();
    }
  }

  /** Commands at a steady pace and nothing else; returns the messages for each one committed. */
  work(moments: number): number {
    const [messages, commits] = [this.messages, this.checker.commitMax];
    for (const end = this.now + moments; this.now < end; ) {
      this.#moment();
      if (this.now % 5 !== 0) continue;
      const leader = [...this.#servers.values()].find(({ status }) => status.role === 'leader');
      if (leader !== undefined) this.#propose(leader);
    }
    return (this.messages - messages) / (this.checker.commitMax - commits);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#rng.below(list.length)]!;
  }

  #wish(): void {
    const server = this.#pick([...this.#servers.values()]);
    if (!server.alive) return;
    const ref = ++this.#ref;
    const leads = server.status.role === 'leader';
    switch (this.#rng.below(leads ? 6 : 3)) {
      case 0:
        this.checker.readBegins(ref);
        server.step({ type: 'read', ref });
        return;
      case 1:
        if (this.#faults.snapshots) server.takeSnapshot();
        return;
      case 4:
        if (this.#rng.below(3) === 0) server.step({ type: 'transfer', ref, to: 0 });
        return;
      case 5:
        if (this.#rng.below(3) === 0) this.#change(server, ref);
        return;
      default:
        this.#propose(server);
    }
  }

  #propose(server: FakeServer): void {
    const proposals = Array.from({ length: this.#rng.between(1, 5) }, () => {
      const ref = ++this.#ref;
      const data = new Uint8Array([ref & 255, ref >> 8]);
      return { ref, timeMillis: this.now, data };
    });
    server.step({ type: 'propose', proposals });
  }

  #change(server: FakeServer, ref: number): void {
    const { configuration, configurationIndex } = server.status;
    const changes: MemberChange[] = [];
    const touched = new Set<MemberId>();
    for (let i = this.#rng.between(1, 3); i > 0; i--) {
      const { id } = this.#pick(configuration.members);
      if (touched.has(id)) continue;
      touched.add(id);
      const voter = configuration.voters.includes(id);
      if (!voter && this.#rng.below(4) > 0) changes.push({ op: 'promote', id });
      else if (voter && this.#rng.below(2) === 0) changes.push({ op: 'demote', id });
      else changes.push({ op: 'remove', id });
    }
    if (this.#servers.size < serversMax && this.#rng.below(2) === 0) {
      const name = `n${ref}`;
      changes.push({ op: 'addLearner', member: { peerId: name, incarnation: name, name } });
      if (configuration.voters.length < 3) changes.splice(0, changes.length - 1);
    }
    server.step({
      type: 'change',
      ref,
      expected: configurationIndex,
      timeMillis: this.now,
      reason: 'random',
      changes,
    });
  }

  #fault(): void {
    const servers = [...this.#servers.values()];
    const server = this.#pick(servers);
    switch (this.#rng.below(5)) {
      case 4: {
        const leaders = servers.filter(({ status }) => status.role === 'leader');
        this.#cut = new Set(leaders.map(({ id }) => id));
        return;
      }
      case 0:
        if (server.alive) server.crash(this.#rng.below(server.writes + 1));
        return;
      case 1:
        for (const one of servers) if (!one.alive) one.restart();
        return;
      case 2:
        this.#cut = new Set(servers.filter(() => this.#rng.below(2) === 0).map(({ id }) => id));
        return;
      default:
        this.#cut = new Set();
    }
  }

  /** Everything is mended; a new command must reach every member within `ticks`. */
  heal(ticks: number): void {
    this.#calm = true;
    this.#cut = new Set();
    this.#delayMax = 3;
    this.#diskMax = 3;
    for (const server of this.#servers.values()) if (!server.alive) server.restart();
    const end = this.now + ticks * momentsPerTick;
    let wanted = 0;
    while (this.now < end) {
      this.#moment();
      if (this.now % momentsPerTick !== 0) continue;
      if (wanted === 0) wanted = this.#lastCommand();
      else if (this.#allHave(wanted)) return;
      else if (this.now % (momentsPerTick * 20) === 0) wanted = 0;
    }
    assert.fail(`no progress ${ticks} ticks after healing (wanted ${wanted})`);
  }

  /**
   * A command goes to the leader with the highest term; its index, or 0 while nobody can take it.
   */
  #lastCommand(): number {
    const leaders = [...this.#servers.values()].filter(({ status }) => status.role === 'leader');
    const newest = leaders.sort((a, b) => b.status.term - a.status.term)[0];
    if (newest === undefined || newest.status.configuration.votersOutgoing.length > 0) return 0;
    const before = newest.answers.length;
    this.#propose(newest);
    const answer = newest.answers[before];
    return answer?.type === 'accepted' ? answer.index : 0;
  }

  #allHave(index: number): boolean {
    const leaders = [...this.#servers.values()].filter(({ status }) => status.role === 'leader');
    return leaders.some(({ status }) =>
      status.configuration.members.every(
        ({ id }) => (this.#servers.get(id)?.appliedIndex ?? 0) >= index,
      ),
    );
  }
}
