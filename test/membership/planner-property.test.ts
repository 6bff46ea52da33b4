/**
 * What holds of every plan, whatever the configuration, the health and the policy: both quorums
 * live, odd numbers, the least, no swap in a partition; and what is explained is what is done.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { explainPlan } from '../../src/membership/explain.js';
import { planLeave } from '../../src/membership/leaving.js';
import type { MemberView, PlannerInput } from '../../src/membership/plan.js';
import { plan } from '../../src/membership/planner.js';
import { checkPolicy, defaultPolicy, type MembershipPolicy } from '../../src/membership/policy.js';
import { planChange } from '../../src/raft/conf-change.js';
import type { MemberChange, MemberId } from '../../src/raft/types.js';
import { dead, longDead, world } from './planner-world.js';

const lastIndex = 1000;

const viewArbitrary: fc.Arbitrary<MemberView> = fc
  .record({
    alive: fc.boolean(),
    matchIndex: fc.constantFrom(0, 3, 500, lastIndex),
    millis: fc.constantFrom(0, 400, 9999, 10_000, 25_000, 3_600_000, 7_200_000),
    gossipMillis: fc.constantFrom(0, 9999, 10_000, 3_600_000),
    stalledForMillis: fc.constantFrom(0, 0, 299_999, 300_000),
    rumour: fc.constantFrom('alive', 'suspect', 'dead', 'left', 'unknown'),
  })
  .map(({ alive, matchIndex, millis, gossipMillis, stalledForMillis, rumour }) => ({
    alive,
    matchIndex,
    aliveForMillis: alive ? millis : 0,
    silentForMillis: alive ? 0 : millis,
    stalledForMillis,
    rumour,
    deadForMillis: rumour === 'dead' || rumour === 'left' ? gossipMillis : 0,
  }));

const policyArbitrary: fc.Arbitrary<MembershipPolicy> = fc
  .record({ wanted: fc.constantFrom(1, 3, 5, 7), least: fc.constantFrom(1, 3, 5) })
  .map(({ wanted, least }) => ({
    ...defaultPolicy,
    votersWanted: wanted,
    votersLeast: Math.min(least, wanted),
  }));

const inputArbitrary: fc.Arbitrary<PlannerInput> = fc
  .record({
    voterCount: fc.integer({ min: 1, max: 7 }),
    learnerCount: fc.integer({ min: 0, max: 4 }),
    views: fc.array(
      fc.oneof(viewArbitrary, fc.constantFrom(dead, longDead), fc.constantFrom(longDead)),
      { minLength: 12, maxLength: 12 },
    ),
    // Mostly well, so that changes come about.
    well: fc.array(fc.constantFrom(true, true, false), { minLength: 12, maxLength: 12 }),
    namesakes: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
    policy: policyArbitrary,
    ownHealthGood: fc.constantFrom(true, true, true, false),
    leadingForMillis: fc.constantFrom(100, 60_000, 60_000),
  })
  .map((given) => {
    const { voterCount, learnerCount, policy, ownHealthGood, leadingForMillis } = given;
    const ids = Array.from({ length: voterCount + learnerCount }, (_, at) => at + 1);
    const views: Record<MemberId, MemberView> = {};
    for (const id of ids) {
      const view = given.views[id] as MemberView | undefined;
      if (view !== undefined && given.well[id] === false) views[id] = view;
    }
    const names = Object.fromEntries(given.namesakes.map((id) => [id, 'one-name']));
    const rest = { policy, ownHealthGood, leadingForMillis, lastIndex, names };
    const input = world(ids.slice(0, voterCount), ids.slice(voterCount), views, rest);
    const members = [...input.members].map(([id, view]): [MemberId, MemberView] =>
      views[id] === undefined ? [id, { ...view, matchIndex: lastIndex }] : [id, view],
    );
    return { ...input, members: new Map(members) };
  });

/** Counted anew here: who votes after the steps. */
function votersOf(input: PlannerInput, changes: readonly MemberChange[]): readonly MemberId[] {
  const planned = planChange(input.configuration, changes, 5000, 'test');
  assert.ok(planned.ok, planned.ok ? '' : planned.message);
  return planned.ok ? planned.configuration.voters : [];
}

function answers(input: PlannerInput, id: MemberId): boolean {
  return id === input.leader || (input.members.get(id)?.alive ?? false);
}

/** Both halves can decide while the change is made, without anybody new. */
function holdsQuorums(input: PlannerInput, next: readonly MemberId[]): boolean {
  const old = input.configuration.voters;
  const liveOld = old.filter((id) => answers(input, id)).length;
  const isFirst = old.length === 1;
  const sure = next.filter((id) => answers(input, id) && (isFirst || old.includes(id))).length;
  return liveOld > old.length / 2 && sure > next.length / 2;
}

/** A younger member of the same name answers. */
function hasSuccessor(input: PlannerInput, id: MemberId): boolean {
  const { members } = input.configuration;
  const name = members.find((member) => member.id === id)?.name;
  return members.some((one) => one.id > id && one.name === name && answers(input, one.id));
}

function looksDead(input: PlannerInput, id: MemberId): boolean {
  const view = input.members.get(id);
  return view !== undefined && (!view.alive || view.rumour === 'dead' || view.rumour === 'left');
}

/** Runs a property over many inputs; at least a hundred must have come to a change. */
function forInputs(judge: (input: PlannerInput) => boolean): void {
  let changed = 0;
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      assert.equal(checkPolicy(input.policy), []);
      if (judge(input)) changed += 1;
    }),
    { numRuns: 6000 },
  );
  assert.ok(changed > 100, `only ${changed} changes: the inputs are too tame`);
}

test('a plan holds both quorums, leaves an odd number, not too few, and its leader', () => {
  forInputs((input) => {
    const made = plan(input);
    if (made.kind === 'rest') return false;
    const before = input.configuration.voters;
    const next = votersOf(input, made.changes);
    assert.ok(holdsQuorums(input, next), 'a quorum is at risk');
    assert.is(next.length % 2, 1, 'voters rest at odd numbers');
    const { votersLeast, votersWanted } = input.policy;
    const odd = before.length - ((before.length + 1) % 2);
    assert.ok(next.length >= Math.min(odd, votersLeast), 'below the least');
    assert.ok(next.length <= Math.max(votersWanted, before.length), 'above what is wanted');
    assert.ok(next.includes(input.leader), 'the leader goes');
    return true;
  });
});

test('nobody loses a vote who is not dead by both witnesses, unless the number is at fault', () => {
  forInputs((input) => {
    const made = plan(input);
    if (made.kind === 'rest') return false;
    const before = input.configuration.voters;
    const next = votersOf(input, made.changes);
    const isNumber = before.length % 2 === 0 || before.length > input.policy.votersWanted;
    const lost = before.filter((id) => !next.includes(id));
    const isSwap = lost.length > 0 && next.some((id) => !before.includes(id));
    if (isNumber && !isSwap) return false;
    for (const id of lost) {
      const view = input.members.get(id) as MemberView;
      // A live one may step back in a shrink, to make the number odd.
      if (view.alive && !isSwap) continue;
      assert.not.ok(view.alive, 'it answers');
      assert.ok(['dead', 'left', 'unknown'].includes(view.rumour), `gossip says ${view.rumour}`);
      const isWiped = hasSuccessor(input, id);
      const least = isSwap || isWiped ? 10_000 : 3_600_000;
      const factor = view.rumour === 'unknown' ? 2 : 1;
      assert.ok(view.silentForMillis >= least * factor, 'not silent for long enough');
      if (view.rumour !== 'unknown') assert.ok(view.deadForMillis >= least, 'not by gossip');
    }
    if (isSwap) assert.is(next.length, before.length, 'a swap keeps the number');
    return lost.length > 0;
  });
});

test('while more than a minority looks dead, or the leader is unwell, nobody is dead', () => {
  let frozen = 0;
  forInputs((input) => {
    const { voters } = input.configuration;
    const looking = voters.filter((id) => looksDead(input, id)).length;
    const made = plan(input);
    if (looking * 2 < voters.length && input.ownHealthGood) return made.kind === 'change';
    frozen += 1;
    if (made.kind === 'rest') return false;
    const ops = new Set(made.changes.map(({ op }) => op));
    assert.not.ok(ops.has('remove'), 'somebody was put out');
    assert.is(ops.size, 1, 'a swap');
    const isNumber = voters.length % 2 === 0 || voters.length > input.policy.votersWanted;
    if (ops.has('demote')) assert.ok(isNumber, 'a shrink');
    return false;
  });
  assert.ok(frozen > 100, `only ${frozen} frozen`);
});

test('a step of leaving holds both quorums, and too few are left by force alone', () => {
  for (const force of [false, true]) {
    forInputs((input) => {
      const { members, voters } = input.configuration;
      const member = members[members.length - 1 - (input.lastIndex % members.length)]?.id ?? 1;
      const step = planLeave(input, { member, why: 'leaves', force });
      if (step.kind !== 'change') return false;
      const next = votersOf(input, step.changes);
      assert.ok(holdsQuorums(input, next), 'a quorum is at risk');
      if (voters.includes(member)) assert.is(next.length % 2, 1);
      assert.not.ok(voters.includes(member) && next.includes(member), 'it still votes');
      const { votersLeast } = input.policy;
      if (!force && voters.length >= votersLeast) assert.ok(next.length >= votersLeast);
      return true;
    });
  }
});

test('what is explained is what is done', () => {
  forInputs((input) => {
    const made = plan(input);
    const report = explainPlan(input, { term: 3, configurationIndex: 7, busy: null });
    assert.is(report.outcome, made.kind);
    assert.is(report.reason, made.kind === 'change' ? made.reason : made.rule);
    assert.is(report.changes.length > 0, made.kind === 'change');
    if (made.kind === 'rest' || report.during === null) return false;
    assert.ok(report.now.tolerates >= 0, 'no majority now');
    assert.ok(report.during.next.tolerates >= 0, 'no majority on the way');
    assert.ok((report.after?.tolerates ?? -1) >= 0, 'no majority afterwards');
    return true;
  });
});

test.run();
