/**
 * The disk in memory keeps the contract, and has the habits that the tests of the log rely on.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DiskFile } from '../../src/storage/disk.js';
import { diskContract } from './disk-contract.js';
import { type Fate, MemoryDisk } from './memory-disk.js';

diskContract(() => ({ disk: new MemoryDisk(), root: 'root' }));

function created(disk: MemoryDisk, path: string, dataSync = false): DiskFile {
  let made: DiskFile | null = null;
  disk.open(path, { create: true, write: true, dataSync }, (_error, file) => {
    made = file;
  });
  disk.drain();
  if (made === null) throw new Error('not made');
  return made;
}

function manual(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.isManual = true;
  return disk;
}

const nothing = (): void => {};

test('unsynced sectors come out of a crash old, new or zero, synced ones as they were', () => {
  const disk = manual();
  const file = created(disk, 'd/f');
  disk.syncDirectory('d', nothing);
  file.write([new Uint8Array(2048).fill(1)], 0, nothing);
  file.sync(nothing);
  file.write([new Uint8Array(1536).fill(2)], 512, nothing);
  disk.drain();
  const byName: Record<string, Fate> = { 'sector 1': 'old', 'sector 2': 'new', 'sector 3': 'zero' };
  const after = disk.afterCrash((what) => byName[what] ?? 'old').peek('d/f');
  const firsts = [0, 512, 1024, 1536].map((at) => after[at]);
  assert.equal(firsts, [1, 1, 2, 0]);
});

test('a data-sync write is on disk when done, a plain one is not, and neither is a name', () => {
  const disk = manual();
  for (const dataSync of [true, false]) {
    created(disk, `d/${dataSync}`, dataSync).write([Uint8Array.of(5)], 0, nothing);
  }
  disk.drain();
  assert.throws(() => disk.afterCrash(() => 'old').peek('d/true'), /no file/);
  disk.syncDirectory('d', nothing);
  disk.drain();
  const after = disk.afterCrash(() => 'old');
  assert.equal([...after.peek('d/true')], [5]);
  assert.equal([...after.peek('d/false')], []);
});

test('a rename that was not synced leaves both names as they were', () => {
  const disk = manual();
  disk.put('d/old', Uint8Array.of(1));
  const file = created(disk, 'd/new');
  file.write([Uint8Array.of(2)], 0, nothing);
  file.sync(nothing);
  disk.rename('d/new', 'd/old', nothing);
  disk.drain();
  assert.equal([...disk.peek('d/old')], [2]);
  assert.equal([...disk.afterCrash(() => 'old').peek('d/old')], [1]);
  assert.equal([...disk.afterCrash(() => 'new').peek('d/old')], [2]);
});

test('a failed sync loses the bytes though reads show them, and the next sync says ok', () => {
  const disk = manual();
  const file = created(disk, 'd/f');
  disk.syncDirectory('d', nothing);
  file.write([Uint8Array.of(1)], 0, nothing);
  const codes: (string | undefined)[] = [];
  disk.faultAt = (_n, name) => (name.startsWith('sync d') ? { code: 'EIO' } : null);
  file.sync((error) => codes.push(error?.code));
  disk.faultAt = () => null;
  file.sync((error) => codes.push(error?.code));
  disk.drain();
  assert.equal(codes, ['EIO', undefined]);
  assert.equal([...disk.peek('d/f')], [1]);
  assert.equal([...disk.afterCrash(() => 'old').peek('d/f')], [0]);
});

test('a short write is an error that leaves half; without power nothing answers', () => {
  const disk = manual();
  const file = created(disk, 'd/f');
  let code = '';
  disk.faultAt = (_n, name) =>
    name.startsWith('write') ? { code: 'ENOSPC', taken: 'half' } : null;
  file.write([Uint8Array.of(1, 2, 3, 4)], 0, (error) => {
    code = error?.code ?? 'none';
  });
  disk.drain();
  assert.is(code, 'ENOSPC');
  assert.equal([...disk.peek('d/f')], [1, 2]);
  disk.crashAt = disk.operations + 1;
  file.write([Uint8Array.of(9)], 0, () => {
    throw new Error('answered after the crash');
  });
  file.sync(() => {
    throw new Error('answered after the crash');
  });
  disk.drain();
  assert.ok(disk.isCrashed);
});

test.run();
