/**
 * A follower's progress: its window, its states, and what stale answers cannot do.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Progress } from '../../src/raft/progress.js';

function replicating(match: number): Progress {
  const progress = new Progress(2, match + 1, 0, { messagesMax: 3, bytesMax: 100 });
  progress.acknowledged(match);
  progress.becomeReplicate();
  return progress;
}

test('the window closes by messages', () => {
  const progress = replicating(5);
  for (const last of [6, 7, 8]) {
    assert.ok(progress.windowOpen);
    progress.sent(last, 10);
  }
  assert.not(progress.windowOpen);
  assert.is(progress.next, 9);
  assert.ok(progress.acknowledged(6));
  assert.ok(progress.windowOpen);
  assert.is(progress.inflightMessages, 2);
  assert.is(progress.inflightBytes, 20);
});

test('the window closes by bytes, after at least one append', () => {
  const progress = replicating(5);
  progress.sent(6, 500);
  assert.not(progress.windowOpen);
  progress.acknowledged(6);
  assert.ok(progress.windowOpen);
});

test('the window goes round: many more appends than places', () => {
  const progress = replicating(0);
  for (let last = 1; last < 50; last++) {
    progress.sent(last, last);
    if (last > 2) progress.acknowledged(last - 2);
  }
  assert.is(progress.inflightMessages, 2);
  assert.is(progress.inflightBytes, 48 + 49);
});

test('after a loss one append goes, and twice as many with each that arrived', () => {
  const progress = new Progress(2, 1, 0, { messagesMax: 5, bytesMax: 1000 });
  const fill = (): number => {
    let count = 0;
    for (; progress.windowOpen; count++) progress.sent(progress.next, 10);
    return count;
  };
  progress.becomeReplicate();
  assert.is(fill(), 5, 'at first all the window has');
  progress.becomeProbe(1);
  progress.becomeProbe(1);
  progress.becomeReplicate();
  assert.is(fill(), 1);
  progress.acknowledged(1);
  assert.is(fill(), 2);
  progress.acknowledged(1);
  assert.is(fill(), 0, 'old news opens nothing');
  progress.acknowledged(2);
  assert.is(fill(), 3);
  progress.acknowledged(4);
  assert.is(fill(), 3);
  assert.is(progress.inflightMessages, 5, 'all the window has again');
});

test('an answer moves match forwards only, and frees all appends before it', () => {
  const progress = replicating(5);
  progress.sent(6, 1);
  progress.sent(7, 1);
  assert.ok(progress.acknowledged(7));
  assert.is(progress.inflightMessages, 0);
  assert.not(progress.acknowledged(6));
  assert.not(progress.acknowledged(7));
  assert.is(progress.match, 7);
});

test('an answer beyond what was sent by this leader takes next along', () => {
  const progress = replicating(5);
  assert.ok(progress.acknowledged(9));
  assert.is(progress.next, 10);
});

test('each state begins with an empty window and a floor under old answers', () => {
  const progress = replicating(5);
  progress.sequence = 7;
  progress.sent(6, 1);
  progress.becomeProbe(3);
  assert.is(progress.floor, 7);
  assert.is(progress.inflightMessages, 0);
  assert.is(progress.next, 6, 'never at or below match');
  progress.becomeSnapshot(40);
  assert.is(progress.pendingSnapshot, 40);
  progress.becomeProbe(6);
  assert.is(progress.pendingSnapshot, 0);
});

test('a fetch pauses the pipeline and keeps what is on its way', () => {
  const progress = replicating(5);
  progress.sent(6, 1);
  progress.pauseForFetch();
  assert.is(progress.state, 'fetching');
  progress.acknowledged(6);
  progress.resumeFromFetch();
  assert.is(progress.state, 'replicate');
  assert.throws(() => progress.resumeFromFetch(), /nothing was being fetched/);
});

test('trap 43: what is forgotten is not believed again', () => {
  const progress = replicating(5);
  progress.sequence = 9;
  progress.forget();
  assert.is(progress.match, 0);
  assert.is(progress.forgottenSequence, 9);
});

test.run();
