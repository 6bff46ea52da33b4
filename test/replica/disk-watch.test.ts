/**
 * When a disk is called slow, and when it is well again: by how long writes take on average, not by
 * one of them, nor by a process that is late itself.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DiskWatch } from '../../src/replica/disk-watch.js';

/** A second of a disk: so many writes, and how long they took together, milliseconds. */
type Second = readonly [writes: number, millis: number];

/** What a watch says after each second. */
function fitnessAfter(seconds: readonly Second[], loopDelayMillis = 0): readonly string[] {
  const watch = new DiskWatch();
  let [count, millis] = [100, 100];
  watch.look({ count, millis }, loopDelayMillis);
  return seconds.map(([writes, took]) => {
    count += writes;
    millis += took;
    return watch.look({ count, millis }, loopDelayMillis).fitness;
  });
}

function often(times: number, second: Second): readonly Second[] {
  return Array.from({ length: times }, () => second);
}

// [what, the seconds, how late the event loop is, what is said in the end]
const rows: readonly (readonly [string, readonly Second[], number, string])[] = [
  ['a good disk', often(20, [500, 900]), 0, 'well'],
  ['a disk at rest', often(20, [0, 0]), 0, 'well'],
  ['100 ms a write', often(10, [10, 1000]), 0, 'slow'],
  ['99 ms a write', often(10, [10, 990]), 0, 'well'],
  ['a write that hangs', [...often(5, [300, 300]), ...often(10, [0, 1000])], 0, 'slow'],
  ['one write of 900 ms in a quiet time', [...often(5, [0, 0]), [1, 900]], 0, 'well'],
  ['one of 900 ms among many', [[1, 900], ...often(5, [90, 100])], 0, 'well'],
  ['a few writes a second, each slow', often(10, [1, 150]), 0, 'slow'],
  ['the process is as late as its writes', often(10, [10, 1000]), 60, 'well'],
  ['slower than the process is late', often(10, [5, 1000]), 60, 'slow'],
];

for (const [what, seconds, loopDelayMillis, expected] of rows) {
  test(`${what}: ${expected}`, () => {
    assert.is(fitnessAfter(seconds, loopDelayMillis).at(-1), expected);
  });
}

test('a hung write is told within two seconds, and forgotten ten after it', () => {
  const said = fitnessAfter([...often(2, [0, 1000]), [0, 20], ...often(12, [0, 0])]);
  assert.equal(said.slice(0, 2), ['slow', 'slow']);
  assert.is(said.indexOf('well'), 11);
});

test('at the limit the word does not change to and fro', () => {
  const seconds = Array.from(
    { length: 60 },
    (_, i): Second => (i % 20 < 10 ? [9, 960] : [11, 960]),
  );
  // Once slow, it stays so: every mean is above that of a disk that is well.
  assert.equal([...new Set(fitnessAfter(seconds).slice(1))], ['slow']);
});

test('what was measured while the process stood still does not count', () => {
  const watch = new DiskWatch();
  watch.look({ count: 10, millis: 10 }, 0);
  // A write was under way all the minute that the process slept.
  watch.stoodStill({ count: 11, millis: 60_010 });
  assert.is(watch.look({ count: 12, millis: 60_012 }, 0).fitness, 'well');
  assert.is(watch.look({ count: 12, millis: 61_500 }, 0).fitness, 'slow');
});

test.run();
