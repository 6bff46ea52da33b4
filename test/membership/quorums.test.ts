/**
 * The rule of the two quorums, and who steps back.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PlannerInput } from '../../src/membership/plan.js';
import {
  oddAtMost,
  quorumRefusal,
  tolerated,
  votersAfter,
  votersLeast,
  whoStepBack,
} from '../../src/membership/quorums.js';
import type { MemberChange, MemberId } from '../../src/raft/types.js';
import { dead, silent, well, world } from './planner-world.js';

const promote = (id: MemberId): MemberChange => ({ op: 'promote', id });
const demote = (id: MemberId): MemberChange => ({ op: 'demote', id });
const remove = (id: MemberId): MemberChange => ({ op: 'remove', id });

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

test('the least is never more than is wanted', () => {
  const least = (votersWanted: number, votersLeastWished: number): number => {
    const input = world([1], []);
    const policy = { ...input.policy, votersWanted, votersLeast: votersLeastWished };
    return votersLeast({ ...input, policy });
  };
  assert.equal([least(5, 3), least(1, 3), least(5, 5), least(5, 4)], [3, 1, 5, 3]);
});

test('failures that are survived', () => {
  const rows = [
    [1, 1, 0],
    [3, 3, 1],
    [2, 3, 0],
    [1, 3, -1],
    [5, 5, 2],
    [3, 5, 0],
    [4, 4, 1],
    [2, 5, -1],
  ] as const;
  for (const [live, voters, spare] of rows) assert.is(tolerated(live, voters), spare);
});

test('the voters after a change', () => {
  const { configuration } = world([1, 2, 3], [4, 5]);
  const member = { peerId: 'p', incarnation: 'i', name: 'n' };
  const rows: readonly [MemberChange[], number[]][] = [
    [[], [1, 2, 3]],
    [
      [promote(4), demote(2)],
      [1, 3, 4],
    ],
    [
      [remove(3), promote(4)],
      [1, 2, 4],
    ],
    [[remove(5)], [1, 2, 3]],
    [[{ op: 'addLearner', member }], [1, 2, 3]],
  ];
  for (const [changes, after] of rows) assert.equal(votersAfter(configuration, changes), after);
});

test('a change needs a live quorum of the old and of the new, newcomers counted as down', () => {
  const rows: readonly [string, PlannerInput, MemberChange[], RegExp | null][] = [
    ['1 → 3 leans on nobody untried but must', world([1], [2, 3]), [promote(2), promote(3)], null],
    [
      '1 → 3 with one of the newcomers silent',
      world([1], [2, 3], { 2: silent }),
      [promote(2), promote(3)],
      null,
    ],
    [
      '1 → 3 with both silent',
      world([1], [2, 3], { 2: silent, 3: silent }),
      [promote(2), promote(3)],
      /only 1 of the 3/,
    ],
    ['3 → 5, all well', world([1, 2, 3], [4, 5]), [promote(4), promote(5)], null],
    [
      '3 → 5, one silent',
      world([1, 2, 3], [4, 5], { 2: silent }),
      [promote(4), promote(5)],
      /only 2 of the 5/,
    ],
    ['a swap of the dead', world([1, 2, 3], [4], { 3: dead }), [demote(3), promote(4)], null],
    [
      'a swap of a live one while another is dead',
      world([1, 2, 3], [4], { 3: dead }),
      [demote(2), promote(4)],
      /only 1 of the 3/,
    ],
    ['no old quorum', world([1, 2, 3], [4], { 2: dead, 3: dead }), [remove(4)], /only 1 of 3/],
  ];
  for (const [what, input, changes, pattern] of rows) {
    const refusal = quorumRefusal(input, changes);
    if (pattern === null) assert.is(refusal, null, what);
    else assert.match(refusal ?? '', pattern, what);
  }
});

test('those step back whom the others miss least, never the leader', () => {
  const views = { 2: { ...well, matchIndex: 7 }, 3: silent, 4: well, 5: well };
  const input = world([1, 2, 3, 4, 5], [], views);
  assert.equal(whoStepBack(input, [1, 2, 3, 4, 5], 5), [3, 2, 5, 4]);
  assert.equal(whoStepBack(input, [1, 4], 1), [4]);
});

test.run();
