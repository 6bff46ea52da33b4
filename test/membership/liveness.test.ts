/**
 * The states of members: rows of what was heard and what it came to, and the timing of suspicion.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Liveness } from '../../src/membership/liveness.js';
import type { Rumour } from '../../src/membership/table.js';

const options = { suspicionMillisMin: 1000, suspicionMillisMax: 4000 };

function rumour(given: Partial<Rumour> = {}): Rumour {
  return { kind: 'suspect', subject: 'p1', sequence: 10, accuser: 'p2', ...given };
}

/** Members p1 … p`count` beside this server, each with the record 10. */
function lives(count = 4): Liveness {
  const made = new Liveness('self', options);
  const members = Array.from(
    { length: count },
    (_, i): [string, { sequence: number; leaving: boolean }] => [
      `p${i + 1}`,
      { sequence: 10, leaving: false },
    ],
  );
  made.configured(new Map(members), 0);
  return made;
}

// [what, what was heard before, the rumour, verdict, state after]
const rows: readonly [string, readonly Rumour[], Rumour, string, string][] = [
  ['a first accuser', [], rumour(), 'news', 'suspect'],
  ['the same accuser again', [rumour()], rumour(), 'known', 'suspect'],
  ['a second accuser', [rumour()], rumour({ accuser: 'p3' }), 'news', 'suspect'],
  ['against an older record', [], rumour({ sequence: 9 }), 'refuted', 'alive'],
  ['against a newer record', [], rumour({ sequence: 11 }), 'ahead', 'alive'],
  ['of nobody known', [], rumour({ subject: 'p9' }), 'stranger', 'alive'],
  ['a death', [], rumour({ kind: 'dead' }), 'news', 'dead'],
  ['a death after suspicion', [rumour()], rumour({ kind: 'dead' }), 'news', 'dead'],
  ['suspicion after death', [rumour({ kind: 'dead' })], rumour(), 'known', 'dead'],
  ['a death of an older record', [], rumour({ kind: 'dead', sequence: 9 }), 'refuted', 'alive'],
];

test('a rumour counts against the record that it names, and no other', () => {
  for (const [what, before, heard, verdict, state] of rows) {
    const made = lives();
    for (const each of before) made.heard(each, 0);
    assert.is(made.heard(heard, 1), verdict, what);
    assert.is(made.stateOf('p1'), state, what);
  }
});

test('a newer record refutes suspicion and death; the same one does not', () => {
  for (const kind of ['suspect', 'dead'] as const) {
    const made = lives();
    made.heard(rumour({ kind }), 0);
    assert.not.ok(made.recorded('p1', { sequence: 10, leaving: false }, 1));
    assert.is(made.stateOf('p1'), kind);
    assert.ok(made.recorded('p1', { sequence: 11, leaving: false }, 1));
    assert.is(made.stateOf('p1'), 'alive');
    assert.is(made.heard(rumour({ kind }), 2), 'refuted');
  }
});

test('who stopped in order has left, and nobody suspects him', () => {
  const made = lives();
  assert.not.ok(made.recorded('p1', { sequence: 11, leaving: true }, 5));
  assert.is(made.stateOf('p1'), 'left');
  assert.is(made.heard(rumour({ sequence: 11 }), 6), 'known');
  assert.is(made.deadForMillis('p1', 105), 100);
});

// [members beside this server, accusers, own health, dead at]
const timings: readonly [number, number, number, number][] = [
  [4, 1, 0, 4000],
  [4, 2, 0, 2110],
  [4, 3, 0, 1000],
  [4, 3, 2, 3000],
  [2, 1, 0, 4000],
  [2, 2, 0, 1000],
  [1, 1, 0, 1000],
  [1, 1, 1, 2000],
];

test('a suspicion lasts the shorter the more accuse, the longer the worse this server is', () => {
  for (const [members, accusers, ownHealth, atMillis] of timings) {
    const made = lives(members);
    for (let i = 0; i < accusers; i++) made.heard(rumour({ accuser: `a${i}` }), 0);
    const what = `${members} members, ${accusers} accusers, own health ${ownHealth}`;
    assert.equal(made.expire(atMillis - 1, ownHealth), [], what);
    const dead = { kind: 'dead', subject: 'p1', sequence: 10, accuser: 'self' };
    assert.equal(made.expire(atMillis, ownHealth), [dead], what);
    assert.is(made.stateOf('p1'), 'dead', what);
  }
});

test('time in which this server stood still is not counted', () => {
  const made = lives(1);
  made.heard(rumour(), 0);
  made.stoodStill(5000);
  assert.equal(made.expire(5999, 0), []);
  assert.is(made.expire(6000, 0).length, 1);
});

test('the dead cannot confirm: with fewer to ask fewer are wanted', () => {
  const made = lives(3);
  made.heard(rumour({ kind: 'dead', subject: 'p2' }), 0);
  made.heard(rumour({ kind: 'dead', subject: 'p3' }), 0);
  made.heard(rumour(), 0);
  assert.is(made.expire(1000, 0).length, 1);
});

test('nobody accuses a member that has said nothing as one yet', () => {
  const made = new Liveness('self', options);
  made.configured(new Map([['p1', { sequence: 0, leaving: false }]]), 0);
  assert.is(made.heard(rumour({ sequence: 0 }), 0), 'known');
  assert.is(made.heard(rumour(), 0), 'ahead');
  assert.is(made.stateOf('p1'), 'unknown');
  assert.not.ok(made.recorded('p1', { sequence: 10, leaving: false }, 1));
  assert.is(made.stateOf('p1'), 'alive');
  assert.is(made.heard(rumour(), 2), 'news');
});

test('who leaves the configuration is forgotten; who stays keeps his state', () => {
  const made = lives();
  made.heard(rumour(), 0);
  made.configured(new Map([['p1', { sequence: 10, leaving: false }]]), 1);
  assert.is(made.stateOf('p1'), 'suspect');
  assert.is(made.stateOf('p2'), 'unknown');
  made.configured(new Map(), 2);
  assert.not.ok(made.hasSuspects);
});

test('what is told of a member is what is said against it now', () => {
  const made = lives();
  assert.is(made.rumourOf('p1'), null);
  made.heard(rumour({ accuser: 'p3' }), 0);
  assert.equal(made.rumourOf('p1'), rumour({ accuser: 'p3' }));
});

test.run();
