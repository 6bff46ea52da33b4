/**
 * The log on a disk that fills: what found no room waits and is on disk later, nothing is said
 * before that, and the reserve lets small things be written meanwhile.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import type { LogBatch, LogStore } from '../../src/storage/log-store.js';
import { FullDiskFixture as Fixture, none, reserve, segmentBytesMax } from './full-disk-fixture.js';
import { type Fate, MemoryDisk } from './memory-disk.js';
import { command, commands, WalFixture } from './wal-fixture.js';
import { emptyState, type LogState, stateOf, WalModel, work } from './wal-model.js';

/** Appends that need several segments, a cut and hard states among them. */
const batches: readonly LogBatch[] = [
  { ...none, entries: commands(4, 6, 1, 100) },
  { truncateFrom: null, hardState: { term: 2, vote: 1 }, entries: [] },
  { truncateFrom: 5, hardState: { term: 3, vote: 2 }, entries: commands(5, 9, 3, 300) },
  { ...none, entries: commands(10, 12, 3, 900) },
  { truncateFrom: 12, hardState: null, entries: [] },
  { ...none, entries: commands(12, 12, 4, 2500) },
];

function modelOf(all: readonly LogBatch[], acknowledged: number): WalModel {
  const model = new WalModel(emptyState);
  model.batches.push(...all);
  model.acknowledged = acknowledged;
  return model;
}

/** Whether an operation writes batches into a segment. */
function isLogWrite(name: string): boolean {
  return /^write .*\d\.wal$/.test(name);
}

/** What the disk says after a crash now must be an outcome of what was said. */
function judgeCrash(fixture: Fixture, fate: () => Fate, what: string): void {
  const after = new Fixture(fixture.disk.afterCrash(fate));
  const found = stateOf(after, after.open());
  assert.is(modelOf(batches, fixture.done.length).judge(found), null, what);
}

test('every write of the log cut at each byte: nothing of it counts, and later it is there', () => {
  const sound = new Fixture();
  const store = sound.begin('create');
  const lengths: [number, number][] = [];
  const before = sound.disk.trace.length;
  for (const batch of batches) sound.append(store, [batch]);
  sound.disk.trace.slice(before).forEach((name, i) => {
    if (isLogWrite(name)) lengths.push([before + i + 1, lengths.length]);
  });
  assert.is(lengths.length, batches.length);
  let cuts = 0;
  for (const [operation, at] of lengths) {
    // No write of these is longer; behind its end a cut is a failure with all bytes taken.
    for (let taken = 0; taken <= 3584; taken += taken % 512 < 40 || taken > 1500 ? 37 : 1) {
      for (const code of taken % 5 === 0 ? ['ENOSPC', 'EDQUOT'] : ['ENOSPC']) {
        const fixture = new Fixture();
        const wal = fixture.begin('create');
        // Each try comes as far, also the one that the reserve made room for.
        fixture.disk.faultAt = (n, name) =>
          n >= operation && isLogWrite(name) ? { code, taken } : null;
        for (const batch of batches) fixture.append(wal, [batch]);
        const what = `write ${at} cut at byte ${taken}`;
        assert.equal(fixture.told, [code], what);
        assert.is(fixture.done.length, at, `${what}: only what came before is done`);
        const fate = (['old', 'new', 'zero'] as const)[cuts % 3] as Fate;
        judgeCrash(fixture, () => fate, what);
        fixture.disk.faultAt = () => null;
        fixture.look();
        assert.ok(fixture.done.length > at, `${what}: written again`);
        // A log that was short of room gets its next segment at a look of its own.
        fixture.look();
        assert.is(fixture.done.length, batches.length, `${what}: all of it once there is room`);
        assert.equal(fixture.fatal, [], what);
        judgeCrash(fixture, () => fate, `${what}, then written`);
        cuts++;
      }
    }
  }
  assert.ok(cuts > 2500, `${cuts} cuts`);
});

test('dones come in order, and no read shows what waits for room', () => {
  const fixture = new Fixture();
  const store = fixture.begin('create');
  fixture.append(store, [{ ...none, entries: commands(4, 6, 1, 100) }]);
  fixture.disk.isCopying = true;
  fixture.disk.roomBytes = 500;
  for (let index = 7; index < 12; index++) {
    fixture.append(store, [{ ...none, entries: [command(index, 1, 400)] }]);
  }
  assert.equal(fixture.done, [0]);
  assert.equal(
    fixture.read(store, 4, 99).map(({ index }) => index),
    [4, 5, 6],
  );
  fixture.look();
  assert.equal(fixture.done, [0], 'it looked, and there was no room');
  fixture.disk.roomBytes = 1 << 20;
  fixture.look();
  assert.equal(fixture.done, [0, 1, 2, 3, 4, 5]);
  assert.is(fixture.read(store, 4, 99).length, 8);
  assert.equal(fixture.told, ['ENOSPC']);
  fixture.look();
  assert.equal(fixture.told, ['ENOSPC', null]);
});

/** A log that has its reserve. */
function withReserve(): { fixture: Fixture; store: LogStore } {
  const fixture = new Fixture();
  const store = fixture.begin('create');
  fixture.append(store, [{ ...none, entries: commands(4, 6, 1, 100) }]);
  fixture.look();
  assert.is(fixture.disk.peek(reserve).length, segmentBytesMax);
  return { fixture, store };
}

test('the reserve is made some time after the opening, and found by the next one', () => {
  const { fixture, store } = withReserve();
  assert.equal(fixture.told, []);
  fixture.close(store);
  const again = new Fixture(fixture.disk.afterCrash(() => 'old'));
  const before = again.disk.trace.length;
  again.begin('open');
  again.look();
  assert.ok(!again.disk.trace.slice(before).some((name) => name.includes(reserve)));
  assert.is(again.disk.peek(reserve).length, segmentBytesMax);
});

test('the next segment finds no room: it is told early, and the reserve takes its place', () => {
  const { fixture, store } = withReserve();
  fixture.disk.roomBytes = 3000;
  let index = 7;
  const entry = (): LogBatch => ({ ...none, entries: [command(index++, 1, 100)] });
  while (fixture.told.length === 0) fixture.append(store, [entry()]);
  assert.equal(fixture.told, ['ENOSPC']);
  const early = fixture.done.length;
  assert.is(early, index - 6, 'all was written so far');
  assert.is(fixture.disk.roomBytes, 3000, 'and half a segment was not left behind');
  // Beyond the segment, and into the reserve.
  for (let term = 2; term < 10; term++) {
    const hardState = { term, vote: 1 };
    fixture.append(store, [{ truncateFrom: index - 1, hardState, entries: [] }]);
    index--;
    fixture.append(store, [entry()]);
  }
  assert.is(fixture.done.length, early + 16);
  assert.not.ok(fixture.disk.trace.some((name) => name === `remove ${reserve}`));
  assert.throws(() => fixture.disk.peek(reserve), /no file/);
  fixture.look();
  assert.equal(fixture.told, ['ENOSPC'], 'no room yet');
  // It lasts until both files are there.
  fixture.disk.roomBytes = 2 * segmentBytesMax - 1;
  fixture.look();
  assert.equal(fixture.told, ['ENOSPC']);
  fixture.disk.roomBytes = 2 * segmentBytesMax;
  fixture.look();
  assert.equal(fixture.told, ['ENOSPC', null]);
  assert.is(fixture.disk.peek(reserve).length, segmentBytesMax);
  assert.is(fixture.clock.fire(), 0, 'nobody looks any more');
  fixture.settle();
  const again = new Fixture(fixture.disk.afterCrash(() => 'old'));
  const { recovered } = again.open();
  assert.equal(recovered.hardState, { term: 9, vote: 1 });
  assert.is(recovered.lastIndex, index - 1);
});

test('with the reserve spent everything waits, without a sound, and goes on in order', () => {
  const { fixture, store } = withReserve();
  fixture.disk.roomBytes = 0;
  for (let i = 0; i < 40; i++) {
    fixture.append(store, [{ ...none, entries: [command(7 + i, 1, 1000)] }]);
  }
  const acknowledged = fixture.done.length;
  assert.ok(acknowledged >= 8 && acknowledged < 20, `${acknowledged} done`);
  fixture.look();
  fixture.look();
  assert.is(fixture.done.length, acknowledged);
  const crashed = new Fixture(fixture.disk.afterCrash(() => 'old'));
  assert.is(crashed.open().recovered.lastIndex, 6 + acknowledged - 1);
  // Room for one segment is given to the log that waits.
  fixture.disk.roomBytes = segmentBytesMax;
  fixture.look();
  assert.ok(fixture.done.length > acknowledged);
  fixture.disk.roomBytes = 1 << 20;
  for (let i = 0; i < 12; i++) fixture.look();
  assert.equal(
    fixture.done,
    Array.from({ length: 41 }, (_, i) => i),
  );
  assert.equal(fixture.told, ['ENOSPC', null]);
  assert.is(fixture.read(store, 4, 99).length, 43);
  assert.equal(fixture.fatal, []);
});

test('a write in place that finds no room spends the reserve, and goes on', () => {
  const { fixture, store } = withReserve();
  fixture.disk.isCopying = true;
  fixture.disk.roomBytes = 0;
  fixture.append(store, [{ truncateFrom: 6, hardState: { term: 4, vote: 2 }, entries: [] }]);
  assert.equal(fixture.done, [0, 1]);
  assert.throws(() => fixture.disk.peek(reserve), /no file/);
  assert.equal(fixture.told, ['ENOSPC']);
  fixture.disk.roomBytes = 1 << 20;
  fixture.look();
  assert.is(fixture.disk.peek(reserve).length, segmentBytesMax);
  assert.equal(fixture.told, ['ENOSPC', null]);
});

test('a quota that the disk does not tell of: tries become rare, and the end is found', () => {
  const { fixture, store } = withReserve();
  let tries = 0;
  fixture.disk.faultAt = (_n, name) => {
    if (!name.startsWith('create') || !name.includes('.tmp')) return null;
    tries++;
    return { code: 'EDQUOT' };
  };
  let index = 7;
  while (fixture.told.length === 0) {
    fixture.append(store, [{ ...none, entries: [command(index++, 1, 1000)] }]);
  }
  assert.equal(fixture.told, ['EDQUOT']);
  for (let i = 0; i < 5; i++) fixture.look();
  assert.is(tries, 6);
  assert.equal(fixture.clock.pauses.slice(-5), [4000, 8000, 16_000, 32_000, 60_000]);
  fixture.disk.faultAt = () => null;
  fixture.look();
  assert.equal(fixture.told, ['EDQUOT', null]);
});

test('a log that waits for room is closed at once, and nothing that was said is lost', () => {
  for (const isCopying of [false, true]) {
    const { fixture, store } = withReserve();
    fixture.disk.isCopying = isCopying;
    fixture.disk.roomBytes = 0;
    fixture.disk.faultAt = (_n, name) =>
      isCopying && isLogWrite(name) ? { code: 'ENOSPC' } : null;
    for (let i = 0; i < 40; i++) {
      fixture.append(store, [{ ...none, entries: [command(7 + i, 1, 1000)] }]);
    }
    const acknowledged = fixture.done.length;
    assert.ok(acknowledged < 41);
    fixture.close(store);
    assert.is(fixture.clock.fire(), 0, 'no timer is left');
    assert.is(fixture.done.length, acknowledged);
    const again = new Fixture(fixture.disk.clone());
    assert.ok(again.open().recovered.lastIndex >= 5 + acknowledged);
  }
});

test('a log that begins to wait while it is being closed is closed too', () => {
  const { fixture, store } = withReserve();
  fixture.disk.faultAt = (_n, name) =>
    isLogWrite(name) ? { code: 'ENOSPC', taken: 'half' } : null;
  store.append({ ...none, entries: [command(7, 1, 1000)] }, () => {});
  fixture.close(store);
  const again = new Fixture(fixture.disk.clone());
  assert.is(again.open().recovered.lastIndex, 6);
});

test('a full disk is no reason not to open: the reserve gives the room, and is made again', () => {
  const { fixture } = withReserve();
  const disk = fixture.disk.afterCrash(() => 'old');
  disk.roomBytes = 100;
  const full = new Fixture(disk);
  const store = full.begin('open');
  assert.throws(() => disk.peek(reserve), /no file/);
  full.append(store, [{ ...none, entries: commands(7, 9, 2, 100) }]);
  assert.is(full.done.length, 1);
  full.look();
  assert.is(disk.peek(reserve).length, segmentBytesMax, 'what was written anew gave its room back');
  full.close(store);
  // So does a segment that was made ahead.
  const ahead = new Fixture(disk.afterCrash(() => 'old'));
  ahead.disk.remove(reserve, () => {});
  ahead.disk.put('data/wal/000000000002.wal', new Uint8Array(segmentBytesMax));
  ahead.disk.roomBytes = 100;
  assert.is(ahead.open().recovered.lastIndex, 9);
  // With neither it says so, and changes nothing.
  disk.roomBytes = 0;
  disk.put(reserve, new Uint8Array(0));
  const bare = new Fixture(disk.afterCrash(() => 'old'));
  bare.disk.roomBytes = 0;
  bare.disk.remove(reserve, () => {});
  bare.settle();
  assert.is(bare.openError()?.code, 'ENOSPC');
  bare.disk.roomBytes = 1 << 20;
  assert.is(bare.open().recovered.lastIndex, 9);
});

test('any other fault is the end, also in a shortage', () => {
  for (const where of [/^write .*\d\.wal$/, /\.tmp$/]) {
    const { fixture, store } = withReserve();
    fixture.disk.roomBytes = 0;
    let index = 7;
    const entry = (): LogBatch => ({ ...none, entries: [command(index++, 1, 1000)] });
    while (fixture.told.length === 0) fixture.append(store, [entry()]);
    fixture.disk.roomBytes = 1 << 20;
    fixture.disk.faultAt = (_n, name) => (where.test(name) ? { code: 'EIO' } : null);
    fixture.look();
    // A member takes no commands now, so nothing may ever ask for room again.
    if (where.source.includes('tmp')) assert.is(fixture.fatal.length, 1);
    for (let i = 0; i < 20; i++) fixture.append(store, [entry()]);
    assert.equal(
      fixture.fatal.map(({ code }) => code),
      ['EIO'],
    );
    const done = fixture.done.length;
    fixture.disk.faultAt = () => null;
    fixture.look();
    assert.is(fixture.done.length, done);
    fixture.close(store);
  }
});

test('a tool that ends anyway is told of the full disk as of any fault', () => {
  const fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax, ridesOutFullDisk: false });
  const { store } = fixture.create();
  assert.is(fixture.clock.fire(), 0, 'it keeps no reserve');
  fixture.disk.roomBytes = 0;
  let done = 0;
  for (let i = 0; i < 20; i++) {
    store.append({ ...none, entries: [command(4 + i, 1, 1000)] }, () => done++);
    fixture.settle();
  }
  assert.ok(done < 10);
  assert.equal(
    fixture.fatal.map(({ code }) => code),
    ['ENOSPC'],
  );
});

test('disks that fill and empty by chance, with power cuts: all that was said is there', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const rng = new Rng(seed);
    const founded = new Fixture();
    founded.close(founded.begin('create'));
    let { disk } = founded;
    let state = emptyState;
    for (let life = 0; life < 4; life++) {
      // What is under way at once ends in any order.
      const order = new Rng(seed * 8 + life);
      disk.next = (count) => order.below(count);
      const model = live(disk, state, rng, `seed ${seed}, life ${life}`);
      disk = disk.afterCrash(() => (['old', 'new', 'zero'] as const)[rng.below(3)] as Fate);
      const judged = new Fixture(disk.afterCrash(() => 'old'));
      state = stateOf(judged, judged.open());
      assert.is(model.judge(state), null, `seed ${seed}, life ${life}`);
    }
  }
});

/** Opens a log, perhaps on a full disk, and works on it while room comes and goes. */
function live(disk: MemoryDisk, state: LogState, rng: Rng, what: string): WalModel {
  disk.isCopying = rng.below(3) === 0;
  disk.roomBytes = rng.below(20_000);
  const failed = new Fixture(disk).openError();
  if (failed !== null) assert.is(failed.code, 'ENOSPC', what);
  disk.roomBytes = 1 << 20;
  const fixture = new Fixture(disk);
  const { store } = fixture.open();
  const model = new WalModel(state);
  for (let round = 0; round < 8; round++) {
    disk.roomBytes = rng.below(3) === 0 ? 1 << 20 : rng.below(20_000);
    work(fixture, store, model, rng, 6);
    if (rng.below(2) === 0) fixture.look();
  }
  assert.equal(fixture.fatal, [], what);
  return model;
}

test.run();
