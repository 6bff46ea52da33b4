/**
 * Quorum arithmetic: rows, and a naive twin that tries every number.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { majority, quorumIndex, voteResult } from '../../src/raft/quorum.js';
import type { Configuration, MemberId } from '../../src/raft/types.js';
import { founders } from './checker.js';

function joint(voters: readonly MemberId[], votersOutgoing: readonly MemberId[]): Configuration {
  return { ...founders(1), voters, votersOutgoing };
}

test('a majority is more than half', () => {
  assert.equal([1, 2, 3, 4, 5, 6, 7].map(majority), [1, 2, 2, 3, 3, 4, 4]);
});

// [voters, outgoing, what 1, 2, 3 … have reached, what a quorum has reached]
const indexRows: [number[], number[], number[], number][] = [
  [[1], [], [7], 7],
  [[1, 2], [], [7, 5], 5],
  [[1, 2, 3], [], [7, 5, 6], 6],
  [[1, 2, 3, 4], [], [9, 8, 7, 6], 7],
  [[1, 2, 3, 4, 5], [], [1, 2, 3, 4, 5], 3],
  // Both halves of a joint configuration decide.
  [[1, 2, 3], [4, 5, 6], [9, 9, 9, 1, 1, 2], 1],
  [[3], [1, 2, 3], [0, 0, 9], 0],
  [[1, 2, 3], [1], [4, 9, 9], 4],
  // A learner, which is in neither half, does not count.
  [[1, 2], [], [3, 3, 9], 3],
];

test('what a quorum has reached', () => {
  for (const [voters, outgoing, reached, expected] of indexRows) {
    const source = { indexOf: (id: MemberId) => reached[id - 1] ?? 0 };
    assert.is(quorumIndex(joint(voters, outgoing), source), expected, `${voters} / ${outgoing}`);
  }
});

// [voters, outgoing, granted, refused, result]
const voteRows: [number[], number[], number[], number[], string][] = [
  [[1, 2, 3], [], [1], [], 'pending'],
  [[1, 2, 3], [], [1, 2], [], 'won'],
  [[1, 2, 3], [], [1], [2, 3], 'lost'],
  [[1, 2], [], [1], [2], 'lost'],
  // Votes of others count for nothing.
  [[1, 2, 3], [], [1, 4, 5], [], 'pending'],
  [[1, 2, 3], [3, 4, 5], [1, 2, 3], [], 'pending'],
  [[1, 2, 3], [3, 4, 5], [1, 2, 3, 4], [], 'won'],
  [[1, 2, 3], [3, 4, 5], [1, 2, 3], [4, 5], 'lost'],
  [[3], [1, 2, 3], [3], [], 'pending'],
  [[3], [1, 2, 3], [1, 2], [], 'pending'],
];

test('how a vote stands', () => {
  for (const [voters, outgoing, granted, refused, expected] of voteRows) {
    const votes = new Map<MemberId, boolean>();
    for (const id of granted) votes.set(id, true);
    for (const id of refused) votes.set(id, false);
    const what = `${voters} / ${outgoing}: +${granted} -${refused}`;
    assert.is(voteResult(joint(voters, outgoing), votes), expected, what);
  }
});

const sets = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 });
const outgoingSets = fc.oneof(fc.constant<number[]>([]), sets);
const reachedBy = fc.array(fc.nat(12), { minLength: 9, maxLength: 9 });

test('trap 16: the sorted arithmetic agrees with counting heads for every number', () => {
  fc.assert(
    fc.property(sets, outgoingSets, reachedBy, (voters, outgoing, reached) => {
      const source = { indexOf: (id: MemberId) => reached[id - 1] ?? 0 };
      const holds = (half: number[], index: number) =>
        half.length === 0 ||
        half.filter((id) => source.indexOf(id) >= index).length * 2 > half.length;
      let naive = 0;
      for (let i = 0; i <= 12; i++) if (holds(voters, i) && holds(outgoing, i)) naive = i;
      assert.is(quorumIndex(joint(voters, outgoing), source), naive);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

const choices = fc.array(fc.constantFrom(true, false, null), { minLength: 9, maxLength: 9 });

test('trap 15: a vote is won by more than half of each half, lost when that cannot be', () => {
  fc.assert(
    fc.property(sets, outgoingSets, choices, (voters, outgoing, choice) => {
      const votes = new Map<MemberId, boolean>();
      for (const [i, vote] of choice.entries()) if (vote !== null) votes.set(i + 1, vote);
      const granted = (half: number[], best: boolean) =>
        half.filter((id) => votes.get(id) ?? best).length * 2 > half.length || half.length === 0;
      const won = granted(voters, false) && granted(outgoing, false);
      const lost = !granted(voters, true) || !granted(outgoing, true);
      const expected = lost ? 'lost' : won ? 'won' : 'pending';
      assert.is(voteResult(joint(voters, outgoing), votes), expected);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test.run();
