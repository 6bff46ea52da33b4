/**
 * Traps of docs/traps.md that need more than a row or a scenario file: each in the words of the
 * mistake. What other files of this folder hold already is not held again here.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { enterJoint } from '../../src/raft/conf-change.js';
import type { RaftCore } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { AppendReply, VoteRequest } from '../../src/raft/messages.js';
import type { MemberChange } from '../../src/raft/types.js';
import {
  elect,
  type LoneInit,
  loneCore,
  persistAll,
  sent,
  tell,
  tickToCampaign,
} from './lone-core.js';
import { RandomWorld } from './random-world.js';
import { ScenarioWorld } from './scenario-world.js';

function ask(from: number, term: number, rest: Partial<VoteRequest> = {}): VoteRequest {
  const log = { lastIndex: 9, lastTerm: 9, transfer: false };
  return { type: 'voteRequest', from, to: 1, term, preVote: false, ...log, ...rest };
}

function answer(from: number, sequence: number, rest: Partial<AppendReply>): AppendReply {
  const base = { index: 0, hintIndex: 0, hintTerm: 0, ok: true };
  return { type: 'appendReply', from, to: 1, term: 1, sequence, ...base, ...rest };
}

/** Server 1 of three leads term 1; its first entry, 4, is committed and applied. */
function leader(init: LoneInit = {}): RaftCore {
  const core = loneCore(init);
  persistAll(core, elect(core));
  const { lastIndex } = core.status();
  for (const id of core.status().progress.keys()) tell(core, answer(id, 1, { index: lastIndex }));
  core.step({ type: 'applied', index: lastIndex });
  return core;
}

function change(core: RaftCore, ...changes: MemberChange[]): readonly Effect[] {
  const expected = core.status().configurationIndex;
  return core.step({ type: 'change', ref: 1, expected, timeMillis: 0, reason: '', changes });
}

function propose(core: RaftCore): readonly Effect[] {
  const data = new Uint8Array(1);
  return core.step({ type: 'propose', proposals: [{ ref: 9, timeMillis: 0, data }] });
}

/** Runs the commands; the whole trace. */
function play(world: ScenarioWorld, ...lines: string[]): readonly string[] {
  return lines.flatMap((line) => world.run(line));
}

test('trap 3: a restarted joiner stands by the configuration in its log, committed or not', () => {
  const world = new ScenarioWorld();
  play(world, 'founders 2 learners=1', 'settle', 'tick 1', 'settle');
  // 2 has the entry that makes it a voter on disk; then both crash before it is committed.
  play(world, 'change 1 1 promote:2', 'deliver 1 2', 'sync 1', 'sync 2', 'drop');
  play(world, 'crash 1', 'crash 2', 'restart 1', 'restart 2', 'timeout 2', 'settle');
  const status = play(world, 'status');
  assert.match(status.join('\n'), /leader term 2 leader 2, .* voters 1 2$/m);
});

test('trap 3: a joiner that crashes before its promotion is on disk still gives its vote', () => {
  const world = new ScenarioWorld();
  play(world, 'founders 2 learners=1', 'settle', 'tick 1', 'settle');
  play(world, 'change 1 1 promote:2', 'deliver 1 2', 'sync 1', 'drop');
  play(world, 'crash 1', 'crash 2', 'restart 1', 'restart 2', 'timeout 1', 'settle');
  assert.match(play(world, 'status').join('\n'), /leader term 2 leader 1, .* voters 1 2$/m);
});

test('trap 6: two changes one after the other never leave two leaders in a term', () => {
  const world = new ScenarioWorld();
  play(world, 'founders 5 learners=2', 'timeout 1', 'settle', 'tick 1', 'settle');
  // 1 alone has both: it grows by 4 with the joint entry in its own log, and is cut off.
  play(world, 'cut 1 4', 'change 1 1 promote:4', 'settle');
  play(world, 'crash 3', 'restart 3', 'timeout 2', 'settle', 'heal', 'settle');
  const leaders = play(world, 'status').filter((line) => line.includes(': leader'));
  assert.ok(
    leaders.some((line) => line.startsWith('2: leader term 2')),
    leaders.join('\n'),
  );
  // And the first leader learns so: what it had begun is taken back.
  play(world, 'tick 2', 'settle', 'tick 2', 'settle');
  assert.match(play(world, 'status').join('\n'), /^1: follower term 2 leader 2, .*voters 1 2 3,/m);
});

test('trap 9: while a joint phase is committed and not applied, no other change begins', () => {
  const core = leader({ members: 4, learners: 1 });
  persistAll(core, change(core, { op: 'promote', id: 4 }));
  for (const id of [2, 3, 4]) tell(core, answer(id, 2, { index: 6 }));
  assert.is(core.status().commit, 6);
  const member = { peerId: 'n', incarnation: 'n', name: 'n' };
  const [refused] = change(core, { op: 'addLearner', member });
  assert.ok(refused?.type === 'refused' && refused.code === 'CHANGE_IN_PROGRESS');
});

test('trap 10: a snapshot is taken by whoever only its outgoing half names', () => {
  const core = loneCore({ self: 3, members: 4, learners: 1 });
  const { configuration } = core.status();
  const wanted = { voters: [1, 2, 4], learners: [], reason: '' };
  const joint = enterJoint([1, 2, 3], wanted, configuration.members);
  const base = { index: 8, term: 2, configuration: joint, configurationIndex: 7 };
  core.step({ type: 'snapshotInstalled', base, from: 1 });
  const { commit, configurationIndex } = core.status();
  assert.equal([commit, configurationIndex], [8, 7]);
});

test('trap 17: a removed leader leads until the last configuration is committed', () => {
  const core = leader();
  persistAll(core, change(core, { op: 'remove', id: 1 }));
  persistAll(core, propose(core));
  for (const id of [2, 3]) tell(core, answer(id, 2, { index: 5 }));
  persistAll(core, core.step({ type: 'applied', index: 5 }));
  assert.equal(core.status().configuration.voters, [2, 3]);
  // The command before the last configuration is committed: no reason to go.
  for (const id of [2, 3]) tell(core, answer(id, 3, { index: 6 }));
  core.step({ type: 'applied', index: 6 });
  assert.is(core.status().commit, 6);
  assert.is(core.status().role, 'leader');
  for (const id of [2, 3]) tell(core, answer(id, 4, { index: 7 }));
  assert.is(core.status().role, 'follower');
});

test('trap 25: a vote of another term elects nobody', () => {
  const core = loneCore({ terms: [3] });
  persistAll(core, tickToCampaign(core));
  const reply = { type: 'voteReply', from: 2, to: 1, granted: true } as const;
  persistAll(core, tell(core, { ...reply, term: 4, preVote: true }));
  assert.is(core.status().role, 'candidate');
  tell(core, { ...reply, term: 3, preVote: false });
  assert.is(core.status().role, 'candidate');
  tell(core, { ...reply, term: 4, preVote: false });
  assert.is(core.status().role, 'leader');
});

test('trap 30: a vote in a term that is on disk already is written too', () => {
  const core = loneCore({ term: 9 });
  const effects = tell(core, ask(2, 9));
  const persist = effects.findIndex((effect) => effect.type === 'persist');
  const send = effects.findIndex((effect) => effect.type === 'send');
  const written = effects[persist];
  assert.ok(written?.type === 'persist');
  assert.equal(written.hardState, { term: 9, vote: 2 });
  assert.ok(persist < send);
  const reply = effects[send];
  assert.ok(reply?.type === 'send' && reply.after === 'persisted');
});

test('trap 31: who has not heard its leader for the shortest timeout votes, timer or not', () => {
  const core = loneCore({ options: { electionTicksMax: 1000 }, seed: 3 });
  tell(core, { type: 'heartbeat', from: 2, to: 1, term: 1, commit: 0, round: 0 });
  const granted = (): boolean => {
    const [reply] = sent(tell(core, ask(3, 2, { preVote: true })));
    return reply?.type === 'voteReply' && reply.granted;
  };
  for (let tick = 0; tick < 6; tick++) {
    assert.is(granted(), false, `tick ${tick}`);
    core.step({ type: 'tick' });
  }
  assert.is(core.status().leader, 2, 'its own timer runs on');
  assert.is(granted(), true);
});

test('trap 36: the incoming half alone commits nothing and confirms no read', () => {
  const world = new ScenarioWorld();
  play(world, 'founders 6 learners=3', 'timeout 1', 'settle', 'cut 2 3');
  play(world, 'change 1 1 promote:4 promote:5 promote:6 remove:2 remove:3', 'settle');
  const cut = play(world, 'read 1 7', 'settle', 'tick 1', 'settle', 'status');
  assert.not(cut.some((line) => line.includes('read 7 at')));
  assert.match(cut.join('\n'), /^1: leader .* commit 7, voters 1 4 5 6, outgoing 1 2 3$/m);
  const healed = play(world, 'heal', 'tick 1', 'settle', 'tick 1', 'settle');
  assert.ok(healed.some((line) => line.includes('read 7 at')));
});

test('trap 43: an answer from before the loss of its data does not make it whole again', () => {
  const core = leader();
  persistAll(core, propose(core));
  persistAll(core, propose(core));
  tell(core, answer(3, 2, { index: 5 }));
  tell(core, answer(3, 3, { index: 6 }));
  // The commit may go out with the first tick; at the second nothing else is under way.
  for (let tick = 0; tick < 2; tick++) core.step({ type: 'tick' });
  const pulse = { type: 'heartbeatReply', from: 3, to: 1, term: 1, round: 0 } as const;
  const [check] = sent(tell(core, { ...pulse, lastIndex: 3 }));
  assert.ok(check?.type === 'append' && check.entries.length === 0);
  tell(core, answer(3, check.sequence, { ok: false, index: 6, hintIndex: 3 }));
  assert.is(core.status().progress.get(3)?.match, 0);
  tell(core, answer(3, 3, { index: 6 }));
  assert.is(core.status().progress.get(3)?.match, 0);
});

test('trap 53: partitions and removals at once lose nothing that was committed', () => {
  let [cuts, commits] = [0, 0];
  for (let seed = 53_001; seed <= 53_040; seed++) {
    const faults = { servers: 5, loss: 10, doubling: 10, delayMax: 40, diskMax: 10 };
    const world = new RandomWorld(seed, { ...faults, snapshots: false, faultEvery: 40 });
    try {
      world.disturb(3000);
      world.heal(400);
    } catch (error) {
      throw new Error(`seed ${seed}, moment ${world.now}`, { cause: error });
    }
    cuts += world.checker.cuts;
    commits += world.checker.commitMax;
  }
  assert.ok(cuts > 5 && commits > 40 * 20, `${cuts} cuts, ${commits} commits`);
});

test('a refusal from before the pipeline began starts no second chain of appends', () => {
  const core = leader();
  persistAll(core, propose(core));
  const late = answer(3, 1, { ok: false, index: 4, hintIndex: 3 });
  assert.equal(sent(tell(core, late)), []);
  assert.is(core.status().progress.get(3)?.state, 'replicate');
});

test.run();
