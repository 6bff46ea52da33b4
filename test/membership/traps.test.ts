/**
 * Traps of docs/traps.md that the planner must not fall into. Those of trap 50 that take time are
 * in healing-model.test.ts.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { planLeave } from '../../src/membership/leaving.js';
import type { MemberView, PlannerInput } from '../../src/membership/plan.js';
import { plan } from '../../src/membership/planner.js';
import type { MemberId } from '../../src/raft/types.js';
import { deadFor, longDead, silent, well, world } from './planner-world.js';

/** The rule that keeps the leader from a change, or from taking `member` out. */
function ruleOf(input: PlannerInput, member: MemberId | null = null): string {
  const wish = { why: 'removed by the operator', force: true };
  const made = member === null ? plan(input) : planLeave(input, { ...wish, member });
  return made.kind === 'rest' || made.kind === 'wait' ? made.rule : made.kind;
}

test('trap 52: with the quorum just lost nothing is added and nobody removed', () => {
  const lost = world([1, 2, 3], [4, 5], { 2: silent, 3: silent });
  assert.match(ruleOf(lost), /only 1 of 3 present voters answer/);
  for (const id of [2, 3, 4]) {
    assert.match(ruleOf(lost, id), /only 1 of 3 present voters answer/);
  }
});

test('trap 52: no change is planned whose own voters could not decide', () => {
  // 4 takes the place of 2, but has not acknowledged anything as a voter yet, and 3 is silent.
  const thin = world([1, 2, 3], [4], { 3: silent });
  assert.match(ruleOf(thin, 2), /only 1 of the 3 voters of the change/);
  assert.is(ruleOf(thin, 3), 'change', 'the silent one may go');
});

test('trap 50: no voter goes before its time, and none without a gain', () => {
  const five: MemberId[] = [1, 2, 3, 4, 5];
  const rows: readonly [string, PlannerInput][] = [
    ['one dead', world(five, [], { 2: longDead })],
    ['two, but not for an hour', world(five, [], { 2: deadFor(3_500_000), 3: longDead })],
    ['three: rather a partition', world(five, [], { 2: longDead, 3: longDead, 4: longDead })],
    ['one of three', world([1, 2, 3], [], { 2: longDead })],
    ['the least', world([1, 2, 3], [], { 2: longDead, 3: longDead })],
  ];
  for (const [what, input] of rows) assert.is(plan(input).kind, 'rest', what);
});

test('trap 51: gossip and Raft must both say that it is dead', () => {
  const hour = 3_600_000;
  const rows: readonly [string, MemberView][] = [
    ['gossip says dead, Raft hears it', { ...well, rumour: 'dead', deadForMillis: 2 * hour }],
    ['gossip says it left, Raft hears it', { ...well, rumour: 'left', deadForMillis: 2 * hour }],
    ['Raft hears nothing, gossip does', { ...deadFor(2 * hour), rumour: 'alive' }],
    ['Raft hears nothing, gossip wonders', { ...deadFor(2 * hour), rumour: 'suspect' }],
    ['Raft only just lost it', { ...deadFor(2 * hour), silentForMillis: 9000 }],
    ['gossip only just lost it', { ...deadFor(2 * hour), deadForMillis: 9000 }],
  ];
  for (const [what, view] of rows) {
    assert.is(plan(world([1, 2, 3], [4], { 3: view })).kind, 'rest', what);
    assert.is(plan(world([1, 2, 3], [4], { 4: view })).kind, 'rest', `${what}: a learner`);
  }
  assert.is(plan(world([1, 2, 3], [4], { 3: deadFor(10_000) })).kind, 'change', 'both');
});

test('trap 53: behind a partition nobody is replaced, whatever both witnesses say', () => {
  // The leader holds its majority by one voter that answers; gossip too says the others are dead.
  const cut = world([1, 2, 3, 4, 5], [6, 7], {
    2: longDead,
    3: longDead,
    4: { ...well, rumour: 'dead', deadForMillis: 20_000 },
  });
  assert.match(ruleOf(cut), /frozen: 3 of 5 voters look dead/);
  assert.is(plan({ ...cut, ownHealthGood: false }).kind, 'rest');
  const unwell = world([1, 2, 3], [4], { 3: longDead }, { ownHealthGood: false });
  assert.match(ruleOf(unwell), /frozen: the leader itself is not well/);
});

test.run();
