/**
 * The books of waiting reads.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FollowerReads, LeaderReads } from '../../src/raft/read-queue.js';

test('a round takes all that wait, and is confirmed with those before it', () => {
  const reads = new LeaderReads();
  reads.waiting.push({ from: 1, ref: 1 }, { from: 2, ref: 9 });
  reads.begin(5);
  reads.waiting.push({ from: 1, ref: 2 });
  reads.begin(6);
  assert.is(reads.round, 2);
  assert.equal(reads.confirmed(0), []);
  const done = reads.confirmed(2);
  assert.equal(
    done.map(({ index }) => index),
    [5, 6],
  );
  assert.not(reads.inFlight);
});

test('trap 33: a round is never begun twice under one number', () => {
  const reads = new LeaderReads();
  const rounds = [1, 2, 3].map((ref) => {
    reads.waiting.push({ from: 1, ref });
    reads.begin(1);
    reads.confirmed(reads.round);
    return reads.round;
  });
  assert.equal(rounds, [1, 2, 3]);
});

test('draining gives every read back once', () => {
  const reads = new LeaderReads();
  reads.waiting.push({ from: 1, ref: 1 });
  reads.begin(5);
  reads.waiting.push({ from: 1, ref: 2 });
  assert.equal(
    reads.drain().map(({ ref }) => ref),
    [1, 2],
  );
  assert.equal(reads.drain(), []);
});

test('a follower asks for all under a new number, and believes the newest answer alone', () => {
  const reads = new FollowerReads(40);
  reads.waiting.push(1, 2);
  assert.is(reads.ask(3), 41);
  reads.waiting.push(3);
  assert.is(reads.ask(9), 42, 'asked again: the old answer would be too old for 3');
  assert.equal(reads.answered(41), []);
  assert.equal(reads.answered(42), [1, 2, 3]);
  assert.equal(reads.answered(42), []);
  reads.waiting.push(4);
  assert.equal(reads.drain(), [4]);
});

test.run();
