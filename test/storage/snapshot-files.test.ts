/**
 * Snapshots on disk: they come back whole or not at all, damage is always seen, two are kept, and a
 * crash or a failure at any moment leaves the older ones as they were.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { listSnapshots, snapshotName } from '../../src/storage/snapshot-files.js';
import { encodeFrame, frameKind } from '../../src/storage/snapshot-format.js';
import { type Fate, MemoryDisk } from './memory-disk.js';
import { chunksOf, headerAt, newHash, SnapshotFixture } from './snapshot-fixture.js';
import { checksum } from './wal-fixture.js';

const pathOf = (index: number): string => `data/snapshots/${snapshotName(index)}`;

/** A disk with a snapshot at each index. */
function diskWith(indexes: readonly number[], chunks = 3, bytes = 700): MemoryDisk {
  const disk = new MemoryDisk();
  const fixture = new SnapshotFixture(disk);
  for (const index of indexes) {
    assert.is(fixture.write(index, chunksOf(index, chunks, bytes)), null);
  }
  return disk;
}

/** The index of the snapshot that a new life finds; 0: none. What it finds is whole. */
function foundOn(disk: MemoryDisk): { readonly index: number; readonly events: readonly string[] } {
  const fixture = new SnapshotFixture(disk);
  const { header, chunks, isWhole } = fixture.load();
  if (header === null) return { index: 0, events: fixture.log.events };
  const { index } = header.base;
  assert.equal(header, headerAt(index));
  assert.equal(chunks, chunksOf(index, chunks.length, chunks[0]?.length ?? 0));
  assert.ok(isWhole);
  assert.is(fixture.files.newest.index, index);
  return { index, events: fixture.log.events };
}

test('a snapshot comes back as it was written; without one there is none', () => {
  assert.is(foundOn(new MemoryDisk()).index, 0);
  assert.is(foundOn(diskWith([9])).index, 9);
  assert.is(foundOn(diskWith([9], 0)).index, 9, 'one without a chunk');
  assert.is(foundOn(diskWith([9], 40, 60_000)).index, 9, 'one that is synced in parts');
});

test('the two newest are kept, and the newest is found', () => {
  const disk = diskWith([5, 17, 400, 401]);
  const fixture = new SnapshotFixture(disk);
  assert.equal(fixture.names(), [snapshotName(400), snapshotName(401)]);
  assert.is(foundOn(disk).index, 401);
});

test('every turned bit of a small snapshot is seen, and the older one is used', () => {
  const disk = diskWith([5, 9], 2, 20);
  const bytes = disk.peek(pathOf(9)).length;
  for (let bit = 0; bit < bytes * 8; bit++) {
    const rotten = disk.clone();
    const content = rotten.peek(pathOf(9));
    content[bit >> 3] = (content[bit >> 3] as number) ^ (1 << (bit & 7));
    const { index, events } = foundOn(rotten);
    assert.is(index, 5, `bit ${bit} of ${bytes * 8}`);
    assert.equal(events, ['snapshot passed over']);
  }
});

test('a snapshot cut at any byte is seen, and one with a byte more', () => {
  const disk = diskWith([5, 9], 2, 20);
  const whole = disk.peek(pathOf(9)).slice();
  for (let length = 0; length < whole.length; length++) {
    const cut = disk.clone();
    cut.put(pathOf(9), whole.subarray(0, length));
    assert.is(foundOn(cut).index, 5, `cut at ${length} of ${whole.length}`);
  }
  const longer = disk.clone();
  longer.put(pathOf(9), new Uint8Array([...whole, 0]));
  assert.is(foundOn(longer).index, 5);
});

test('random bytes behind a true preamble give an older snapshot, never an error', () => {
  const disk = diskWith([5, 9], 3, 50);
  const whole = disk.peek(pathOf(9)).slice();
  const rng = new Rng(5);
  for (let run = 0; run < 3000; run++) {
    const bytes = whole.slice();
    const from = 20 + rng.below(whole.length - 20);
    for (let i = from; i < whole.length && rng.below(9) > 0; i++) bytes[i] = rng.below(256);
    const rotten = disk.clone();
    rotten.put(pathOf(9), bytes);
    const same = bytes.every((byte, i) => byte === whole[i]);
    assert.is(foundOn(rotten).index, same ? 9 : 5, `run ${run}`);
  }
});

test('a chunk of another snapshot in place of its own is seen, though its CRC is right', () => {
  const disk = diskWith([5, 9], 3, 50);
  const bytes = disk.peek(pathOf(9));
  const [, second] = chunksOf(9, 3, 50) as [Uint8Array, Uint8Array];
  const [, strange] = chunksOf(77, 3, 50) as [Uint8Array, Uint8Array];
  const own = joined(encodeFrame(frameKind.chunk, second, 2, checksum));
  const at = Buffer.from(bytes).indexOf(own);
  assert.ok(at > 0);
  bytes.set(joined(encodeFrame(frameKind.chunk, strange, 2, checksum)), at);
  assert.is(foundOn(disk).index, 5);
});

function joined(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

test('a file that is not what its name says, or not admitted, is passed over', () => {
  const disk = diskWith([5, 9]);
  disk.put(pathOf(8000), disk.peek(pathOf(9)).slice());
  const fixture = new SnapshotFixture(disk);
  const { header } = fixture.load(({ base }) => (base.index === 9 ? 'not this one' : null));
  assert.is(header?.base.index, 5);
  assert.equal(fixture.log.events, ['snapshot passed over', 'snapshot passed over']);
  // They stay for whoever wants to know, until there is a newer one.
  assert.is(fixture.names().length, 3);
  assert.is(fixture.write(12), null);
  assert.equal(fixture.names(), [snapshotName(5), snapshotName(12)]);
});

test('trap 40: a damaged snapshot is no reason to remove anything by itself', () => {
  const disk = diskWith([5, 9]);
  for (const index of [5, 9]) {
    const content = disk.peek(pathOf(index));
    content[content.length - 1] = 0xff ^ (content.at(-1) as number);
  }
  const fixture = new SnapshotFixture(disk);
  assert.is(fixture.load().header, null);
  assert.equal(fixture.names(), [snapshotName(5), snapshotName(9)]);
});

test('a snapshot of a newer format is passed over, with that word', () => {
  const disk = diskWith([5, 9]);
  const content = disk.peek(pathOf(9));
  const view = new DataView(content.buffer, content.byteOffset);
  view.setUint32(12, 2, true);
  view.setUint32(16, checksum(content.subarray(0, 16), 0x5153_4e50), true);
  let codes: readonly string[] = [];
  const deps = { disk, checksum, newHash };
  listSnapshots(
    'data',
    deps,
    () => 1,
    (_error, snapshots) => {
      codes = snapshots.map((each) => ('fault' in each ? each.fault.code : 'good'));
    },
  );
  disk.drain();
  assert.is(codes[1], 'NEWER_FORMAT');
  assert.is(foundOn(disk).index, 5);
});

/** The ways in which unsynced sectors and names may come out of a crash. */
function fates(seed: number): readonly (readonly [string, (what: string) => Fate])[] {
  const rng = new Rng(seed);
  const any: readonly Fate[] = ['old', 'new', 'zero'];
  return [
    ['all old', () => 'old'],
    ['all new', () => 'new'],
    ['all zero', () => 'zero'],
    ['names new, content old', (what) => (what.startsWith('name ') ? 'new' : 'old')],
    ['any', () => any[rng.below(3)] as Fate],
    ['any again', () => any[rng.below(3)] as Fate],
  ];
}

test('a crash at every operation leaves snapshots that are whole, and never fewer', () => {
  let crashes = 0;
  for (const start of [[], [5], [5, 9]]) {
    const least = start.at(-1) ?? 0;
    for (let crashAt = 1; ; crashAt++) {
      const fixture = new SnapshotFixture(diskWith(start, 2, 600));
      fixture.load();
      fixture.disk.crashAt = fixture.disk.operations + crashAt;
      const result = fixture.write(33, chunksOf(33, 3, 600));
      if (!fixture.disk.isCrashed) break;
      const done = result === null;
      for (const [name, fate] of fates(crashAt)) {
        const where = `from ${start}, crash at ${crashAt} (${fixture.disk.trace.at(-1)}), ${name}`;
        const disk = fixture.disk.afterCrash(fate);
        const { index, events } = foundOn(disk);
        assert.ok(index === 33 || (!done && index === least), `${where}: found ${index}`);
        assert.equal(events, [], `${where}: a name that was given too early`);
        assert.not(
          new SnapshotFixture(disk).names().some((each) => each.endsWith('.tmp')),
          where,
        );
        crashes += 1;
      }
    }
  }
  assert.ok(crashes > 150, `only ${crashes} crashes`);
});

test('a failure at every operation leaves the older ones, and the next snapshot is made', () => {
  let faults = 0;
  for (const code of ['ENOSPC', 'EIO']) {
    for (const taken of ['none', 'half', 'all'] as const) {
      for (let faultAt = 1; ; faultAt++) {
        const fixture = new SnapshotFixture(diskWith([5, 9], 2, 600));
        fixture.load();
        const target = fixture.disk.operations + faultAt;
        let met = false;
        fixture.disk.faultAt = (n) => {
          met ||= n === target;
          return n === target ? { code, taken } : null;
        };
        const result = fixture.write(33, chunksOf(33, 3, 600));
        if (!met) break;
        faults += 1;
        const where = `${code} at ${fixture.disk.trace[target - 1]}`;
        assert.ok(result === null || (result !== 'none' && result.code === code), where);
        assert.is(fixture.files.newest.index, result === null ? 33 : 9, where);
        fixture.disk.faultAt = () => null;
        // After a failed sync the disk may not have what reads show: only the power knows.
        const dark = fixture.disk.afterCrash(() => 'old');
        assert.ok([9, 33].includes(foundOn(dark).index), where);
        assert.equal(foundOn(dark).events, [], where);
        assert.is(fixture.write(40), null, where);
        assert.is(foundOn(fixture.disk).index, 40, where);
      }
    }
  }
  assert.ok(faults > 60, `only ${faults} faults`);
});

test('a listing tells of each snapshot, good or not, and changes nothing', () => {
  const disk = diskWith([5, 9]);
  disk.put('data/snapshots/0000000000000011.snapshot.tmp', new Uint8Array(3));
  const content = disk.peek(pathOf(5));
  content[60] = 0xff ^ (content[60] as number);
  const operations = disk.operations;
  let rows: readonly string[] = [];
  const counted = (() => {
    let count = 0;
    return () => ++count;
  })();
  listSnapshots('data', { disk, checksum, newHash }, counted, (error, snapshots) => {
    assert.is(error, null);
    rows = snapshots.map((each) =>
      'fault' in each ? each.fault.code : `${each.read.header.base.index} ${each.read.chunks}`,
    );
  });
  disk.drain();
  assert.equal(rows, ['DAMAGED', '9 3']);
  assert.is(disk.operations, operations);
});

test.run();
