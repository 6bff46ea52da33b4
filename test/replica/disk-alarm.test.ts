/**
 * A member whose disk is full: what it takes and what not, to whom it hands over, what it tells;
 * and what its leader sends to it meanwhile. The second half drives real cores, and a real log on
 * a disk in memory.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Refusal } from '../../src/base/errors.js';
import type { DiskFitness } from '../../src/membership/table.js';
import type { RaftCore } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Input } from '../../src/raft/inputs.js';
import type { Message } from '../../src/raft/messages.js';
import type { Configuration, MemberId } from '../../src/raft/types.js';
import type { Outcome } from '../../src/replica/api.js';
import { DiskAlarm } from '../../src/replica/disk-alarm.js';
import { Driver, type DriverEvents } from '../../src/replica/driver.js';
import type { Shortage } from '../../src/storage/log-store.js';
import { configurationOf, entry, loneCore } from '../raft/lone-core.js';
import { MemoryDisk } from '../storage/memory-disk.js';
import { WalFixture } from '../storage/wal-fixture.js';
import { HandClock } from './hand-clock.js';

const shortage: Shortage = { code: 'ENOSPC', directory: 'data/log', message: 'write: ENOSPC' };

/** The alarm of member 1 of some voters, among puppets. */
class Stage {
  readonly clock = new HandClock();
  readonly alarm: DiskAlarm;
  readonly told: DiskFitness[] = [];
  readonly said: string[] = [];
  readonly full = new Set<string>();
  readonly dead = new Set<MemberId>();
  readonly transfers: MemberId[] = [];
  answer: ((outcome: Outcome<string>) => void) | null = null;
  refused: Refusal | null = null;
  transferTo: MemberId | null = null;
  configuration: Configuration = configurationOf(3);
  matches: Readonly<Record<number, number>> = { 2: 7, 3: 9, 4: 9 };

  constructor() {
    const say = (_: unknown, event: string): void => void this.said.push(event);
    this.alarm = new DiskAlarm({
      self: 1,
      clock: this.clock,
      log: { debug: say, info: say, warn: say, error: say },
      core: { status: () => this.#status() },
      membership: {
        transfer: (to, answer) => {
          this.transfers.push(to);
          this.answer = answer;
        },
        nameOf: (id) => `n${id}`,
      },
      requests: {
        refuseCommands: (reason) => {
          this.refused = reason;
        },
      },
      gossip: {
        disk: (fitness) => void this.told.push(fitness),
        isDiskFull: (peer) => this.full.has(peer),
      },
    });
  }

  pass(millis: number): void {
    this.clock.pass(millis);
    this.alarm.ticked();
  }

  #status(): ReturnType<RaftCore['status']> {
    const progress = new Map(
      this.configuration.members.map(({ id }) => [
        id,
        { match: this.matches[id] ?? 0, recentlyActive: !this.dead.has(id) },
      ]),
    );
    progress.delete(1);
    const { configuration, transferTo } = this;
    return { configuration, transferTo, progress } as unknown as ReturnType<RaftCore['status']>;
  }
}

function peerOf(stage: Stage, id: MemberId): string {
  return stage.configuration.members.find((member) => member.id === id)?.peerId ?? '';
}

test('it is said once when it begins and once when it ends, with what to do', () => {
  const stage = new Stage();
  assert.is(stage.alarm.line, null);
  stage.alarm.changed(shortage);
  assert.match(
    stage.alarm.line as string,
    /full \(ENOSPC\).* data\/log; make room there: .*itself$/,
  );
  for (let i = 0; i < 10; i++) stage.pass(1000);
  stage.alarm.changed(null);
  assert.is(stage.alarm.line, null);
  assert.equal(stage.said, ['the disk is full', 'the disk has room again']);
  assert.equal(stage.told, ['full', 'well']);
});

test('a leader hands over to the furthest voter that lives and has room, until it succeeds', () => {
  const stage = new Stage();
  stage.configuration = configurationOf(4, 1);
  stage.alarm.roleChanged(true);
  assert.equal([stage.transfers, stage.refused], [[], null]);
  stage.alarm.changed(shortage);
  assert.equal(stage.transfers, [3], 'not 4, which is as far and a learner');
  assert.is(stage.refused?.code, 'DISK_FAILED');
  assert.ok((stage.refused?.retryAfterMillis as number) > 0);
  stage.transferTo = 3;
  stage.pass(600);
  assert.equal(stage.transfers, [3], 'one at a time');
  stage.transferTo = null;
  stage.full.add(peerOf(stage, 3));
  stage.pass(600);
  assert.equal(stage.transfers, [3, 2]);
  stage.dead.add(2);
  stage.pass(600);
  assert.equal(stage.transfers, [3, 2], 'nobody is left: it keeps the lead, and refuses');
  assert.is(stage.refused?.code, 'DISK_FAILED');
  stage.dead.clear();
  stage.pass(600);
  stage.answer?.({ ok: true, value: '' });
  stage.alarm.roleChanged(false);
  assert.is(stage.refused, null, 'who does not lead refuses nothing: it passes on');
  assert.is(stage.said.at(-1), 'leadership handed over, for the disk is full');
});

test('an only voter refuses until it has room', () => {
  const stage = new Stage();
  stage.configuration = configurationOf(1);
  stage.alarm.changed(shortage);
  assert.is(stage.refused, null);
  stage.alarm.roleChanged(true);
  assert.match(stage.refused?.message as string, /make room/);
  stage.pass(5000);
  assert.equal(stage.transfers, []);
  stage.alarm.changed(null);
  assert.is(stage.refused, null);
});

test('a leader takes no commands when no majority of either set has room', () => {
  const stage = new Stage();
  stage.alarm.roleChanged(true);
  stage.full.add(peerOf(stage, 2));
  stage.pass(600);
  assert.is(stage.refused, null, 'two of three have room');
  stage.full.add(peerOf(stage, 3));
  stage.pass(600);
  assert.is(stage.refused?.code, 'DISK_FAILED');
  assert.match(stage.refused?.message as string, /disks of \S+, \S+ are full/);
  assert.equal(stage.transfers, []);
  stage.full.delete(peerOf(stage, 2));
  stage.pass(600);
  assert.is(stage.refused, null);
  stage.configuration = { ...configurationOf(5), voters: [1, 4, 5], votersOutgoing: [1, 2, 3] };
  stage.full.add(peerOf(stage, 2));
  stage.pass(600);
  assert.is(stage.refused?.code, 'DISK_FAILED', 'the old voters cannot write');
});

test('a full member is deaf to commands, and hears all else', () => {
  const stage = new Stage();
  const append = (entries: Message & { type: 'append' }): boolean => stage.alarm.admits(entries);
  const of = (...entries: ReturnType<typeof entry>[]): Message & { type: 'append' } => {
    const at = { prevIndex: 3, prevTerm: 1, commit: 3, sequence: 1 };
    return { type: 'append', from: 2, to: 1, term: 1, ...at, entries };
  };
  const rows: [Message & { type: 'append' }, boolean][] = [
    [of(), false],
    [of(entry(4, 1, 'command')), false],
    [of(entry(4, 1), entry(5, 1, 'command')), false],
    [of(entry(4, 1)), true],
    [of(entry(4, 1), entry(5, 1, configurationOf(3))), true],
  ];
  for (const [message] of rows) assert.ok(append(message), 'with room all is heard');
  stage.alarm.changed(shortage);
  for (const [message, isHeard] of rows) assert.is(append(message), isHeard);
  const vote = { preVote: false, lastIndex: 3, lastTerm: 1, transfer: false };
  assert.ok(stage.alarm.admits({ type: 'voteRequest', from: 2, to: 1, term: 2, ...vote }));
  assert.ok(
    stage.alarm.admits({ type: 'heartbeat', from: 2, to: 1, term: 2, commit: 3, round: 1 }),
  );
});

/** Three cores, of which 3 may be full; what is written is on disk at once. */
class Cluster {
  readonly cores = new Map([1, 2, 3].map((self) => [self, loneCore({ self, seed: self })]));
  readonly stage = new Stage();
  readonly down = new Set<MemberId>();
  /** Messages to 3, and bytes of entries in them. */
  messages = 0;
  bytes = 0;

  step(id: MemberId, input: Input): void {
    const work: [MemberId, Input][] = [[id, input]];
    for (let at = 0; at < work.length; at++) {
      const [to, next] = work[at] as [MemberId, Input];
      const core = this.cores.get(to) as RaftCore;
      for (const effect of core.step(next)) this.#carryOut(to, effect, work);
    }
  }

  #carryOut(from: MemberId, effect: Effect, work: [MemberId, Input][]): void {
    if (effect.type === 'persist') {
      const { lastIndex: index, lastTerm: term } = effect;
      work.push([from, { type: 'persisted', index, term }]);
    } else if (effect.type === 'apply') {
      work.push([from, { type: 'applied', index: effect.upTo }]);
    } else if (effect.type === 'send') {
      const { message } = effect;
      const { to } = message;
      if (to === 3) {
        this.messages++;
        if (message.type === 'append') {
          for (const { data } of message.entries) this.bytes += data.length;
        }
      }
      const isHeard = to !== 3 || this.stage.alarm.admits(message);
      if (isHeard && !this.down.has(to)) work.push([to, { type: 'message', message }]);
    }
  }

  tick(times: number, commandBytes = 0): void {
    for (let i = 0; i < times; i++) {
      for (const id of this.cores.keys()) if (!this.down.has(id)) this.step(id, { type: 'tick' });
      if (commandBytes === 0) continue;
      const data = new Uint8Array(commandBytes);
      this.step(this.leader, { type: 'propose', proposals: [{ ref: i, timeMillis: 1, data }] });
    }
  }

  get leader(): MemberId {
    const leads = ([id, core]: [MemberId, RaftCore]): boolean =>
      !this.down.has(id) && core.status().role === 'leader';
    return [...this.cores].find(leads)?.[0] ?? 0;
  }

  last(id: MemberId): number {
    return (this.cores.get(id) as RaftCore).status().lastIndex;
  }

  /** Elects one of these. */
  elect(...wanted: readonly MemberId[]): void {
    for (let i = 0; i < 500 && !wanted.includes(this.leader); i++) this.tick(1);
    assert.ok(wanted.includes(this.leader), `${this.leader} leads`);
  }
}

test('a full follower stops nobody, is stormed by nobody, and catches up', () => {
  const cluster = new Cluster();
  for (const id of [1, 2]) cluster.step(id, { type: 'tick' });
  while (cluster.leader === 0 || cluster.leader === 3) {
    cluster.tick(1);
    if (cluster.leader === 3) cluster.step(3, { type: 'transfer', ref: 1, to: 1 });
  }
  cluster.tick(5, 1000);
  assert.is(cluster.last(3), cluster.last(1));
  const before = cluster.last(3);
  cluster.stage.alarm.changed(shortage);
  cluster.messages = 0;
  cluster.bytes = 0;
  const { leader } = cluster;
  cluster.tick(20_000, 1000);
  assert.is(cluster.leader, leader, 'it neither loses its leader nor deposes it');
  const { commit } = (cluster.cores.get(leader) as RaftCore).status();
  assert.ok(commit > before + 19_990, 'the others go on');
  assert.is(cluster.last(3), before);
  // One window of entries at most, and a heartbeat and an empty append each interval.
  assert.ok(cluster.bytes < 9 * 1024 * 1024, `${cluster.bytes} bytes`);
  assert.ok(cluster.messages < 3 * 20_000, `${cluster.messages} messages`);
  cluster.stage.alarm.changed(null);
  cluster.bytes = 0;
  for (let i = 0; i < 200 && cluster.last(3) < cluster.last(leader); i++) cluster.tick(1);
  assert.is(cluster.last(3), cluster.last(leader), 'it has caught up');
  assert.ok(cluster.bytes < 1.2 * 20_000 * 1000, `${cluster.bytes} bytes, each about once`);
});

test('with one server lost the full one still votes, and the cluster can be read', () => {
  const cluster = new Cluster();
  cluster.elect(1, 2, 3);
  cluster.tick(5, 100);
  cluster.stage.alarm.changed(shortage);
  const lost = cluster.leader === 3 ? 1 : cluster.leader;
  cluster.down.add(lost);
  const other = 3 - lost;
  cluster.elect(other, 3);
  if (cluster.leader === 3) {
    cluster.step(3, { type: 'transfer', ref: 9, to: other });
    cluster.elect(other);
  }
  cluster.tick(5);
  const core = cluster.cores.get(other) as RaftCore;
  assert.ok(core.status().committedInTerm, 'the first entry of the term is on its disk too');
  cluster.tick(50, 100);
  assert.is(core.status().commit, cluster.last(3), 'and no command');
});

/** A real core and log under a real driver, on a disk without a byte of room. */
test('a vote waits for room, and heartbeats are answered meanwhile', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  const clock = new HandClock();
  const sent: Message[] = [];
  const nothing = (): void => {};
  const events = {
    send: (message: Message) => sent.push(message) > 0,
    ticked: nothing,
    note: nothing,
    configured: nothing,
    roleChanged: nothing,
    applyUpTo: nothing,
    fatal: (reason: string) => assert.unreachable(reason),
  };
  const core = loneCore({ self: 2 });
  const driver = new Driver(50, {
    core,
    store,
    clock,
    events: events as unknown as DriverEvents,
  });
  const settle = (): void => {
    for (let i = 0; i < 5; i++) {
      clock.settle();
      fixture.settle();
    }
  };
  const hear = (message: Message): void => {
    driver.message(message);
    settle();
  };
  fixture.disk.isCopying = true;
  fixture.disk.roomBytes = 300;
  const vote = { preVote: false, lastIndex: 3, lastTerm: 0, transfer: false };
  hear({ type: 'voteRequest', from: 1, to: 2, term: 5, ...vote });
  assert.equal(sent, [], 'its vote is not on disk');
  hear({ type: 'heartbeat', from: 1, to: 2, term: 5, commit: 3, round: 4 });
  assert.equal(
    sent.map(({ type, term }) => [type, term]),
    [['heartbeatReply', 5]],
  );
  fixture.clock.fire();
  settle();
  assert.is(sent.length, 1);
  fixture.disk.roomBytes = 1 << 20;
  fixture.clock.fire();
  settle();
  assert.is(sent.length, 2);
  const reply = sent[1] as Message & { type: 'voteReply' };
  assert.equal([reply.type, reply.to, reply.term, reply.granted], ['voteReply', 1, 5, true]);
  const crashed = new WalFixture(fixture.disk.afterCrash(() => 'old'));
  assert.equal(crashed.open().recovered.hardState, { term: 5, vote: 1 });
});

test.run();
