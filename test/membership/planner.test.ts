/**
 * The planner's rules of growth as tables: who is promoted, when nobody is, who steps back, and in
 * which order the rules come.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PlannerInput } from '../../src/membership/plan.js';
import { plan } from '../../src/membership/planner.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import { dead, deadFor, longDead, silent, well, world } from './planner-world.js';

const young = { ...well, aliveForMillis: 4999 };

/** The steps of a plan, `+4 -2`, or its rule. */
function told(input: PlannerInput): string {
  const made = plan(input);
  if (made.kind === 'rest') return made.rule;
  const signs = { promote: '+', demote: '-', remove: 'x', addLearner: '?' };
  return made.changes
    .map((change) => `${signs[change.op]}${'id' in change ? change.id : ''}`)
    .join(' ');
}

test('voters grow to the next odd number, several at once if several are ready', () => {
  const rows: readonly [number[], number[], string | RegExp][] = [
    [[1], [2], /rest at odd numbers/],
    [[1], [2, 3], '+2 +3'],
    [[1], [2, 3, 4], '+2 +3'],
    [[1], [2, 3, 4, 5], '+2 +3 +4 +5'],
    [[1, 2, 3], [4], /rest at odd numbers/],
    [[1, 2, 3], [4, 5], '+4 +5'],
    [[1, 2, 3, 4], [5], '+5'],
    [[1, 2, 3, 4, 5], [6, 7], /5 voters are as many as wanted/],
  ];
  for (const [voters, learners, expected] of rows) {
    const text = told(world(voters, learners));
    const what = `${voters} + ${learners}: ${text}`;
    if (typeof expected === 'string') assert.is(text, expected, what);
    else assert.match(text, expected, what);
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
    [world([1], [2, 3], { 2: young, 3: silent }), /no learner has caught up/],
    [world([1], [2, 3], { 3: silent }), /rest at odd numbers/],
    [world([1, 2, 3], [4, 5], { 2: silent, 3: silent }), /only 1 of 3 present voters answer/],
    // Two live voters of three, and newcomers count as down: two of five is no majority.
    [world([1, 2, 3], [4, 5], { 2: silent }), /only 2 of the 5 voters/],
  ];
  for (const [input, pattern] of rows) assert.match(told(input), pattern);
});

test('voters step back from even numbers, and when fewer are wanted', () => {
  const three = { policy: { ...defaultPolicy, votersWanted: 3 } };
  const one = { policy: { ...defaultPolicy, votersWanted: 1, votersLeast: 1 } };
  const rows: readonly [string, PlannerInput, string | RegExp][] = [
    ['two founders', world([1, 2], []), '-2'],
    ['the silent one of four', world([1, 2, 3, 4], [], { 2: silent }), '-2'],
    ['of equals the youngest', world([1, 2, 3, 4], []), '-4'],
    ['the furthest behind', world([1, 2, 3, 4], [], { 3: { ...well, matchIndex: 99 } }), '-3'],
    ['five when three are wanted', world([1, 2, 3, 4, 5], [6], {}, three), '-5 -4'],
    ['to one by the word of the operator', world([1, 2, 3], [], {}, one), '-3 -2'],
    ['not when the one that stays is no majority', world([1, 2], [], { 2: silent }), /only 1 of 2/],
  ];
  for (const [what, input, expected] of rows) {
    const text = told(input);
    if (typeof expected === 'string') assert.is(text, expected, what);
    else assert.match(text, expected, what);
  }
});

test('the leader never steps back, wherever it stands', () => {
  for (const leader of [1, 2, 3, 4]) {
    const base = world([1, 2, 3, 4], []);
    const members = new Map(
      [1, 2, 3, 4].filter((id) => id !== leader).map((id) => [id, { ...well, matchIndex: 100 }]),
    );
    const made = plan({ ...base, leader, members });
    assert.is(made.kind, 'change');
    if (made.kind === 'change') {
      for (const change of made.changes) assert.ok('id' in change && change.id !== leader);
    }
  }
});

test('the dead are replaced before anybody else is promoted', () => {
  assert.is(told(world([1, 2, 3], [4, 5, 6], { 3: dead })), '-3 +4');
});

test('a rule reads the same from one look to the next', () => {
  // The runner writes a rule down when it is another: a clock in it would fill the log.
  for (const views of [
    [10_000, 12_345],
    [700_000, 701_000],
  ] as const) {
    const [one, two] = views.map((millis) =>
      told(world([1, 2, 3, 4, 5], [6], { 2: deadFor(millis), 6: silent })),
    );
    assert.is(one, two);
    assert.match(one ?? '', /dead and no stand-by ready/);
  }
  assert.match(told(world([1, 2, 3], [], { 2: longDead })), /3 voters do not shrink/);
});

test.run();
