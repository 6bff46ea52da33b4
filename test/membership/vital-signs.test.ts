/**
 * Ready, dead, frozen: each by what the two witnesses say.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberView } from '../../src/membership/plan.js';
import {
  deadForMillis,
  isDead,
  isLongDead,
  isReady,
  isRipening,
  symptomsOf,
  whyFrozen,
} from '../../src/membership/vital-signs.js';
import { dead, deadFor, silent, well, world } from './planner-world.js';

test('a learner is ready when it is well for the stabilisation time and has caught up', () => {
  const rows: readonly [string, MemberView, boolean, boolean][] = [
    ['well', well, true, false],
    ['silent', silent, false, false],
    ['well for too short a time', { ...well, aliveForMillis: 4999 }, false, true],
    ['too far behind', { ...well, matchIndex: 49 }, false, false],
    ['behind by no more than is allowed', { ...well, matchIndex: 50 }, true, false],
    ['dead by gossip, and it answers', { ...well, rumour: 'dead', deadForMillis: 9 }, false, false],
    ['suspected by somebody', { ...well, rumour: 'suspect' }, true, false],
    ['unknown to gossip', { ...well, rumour: 'unknown' }, true, false],
  ];
  for (const [what, view, ready, ripening] of rows) {
    assert.is(isReady(world([1], [2], { 2: view }), 2), ready, what);
    assert.is(isRipening(world([1], [2], { 2: view }), 2), ripening, `${what}: ripening`);
  }
  assert.is(isReady(world([1], [60], { 60: { ...well, matchIndex: 59 } }), 60), false, 'at 59');
  assert.is(isReady(world([1], [60], { 60: { ...well, matchIndex: 60 } }), 60), true, 'at 60');
  assert.is(isReady(world([1], []), 2), false, 'never heard of');
});

test('dead is who both witnesses have called dead for long enough', () => {
  const rows: readonly [string, Partial<MemberView>, number][] = [
    ['silent, and dead by gossip for longer', { silentForMillis: 10, deadForMillis: 30 }, 10],
    ['dead by gossip for less than silent', { silentForMillis: 30, deadForMillis: 20 }, 20],
    ['it said that it leaves', { rumour: 'left', silentForMillis: 30, deadForMillis: 20 }, 20],
    ['only suspected', { rumour: 'suspect', silentForMillis: 1e9 }, 0],
    ['alive by gossip', { rumour: 'alive', silentForMillis: 1e9 }, 0],
    ['alive by Raft', { alive: true, silentForMillis: 0, deadForMillis: 1e9 }, 0],
    ['unknown to gossip: half', { rumour: 'unknown', silentForMillis: 30 }, 15],
  ];
  for (const [what, view, millis] of rows) {
    assert.is(deadForMillis(world([1, 2, 3], [], { 2: { ...dead, ...view } }), 2), millis, what);
  }
  const input = world([1, 2, 3], []);
  assert.is(deadForMillis(input, 1), 0, 'the leader is never dead');
  assert.is(deadForMillis(input, 9), 0, 'nor one that nobody knows');
});

test('the waits are those of the policy', () => {
  const at = (millis: number) => world([1, 2, 3], [], { 2: deadFor(millis) });
  assert.is(isDead(at(9999), 2), false);
  assert.is(isDead(at(10_000), 2), true);
  assert.is(isLongDead(at(3_599_999), 2), false);
  assert.is(isLongDead(at(3_600_000), 2), true);
  // Without gossip twice as long.
  const alone = (millis: number) =>
    world([1, 2, 3], [], { 2: { ...deadFor(millis), rumour: 'unknown', deadForMillis: 0 } });
  assert.is(isDead(alone(19_999), 2), false);
  assert.is(isDead(alone(20_000), 2), true);
});

test('nobody is dead for a leader that is unwell, or when more than a minority looks dead', () => {
  const gossiped: MemberView = { ...well, rumour: 'dead', deadForMillis: 1 };
  const rows: readonly [string, Parameters<typeof world>, RegExp | null][] = [
    ['all well', [[1, 2, 3], []], null],
    ['one of three', [[1, 2, 3], [], { 2: dead }], null],
    ['two of three', [[1, 2, 3], [], { 2: dead, 3: silent }], /2 of 3 voters look dead/],
    ['two of five', [[1, 2, 3, 4, 5], [], { 2: dead, 3: silent }], null],
    [
      'three of five, one by gossip alone',
      [[1, 2, 3, 4, 5], [], { 2: dead, 3: silent, 4: gossiped }],
      /3 of 5 voters look dead/,
    ],
    ['two of four are no minority', [[1, 2, 3, 4], [], { 2: dead, 3: dead }], /2 of 4/],
    ['learners do not count', [[1, 2, 3], [4, 5, 6], { 4: dead, 5: dead, 6: dead }], null],
    ['unwell', [[1, 2, 3], [], {}, { ownHealthGood: false }], /leader itself is not well/],
  ];
  for (const [what, args, pattern] of rows) {
    const frozen = whyFrozen(world(...args));
    if (pattern === null) assert.is(frozen, null, what);
    else assert.match(frozen ?? '', pattern, what);
  }
});

test('symptoms name both witnesses', () => {
  const rows: readonly [MemberView, string | null][] = [
    [well, null],
    [dead, 's2 is dead: silent for 12s, and gossip says dead for 12s'],
    [silent, 's2 is not called dead yet: silent for under a second, and gossip says alive'],
    [
      { ...dead, rumour: 'unknown', deadForMillis: 0 },
      's2 is not called dead yet: silent for 12s, and gossip knows nothing of it',
    ],
    [
      { ...well, rumour: 'dead', deadForMillis: 5000 },
      's2 is not called dead yet: answers the leader, and gossip says dead for 5s',
    ],
  ];
  for (const [view, line] of rows) {
    assert.is(symptomsOf(world([1, 2, 3], [], { 2: view }), 2), line);
  }
});

test.run();
