/**
 * Power cuts: at every operation of a workload, again while the log is opened after one, and torn
 * at every byte and sector. What was done is there, nothing is invented, the order is kept.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { type Fate, MemoryDisk } from './memory-disk.js';
import { commands, WalFixture } from './wal-fixture.js';
import { emptyState, stateOf, WalModel, work } from './wal-model.js';

const options = { segmentBytesMax: 8192 };

/** The ways in which unsynced sectors and names may come out of a crash. */
function fates(seed: number): [string, (what: string) => Fate][] {
  const rng = new Rng(seed);
  const any: readonly Fate[] = ['old', 'new', 'zero'];
  return [
    ['all old', () => 'old'],
    ['all new', () => 'new'],
    ['all zero', () => 'zero'],
    ['any', () => any[rng.below(3)] as Fate],
    ['old or new', () => any[rng.below(2)] as Fate],
  ];
}

/** Opens what a crash left, and says why it is wrong, or null. */
function judge(disk: MemoryDisk, model: WalModel): string | null {
  const fixture = new WalFixture(disk, options);
  try {
    return model.judge(stateOf(fixture, fixture.open()));
  } catch (error) {
    return (error as Error).message;
  }
}

test('a crash at every operation keeps what was done', () => {
  let crashes = 0;
  for (let seed = 1; seed <= 12; seed++) {
    for (let crashAt = 1; ; crashAt++) {
      const fixture = new WalFixture(new MemoryDisk(), options);
      const { store } = fixture.create();
      const model = new WalModel(emptyState);
      fixture.disk.crashAt = fixture.disk.operations + crashAt;
      work(fixture, store, model, new Rng(seed), 40);
      if (!fixture.disk.isCrashed) break;
      for (const [name, fate] of fates(seed * 1000 + crashAt)) {
        const wrong = judge(fixture.disk.afterCrash(fate), model);
        const where = fixture.disk.trace.at(-1);
        assert.is(wrong, null, `seed ${seed}, crash at ${crashAt} (${where}), ${name}: ${wrong}`);
        crashes++;
      }
    }
  }
  assert.ok(crashes > 1000, `only ${crashes} crashes`);
});

function crashAtEveryStepOfFounding(prepared: string | null): void {
  const outcomes = new Set<string>();
  for (let crashAt = 1; crashAt <= 12; crashAt++) {
    for (const [name, fate] of fates(crashAt)) {
      const fixture = new WalFixture(new MemoryDisk(), options);
      if (prepared !== null) fixture.prepare(prepared);
      fixture.disk.crashAt = fixture.disk.operations + crashAt;
      let isDone = true;
      try {
        fixture.create(prepared);
      } catch {
        isDone = false;
      }
      const after = new WalFixture(fixture.disk.afterCrash(fate), options);
      const code = after.openError()?.code ?? 'opened';
      const isRight = code === 'opened' || (code === 'ENOENT' && !isDone);
      assert.ok(isRight, `crash at ${crashAt}, ${name}: ${code}`);
      if (code === 'ENOENT') after.create();
      outcomes.add(`${isDone} ${code}`);
    }
  }
  assert.equal([...outcomes].sort(), ['false ENOENT', 'false opened', 'true opened']);
}

test('a crash at every step of founding leaves no log, or a whole one', () => {
  crashAtEveryStepOfFounding(null);
});

test('and so when it is founded in a file that was filled with zeros before', () => {
  crashAtEveryStepOfFounding('data/prepared.wal');
});

test('a log that is founded in a prepared file is the same, byte for byte', () => {
  const one = new WalFixture(new MemoryDisk(), options);
  const other = new WalFixture(new MemoryDisk(), options);
  other.prepare('data/prepared.wal');
  one.create();
  other.create('data/prepared.wal');
  const path = 'data/wal/000000000001.wal';
  assert.equal(other.disk.peek(path), one.disk.peek(path));
  assert.is(one.disk.peek(path).length, one.options.segmentBytesMax);
});

test('crash after crash, also while the log is being opened', () => {
  let reopened = 0;
  let whileOpening = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const rng = new Rng(seed);
    const fate = (): Fate => (['old', 'new', 'zero'] as const)[rng.below(3)] as Fate;
    let fixture = new WalFixture(new MemoryDisk(), options);
    let model = new WalModel(emptyState);
    let opened = fixture.create();
    for (let round = 0; round < 8; round++) {
      fixture.disk.crashAt = fixture.disk.operations + 1 + rng.below(60);
      work(fixture, opened.store, model, rng, 30);
      let disk = fixture.disk.afterCrash(fate);
      for (;;) {
        fixture = new WalFixture(disk, options);
        if (rng.below(2) === 0) disk.crashAt = 1 + rng.below(12);
        const error = fixture.openError();
        assert.is(error, null, `seed ${seed}, round ${round}: ${error?.message}`);
        if (!disk.isCrashed) break;
        whileOpening++;
        disk = disk.afterCrash(fate);
      }
      fixture = new WalFixture(disk.afterCrash(fate), options);
      opened = fixture.open();
      const state = stateOf(fixture, opened);
      const wrong = model.judge(state);
      assert.is(wrong, null, `seed ${seed}, round ${round}: ${wrong}`);
      model = new WalModel(state);
      reopened++;
    }
  }
  assert.is(reopened, 480);
  assert.ok(whileOpening > 100, `only ${whileOpening} crashes while opening`);
});

/** A log of some segments whose last batch, of many sectors, may be torn. */
function longTail() {
  const fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax: 256 * 1024 });
  const { store } = fixture.create();
  const path = 'data/wal/000000000001.wal';
  for (let i = 0; i < 20; i++) {
    const entries = commands(4 + i * 4, 7 + i * 4, 1, 300 + i);
    store.append({ truncateFrom: null, hardState: null, entries }, () => {});
    fixture.settle();
  }
  const before = fixture.disk.peek(path).slice();
  const last = commands(84, 300, 1, 280);
  store.append({ truncateFrom: null, hardState: null, entries: last }, () => {});
  fixture.settle();
  const after = fixture.disk.peek(path).slice();
  let start = before.length;
  while (start > 0 && before[start - 1] === 0) start--;
  start = Math.ceil(start / 512) * 512;
  let end = after.length;
  while (end > 0 && after[end - 1] === 0) end--;
  return { path, after, start, end };
}

/** Last index of the log in `bytes`, or the error's code. */
function reopen(path: string, bytes: Uint8Array): number | string {
  const disk = new MemoryDisk();
  disk.put(path, bytes);
  const fixture = new WalFixture(disk, { segmentBytesMax: 256 * 1024, tailBytesMax: 0 });
  const error = fixture.openError();
  return error === null
    ? new WalFixture(disk, fixture.options).open().recovered.lastIndex
    : error.code;
}

test('a last write of 64 KiB cut at thousands of places opens, without its end', () => {
  const { path, after, start, end } = longTail();
  assert.ok(end - start > 64 * 1024);
  const outcomes = new Map<number | string, number>();
  // Every byte of the first and last sectors and of every sector's ends; the rest in steps.
  for (let cut = start; cut <= end; cut++) {
    const inSector = cut % 512;
    const isNear = cut < start + 2048 || cut > end - 2048 || inSector < 2 || inSector > 509;
    if (!isNear && cut % 61 !== 0) continue;
    const bytes = after.slice();
    bytes.fill(0, cut);
    const outcome = reopen(path, bytes);
    const isExpected = cut === end ? outcome === 300 : outcome === 83 || isPrefix(outcome);
    assert.ok(isExpected, `cut at ${cut}: ${outcome}`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  assert.ok(outcomes.size >= 2);
  assert.is(reopen(path, after), 300);
});

test('a last write with any sector or page zeroed opens without the batches from there on', () => {
  const { path, after, start, end } = longTail();
  for (const size of [512, 4096]) {
    for (let at = start; at < end; at += size) {
      const bytes = after.slice();
      bytes.fill(0, at, at + size);
      const outcome = reopen(path, bytes);
      assert.ok(outcome === 83 || isPrefix(outcome), `zeroed ${size} at ${at}: ${outcome}`);
    }
  }
});

/** A write of several batches may keep the first of them. */
function isPrefix(outcome: number | string): boolean {
  return typeof outcome === 'number' && outcome > 83 && outcome < 300;
}

test.run();
