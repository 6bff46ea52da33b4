/**
 * Rows and headers of snapshots: round trips, chunks, fuzz. The bytes of a whole file are held by
 * storage/snapshot-golden.test.ts.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { batchRecordsMax } from '../../src/base/limits.js';
import type { StateRow } from '../../src/machine/state-rows.js';
import { decodeSnapshotHeader, encodeSnapshotHeader } from '../../src/wire/snapshot-codec.js';
import { decodeRows, StateChunks } from '../../src/wire/state-codec.js';
import { WireError } from '../../src/wire/wire-error.js';
import { logBase, reply } from './arbitraries.js';
import { bytes, counter, label, line, positive } from './basic-arbitraries.js';
import { codecSuite } from './codec-suite.js';

const ids = fc.array(counter, { maxLength: 4 });
const u32 = fc.nat(0xffff_ffff);
const limit = fc.option(positive);

/** Every kind of row. */
const row: fc.Arbitrary<StateRow> = fc.oneof(
  fc.record({
    kind: fc.constant('policy' as const),
    index: counter,
    words: fc.array(fc.record({ name: label, value: line }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('tombstone' as const),
    id: counter,
    peerId: label,
    name: line,
    removedAtIndex: counter,
    mayRejoin: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('history' as const),
    index: counter,
    term: counter,
    timeMillis: counter,
    reason: line,
    voters: ids,
    votersOutgoing: ids,
    learners: ids,
    learnersNext: ids,
  }),
  fc.record({ kind: fc.constant('keys' as const), revision: counter, count: counter }),
  fc.record({
    kind: fc.constant('pair' as const),
    key: bytes,
    createRevision: counter,
    modRevision: counter,
    version: counter,
    valueBytes: u32,
    part: bytes,
  }),
  fc.record({ kind: fc.constant('valuePart' as const), part: bytes }),
  fc.record({
    kind: fc.constant('session' as const),
    id: counter,
    nextSequence: counter,
    firstKept: counter,
  }),
  fc.record({ kind: fc.constant('reply' as const), reply }),
  fc.record({
    kind: fc.constant('stream' as const),
    name: label,
    firstSeq: counter,
    nextSeq: counter,
    fence: counter,
    totalBytes: counter,
    retention: fc.record({ recordsMax: limit, bytesMax: limit, ageMillisMax: limit }),
  }),
  fc.record({
    kind: fc.constant('views' as const),
    views: fc.array(fc.record({ view: counter, firstSeq: counter, endSeq: limit }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  fc
    .record({
      baseSeq: counter,
      baseMillis: counter,
      baseBytes: counter,
      marks: fc.array(fc.tuple(u32, u32, u32), { minLength: 1, maxLength: 3 }),
    })
    .map(({ marks, ...bases }) => {
      return { kind: 'marks' as const, ...bases, offsets: Uint32Array.from(marks.flat()) };
    }),
  fc
    .record({
      baseSeq: counter,
      baseIndex: counter,
      runs: fc.array(fc.tuple(u32, u32, fc.nat(batchRecordsMax)), { minLength: 1, maxLength: 3 }),
    })
    .map(({ runs, ...bases }) => ({
      kind: 'runs' as const,
      ...bases,
      seqOffsets: Uint32Array.from(runs.map(([seq]) => seq)),
      indexOffsets: Uint32Array.from(runs.map(([, index]) => index)),
      recordsPerEntry: Uint16Array.from(runs.map(([, , records]) => records)),
    })),
);

function encodeRows(rows: readonly StateRow[]): Uint8Array {
  const chunks = new StateChunks(rows.values());
  const parts: Uint8Array[] = [];
  for (let chunk = chunks.next(); chunk !== null; chunk = chunks.next()) parts.push(chunk);
  assert.is(chunks.count, rows.length);
  return new Uint8Array(Buffer.concat(parts));
}

function rowsIn(chunk: Uint8Array): readonly StateRow[] {
  const rows: StateRow[] = [];
  const count = decodeRows(chunk, (each) => rows.push(each));
  assert.is(count, rows.length);
  return rows;
}

codecSuite(test, {
  name: 'rows',
  values: fc.array(row, { maxLength: 4 }),
  encode: encodeRows,
  decode: rowsIn,
  canonical: true,
});

codecSuite(test, {
  name: 'header',
  values: fc.record({ clusterId: line, base: logBase, timeMillis: counter }),
  encode: encodeSnapshotHeader,
  decode: decodeSnapshotHeader,
  canonical: false,
});

test('a chunk is closed between rows when it has 64 KiB, and none is empty', () => {
  const part = new Uint8Array(30_000);
  const rows = Array.from({ length: 10 }, () => ({ kind: 'valuePart', part }) as const);
  const chunks = new StateChunks(rows.values());
  const lengths: number[] = [];
  for (let chunk = chunks.next(); chunk !== null; chunk = chunks.next()) {
    lengths.push(chunk.length);
    assert.ok(rowsIn(chunk).length > 0);
  }
  assert.equal(lengths, [90_015, 90_015, 90_015, 30_005]);
  assert.is(new StateChunks([].values()).next(), null);
});

test('a row is made only when its chunk is asked for', () => {
  let made = 0;
  function* rows(): Generator<StateRow> {
    for (;;) {
      made += 1;
      yield { kind: 'valuePart', part: new Uint8Array(1000) };
    }
  }
  const chunks = new StateChunks(rows());
  assert.is(made, 0);
  chunks.next();
  assert.ok(made > 60 && made < 70, `${made}`);
});

test('a row of an unknown kind is refused, never skipped', () => {
  assert.throws(
    () => rowsIn(Uint8Array.of(200, 0, 0)),
    (error: unknown) => error instanceof WireError && /unknown kind 200/.test(error.message),
  );
});

test.run();
