/**
 * What a frame takes along: news first, each thing so often and no more, bounded.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { frameRumoursMax, RumourQueue, timesMaxFor } from '../../src/membership/rumour-queue.js';
import type { MemberRecord, Rumour } from '../../src/membership/table.js';

function rumour(subject: string, given: Partial<Rumour> = {}): Rumour {
  return { kind: 'suspect', subject, sequence: 1, accuser: 'a', ...given };
}

function record(peerId: string, sequence: number) {
  const empty = new Uint8Array(0);
  return { record: { peerId, sequence } as MemberRecord, payload: empty, signature: empty };
}

test('everything is said as often as it should, and no more', () => {
  const queue = new RumourQueue();
  queue.addRumour(rumour('p1'));
  queue.addRecord(record('p2', 5));
  for (let i = 0; i < 3; i++) {
    const { rumours, records } = queue.take(3);
    assert.equal([rumours.length, records.length], [1, 1]);
  }
  assert.equal(queue.take(3), { rumours: [], records: [] });
});

test('what was said least often goes first', () => {
  const queue = new RumourQueue();
  for (let i = 0; i < frameRumoursMax; i++) queue.addRumour(rumour(`old${i}`));
  queue.take(9);
  queue.addRumour(rumour('new'));
  assert.is(queue.take(9).rumours[0]?.subject, 'new');
});

test('a frame takes few along, and all have their turn', () => {
  const queue = new RumourQueue();
  for (let i = 0; i < 20; i++) queue.addRumour(rumour(`p${i}`));
  const seen = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { rumours } = queue.take(9);
    assert.is(rumours.length, frameRumoursMax);
    for (const { subject } of rumours) seen.add(subject);
  }
  assert.is(seen.size, 20);
});

test('accusers of one subject stand beside each other; a death or a record replaces them', () => {
  const queue = new RumourQueue();
  queue.addRumour(rumour('p1'));
  queue.addRumour(rumour('p1', { accuser: 'b' }));
  assert.is(queue.take(9).rumours.length, 2);
  queue.addRumour(rumour('p1', { kind: 'dead' }));
  assert.equal(
    queue.take(9).rumours.map(({ kind }) => kind),
    ['dead'],
  );
  queue.addRecord(record('p1', 2));
  assert.equal(queue.take(9).rumours, []);
  queue.addRumour(rumour('p1', { sequence: 2 }));
  assert.equal(queue.take(9).records, []);
});

test('a flood of rumours stays bounded', () => {
  const queue = new RumourQueue();
  for (let i = 0; i < 5000; i++) queue.addRumour(rumour(`p${i}`));
  let frames = 0;
  while (queue.take(1).rumours.length > 0) frames += 1;
  assert.is(frames, 256 / frameRumoursMax);
});

test('how often grows with the logarithm of the members', () => {
  assert.equal([1, 2, 5, 12, 50, 1000].map(timesMaxFor), [4, 4, 6, 8, 12, 20]);
});

test.run();
