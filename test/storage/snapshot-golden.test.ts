/**
 * A snapshot file of format 1, byte for byte, with a row of every kind. It must be written so for
 * ever, or the format's number must rise; and whatever number it has by then, this file must be
 * read.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { StateRow } from '../../src/machine/state-rows.js';
import { snapshotName } from '../../src/storage/snapshot-files.js';
import { decodeRows, StateChunks } from '../../src/wire/state-codec.js';
import { MemoryDisk } from './memory-disk.js';
import { headerAt, SnapshotFixture } from './snapshot-fixture.js';
import { goldenSnapshot } from './snapshot-golden.js';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

const rows: readonly StateRow[] = [
  { kind: 'policy', index: 4, words: [{ name: 'voters', value: '5' }] },
  { kind: 'tombstone', id: 2, peerId: 'p2', name: 'n2', removedAtIndex: 7, mayRejoin: true },
  {
    kind: 'history',
    index: 7,
    term: 3,
    timeMillis: 1_700_000_000_000,
    reason: 'grün',
    voters: [1, 3],
    votersOutgoing: [1, 2],
    learners: [4],
    learnersNext: [2],
  },
  { kind: 'keys', revision: 9, count: 1 },
  {
    kind: 'pair',
    key: bytesOf('key'),
    createRevision: 5,
    modRevision: 9,
    version: 2,
    valueBytes: 8,
    part: bytesOf('valu'),
  },
  { kind: 'valuePart', part: bytesOf('able') },
  { kind: 'session', id: 11, nextSequence: 6, firstKept: 5 },
  {
    kind: 'reply',
    reply: { kind: 'appended', firstSeq: 1, lastSeq: 2, index: 12, term: 3 },
  },
  {
    kind: 'stream',
    name: 'log',
    firstSeq: 2,
    nextSeq: 5,
    fence: 6,
    totalBytes: 2 ** 40,
    retention: { recordsMax: 3, bytesMax: null, ageMillisMax: 86_400_000 },
  },
  {
    kind: 'views',
    views: [
      { view: 3, firstSeq: 1, endSeq: 3 },
      { view: 4, firstSeq: 3, endSeq: null },
    ],
  },
  {
    kind: 'marks',
    baseSeq: 1,
    baseMillis: 1_700_000_000_000,
    baseBytes: 0,
    offsets: Uint32Array.of(0, 0, 0, 2, 1000, 70_000),
  },
  {
    kind: 'runs',
    baseSeq: 1,
    baseIndex: 12,
    seqOffsets: Uint32Array.of(0, 2),
    indexOffsets: Uint32Array.of(0, 5),
    recordsPerEntry: Uint16Array.of(2, 1),
  },
];

const path = `data/snapshots/${snapshotName(20)}`;

test('a snapshot is written byte for byte as in format 1', () => {
  const disk = new MemoryDisk();
  const fixture = new SnapshotFixture(disk);
  const chunk = new StateChunks(rows.values()).next() as Uint8Array;
  assert.is(fixture.write(20, [chunk]), null);
  const written = Buffer.from(disk.peek(path)).toString('hex');
  assert.is(written, goldenSnapshot);
});

test('the snapshot of format 1 is read', () => {
  const disk = new MemoryDisk();
  disk.put(path, new Uint8Array(Buffer.from(goldenSnapshot, 'hex')));
  const { header, chunks } = new SnapshotFixture(disk).load();
  assert.equal(header, headerAt(20));
  const found: StateRow[] = [];
  for (const chunk of chunks) decodeRows(chunk, (row) => found.push(row));
  assert.equal(found, rows);
});

test.run();
