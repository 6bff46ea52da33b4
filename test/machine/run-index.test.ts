/**
 * Where records stand, against a plain list of them, and what it costs in bytes.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AssertionError } from '../../src/base/assert.js';
import { batchRecordsMax } from '../../src/base/limits.js';
import { Rng } from '../../src/base/rng.js';
import type { RecordPlace } from '../../src/machine/commands.js';
import { RunIndex } from '../../src/machine/run-index.js';

test('an empty stream has no records and awaits the first', () => {
  const runs = new RunIndex();
  assert.is(runs.nextSeq, 1);
  assert.equal(runs.locate(1, 10), []);
});

test('a run index finds what a list of all records finds', () => {
  const entries = fc.array(
    fc.record({
      gap: fc.oneof(fc.constant(0), fc.nat(3)),
      records: fc.integer({ min: 1, max: 4 }),
    }),
    { maxLength: 200, size: 'max' },
  );
  fc.assert(
    fc.property(entries, fc.nat(300), fc.nat(300), (steps, fromSeq, limit) => {
      const { runs, naive } = both(steps);
      const from = Math.max(1, fromSeq);
      assert.equal(runs.locate(fromSeq, limit), naive.slice(from - 1, from - 1 + limit));
    }),
    { numRuns: 1000 },
  );
});

test('a trimmed run index finds what is left of the list', () => {
  const step = fc.record({
    gap: fc.oneof(fc.constant(0), fc.nat(3)),
    records: fc.integer({ min: 1, max: 4 }),
    trimBy: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(9)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const runs = new RunIndex();
      const naive: RecordPlace[] = [];
      let index = 0;
      let firstSeq = 1;
      for (const { gap, records, trimBy } of steps) {
        index += 1 + gap;
        assert.is(runs.append(index, records), naive.length + 1);
        for (let offset = 0; offset < records; offset++) {
          naive.push({ seq: naive.length + 1, index, offset });
        }
        firstSeq = Math.min(naive.length + 1, firstSeq + trimBy);
        runs.trim(firstSeq);
        assert.is(runs.firstSeq, firstSeq);
        assert.equal(runs.locate(1, 9999), naive.slice(firstSeq - 1));
        assert.equal(runs.locate(firstSeq + 2, 3), naive.slice(firstSeq + 1, firstSeq + 4));
      }
    }),
    { numRuns: 300 },
  );
});

test('a trim gives chunks back, and never goes back itself', () => {
  const runs = new RunIndex();
  for (let i = 1; i <= 100_000; i++) runs.append(i * 2, 1);
  runs.trim(90_000);
  assert.ok(runs.bytes <= 10 * (10_000 + 2048), `${runs.bytes}`);
  runs.trim(5);
  assert.is(runs.firstSeq, 90_000);
  assert.equal(runs.locate(1, 1), [{ seq: 90_000, index: 180_000, offset: 0 }]);
  assert.throws(() => runs.trim(100_002), isAssertion);
  runs.trim(100_001);
  assert.is(runs.bytes, 0);
  assert.is(runs.append(200_001, 1), 100_001, 'next to the last entry, but of no run');
  assert.equal(runs.locate(0, 9), [{ seq: 100_001, index: 200_001, offset: 0 }]);
});

test('many chunks of runs are searched like one', () => {
  const rng = new Rng(5);
  const steps = Array.from({ length: 20_000 }, () => {
    return { gap: rng.below(2), records: rng.between(1, 3) };
  });
  const { runs, naive } = both(steps);
  for (let i = 0; i < 3000; i++) {
    const from = rng.between(1, naive.length + 2);
    const limit = rng.below(30);
    assert.equal(runs.locate(from, limit), naive.slice(from - 1, from - 1 + limit));
  }
  assert.equal(runs.locate(1, naive.length + 9), naive);
});

test('offsets over 32 bits start another chunk', () => {
  const runs = new RunIndex();
  const places: RecordPlace[] = [];
  for (let i = 0; i < 20; i++) {
    const index = 5 + i * 2 ** 31;
    places.push({ seq: runs.append(index, 1), index, offset: 0 });
  }
  assert.equal(runs.locate(1, 99), places);
});

test('a stream written steadily is one run however long it gets', () => {
  const runs = new RunIndex();
  for (let index = 1; index <= 100_000; index++) runs.append(index, 2);
  assert.is(runs.bytes, 80);
  assert.equal(runs.locate(199_999, 5), [
    { seq: 199_999, index: 100_000, offset: 0 },
    { seq: 200_000, index: 100_000, offset: 1 },
  ]);
});

test('at worst a record costs ten bytes, and one chunk of spare room', () => {
  const runs = new RunIndex();
  for (let i = 1; i <= 100_000; i++) runs.append(i * 2, 1);
  assert.ok(runs.bytes <= 10 * (100_000 + 1024), `${runs.bytes}`);
});

test('a stream that does not grow by rising indexes is a fault of ours', () => {
  const runs = new RunIndex();
  runs.append(5, 1);
  for (const index of [5, 4]) assert.throws(() => runs.append(index, 1), isAssertion);
  for (const records of [0, batchRecordsMax + 1]) {
    assert.throws(() => runs.append(9, records), isAssertion);
  }
});

function both(steps: readonly { gap: number; records: number }[]) {
  const runs = new RunIndex();
  const naive: RecordPlace[] = [];
  let index = 0;
  for (const { gap, records } of steps) {
    index += 1 + gap;
    assert.is(runs.append(index, records), naive.length + 1);
    for (let offset = 0; offset < records; offset++) {
      naive.push({ seq: naive.length + 1, index, offset });
    }
  }
  assert.is(runs.nextSeq, naive.length + 1);
  return { runs, naive };
}

function isAssertion(error: unknown): boolean {
  return error instanceof AssertionError;
}

test.run();
