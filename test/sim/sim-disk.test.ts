/**
 * The false disk keeps the contract of disks, and loses at a crash what the rules of the world say,
 * never more: what was synced stays, what was not may be old, new or zero, and a failed sync is
 * never made good by the next one.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import type { DiskError, DiskFile } from '../../src/storage/disk.js';
import { diskContract } from '../storage/disk-contract.js';
import { Media, type NameModel } from './media.js';
import { inMacroTask, Scheduler } from './scheduler.js';
import { type DiskHabits, SimDisk } from './sim-disk.js';
import { SimProcess } from './sim-process.js';

function habits(names: NameModel): DiskHabits {
  return {
    syncMillisMin: 1,
    syncMillisSpread: 1,
    tailEvery: 0,
    tailMillis: 1,
    names,
    roomBytes: Number.POSITIVE_INFINITY,
    isCopying: false,
    failNext: null,
  };
}

/** A disk with a process and a time of its own. */
class Bench {
  readonly scheduler = new Scheduler();
  readonly media = new Media();
  readonly habits: DiskHabits;
  process = new SimProcess('p', 1, this.scheduler);
  disk: SimDisk;
  readonly #rng: Rng;

  constructor(seed: number, names: NameModel = 'weak') {
    this.#rng = new Rng(seed);
    this.habits = habits(names);
    this.disk = new SimDisk(this.media, this.habits, this.process, this.#rng);
  }

  /** Lets everything end that was begun. */
  settle(): void {
    this.scheduler.run(this.scheduler.nowMillis + 1000);
  }

  create(path: string, dataSync = false): DiskFile {
    let made: DiskFile | null = null;
    this.disk.open(path, { create: true, write: true, dataSync }, (_error, file) => {
      made = file;
    });
    this.settle();
    if (made === null) throw new Error('not made');
    return made;
  }

  powerCut(): void {
    this.process.end();
    this.disk.processEnded();
    this.media.powerCut(this.#rng, this.habits.names);
    this.process = new SimProcess('p', 2, this.scheduler);
    this.disk = new SimDisk(this.media, this.habits, this.process, this.#rng);
  }

  bytes(path: string): Uint8Array | null {
    const content = this.media.get(path);
    return content === undefined ? null : content.bytes.subarray(0, content.size);
  }
}

const clocks: ReturnType<typeof setInterval>[] = [];

diskContract(() => {
  const bench = new Bench(1);
  clocks.push(setInterval(() => bench.settle(), 1));
  return { disk: bench.disk, root: 'root' };
});

test('what the contract needed of real time is over', () => {
  for (const clock of clocks) clearInterval(clock);
});

const nothing = (): void => {};

test('synced bytes and names survive every power cut, unsynced ones in every way', async () => {
  await inMacroTask(() => {
    const fates = new Set<string>();
    for (let seed = 1; seed <= 200; seed++) {
      const bench = new Bench(seed);
      const file = bench.create('d/f');
      file.write([new Uint8Array(1024).fill(1)], 0, nothing);
      bench.settle();
      file.sync(nothing);
      bench.disk.syncDirectory('d', nothing);
      bench.settle();
      file.write([new Uint8Array(512).fill(2)], 512, nothing);
      bench.settle();
      bench.powerCut();
      const after = bench.bytes('d/f') as Uint8Array;
      assert.is(after.length, 1024);
      assert.ok(
        after.subarray(0, 512).every((byte) => byte === 1),
        'synced bytes changed',
      );
      const fate = new Set(after.subarray(512));
      assert.is(fate.size, 1, 'a sector is torn within');
      fates.add([...fate].join());
    }
    assert.equal([...fates].sort(), ['0', '1', '2']);
  });
});

test('a synchronous write is on disk once it is done, and may be half there before', async () => {
  await inMacroTask(() => {
    const lengths = new Set<number>();
    for (let seed = 1; seed <= 100; seed++) {
      const bench = new Bench(seed);
      const file = bench.create('d/f', true);
      bench.disk.syncDirectory('d', nothing);
      file.write([new Uint8Array(1024).fill(1)], 0, nothing);
      bench.settle();
      let isDone = false;
      file.write([new Uint8Array(1024).fill(2)], 1024, () => {
        isDone = true;
      });
      if (seed % 2 === 0) bench.settle();
      bench.powerCut();
      const after = bench.bytes('d/f') as Uint8Array;
      const twos = after.filter((byte) => byte === 2).length;
      if (isDone) assert.is(twos, 1024);
      else lengths.add(twos);
      assert.is(after.filter((byte) => byte === 1).length, 1024);
    }
    assert.equal(
      [...lengths].sort((a, b) => a - b),
      [0, 512, 1024],
    );
  });
});

test('a failed sync shows bytes that the disk never gets, whatever the next one says', async () => {
  await inMacroTask(() => {
    const bench = new Bench(3);
    const file = bench.create('d/f');
    bench.disk.syncDirectory('d', nothing);
    file.write([new Uint8Array(512).fill(1)], 0, nothing);
    bench.settle();
    bench.habits.failNext = 'sync';
    const told: (string | undefined)[] = [];
    const tell = (error: DiskError | null): void => void told.push(error?.code);
    file.sync(tell);
    bench.settle();
    file.sync(tell);
    bench.settle();
    assert.equal(told, ['EIO', undefined]);
    assert.is(bench.bytes('d/f')?.[0], 1);
    bench.powerCut();
    assert.ok(!bench.bytes('d/f')?.includes(1), 'lost bytes came to the disk');
  });
});

test('names survive as a prefix of what was done, or in any subset', async () => {
  await inMacroTask(() => {
    for (const names of ['ordered', 'weak'] as const) {
      const seen = new Set<string>();
      for (let seed = 1; seed <= 100; seed++) {
        const bench = new Bench(seed, names);
        bench.create('d/a');
        bench.create('d/b');
        bench.powerCut();
        seen.add(bench.media.list('d').join(''));
      }
      const wanted = names === 'ordered' ? ['', 'a', 'ab'] : ['', 'a', 'ab', 'b'];
      assert.equal([...seen].sort(), wanted);
    }
  });
});

test('a full disk takes what fits and says ENOSPC; what is removed gives room', async () => {
  await inMacroTask(() => {
    for (const isCopying of [false, true]) {
      const bench = new Bench(5);
      const file = bench.create('d/f');
      file.write([new Uint8Array(100).fill(1)], 0, nothing);
      bench.settle();
      Object.assign(bench.habits, { roomBytes: 20, isCopying });
      const told: (string | undefined)[] = [];
      const tell = (error: DiskError | null): void => void told.push(error?.code);
      file.write([new Uint8Array(100).fill(2)], 50, tell);
      bench.settle();
      file.write([new Uint8Array(50).fill(3)], 50, tell);
      bench.settle();
      assert.equal(told, ['ENOSPC', isCopying ? 'ENOSPC' : undefined]);
      assert.is(bench.bytes('d/f')?.length, isCopying ? 100 : 120);
      bench.disk.open('d/g', { create: true, write: true, dataSync: false }, tell);
      bench.settle();
      assert.is(told.at(-1), 'ENOSPC', 'no room for a name');
      bench.disk.remove('d/f', tell);
      bench.disk.room('d', (_error, bytes) => told.push(String(bytes)));
      bench.settle();
      assert.equal(told.slice(-2), [undefined, isCopying ? '100' : '120']);
    }
  });
});

test.run();
