/**
 * Traps of docs/traps.md that the planner must not fall into.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type MemberView,
  type PlannerInput,
  plan,
  planRemoval,
} from '../../src/membership/planner.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import type { MemberId } from '../../src/raft/types.js';

/** Member 1 leads these voters and learners; those in `dead` do not answer. */
function world(voters: MemberId[], learners: MemberId[], dead: MemberId[]): PlannerInput {
  const ids = [...voters, ...learners];
  const view = (id: MemberId): MemberView =>
    dead.includes(id)
      ? { matchIndex: 90, alive: false, aliveForMillis: 0 }
      : { matchIndex: 100, alive: true, aliveForMillis: 600_000 };
  const members = ids.map((id) => ({ id, peerId: `p${id}`, incarnation: 'a', name: `s${id}` }));
  const sets = { voters, votersOutgoing: [], learners, learnersNext: [] };
  return {
    configuration: { ...sets, members, reason: '' },
    leader: 1,
    leadingForMillis: 600_000,
    lastIndex: 100,
    members: new Map(ids.filter((id) => id !== 1).map((id) => [id, view(id)])),
    policy: defaultPolicy,
  };
}

test('trap 52: with the quorum just lost nothing is added and nobody removed', () => {
  const lost = world([1, 2, 3], [4, 5], [2, 3]);
  const rest = [plan(lost), ...[2, 3].map((id) => planRemoval(lost, id))];
  for (const each of rest) {
    assert.is(each.kind, 'rest');
    assert.match(each.kind === 'rest' ? each.rule : '', /only 1 of 3 present voters answer/);
  }
});

test('trap 52: no change is planned whose own voters could not decide', () => {
  // 4 takes the place of 2, but has not acknowledged anything as a voter yet, and 3 is dead.
  const thin = world([1, 2, 3], [4], [3]);
  const removal = planRemoval(thin, 2);
  assert.is(removal.kind, 'rest');
  assert.match(removal.kind === 'rest' ? removal.rule : '', /only 1 of the 3 voters of the change/);
  assert.is(planRemoval(thin, 3).kind, 'change', 'the dead one may go');
});

test('trap 50: nobody is removed for being silent: the planner shrinks nothing by itself', () => {
  for (const dead of [[], [2], [3, 4], [2, 3, 4, 5]]) {
    const made = plan(world([1, 2, 3, 4, 5], [], dead));
    assert.is(made.kind, 'rest');
  }
});

test.run();
