/**
 * Traps of docs/traps.md that the log on disk must not fall into, each in the words of the mistake,
 * and truncation against a model.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { enterJoint, leaveJoint } from '../../src/raft/conf-change.js';
import type { Configuration, Entry } from '../../src/raft/types.js';
import type { LogBatch, LogStore } from '../../src/storage/log-store.js';
import { sectorBytes } from '../../src/storage/segment-header.js';
import { MemoryDisk } from './memory-disk.js';
import { base, command, commands, WalFixture } from './wal-fixture.js';

const none = { truncateFrom: null, hardState: null };
const path = 'data/wal/000000000001.wal';

function append(fixture: WalFixture, store: LogStore, batch: Partial<LogBatch>): void {
  let isDone = false;
  store.append({ ...none, entries: [], ...batch }, () => {
    isDone = true;
  });
  fixture.settle();
  assert.ok(isDone);
}

function configured(index: number, term: number, configuration: Configuration): Entry {
  return { ...command(index, term, 0), kind: 'configuration', configuration };
}

/** What survives a power cut that takes every write that was not synced. */
function afterCrash(fixture: WalFixture): WalFixture {
  return new WalFixture(fixture.disk.afterCrash(() => 'old'));
}

test('trap 13: a configuration that was cut does not come back with a restart', () => {
  const { configuration } = base;
  const wanted = { voters: [1, 2], learners: [], reason: 'removed' };
  const joint = enterJoint(configuration.voters, wanted, configuration.members);
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  append(fixture, store, { entries: [command(4, 1, 5), configured(5, 1, joint)] });
  append(fixture, store, { entries: [configured(6, 1, leaveJoint(joint))] });
  append(fixture, store, { truncateFrom: 6, entries: [command(6, 2, 5)] });
  const once = afterCrash(fixture).open().recovered;
  assert.equal(
    once.configurations.map(({ index }) => index),
    [5],
  );
  append(fixture, store, { truncateFrom: 5, entries: [command(5, 3, 5)] });
  const twice = afterCrash(fixture).open().recovered;
  assert.equal(twice.configurations, []);
  assert.is(twice.lastIndex, 5);
});

test('trap 30: hard state of several writes comes back as the last of them', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  append(fixture, store, { hardState: { term: 4, vote: 2 } });
  append(fixture, store, { entries: commands(4, 5, 4, 10) });
  assert.equal(afterCrash(fixture).open().recovered.hardState, { term: 4, vote: 2 });
  append(fixture, store, { hardState: { term: 5, vote: 0 } });
  append(fixture, store, { hardState: { term: 5, vote: 3 } });
  assert.equal(afterCrash(fixture).open().recovered.hardState, { term: 5, vote: 3 });
});

test('trap 40: a torn tail is cut, the same hole before a proved write is refused', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  append(fixture, store, { entries: commands(4, 9, 1, 40) });
  const hole = fixture.disk.peek(path).lastIndexOf(1);
  assert.ok(hole > sectorBytes);
  const damagedAt = (bytes: Uint8Array): MemoryDisk => {
    const disk = new MemoryDisk();
    const copy = bytes.slice();
    copy[hole] = 0xff;
    disk.put(path, copy);
    return disk;
  };
  // Nothing proves the last write: it is a torn tail.
  const torn = new WalFixture(damagedAt(fixture.disk.peek(path))).open().recovered;
  assert.is(torn.lastIndex, 3);
  assert.ok(torn.tornBytes > 0);
  // The next write was begun after it was on disk: it is damage.
  append(fixture, store, { entries: commands(10, 10, 1, 40) });
  const damaged = new WalFixture(damagedAt(fixture.disk.peek(path)));
  const error = damaged.openError();
  assert.is(error?.code, 'DAMAGED');
  assert.match(error?.message ?? '', /byte \d+, entries 4 … 9/);
  assert.is(damaged.disk.operations, 0, 'nothing was changed');
});

test('trap 41: nobody hears done before the disk has it, and nobody after a failed write', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  const heard: number[] = [];
  store.append({ ...none, entries: commands(4, 4, 1, 10) }, () => heard.push(4));
  assert.equal(heard, [], 'not within the call');
  assert.is(afterCrash(fixture).open().recovered.lastIndex, 3);
  fixture.settle();
  assert.equal(heard, [4]);
  assert.is(afterCrash(fixture).open().recovered.lastIndex, 4);
  fixture.disk.faultAt = () => ({ code: 'EIO' });
  store.append({ ...none, entries: commands(5, 5, 1, 10) }, () => heard.push(5));
  fixture.settle();
  fixture.disk.faultAt = () => null;
  store.append({ ...none, entries: commands(6, 6, 1, 10) }, () => heard.push(6));
  fixture.settle();
  assert.equal(heard, [4]);
  assert.is(fixture.fatal.length, 1);
});

/** One step of a life: entries, perhaps after a cut, perhaps followed by a restart. */
const steps = fc.array(
  fc.record({
    entries: fc.integer({ min: 0, max: 6 }),
    size: fc.integer({ min: 0, max: 900 }),
    /** How much of the tail is cut first, in hundredths of its length. */
    cut: fc.option(fc.integer({ min: 0, max: 100 }), { nil: null, freq: 2 }),
    end: fc.constantFrom('nothing', 'nothing', 'nothing', 'clean stop', 'crash'),
  }),
  { minLength: 1, maxLength: 25 },
);

test('cuts and restarts in any order leave what an array would hold', () => {
  fc.assert(
    fc.property(steps, (life) => {
      let fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax: 16 * 1024 });
      let { store } = fixture.create();
      const model: Entry[] = [];
      for (const [at, { entries: count, size, cut, end }] of life.entries()) {
        let truncateFrom: number | null = null;
        if (cut !== null && model.length > 0) {
          model.length = Math.floor((model.length * (100 - cut)) / 100);
          truncateFrom = model.length + 4;
        }
        const first = model.length + 4;
        const entries = commands(first, first + count - 1, at + 1, size);
        model.push(...entries);
        append(fixture, store, { truncateFrom, entries });
        if (end === 'nothing') continue;
        if (end === 'clean stop') fixture.close(store);
        const disk = fixture.disk.afterCrash(() => 'old');
        fixture = new WalFixture(disk, { segmentBytesMax: 16 * 1024 });
        const opened = fixture.open();
        store = opened.store;
        assert.is(opened.recovered.lastIndex, model.length + 3);
      }
      const found = model.length === 0 ? [] : fixture.read(store, 4, model.length + 3);
      assert.equal(found.map(plain), model.map(plain));
    }),
    { numRuns: 150, seed: 1 },
  );
});

function plain({ index, term, data }: Entry): unknown {
  return [index, term, Buffer.from(data).toString('hex')];
}

test.run();
