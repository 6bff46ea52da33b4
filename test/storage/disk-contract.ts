/**
 * What every `Disk` must do, run by the real one and by the one in memory: the log relies on each
 * of these sentences.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Disk, DiskError, DiskFile, OpenOptions } from '../../src/storage/disk.js';

const readOnly: OpenOptions = { create: false, write: false, dataSync: false };
const writing: OpenOptions = { create: false, write: true, dataSync: false };
const creating: OpenOptions = { create: true, write: true, dataSync: false };

/** Rejects with the DiskError; a callback within the call is a failure of the contract. */
function ask<T>(begin: (done: (error: DiskError | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isReturned = false;
    begin((error, value) => {
      if (!isReturned) reject(new Error('called back within the call'));
      else if (error !== null) reject(error);
      else resolve(value as T);
    });
    isReturned = true;
  });
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    const { code, message } = error as DiskError;
    assert.not.match(message, /\n/);
    return code;
  }
  return 'no error';
}

const open = (disk: Disk, path: string, options: OpenOptions) =>
  ask<DiskFile | null>((done) => disk.open(path, options, done)) as Promise<DiskFile>;
const write = (file: DiskFile, parts: readonly Uint8Array[], position: number) =>
  ask((done) => file.write(parts, position, done));
const read = (file: DiskFile, into: Uint8Array, position: number) =>
  ask<number>((done) => file.read(into, position, done));
const close = (file: DiskFile) => ask((done) => file.close(done));

/** Registers the suite. `make` gives a disk and an empty directory, absolute or not. */
export function diskContract(make: () => { readonly disk: Disk; readonly root: string }): void {
  test('bytes written in parts are read back, short at the end of the file', async () => {
    const { disk, root } = make();
    for (const dataSync of [false, true]) {
      const file = await open(disk, `${root}/parts-${dataSync}`, { ...creating, dataSync });
      await write(file, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)], 4);
      await write(file, [Uint8Array.of(9)], 0);
      await ask((done) => file.sync(done));
      const into = new Uint8Array(10).fill(255);
      assert.is(await read(file, into, 0), 7);
      assert.equal([...into], [9, 0, 0, 0, 1, 2, 3, 255, 255, 255]);
      assert.is(await read(file, into, 7), 0);
      assert.is(await read(file, into, 700), 0);
      assert.is(await ask((done) => disk.size(file.path, done)), 7);
      await close(file);
    }
  });

  test('a file is made only if it is not there, and opened only if it is', async () => {
    const { disk, root } = make();
    const path = `${root}/file`;
    assert.is(await codeOf(open(disk, path, writing)), 'ENOENT');
    assert.is(await codeOf(open(disk, path, readOnly)), 'ENOENT');
    await close(await open(disk, path, creating));
    assert.is(await codeOf(open(disk, path, creating)), 'EEXIST');
    const file = await open(disk, path, readOnly);
    assert.is(await codeOf(write(file, [Uint8Array.of(1)], 0)), 'EBADF');
    await close(file);
    assert.is(await codeOf(ask((done) => disk.size(`${root}/none`, done))), 'ENOENT');
  });

  test('truncating cuts, and growing again gives zeros', async () => {
    const { disk, root } = make();
    const file = await open(disk, `${root}/cut`, creating);
    await write(file, [new Uint8Array(100).fill(7)], 0);
    await ask((done) => file.truncate(10, done));
    await ask((done) => file.truncate(20, done));
    const into = new Uint8Array(30);
    assert.is(await read(file, into, 0), 20);
    assert.equal([...into.subarray(8, 12)], [7, 7, 0, 0]);
    await close(file);
  });

  test('names: listed in order, renamed over another, removed', async () => {
    const { disk, root } = make();
    const directory = `${root}/a/b`;
    await ask((done) => disk.makeDirectory(directory, done));
    await ask((done) => disk.makeDirectory(directory, done));
    for (const name of ['z', 'b', 'k']) {
      const file = await open(disk, `${directory}/${name}`, creating);
      await write(file, [new TextEncoder().encode(name)], 0);
      await close(file);
    }
    await ask((done) => disk.rename(`${directory}/z`, `${directory}/b`, done));
    await ask((done) => disk.syncDirectory(directory, done));
    const list = () => ask<readonly string[]>((done) => disk.list(directory, done));
    assert.equal(await list(), ['b', 'k']);
    const file = await open(disk, `${directory}/b`, readOnly);
    const into = new Uint8Array(1);
    await read(file, into, 0);
    assert.is(new TextDecoder().decode(into), 'z');
    await close(file);
    await ask((done) => disk.remove(`${directory}/b`, done));
    assert.equal(await list(), ['k']);
    const gone = `${directory}/b`;
    assert.is(await codeOf(ask((done) => disk.remove(gone, done))), 'ENOENT');
    assert.is(await codeOf(ask((done) => disk.rename(gone, `${directory}/c`, done))), 'ENOENT');
  });

  test('an open file goes on under a new name and after its removal', async () => {
    const { disk, root } = make();
    const file = await open(disk, `${root}/moving`, creating);
    await write(file, [Uint8Array.of(1, 2, 3)], 0);
    await ask((done) => disk.rename(`${root}/moving`, `${root}/moved`, done));
    await ask((done) => disk.remove(`${root}/moved`, done));
    const into = new Uint8Array(3);
    assert.is(await read(file, into, 0), 3);
    assert.equal([...into], [1, 2, 3]);
    await close(file);
  });
}
