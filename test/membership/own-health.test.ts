/**
 * A server's health as it sees it itself: what makes it worse and better.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OwnHealth, type ProbeOutcome } from '../../src/membership/own-health.js';

const answered: ProbeOutcome = { answered: true, relaysAsked: 0, relaysHeard: 0 };
const alone: ProbeOutcome = { answered: false, relaysAsked: 3, relaysHeard: 0 };
const seconded: ProbeOutcome = { answered: false, relaysAsked: 3, relaysHeard: 3 };
const friendless: ProbeOutcome = { answered: false, relaysAsked: 0, relaysHeard: 0 };

// [what, outcomes, score]
const rows: readonly [string, readonly ProbeOutcome[], number][] = [
  ['all answer', [answered, answered], 0],
  ['nobody answers, not even those asked for help', [alone], 3],
  ['a peer is dead: the others say that they do not reach it either', [seconded, seconded], 0],
  ['nobody can be asked: it says nothing of this server', [friendless], 0],
  ['it gets better by answers', [alone, answered, answered], 1],
  ['it has an end', [alone, alone, alone, alone], 8],
];

test('the score follows the answers', () => {
  for (const [what, outcomes, score] of rows) {
    const health = new OwnHealth();
    for (const outcome of outcomes) health.probed(outcome);
    assert.is(health.score, score, what);
    assert.is(health.isGood, score <= 2, what);
  }
});

test('a late event loop makes it worse for as long as it is late', () => {
  const health = new OwnHealth();
  health.loopDelayed(99);
  assert.is(health.score, 0);
  health.loopDelayed(350);
  assert.is(health.score, 3);
  assert.not.ok(health.isGood);
  health.loopDelayed(1e9);
  assert.is(health.score, 8);
  health.loopDelayed(0);
  assert.ok(health.isGood);
});

test('having been suspected counts', () => {
  const health = new OwnHealth();
  health.refuted();
  assert.is(health.score, 1);
});

test.run();
