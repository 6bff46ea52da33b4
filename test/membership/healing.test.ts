/**
 * What becomes of the dead: swaps, shrinks, who is put out, and wiped servers that come back under
 * their old name.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { putOut, sharedNames, shrink, swapDead } from '../../src/membership/healing.js';
import type { Plan, PlannerInput } from '../../src/membership/plan.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import type { MemberChange, MemberId } from '../../src/raft/types.js';
import { dead, deadFor, longDead, silent, well, world } from './planner-world.js';

const promote = (id: MemberId): MemberChange => ({ op: 'promote', id });
const demote = (id: MemberId): MemberChange => ({ op: 'demote', id });
const remove = (id: MemberId): MemberChange => ({ op: 'remove', id });
const young = { ...well, aliveForMillis: 4999 };

type Row = readonly [string, PlannerInput, readonly MemberChange[] | RegExp | null];

function judge(rule: (input: PlannerInput) => Plan | null, rows: readonly Row[]): void {
  for (const [what, input, expected] of rows) {
    const made = rule(input);
    if (expected === null) assert.is(made, null, what);
    else if (expected instanceof RegExp) {
      assert.is(made?.kind, 'rest', what);
      if (made?.kind === 'rest') assert.match(made.rule, expected, what);
    } else assert.equal(made?.kind === 'change' ? made.changes : made, expected, what);
  }
}

test('a ready stand-by takes the place of a dead voter, in one change', () => {
  judge(swapDead, [
    ['nobody is dead', world([1, 2, 3], [4]), null],
    ['silent is not dead', world([1, 2, 3], [4], { 3: silent }), null],
    ['almost dead', world([1, 2, 3], [4], { 3: deadFor(9999) }), null],
    ['dead', world([1, 2, 3], [4], { 3: dead }), [demote(3), promote(4)]],
    ['the eldest stand-by', world([1, 2, 3], [4, 5], { 3: dead }), [demote(3), promote(4)]],
    ['a ready one', world([1, 2, 3], [4, 5], { 3: dead, 4: young }), [demote(3), promote(5)]],
    ['none is ready', world([1, 2, 3], [4], { 3: dead, 4: young }), /s3 dead and no stand-by/],
    ['none at all', world([1, 2, 3], [], { 3: dead }), /s3 dead and no stand-by ready/],
    [
      'two at once',
      world([1, 2, 3, 4, 5], [6, 7], { 2: dead, 5: dead }),
      [demote(2), promote(6), demote(5), promote(7)],
    ],
    [
      'two dead, one stand-by',
      world([1, 2, 3, 4, 5], [6], { 2: dead, 5: dead }),
      [demote(2), promote(6)],
    ],
    [
      'one dead, another silent',
      world([1, 2, 3, 4, 5], [6], { 2: dead, 5: silent }),
      [demote(2), promote(6)],
    ],
    ['two of three', world([1, 2, 3], [4], { 2: dead, 3: silent }), /frozen: 2 of 3 voters/],
    [
      'the leader is unwell',
      world([1, 2, 3], [4], { 3: dead }, { ownHealthGood: false }),
      /frozen: the leader itself/,
    ],
  ]);
});

test('a wiped server that came back takes its own place, and its old self goes for good', () => {
  const names = { 2: 's2', 9: 's2' };
  const views = { 2: dead, 9: { ...well, matchIndex: 100 } };
  judge(swapDead, [
    ['ready', world([1, 2, 3], [9], views, { names }), [remove(2), promote(9)]],
    [
      'its own place, not that of another dead one, though an elder waits',
      world([1, 2, 3, 4, 5], [8, 9], { ...views, 3: dead }, { names }),
      [remove(2), promote(9), demote(3), promote(8)],
    ],
    [
      'not ready: another takes the place, and the old self goes all the same',
      world([1, 2, 3], [8, 9], { 2: dead, 9: young }, { names }),
      [remove(2), promote(8)],
    ],
    [
      'the newcomer is dead too: who knows',
      world([1, 2, 3], [8, 9], { 2: dead, 9: dead }, { names }),
      [demote(2), promote(8)],
    ],
    ['the old one lives: two have one name', world([1, 2, 3], [9], {}, { names }), null],
    ['the old one is silent for a moment', world([1, 2, 3], [9], { 2: silent }, { names }), null],
  ]);
  const made = swapDead(world([1, 2, 3], [9], views, { names }));
  assert.is(made?.kind, 'change');
  if (made?.kind === 'change') {
    assert.is(
      made.reason,
      's2 (member 9) votes in the place of s2 (member 2): dead for 12s (silent for 12s, and ' +
        'gossip says dead for 12s); its machine came back with an empty folder; it may join again',
    );
  }
  judge(putOut, [
    ['an old learner', world([1, 3], [2, 9], { 2: dead, 9: young }, { names }), [remove(2)]],
    ['one that lives', world([1, 3], [2, 9], {}, { names }), null],
  ]);
  assert.equal(sharedNames(world([1, 2, 3], [9], {}, { names })), [
    'members 2 and 9 are both named s2: give each its own',
  ]);
  assert.equal(sharedNames(world([1, 2, 3], [9], views, { names })), []);
});

test('voters shrink late, to live ones, not below the least, and only for the better', () => {
  const least1 = { policy: { ...defaultPolicy, votersLeast: 1 } };
  const seven = { policy: { ...defaultPolicy, votersWanted: 7 } };
  const least5 = { policy: { ...defaultPolicy, votersLeast: 5 } };
  const [a, b, c] = [{ 2: longDead }, { 3: longDead }, { 4: longDead }];
  judge(shrink, [
    ['nobody dead', world([1, 2, 3], []), null],
    ['two of five, for long', world([1, 2, 3, 4, 5], [], { ...a, ...b }), [demote(2), demote(3)]],
    [
      'one of them not for long',
      world([1, 2, 3, 4, 5], [], { ...a, 3: dead }),
      /voters shrink only when s2, s3 have been dead for 1h/,
    ],
    [
      'one of them silent alone',
      world([1, 2, 3, 4, 5], [], { ...a, 3: silent }),
      /voters shrink only when/,
    ],
    ['one of five: no gain', world([1, 2, 3, 4, 5], [], a), /5 voters do not shrink: without s2/],
    ['one of three: the least', world([1, 2, 3], [], a), /3 voters do not shrink/],
    ['one of three when one is enough: no gain', world([1, 2, 3], [], a, least1), /do not shrink/],
    ['five are the least', world([1, 2, 3, 4, 5], [], { ...a, ...b }, least5), /do not shrink/],
    [
      'three of seven: a live one steps back too',
      world([1, 2, 3, 4, 5, 6, 7], [], { ...a, ...b, ...c }, seven),
      [demote(2), demote(3), demote(4), demote(7)],
    ],
    [
      'two of seven',
      world([1, 2, 3, 4, 5, 6, 7], [], { ...a, ...b }, seven),
      [demote(2), demote(3)],
    ],
    ['three of five: a partition', world([1, 2, 3, 4, 5], [], { ...a, ...b, ...c }), /frozen/],
    [
      'one of five whose successor votes: at once, though no more is survived',
      world([1, 2, 3, 4, 5], [], { 2: dead }, { names: { 2: 'x', 4: 'x' } }),
      [remove(2), demote(5)],
    ],
    [
      'and another that is just dead is waited for',
      world([1, 2, 3, 4, 5], [], { 2: dead, 3: dead }, { names: { 2: 'x', 4: 'x' } }),
      /have been dead for 1h/,
    ],
    [
      'one of three whose successor votes: the least',
      world([1, 2, 3], [], { 2: dead }, { names: { 2: 'x', 3: 'x' } }),
      /do not shrink/,
    ],
  ]);
});

test('dead and stuck learners are put out, one at a time', () => {
  const stuck = { ...well, matchIndex: 5, stalledForMillis: 300_000 };
  judge(putOut, [
    ['all well', world([1, 2, 3], [4]), null],
    ['dead', world([1, 2, 3], [4], { 4: deadFor(3_599_999) }), null],
    ['dead for long', world([1, 2, 3], [4, 5], { 4: longDead, 5: longDead }), [remove(4)]],
    ['stuck', world([1, 2, 3], [4], { 4: stuck }), [remove(4)]],
    ['almost stuck', world([1, 2, 3], [4], { 4: { ...stuck, stalledForMillis: 299_999 } }), null],
    [
      'stuck, and silent now',
      world([1, 2, 3], [4], { 4: { ...silent, ...{ stalledForMillis: 1e6 } } }),
      null,
    ],
    [
      'the leader is unwell',
      world([1, 2, 3], [4], { 4: stuck }, { ownHealthGood: false }),
      /frozen/,
    ],
    ['a voter is never put out', world([1, 2, 3], [], { 3: longDead }), null],
  ]);
});

test.run();
