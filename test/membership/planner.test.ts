/**
 * The planner's rules as tables: who is promoted, when nobody is, and how a member is taken out.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  isReady,
  type MemberView,
  oddAtMost,
  type PlannerInput,
  plan,
  planRemoval,
} from '../../src/membership/planner.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import type { Configuration, MemberId } from '../../src/raft/types.js';

const well: MemberView = { matchIndex: 100, alive: true, aliveForMillis: 60_000 };
const dead: MemberView = { matchIndex: 90, alive: false, aliveForMillis: 0 };
const young: MemberView = { ...well, aliveForMillis: 4999 };
const behind: MemberView = { ...well, matchIndex: 3 };

/** Member 1 leads; `views` says of the others what the leader knows, in order of the sets. */
function world(
  voters: readonly MemberId[],
  learners: readonly MemberId[],
  views: Readonly<Record<MemberId, MemberView>> = {},
  rest: Partial<PlannerInput> = {},
): PlannerInput {
  const ids = [...voters, ...learners];
  const configuration: Configuration = {
    voters,
    votersOutgoing: [],
    learners,
    learnersNext: [],
    members: ids.map((id) => ({ id, peerId: `p${id}`, incarnation: 'aa', name: `s${id}` })),
    reason: '',
  };
  const members = new Map(ids.filter((id) => id !== 1).map((id) => [id, views[id] ?? well]));
  return {
    configuration,
    leader: 1,
    leadingForMillis: 60_000,
    lastIndex: 100,
    members,
    policy: { ...defaultPolicy, lagEntriesMax: 50 },
    ...rest,
  };
}

test('the largest odd number that is at most n', () => {
  const rows = [
    [-1, 0],
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 3],
    [4, 3],
    [7, 7],
  ] as const;
  for (const [count, odd] of rows) assert.is(oddAtMost(count), odd, `n = ${count}`);
});

test('a learner is ready when it is well for the stabilisation time and has caught up', () => {
  const rows: readonly [string, MemberView, boolean][] = [
    ['well', well, true],
    ['dead', dead, false],
    ['well for too short a time', young, false],
    ['too far behind', { ...well, matchIndex: 49 }, false],
    ['behind by no more than is allowed', { ...well, matchIndex: 50 }, true],
  ];
  for (const [what, view, expected] of rows) {
    assert.is(isReady(world([1], [2], { 2: view }), 2), expected, what);
  }
  assert.is(isReady(world([1], [60], { 60: { ...well, matchIndex: 59 } }), 60), false, 'at 59');
  assert.is(isReady(world([1], [60], { 60: { ...well, matchIndex: 60 } }), 60), true, 'at 60');
  assert.is(isReady(world([1], []), 2), false, 'never heard of');
});

test('voters grow to the next odd number, several at once if several are ready', () => {
  const rows: readonly [number[], number[], number[]][] = [
    [[1], [2], []],
    [[1], [2, 3], [2, 3]],
    [[1], [2, 3, 4], [2, 3]],
    [[1], [2, 3, 4, 5], [2, 3, 4, 5]],
    [[1, 2, 3], [4], []],
    [
      [1, 2, 3],
      [4, 5],
      [4, 5],
    ],
    [[1, 2, 3, 4, 5], [6, 7], []],
  ];
  for (const [voters, learners, promoted] of rows) {
    const planned = plan(world(voters, learners));
    const changes = planned.kind === 'change' ? planned.changes : [];
    assert.equal(
      changes,
      promoted.map((id) => ({ op: 'promote', id })),
      `${voters} + ${learners}`,
    );
  }
});

test('nobody is promoted, and the rule says why', () => {
  const joint = world([1], [2, 3]);
  const rows: readonly [PlannerInput, RegExp][] = [
    [world([1], [2, 3], {}, { leadingForMillis: 4999 }), /has not led for the stabilisation time/],
    [
      { ...joint, configuration: { ...joint.configuration, votersOutgoing: [1] } },
      /a joint change is under way/,
    ],
    [world([1], []), /nobody to promote/],
    [world([1], [2, 3], { 2: young, 3: dead }), /no learner has caught up/],
    [world([1], [2, 3], { 3: dead }), /rest at odd numbers/],
    [world([1, 2, 3, 4, 5], [6, 7]), /5 voters are as many as wanted/],
    [world([1, 2, 3], [4, 5], { 2: dead, 3: dead }), /only 1 of 3 present voters answer/],
    // Two live voters of three, and newcomers count as down: two of five is no majority.
    [world([1, 2, 3], [4, 5], { 2: dead }), /only 2 of the 5 voters/],
  ];
  for (const [input, pattern] of rows) {
    const planned = plan(input);
    assert.is(planned.kind, 'rest');
    if (planned.kind === 'rest') assert.match(planned.rule, pattern);
  }
});

test('a removal leaves an odd number of voters', () => {
  const remove = (id: MemberId) => ({ op: 'remove', id }) as const;
  const promote = (id: MemberId) => ({ op: 'promote', id }) as const;
  const demote = (id: MemberId) => ({ op: 'demote', id }) as const;
  const rows: readonly [string, PlannerInput, MemberId, unknown][] = [
    ['a learner goes alone', world([1, 2, 3], [4]), 4, [remove(4)]],
    ['a ready stand-by takes the place', world([1, 2, 3], [4]), 3, [remove(3), promote(4)]],
    [
      'the furthest behind steps back',
      world([1, 2, 3], [], { 2: behind }),
      3,
      [remove(3), demote(2)],
    ],
    ['a dead voter steps back', world([1, 2, 3, 4, 5], [], { 4: dead }), 2, [remove(2), demote(4)]],
    ['the leader may go', world([1, 2, 3], [4]), 1, [remove(1), promote(4)]],
    ['a dead voter goes', world([1, 2, 3], [4], { 2: dead }), 2, [remove(2), promote(4)]],
    [
      'a stand-by that is not ready stays',
      world([1, 2, 3], [4], { 4: young }),
      3,
      [remove(3), demote(2)],
    ],
  ];
  for (const [what, input, id, changes] of rows) {
    const planned = planRemoval(input, id);
    assert.equal(planned.kind === 'change' ? planned.changes : planned.rule, changes, what);
  }
});

test('a removal is refused where nobody could decide afterwards', () => {
  const rows: readonly [PlannerInput, MemberId, RegExp][] = [
    [world([1], [2]), 1, /only voter/],
    [world([1, 2, 3, 4, 5], [], { 2: dead, 3: dead, 4: dead }), 5, /only 2 of 5/],
    [world([1, 2, 3], [4], { 2: dead }), 3, /only 1 of the 3 voters/],
  ];
  for (const [input, id, pattern] of rows) {
    const planned = planRemoval(input, id);
    assert.is(planned.kind, 'rest');
    if (planned.kind === 'rest') assert.match(planned.rule, pattern);
  }
});

test.run();
