/**
 * Entries: round trips, sharing of memory, limits, hostile bytes.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBytesMax } from '../../src/base/limits.js';
import { Rng } from '../../src/base/rng.js';
import type { Configuration, Entry, EntryKind } from '../../src/raft/types.js';
import {
  configurationFromJson,
  configurationToJson,
  logBaseFromJson,
  logBaseToJson,
} from '../../src/wire/configuration-codec.js';
import {
  decodeEntries,
  encodeEntries,
  encodeEntry,
  entryBytesMax,
  entryHeaderBytes,
} from '../../src/wire/entry-codec.js';
import { EntryCursor } from '../../src/wire/entry-cursor.js';
import { WireError } from '../../src/wire/wire-error.js';

const member = (id: number) => ({ id, peerId: `peer${id}`, incarnation: 'ab', name: `né${id}` });
const joint: Configuration = {
  voters: [1, 2, 9],
  votersOutgoing: [1, 2, 3],
  learners: [5],
  learnersNext: [3],
  members: [1, 2, 3, 5, 9].map(member),
  reason: 'replace 3 by 9 – „quoted"',
};

function entry(index: number, kind: EntryKind, data = new Uint8Array(0)): Entry {
  const configuration = kind === 'configuration' ? joint : null;
  return { index, term: 7, kind, timeMillis: 1.7e12, data, configuration, encoded: null };
}

function isWireError(error: unknown): boolean {
  return error instanceof WireError && !error.message.includes('\n');
}

test('entries of every kind come back as they were, with views for bytes', () => {
  const max = Number.MAX_SAFE_INTEGER;
  const entries: Entry[] = [
    entry(1, 'noop'),
    entry(2, 'command'),
    entry(3, 'command', Uint8Array.of(1, 2, 3)),
    entry(4, 'configuration'),
    { ...entry(max, 'command', new Uint8Array(70_000).fill(5)), term: max, timeMillis: max },
  ];
  encodeEntries(entries);
  const bytes = Buffer.concat(entries.map((each) => encodeEntry(each)));
  const back = decodeEntries(bytes);
  assert.equal(
    back.map(({ encoded, data, ...rest }) => ({ ...rest, data: [...data] })),
    entries.map(({ encoded, data, ...rest }) => ({ ...rest, data: [...data] })),
  );
  for (const each of back)
    assert.is(each.data.length === 0 || each.data.buffer === bytes.buffer, true);
  assert.equal(Buffer.concat(back.map((each) => encodeEntry(each))), bytes);
  const cursor = new EntryCursor(bytes, 0, bytes.length);
  const walked: [number, number, boolean][] = [];
  while (cursor.next()) walked.push([cursor.index, cursor.term, cursor.isConfiguration]);
  assert.equal(
    walked,
    entries.map((each) => [each.index, each.term, each.configuration !== null]),
  );
});

test('a run of new entries lies contiguous in memory, and none is encoded twice', () => {
  // The first may open a new slab.
  encodeEntry(entry(1, 'command', new Uint8Array(60_000)));
  const entries = [1, 2, 3].map((index) => entry(index, 'command', Uint8Array.of(index)));
  encodeEntries(entries);
  const first = entries.map((each) => each.encoded as Uint8Array);
  for (let i = 1; i < first.length; i++) {
    const before = first[i - 1] as Uint8Array;
    assert.is(first[i]?.buffer, before.buffer);
    assert.is(first[i]?.byteOffset, before.byteOffset + before.length);
  }
  encodeEntries(entries);
  assert.ok(entries.every((each, i) => each.encoded === first[i]));
});

test('the limit of a command holds on both sides', () => {
  const largest = entry(1, 'command', new Uint8Array(commandBytesMax));
  assert.is(encodeEntry(largest).length, entryBytesMax);
  assert.is(decodeEntries(encodeEntry(largest))[0]?.data.length, commandBytesMax);
  const over = entry(1, 'command', new Uint8Array(commandBytesMax + 1));
  assert.throws(() => encodeEntry(over), isWireError);
  const bytes = new Uint8Array(entryHeaderBytes + commandBytesMax + 1);
  bytes.set(encodeEntry(largest).subarray(0, entryHeaderBytes));
  new DataView(bytes.buffer).setUint32(0, commandBytesMax + 1, true);
  assert.throws(() => decodeEntries(bytes), isWireError);
  for (const index of [-1, 0.5, 2 ** 53, Number.NaN]) {
    assert.throws(() => encodeEntry(entry(index, 'noop')), isWireError);
  }
});

test('cut, mutated and random bytes are refused by WireError or read as whole entries', () => {
  const rng = new Rng(11);
  const entries = [
    entry(1, 'noop'),
    entry(2, 'command', new Uint8Array(40)),
    entry(3, 'configuration'),
  ];
  encodeEntries(entries);
  const bytes = new Uint8Array(Buffer.concat(entries.map((each) => encodeEntry(each))));
  const whole = new Set(decodeEntries(bytes).map((_each, i) => bytesBefore(entries, i)));
  for (let cut = 1; cut < bytes.length; cut++) {
    if (!whole.has(cut))
      assert.throws(() => decodeEntries(bytes, 0, cut), isWireError, `cut ${cut}`);
  }
  let refused = 0;
  for (let i = 0; i < 100_000; i++) {
    const mutant = i % 4 === 0 ? new Uint8Array(rng.below(200)) : bytes.slice();
    const flips = i % 4 === 0 ? mutant.length : 1 + rng.below(3);
    for (let k = 0; k < flips; k++) mutant[rng.below(mutant.length)] = rng.below(256);
    try {
      decodeEntries(mutant);
    } catch (error) {
      if (!isWireError(error)) throw error;
      refused++;
    }
  }
  assert.ok(refused > 50_000, `${refused}`);
});

function bytesBefore(entries: readonly Entry[], count: number): number {
  return entries.slice(0, count).reduce((sum, each) => sum + encodeEntry(each).length, 0);
}

test('a configuration that breaks a promise of its type is refused', () => {
  assert.equal(configurationFromJson(configurationToJson(joint)), joint);
  const rows: [string, object][] = [
    ['no voters', { voters: [], votersOutgoing: [1, 2, 3, 9] }],
    ['unsorted', { voters: [2, 1, 9] }],
    ['repeated', { voters: [1, 1, 2, 9] }],
    ['nobody', { voters: [0, 1, 2, 9] }],
    ['no number', { voters: ['1', 2, 9] }],
    ['no list', { learners: { 0: 5 } }],
    ['a learner that votes', { learners: [5, 9] }],
    ['a learner that voted', { learners: [3, 5] }],
    ['learnersNext that never voted', { learnersNext: [5] }],
    ['learnersNext that go on voting', { learnersNext: [2] }],
    ['a member missing', { members: [1, 2, 3, 5].map(member) }],
    ['a member too many', { members: [1, 2, 3, 4, 5, 9].map(member) }],
    ['members unsorted', { members: [2, 1, 3, 5, 9].map(member) }],
    ['a member without a name', { members: [...[1, 2, 3, 5].map(member), { id: 9, peerId: 'x' }] }],
    ['no reason', { reason: null }],
  ];
  for (const [name, change] of rows) {
    const json = JSON.stringify({ ...joint, ...change });
    assert.throws(() => configurationFromJson(json), isWireError, name);
  }
  for (const json of ['', 'null', '[]', '3', '{"voters":']) {
    assert.throws(() => configurationFromJson(json), isWireError, json);
  }
  assert.throws(() => configurationFromJson('['.repeat(100_000)), isWireError);
});

test('a log base comes back, and one whose configuration is newer than it is refused', () => {
  const base = { index: 5, term: 2, configurationIndex: 5, configuration: joint };
  assert.equal(logBaseFromJson(logBaseToJson(base)), base);
  assert.throws(
    () => logBaseFromJson(logBaseToJson({ ...base, configurationIndex: 6 })),
    isWireError,
  );
});

test.run();
