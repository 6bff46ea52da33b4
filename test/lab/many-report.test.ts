/**
 * How clusters of several sizes are compared: what may stay, what may grow, and by how much.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { callsIn } from './calls.js';
import type { Many } from './many.js';
import { growthOf, manyTable, manyText, median } from './many-report.js';

/** As if it was measured; each server sends the same, each time was the same. */
function many(servers: number, seen: Partial<Record<'bytes' | 'admitted' | 'dead', number>>): Many {
  const { bytes = 150, admitted = 40, dead = 1800 } = seen;
  const traffic = { frames: 10, bytes, wireBytes: 7000, wirePackets: 60 };
  return {
    servers,
    traffic: Array.from({ length: servers }, () => traffic),
    deaths: [dead, dead, dead],
    newcomers: [{ admitted, located: 60 }],
    unrest: callsIn([], 0),
    busy: { all: 0.5, nice: 0, load: 1 },
  };
}

/** What does not hold for a cluster of 25 beside one of five, whose logarithm is twice as large. */
function broken(seen: Parameters<typeof many>[1]): readonly string[] {
  const growth = growthOf([many(25, seen), many(5, {})]);
  return growth.filter(({ holds }) => !holds).map(({ what }) => what);
}

const rows: readonly [string, Parameters<typeof many>[1], readonly string[]][] = [
  ['all is as it was', {}, []],
  ['gossip by 30 % at most', { bytes: 194 }, []],
  ['gossip by more', { bytes: 196 }, ['gossip, busiest at 25', 'gossip, median at 25']],
  ['a death by 30 % over the logarithm', { dead: 4600 }, []],
  ['a death by more', { dead: 4700 }, ['dead to all at 25']],
  ['an admission from nothing to two heartbeats and more', { admitted: 250 }, []],
  ['an admission by more', { admitted: 270 }, ['admitted to all at 25']],
];

for (const [says, seen, wrong] of rows) {
  test(`growth: ${says}`, () => assert.equal(broken(seen), wrong));
}

test('the busiest server counts, not only the median one', () => {
  const uneven = many(25, {});
  const [first, ...others] = uneven.traffic as [Many['traffic'][0], ...Many['traffic']];
  const traffic = [{ ...first, bytes: 500 }, ...others];
  const found = growthOf([many(5, {}), { ...uneven, traffic }]).filter(({ holds }) => !holds);
  assert.equal(
    found.map(({ what }) => what),
    ['gossip, busiest at 25'],
  );
});

test('one size alone is compared with nothing', () => {
  assert.equal(growthOf([many(5, {})]), []);
  assert.equal(growthOf([]), []);
});

test('the number in the middle, the lower of two', () => {
  assert.equal([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2]);
});

test('the table has a row for each size, as many cells as columns, and a verdict behind it', () => {
  const sizes = [many(5, {}), many(12, { dead: 9000 })];
  const lines = manyTable(sizes).split('\n');
  assert.is(lines.length, 4);
  assert.is(new Set(lines.map((line) => line.split('|').length)).size, 1);
  assert.match(lines[3] ?? '', /^\| 12 \| 10\.0 \| 10\.0 \| 150 \| 150 \| 7000 \| 7000 \| 40 ms /);
  assert.match(manyText(sizes), /dead to all at 12: 5\.00 times, at most 2\.01: DOES NOT HOLD/);
});

test.run();
