/**
 * The way out of a cluster, step by step: for the living, the dead, the leader, and with too few
 * left.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { planLeave } from '../../src/membership/leaving.js';
import type { PlannerInput } from '../../src/membership/plan.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import type { MemberId } from '../../src/raft/types.js';
import { dead, silent, well, world } from './planner-world.js';

const young = { ...well, aliveForMillis: 4999 };

/** The step as text: `-3 +4`, `hand over`, or the rule. */
function step(input: PlannerInput, member: MemberId, force = false): string {
  const made = planLeave(input, { member, why: 'removed by the operator', force });
  if (made.kind === 'handOver') return 'hand over';
  if (made.kind !== 'change') return `${made.kind}: ${made.rule}`;
  const signs = { promote: '+', demote: '-', remove: 'x', addLearner: '?' };
  return made.changes
    .map((change) => `${signs[change.op]}${'id' in change ? change.id : ''}`)
    .join(' ');
}

test('each step leaves an odd number of voters', () => {
  const rows: readonly [string, PlannerInput, MemberId, string][] = [
    ['a learner goes alone', world([1, 2, 3], [4]), 4, 'x4'],
    ['a voter steps back first, a stand-by steps in', world([1, 2, 3], [4]), 3, '-3 +4'],
    ['a dead one goes at once', world([1, 2, 3], [4], { 2: dead }), 2, 'x2 +4'],
    ['so does a silent one', world([1, 2, 3], [4], { 2: silent }), 2, 'x2 +4'],
    ['from an even number nobody else moves', world([1, 2, 3, 4], []), 3, '-3'],
    [
      'no stand-by: a silent one steps back too',
      world([1, 2, 3, 4, 5], [], { 4: silent }),
      2,
      '-2 -4',
    ],
    ['no stand-by: the youngest of equals', world([1, 2, 3, 4, 5], []), 2, '-2 -5'],
    [
      'one that is not ready is no stand-by',
      world([1, 2, 3, 4, 5], [6], { 6: silent }),
      2,
      '-2 -5',
    ],
    ['the leader hands over first', world([1, 2, 3], [4]), 1, 'hand over'],
  ];
  for (const [what, input, id, expected] of rows) assert.is(step(input, id), expected, what);
});

test('one that is about to be a stand-by is waited for, unless the operator will not wait', () => {
  const input = world([1, 2, 3], [4], { 4: young });
  assert.is(step(input, 3), 'wait: s4 is about to be a stand-by for it');
  assert.is(step(input, 3, true), '-3 -2');
  const behind = { ...young, matchIndex: 3 };
  const late = world([1, 2, 3], [4], { 4: behind });
  assert.is(step(late, 3), 'wait: s4 is still catching up, to take its place');
  assert.is(step(late, 3, true), '-3 -2');
  assert.is(step(world([1, 2, 3, 4, 5], [6], { 6: behind }), 5), '-5 -4', 'three are enough');
  assert.match(step(world([1, 2, 3], [4], { 4: silent }), 3), /s4 is still catching up/);
  assert.match(step(world([1, 2, 3], [4], { 4: dead }), 3), /start another server first/);
});

test('fewer voters than the least are left only by force', () => {
  const least = (votersLeast: number) => ({ policy: { ...defaultPolicy, votersLeast } });
  const rows: readonly [string, PlannerInput, MemberId, boolean, string | RegExp][] = [
    ['three to one', world([1, 2, 3], []), 3, false, /would leave 1 of 3 voters.*remove --force/],
    ['and a dead one', world([1, 2, 3], [], { 3: dead }), 3, false, /start another server first/],
    ['and the leader: it need not hand over for that', world([1, 2, 3], []), 1, false, /--force/],
    ['by force', world([1, 2, 3], []), 3, true, '-3 -2'],
    ['the dead one by force', world([1, 2, 3], [], { 3: dead }), 3, true, 'x3 -2'],
    ['by a policy that says so', world([1, 2, 3], [], {}, least(1)), 3, false, '-3 -2'],
    ['five to three', world([1, 2, 3, 4, 5], []), 5, false, '-5 -4'],
    [
      'five to three when five are the least',
      world([1, 2, 3, 4, 5], [], {}, least(5)),
      5,
      false,
      /fewer than the least \(5\)/,
    ],
    ['two to one: there were fewer already', world([1, 2], []), 2, false, '-2'],
  ];
  for (const [what, input, id, force, expected] of rows) {
    const text = step(input, id, force);
    if (typeof expected === 'string') assert.is(text, expected, what);
    else assert.match(text, expected, what);
  }
});

test('a removal is refused where nobody could decide afterwards', () => {
  const rows: readonly [PlannerInput, MemberId, RegExp][] = [
    [world([1], [2]), 1, /only voter/],
    [world([1, 2, 3, 4, 5], [], { 2: dead, 3: dead, 4: dead }), 5, /only 2 of 5/],
    [world([1, 2, 3], [4], { 2: dead }), 3, /only 1 of the 3 voters/],
  ];
  for (const [input, id, pattern] of rows) assert.match(step(input, id), pattern);
  const joint = world([1, 2, 3], [4]);
  const configuration = { ...joint.configuration, votersOutgoing: [1, 2, 3] };
  assert.match(step({ ...joint, configuration }, 4), /wait: a joint change is under way/);
});

test.run();
