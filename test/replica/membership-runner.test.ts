/**
 * The leader's runner over a puppet core that commits every change at once: policies and rumours
 * that count from the next look on, members that go step by step, hand-overs, and what people are
 * told.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log } from '../../src/base/log.js';
import { Rng } from '../../src/base/rng.js';
import type { Hearsay } from '../../src/membership/plan.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import { leaveJoint, planChange } from '../../src/raft/conf-change.js';
import type { CoreStatus, RaftCore } from '../../src/raft/core.js';
import type { Configuration, MemberChange, MemberId } from '../../src/raft/types.js';
import type { Outcome } from '../../src/replica/api.js';
import type { Driver } from '../../src/replica/driver.js';
import { MembershipRunner } from '../../src/replica/membership-runner.js';
import { Refs } from '../../src/replica/refs.js';
import { HandClock } from './hand-clock.js';

const tickMillis = 50;
const alive: Hearsay = { rumour: 'alive', deadForMillis: 0 };

interface Wish {
  readonly ref: number;
  readonly reason: string;
  readonly changes: readonly MemberChange[];
}

/** Member 1 leads these voters and learners; all answer and have the whole log. */
class Stage {
  readonly clock = new HandClock();
  readonly runner: MembershipRunner;
  readonly proposed: string[] = [];
  readonly said: string[] = [];
  readonly silent = new Set<MemberId>();
  readonly rumours = new Map<string, Hearsay>();
  readonly transfers: number[] = [];
  policy = defaultPolicy;
  ownHealthGood = true;
  #configuration: Configuration;
  #index = 100;

  constructor(voters: readonly MemberId[], learners: readonly MemberId[]) {
    const ids = [...voters, ...learners];
    const members = ids.map((id) => ({
      id,
      peerId: `p${id}`,
      incarnation: `i${id}`,
      name: `s${id}`,
    }));
    const sets = { voters, votersOutgoing: [], learners, learnersNext: [] };
    this.#configuration = { ...sets, members, reason: '' };
    const say = (_: unknown, message: string): void => void this.said.push(message);
    this.runner = new MembershipRunner(1, this.#configuration, {
      driver: {
        change: (wish: Wish) => this.#change(wish),
        transfer: (ref: number) => void this.transfers.push(ref),
      } as unknown as Driver,
      core: { status: () => this.#status() } as unknown as RaftCore,
      clock: this.clock,
      log: { debug: () => {}, info: say, warn: say, error: say } as unknown as Log,
      refs: new Refs(new Rng(1)),
      policy: () => this.policy,
      gossip: {
        health: (peerId) => this.rumours.get(peerId) ?? alive,
        ownHealthGood: () => this.ownHealthGood,
      },
      graves: () => [{ name: 'gone', removedAtIndex: 42 }],
    });
    this.runner.roleChanged(true, 2, 1);
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  /** A member stops; gossip calls it dead from now on for `deadForMillis` already. */
  die(id: MemberId, deadForMillis: number): void {
    this.silent.add(id);
    this.rumours.set(`p${id}`, { rumour: 'dead', deadForMillis });
  }

  pass(millis: number): void {
    for (let passed = 0; passed < millis; passed += tickMillis) {
      this.clock.pass(tickMillis);
      this.runner.ticked();
    }
  }

  #change({ ref, reason, changes }: Wish): void {
    this.#index += 1;
    const planned = planChange(this.#configuration, changes, this.#index, reason);
    assert.ok(planned.ok, planned.ok ? '' : planned.message);
    if (!planned.ok) return;
    this.proposed.push(reason);
    this.runner.accepted(ref, this.#index);
    const { configuration } = planned;
    const isJoint = configuration.votersOutgoing.length > 0;
    this.#configuration = isJoint ? leaveJoint(configuration) : configuration;
    this.runner.configured(this.#configuration);
    this.runner.configurationApplied(this.#index, this.#configuration);
  }

  #status(): CoreStatus {
    const others = this.#configuration.members.filter(({ id }) => id !== 1);
    const progress = others.map(({ id }): [MemberId, unknown] => [
      id,
      { match: this.#index, recentlyActive: !this.silent.has(id) },
    ]);
    return {
      term: 2,
      applied: this.#index,
      lastIndex: this.#index,
      configuration: this.#configuration,
      configurationIndex: this.#index,
      committedInTerm: true,
      progress: new Map(progress),
    } as unknown as CoreStatus;
  }
}

/** Keeps the one answer. */
function answer(): { readonly take: (outcome: Outcome<string>) => void; readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    take: (outcome) => void told.push(outcome.ok ? outcome.value : outcome.refusal.code),
  };
}

test('a dead voter is swapped when both witnesses agree for the whole wait', () => {
  const stage = new Stage([1, 2, 3], [4]);
  stage.pass(6000);
  stage.die(3, 60_000);
  stage.pass(9900);
  assert.equal(stage.proposed, []);
  stage.pass(500);
  assert.is(stage.proposed.length, 1);
  assert.equal(stage.configuration.voters, [1, 2, 4]);
  assert.equal(stage.configuration.learners, [3], 'it may come back and go on');
  assert.ok(stage.said.includes('member called dead'));
  stage.silent.delete(3);
  stage.rumours.delete('p3');
  stage.pass(1000);
  assert.ok(stage.said.includes('member is back'));
});

test('trap 51: one witness alone never costs a vote', () => {
  const stage = new Stage([1, 2, 3], [4]);
  stage.pass(6000);
  stage.silent.add(3);
  stage.rumours.set('p2', { rumour: 'dead', deadForMillis: 1e7 });
  stage.pass(120_000);
  assert.equal(stage.proposed, []);
  assert.equal(stage.configuration.voters, [1, 2, 3]);
});

test('a policy in the log counts from the next look on', () => {
  const stage = new Stage([1, 2, 3], [4, 5]);
  stage.policy = { ...defaultPolicy, votersWanted: 3 };
  stage.pass(10_000);
  assert.equal(stage.proposed, []);
  stage.policy = { ...defaultPolicy, votersWanted: 5 };
  stage.pass(200);
  assert.is(stage.configuration.voters.length, 5);
  stage.policy = { ...defaultPolicy, votersWanted: 3 };
  stage.pass(200);
  assert.equal(stage.configuration.voters, [1, 2, 3]);
});

test('an unwell leader calls nobody dead, and says so', () => {
  const stage = new Stage([1, 2, 3], [4]);
  stage.ownHealthGood = false;
  stage.pass(6000);
  stage.die(3, 60_000);
  stage.pass(60_000);
  assert.equal(stage.proposed, []);
  assert.is(stage.said.filter((line) => line === 'nobody is called dead now').length, 1);
});

test('a member that answers goes in two steps, and the asker hears of the last', () => {
  const stage = new Stage([1, 2, 3], [4]);
  stage.pass(6000);
  const { take, told } = answer();
  stage.runner.leave(3, take);
  stage.pass(tickMillis);
  assert.equal(stage.configuration.voters, [1, 2, 4]);
  assert.equal(stage.configuration.learners, [3]);
  assert.equal(told, [], 'not before it is out');
  assert.is(stage.runner.why('s3').state, 'leaving');
  stage.pass(tickMillis);
  assert.not.ok(stage.configuration.members.some(({ id }) => id === 3));
  assert.equal(told, ['s3 leaves by its own wish: done']);
  assert.equal(stage.proposed, [
    's3 leaves by its own wish: s4 votes in its place',
    's3 leaves by its own wish',
  ]);
});

test('the leader hands over before it goes, and the asker is sent to the next one', () => {
  const stage = new Stage([1, 2, 3], [4]);
  stage.pass(6000);
  const { take, told } = answer();
  stage.runner.remove(1, false, take);
  stage.pass(1000);
  assert.equal([stage.transfers.length, stage.proposed, told], [1, [], []]);
  assert.match(stage.runner.explain().reason, /handed over/);
  stage.runner.roleChanged(false, 3, 2);
  assert.equal(told, ['NOT_LEADER']);
});

test('a hand-over that does not come about ends the wish, and the leader goes on', () => {
  const stage = new Stage([1, 2, 3], [4]);
  stage.pass(6000);
  const { take, told } = answer();
  stage.runner.remove(1, false, take);
  stage.pass(5100);
  assert.equal(told, ['TIMEOUT']);
  const other = answer();
  stage.runner.remove(4, false, other.take);
  stage.pass(200);
  assert.equal(other.told, ['s4 removed by the operator: done']);
});

test('too few voters are left by force alone', () => {
  const stage = new Stage([1, 2, 3], []);
  stage.pass(6000);
  const { take, told } = answer();
  stage.runner.remove(3, false, take);
  stage.pass(200);
  assert.equal([told, stage.configuration.voters.length], [['CHANGE_REFUSED'], 3]);
  stage.runner.remove(3, true, take);
  stage.pass(200);
  assert.equal(told, ['CHANGE_REFUSED', 's3 removed by the operator: done']);
  assert.equal(stage.configuration.voters, [1]);
});

test('one about to be a stand-by is waited for, and others are not held up by it', () => {
  const stage = new Stage([1, 2, 3], []);
  stage.pass(6000);
  const joiner = { peerId: 'p9', incarnation: 'i9', name: 's9' };
  stage.runner.join(joiner, () => {});
  stage.pass(200);
  const leaving = answer();
  stage.runner.remove(3, false, leaving.take);
  stage.pass(1000);
  assert.equal(leaving.told, []);
  stage.pass(6000);
  assert.equal(leaving.told, ['s3 removed by the operator: done']);
  assert.is(stage.configuration.voters.length, 3);
});

test('one that never comes to be a stand-by is named when the wish ends', () => {
  const stage = new Stage([1, 2, 3], []);
  stage.policy = { ...defaultPolicy, stabilisationMillis: 60_000 };
  stage.runner.join({ peerId: 'p9', incarnation: 'i9', name: 's9' }, () => {});
  stage.pass(1000);
  const told: string[] = [];
  stage.runner.remove(3, false, (outcome) => {
    told.push(outcome.ok ? outcome.value : outcome.refusal.message);
  });
  stage.pass(21_000);
  assert.is(told.length, 1);
  assert.match(told[0] ?? '', /no turn within 20000 ms: s9 is about to be a stand-by for it/);
});

test('what waits is explained, and who was here is remembered', () => {
  const stage = new Stage([1, 2, 3], []);
  stage.policy = { ...defaultPolicy, learnersCatchingUpMax: 1 };
  stage.pass(6000);
  for (const name of ['a', 'b']) {
    stage.runner.join({ peerId: `p${name}`, incarnation: `i${name}`, name }, () => {});
  }
  stage.pass(200);
  assert.is(stage.runner.why('a').state, 'learner');
  assert.is(stage.runner.why('b').state, 'applicant');
  assert.match(stage.runner.why('b').lines[0] ?? '', /waits for its turn: at most 1 catch up/);
  assert.equal(stage.runner.why('gone').lines, ['removed by log entry 42']);
  assert.is(stage.runner.why('gone').state, 'removed');
  assert.is(stage.runner.why('2').name, 's2');
  assert.is(stage.runner.why('nobody').state, 'unknown');
  assert.equal(stage.runner.explain().leader, 's1');
  stage.runner.roleChanged(false, 3, 2);
  assert.match(stage.runner.explain().reason, /does not lead/);
});

test('every wish is answered once when the leader goes', () => {
  const stage = new Stage([1, 2, 3], []);
  stage.policy = { ...defaultPolicy, learnersCatchingUpMax: 1 };
  const { take, told } = answer();
  stage.pass(200);
  stage.runner.remove(2, true, take);
  stage.runner.remove(3, true, take);
  stage.runner.roleChanged(false, 3, 2);
  stage.runner.stop({ code: 'STOPPING', message: 'the server is stopping' });
  stage.pass(30_000);
  assert.equal(told, ['LEADER_CHANGED', 'LEADER_CHANGED']);
});

test.run();
