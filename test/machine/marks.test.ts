/**
 * Marks: where stretches begin, where a time is looked for, what is too old or too much.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Marks, stretchBytes, stretchMillis, stretchRecords } from '../../src/machine/marks.js';

/** Sequences of the marks, found by asking for what begins after each time or size. */
function marked(steps: readonly (readonly [seq: number, millis: number, bytes: number])[]): Marks {
  const marks = new Marks();
  for (const [seq, millis, bytes] of steps) marks.append(seq, millis, bytes);
  return marks;
}

test('without a record there is no mark', () => {
  const marks = new Marks();
  assert.is(marks.seqBefore(0), null);
  assert.is(marks.firstAfter(0), null);
  assert.is(marks.firstWithin(0), 0);
  assert.is(marks.bytes, 0);
});

const rows: [string, [number, number, number][], number][] = [
  [
    'a second, no less',
    [
      [1, 0, 1],
      [2, stretchMillis - 1, 1],
      [3, stretchMillis, 1],
    ],
    3,
  ],
  [
    '64 KiB before the entry',
    [
      [1, 0, stretchBytes - 1],
      [2, 0, 1],
      [3, 0, 1],
    ],
    3,
  ],
  [
    'a thousand records',
    [
      [1, 0, 0],
      [stretchRecords, 0, 0],
      [stretchRecords + 1, 0, 0],
    ],
    1001,
  ],
];

for (const [what, steps, seq] of rows) {
  test(`a stretch ends after ${what}`, () => {
    const marks = marked(steps);
    // The newest stretch is what is left when nothing may be kept.
    assert.is(marks.firstWithin(-1), seq);
    marks.trim(seq);
    assert.is(marks.bytes, steps.at(-1)?.[2]);
  });
}

test('a time is looked for from the last mark before it', () => {
  const marks = marked([
    [1, 1000, 1],
    [5, 2500, 1],
    [9, 9000, stretchBytes],
    [10, 9000, stretchBytes],
    [11, 9000, 1],
    [20, 9500, 1],
  ]);
  for (const [millis, seq] of [
    [0, 1],
    [1000, 1],
    [1001, 1],
    [1999, 1],
    [2000, 5],
    [2500, 5],
    [3499, 5],
    [3500, 9],
    [9000, 9],
    [9001, 11],
    [9999, 11],
    [10_000, null],
  ] as const) {
    assert.is(marks.seqBefore(millis), seq, `${millis}`);
  }
});

test('a stretch is too old when the youngest record that could be in it is', () => {
  const marks = marked([
    [1, 1000, 1],
    [2, 1999, 1],
    [3, 2000, 1],
  ]);
  assert.is(marks.firstAfter(1998), 1);
  assert.is(marks.firstAfter(1999), 3);
  assert.is(marks.firstAfter(2998), 3);
  assert.is(marks.firstAfter(2999), null);
});

test('bytes count from the mark at or before the first record kept', () => {
  const marks = marked([
    [1, 0, 10],
    [2, 500, 20],
    [3, 1000, 40],
    [4, 3000, 80],
  ]);
  for (const [seq, bytes] of [
    [2, 150],
    [3, 120],
    [4, 80],
  ] as const) {
    marks.trim(seq);
    assert.is(marks.bytes, bytes);
  }
  marks.trimAll();
  assert.is(marks.bytes, 0);
  marks.append(5, 3001, 7);
  assert.is(marks.seqBefore(0), 5, 'the next record begins a stretch');
  assert.is(marks.bytes, 7);
});

test('offsets over 32 bits start another chunk', () => {
  const marks = new Marks();
  for (let i = 0; i < 20; i++) marks.append(1 + i * 2 ** 31, i * 2 ** 31, 2 ** 31);
  for (let i = 0; i < 20; i++) assert.is(marks.seqBefore(i * 2 ** 31), 1 + i * 2 ** 31);
  marks.trim(1 + 10 * 2 ** 31);
  assert.is(marks.bytes, 10 * 2 ** 31);
  assert.is(marks.seqBefore(0), 1 + 10 * 2 ** 31);
});

test('many chunks are searched like one, trimmed or not', () => {
  const marks = new Marks();
  for (let i = 0; i < 5000; i++) marks.append(1 + i, i * 1000, 1);
  for (let first = 0; first < 5000; first += 701) {
    marks.trim(1 + first);
    assert.is(marks.bytes, 5000 - first);
    for (let i = first; i < 5000; i += 97) assert.is(marks.seqBefore(i * 1000), 1 + i);
    assert.is(marks.firstWithin(3), 4998);
    assert.is(marks.firstAfter(4000 * 1000), Math.max(1 + first, 4001));
  }
});

test.run();
