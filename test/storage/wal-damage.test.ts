/**
 * Damage: flipped bits, lost, zeroed and misplaced sectors, missing files. Each is noticed, or did
 * no harm, or hit a last write that nothing proves to have been acknowledged; never is a log
 * silently cut, and a damaged log is not changed.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import {
  batchHeaderBytes,
  readBatchHeader,
  segmentSeed,
  writeBatchHeader,
} from '../../src/storage/batch-header.js';
import type { RecoveredLog } from '../../src/storage/log-store.js';
import { sectorBytes } from '../../src/storage/segment-header.js';
import { MemoryDisk } from './memory-disk.js';
import { checksum, commands, WalFixture } from './wal-fixture.js';

const options = { segmentBytesMax: 16 * 1024 };
const lastIndex = 123;

type Ending = 'clean stop' | 'mark' | 'none';

/** A log of three segments and a spare. */
function makeLog(ending: Ending): Map<string, Uint8Array> {
  const fixture = new WalFixture(new MemoryDisk(), options);
  const { store } = fixture.create();
  for (let i = 0; i < 40; i++) {
    const hardState = i % 7 === 0 ? { term: i + 1, vote: 1 } : null;
    const entries = commands(4 + i * 3, 6 + i * 3, i + 1, 60 + (i % 5) * 200);
    store.append({ truncateFrom: null, hardState, entries }, () => {});
    fixture.settle();
  }
  if (ending === 'mark') {
    fixture.clock.fire();
    fixture.settle();
  }
  if (ending === 'clean stop') fixture.close(store);
  const files = new Map<string, Uint8Array>();
  for (let id = 1; ; id++) {
    const path = `data/wal/${String(id).padStart(12, '0')}.wal`;
    try {
      files.set(path, fixture.disk.peek(path).slice());
    } catch {
      break;
    }
  }
  assert.ok(files.size >= 3);
  return files;
}

/** Opens these files: what the log said, or the error's message. */
function reopen(files: ReadonlyMap<string, Uint8Array>): RecoveredLog | string {
  const disk = new MemoryDisk();
  for (const [path, bytes] of files) disk.put(path, bytes);
  const fixture = new WalFixture(disk, { ...options, tailBytesMax: 1000 });
  try {
    return fixture.open().recovered;
  } catch (error) {
    assert.is(disk.operations, 0, 'a damaged log was changed');
    return (error as Error).message;
  }
}

test('20,000 flipped bits: each noticed, harmless, or in a last write that nothing proves', () => {
  const outcomes = { noticed: 0, harmless: 0, unproved: 0 };
  const rng = new Rng(7);
  for (const ending of ['clean stop', 'mark', 'none'] as const) {
    const files = makeLog(ending);
    const paths = [...files.keys()];
    const whole = reopen(files) as RecoveredLog;
    assert.is(whole.lastIndex, lastIndex);
    for (let i = 0; i < 6700; i++) {
      const path = paths[rng.below(paths.length)] as string;
      const bytes = files.get(path) as Uint8Array;
      const at = rng.below(bytes.length);
      const bit = 1 << rng.below(8);
      bytes[at] = (bytes[at] as number) ^ bit;
      const found = reopen(files);
      bytes[at] = (bytes[at] as number) ^ bit;
      const where = `${ending}, ${path} byte ${at} bit ${bit}`;
      if (typeof found === 'string') {
        assert.match(found, /damaged at byte \d+, entries .* nothing was changed/);
        assert.ok(found.includes(path) || found.includes('.wal'), where);
        outcomes.noticed++;
      } else if (found.lastIndex === lastIndex) {
        assert.equal(found.termRuns, whole.termRuns, where);
        assert.equal(found.hardState, whole.hardState, where);
        outcomes.harmless++;
      } else {
        assert.is(ending, 'none', `silently cut to ${found.lastIndex}: ${where}`);
        assert.is(found.lastIndex, lastIndex - 3, where);
        outcomes.unproved++;
      }
    }
  }
  assert.ok(outcomes.noticed > 5000, JSON.stringify(outcomes));
  assert.ok(outcomes.unproved > 0, JSON.stringify(outcomes));
});

test('a lost write in the middle is damage, with file, byte and entries in the message', () => {
  const files = makeLog('mark');
  const path = [...files.keys()][1] as string;
  const bytes = files.get(path) as Uint8Array;
  bytes.fill(0, 2048, 2560);
  const found = reopen(files);
  assert.match(String(found), /000000000002\.wal: damaged at byte \d+, entries (from )?\d+/);
  assert.match(String(found), /remove the data folder and let this server join again/);
});

test('any zeroed sector of a marked log is damage or was zero before', () => {
  const files = makeLog('mark');
  for (const [path, bytes] of files) {
    for (let at = 0; at < bytes.length; at += 512) {
      const sector = bytes.slice(at, at + 512);
      bytes.fill(0, at, at + 512);
      const found = reopen(files);
      bytes.set(sector, at);
      if (typeof found === 'string') continue;
      assert.is(found.lastIndex, lastIndex, `${path} at ${at}`);
    }
  }
});

test('a batch in the wrong place, a swapped and a missing segment are damage', () => {
  const paths = [...makeLog('mark').keys()];
  const [first, second] = paths as [string, string];
  const changes: [string, (files: Map<string, Uint8Array>) => void][] = [
    ['a batch written over another', (files) => files.get(second)?.copyWithin(2048, 512, 1536)],
    [
      'a batch of another segment',
      (files) => {
        files.get(second)?.set((files.get(first) as Uint8Array).subarray(1536, 2560), 1536);
      },
    ],
    [
      'two segments swapped',
      (files) => {
        const kept = files.get(first) as Uint8Array;
        files.set(first, files.get(second) as Uint8Array);
        files.set(second, kept);
      },
    ],
    ['the first segment missing', (files) => files.delete(first)],
    ['a middle segment missing', (files) => files.delete(second)],
    [
      'a segment cut short',
      (files) => files.set(second, (files.get(second) as Uint8Array).slice(0, 1024)),
    ],
    ['a segment emptied', (files) => files.set(second, new Uint8Array(0))],
  ];
  for (const [name, change] of changes) {
    const files = makeLog('mark');
    change(files);
    assert.type(reopen(files), 'string', name);
  }
});

test('an entry that rots while the log is open is an error of its read, not a wrong entry', () => {
  const fixture = new WalFixture(new MemoryDisk(), options);
  const { store } = fixture.create();
  for (let i = 0; i < 4; i++) {
    const entries = commands(4 + i * 3, 6 + i * 3, 1, 100);
    store.append({ truncateFrom: null, hardState: null, entries }, () => {});
    fixture.settle();
  }
  const bytes = fixture.disk.peek('data/wal/000000000001.wal');
  const at = Buffer.from(bytes).indexOf(Buffer.from(commands(8, 8, 1, 100)[0]?.data ?? []));
  assert.ok(at > 0);
  bytes[at] = (bytes[at] as number) ^ 1;
  assert.is(fixture.read(store, 4, 6).length, 3);
  assert.throws(() => fixture.read(store, 7, 9), /damaged at byte \d+, entries 7 … 9/);
  assert.is(fixture.read(store, 10, 15).length, 6);
});

test('a torn tail is kept aside, cut once, and the log goes on', () => {
  const files = makeLog('none');
  const path = [...files.keys()].at(-2) as string;
  const bytes = files.get(path) as Uint8Array;
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  bytes.fill(0, end - 40);
  const disk = new MemoryDisk();
  for (const [name, content] of files) disk.put(name, content);
  const fixture = new WalFixture(disk, options);
  const { store, recovered } = fixture.open();
  assert.ok(recovered.tornBytes > 0);
  assert.ok(recovered.lastIndex < lastIndex);
  assert.equal(fixture.log.events, ['torn tail of the log cut']);
  let names: readonly string[] = [];
  disk.list('data/wal', (_error, found) => {
    names = found;
  });
  fixture.settle();
  assert.is(names.filter((name) => name.endsWith('.torn')).length, 1);
  const next = recovered.lastIndex + 1;
  const entries = commands(next, next + 2, 99, 10);
  store.append({ truncateFrom: null, hardState: null, entries }, () => {});
  fixture.settle();
  const again = new WalFixture(
    disk.afterCrash(() => 'old'),
    options,
  ).open().recovered;
  assert.is(again.lastIndex, next + 2);
  assert.is(again.tornBytes, 0);
});

test('a segment whose first write was torn is not used again with what is left in it', () => {
  const fixture = new WalFixture(new MemoryDisk(), options);
  const { store } = fixture.create();
  // One write of four batches, too long for the first segment: a truncation starts a batch.
  store.append(
    { truncateFrom: null, hardState: null, entries: commands(4, 4, 1, 14_000) },
    () => {},
  );
  for (let index = 5; index <= 8; index++) {
    const entries = commands(index, index, 1, 300);
    store.append({ truncateFrom: index, hardState: { term: 1, vote: 0 }, entries }, () => {});
  }
  fixture.settle();
  const path = 'data/wal/000000000002.wal';
  const bytes = fixture.disk.peek(path);
  assert.is(new WalFixture(fixture.disk.clone(), options).open().recovered.lastIndex, 8);
  const torn = new MemoryDisk();
  torn.put('data/wal/000000000001.wal', fixture.disk.peek('data/wal/000000000001.wal'));
  torn.put(path, bytes.slice().fill(0, 0, 1024));
  const next = new WalFixture(torn, options);
  const opened = next.open();
  const { lastIndex: last, tornBytes } = opened.recovered;
  assert.ok(last < 8 && tornBytes > 0);
  // Written to the same place with the same length as the batch that was lost.
  for (let index = last + 1; index <= 5; index++) {
    const hardState = { term: 9, vote: 0 };
    const entries = commands(index, index, 9, index === 4 ? 14_000 : 300);
    opened.store.append({ truncateFrom: index, hardState, entries }, () => {});
    next.settle();
  }
  const { recovered } = new WalFixture(
    torn.afterCrash(() => 'old'),
    options,
  ).open();
  assert.is(recovered.lastIndex, 5);
  assert.is(recovered.termRuns.at(-1)?.term, 9);
});

test('a header that came to the disk alone is proved by the batch that was added to it', () => {
  const fixture = new WalFixture(new MemoryDisk(), options);
  const { store } = fixture.create();
  const append = (index: number, size: number): void => {
    const entries = commands(index, index, 1, size);
    store.append({ truncateFrom: null, hardState: null, entries }, () => {});
    fixture.settle();
  };
  append(4, 14_000);
  append(5, 3000);
  const path = 'data/wal/000000000002.wal';
  const bytes = fixture.disk.peek(path).slice();
  const torn = new MemoryDisk();
  torn.put('data/wal/000000000001.wal', fixture.disk.peek('data/wal/000000000001.wal'));
  torn.put(path, bytes.fill(0, sectorBytes));
  // A power cut left the header sector of the first write and nothing of its batch.
  const next = new WalFixture(torn, options);
  const vote = { term: 7, vote: 2 };
  let isDone = false;
  next.open().store.append({ truncateFrom: null, hardState: vote, entries: [] }, () => {
    isDone = true;
  });
  next.settle();
  assert.ok(isDone);
  const crashed = torn.afterCrash(() => 'old');
  assert.equal(new WalFixture(crashed.clone(), options).open().recovered.hardState, vote);
  const written = crashed.peek(path);
  written[107] = (written[107] as number) ^ 1;
  const rotten = new MemoryDisk();
  rotten.put('data/wal/000000000001.wal', crashed.peek('data/wal/000000000001.wal'));
  rotten.put(path, written);
  assert.is(new WalFixture(rotten, options).openError()?.code, 'DAMAGED');
});

test('a payload of nonsense under right checksums is damage, never an exception', () => {
  const rng = new Rng(5);
  const files = makeLog('mark');
  const path = 'data/wal/000000000002.wal';
  const whole = files.get(path) as Uint8Array;
  let noticed = 0;
  for (let i = 0; i < 10_000; i++) {
    const bytes = whole.slice();
    const header = readBatchHeader(bytes, sectorBytes, 2, checksum);
    if (header === null) throw new Error('no batch where one was');
    const start = sectorBytes + batchHeaderBytes;
    const payload = bytes.subarray(start, start + header.payloadBytes);
    for (let k = 0; k < 1 + rng.below(3); k++) {
      // Mostly in the sections and the first entry's header, where the meaning is.
      payload[rng.below(rng.below(2) === 0 ? 60 : payload.length)] = rng.below(256);
    }
    const payloadCrc = checksum(payload, segmentSeed(2));
    writeBatchHeader(bytes, sectorBytes, { ...header, payloadCrc }, checksum);
    files.set(path, bytes);
    const found = reopen(files);
    if (typeof found !== 'string') continue;
    assert.match(found, /damaged at byte \d+/);
    noticed++;
  }
  assert.ok(noticed > 3000, `${noticed}`);
});

test('an unreadable segment is damage, not the end of the log', () => {
  const disk = new MemoryDisk();
  for (const [path, bytes] of makeLog('mark')) disk.put(path, bytes);
  const read = disk.size.bind(disk);
  disk.size = (path, done) => {
    if (path.includes('0003')) return done({ code: 'EIO', message: `stat ${path}: EIO` }, 0);
    read(path, done);
  };
  assert.is(new WalFixture(disk, options).openError()?.code, 'DAMAGED');
});

test.run();
