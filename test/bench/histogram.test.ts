/**
 * The histogram that the bench reports from: its quantiles beside those of the sorted values.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Histogram } from './histogram.js';

const rows: readonly (readonly [name: string, values: readonly number[]])[] = [
  ['one value', [1234]],
  ['small values, each exact', Array.from({ length: 60 }, (_, i) => i)],
  ['a ramp over five decades', Array.from({ length: 5000 }, (_, i) => Math.round(1.0025 ** i))],
  ['powers of two and their neighbours', [63, 64, 65, 127, 128, 129, 4095, 4096, 4097]],
  ['a long tail', [...Array.from({ length: 990 }, () => 300), ...new Array(10).fill(2_000_000)]],
];

for (const [name, values] of rows) {
  test(`quantiles are within 1 part in 64: ${name}`, () => {
    const histogram = new Histogram();
    for (const value of values) histogram.record(value);
    const sorted = [...values].sort((a, b) => a - b);
    assert.is(histogram.count, values.length);
    assert.is(histogram.max, sorted.at(-1));
    for (const quantile of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] as number;
      const error = Math.abs(histogram.at(quantile) - exact);
      assert.ok(error <= exact / 64, `${quantile}: ${histogram.at(quantile)}, not ${exact}`);
    }
  });
}

test('an empty histogram answers 0', () => {
  assert.is(new Histogram().at(0.5), 0);
});

test('a value beyond every bucket still counts, and is the longest', () => {
  const histogram = new Histogram();
  histogram.record(2 ** 45);
  assert.is(histogram.count, 1);
  assert.is(histogram.max, 2 ** 45);
});

test.run();
