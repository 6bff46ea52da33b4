/**
 * The real disk keeps the contract; files and directories are for the owner only.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { crc32 } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Clock } from '../../src/base/clock.js';
import type { DiskError } from '../../src/storage/disk.js';
import { NodeDisk } from '../../src/storage/node-disk.js';
import { createWal, type OpenedWal, openWal } from '../../src/storage/wal.js';
import { diskContract } from './disk-contract.js';
import { base, commands, EventLog } from './wal-fixture.js';

const roots: string[] = [];

function makeRoot(): string {
  const root = mkdtempSync(`${tmpdir()}/quorate-disk-`);
  roots.push(root);
  return root;
}

test.after(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

diskContract(() => ({ disk: new NodeDisk(), root: makeRoot() }));

const clock: Clock = {
  monotonicMillis: () => performance.now(),
  wallMillis: () => Date.now(),
  after(delayMillis, then) {
    const timer = setTimeout(then, delayMillis);
    return { cancel: () => clearTimeout(timer) };
  },
  afterTurn: (then) => setImmediate(then),
};

type Ended = (error: DiskError | null, opened: OpenedWal | null) => void;

function opened(begin: (done: Ended) => void): Promise<OpenedWal> {
  return new Promise((resolve, reject) => {
    begin((error, wal) => (wal === null ? reject(new Error(error?.message)) : resolve(wal)));
  });
}

test('a log on the real disk rotates, closes and opens again', async () => {
  const directory = `${makeRoot()}/wal`;
  const options = { directory, clusterId: 'c', memberId: 1, segmentBytesMax: 256 * 1024 };
  const onFatal = (error: DiskError): void => {
    throw new Error(error.message);
  };
  const log = new EventLog();
  const deps = { disk: new NodeDisk(), checksum: crc32, clock, log, onFatal };
  let { store } = await opened((done) => createWal(options, base, deps, done));
  for (let i = 0; i < 30; i++) {
    const entries = commands(4 + i * 100, 103 + i * 100, 1, 250);
    const batch = { truncateFrom: null, hardState: null, entries };
    await new Promise<void>((resolve) => store.append(batch, resolve));
  }
  await new Promise<void>((resolve) => store.close(resolve));
  const again = await opened((done) => openWal(options, deps, done));
  store = again.store;
  assert.is(again.recovered.lastIndex, 3003);
  assert.is(again.recovered.tail.length, 3000);
  const entries = await new Promise<number>((resolve, reject) => {
    store.read(4, 3003, 1e9, (error, found) => {
      if (error === null) resolve(found.length);
      else reject(new Error(error.message));
    });
  });
  assert.is(entries, 3000);
  await new Promise<void>((resolve) => store.close(resolve));
  assert.equal(log.events, []);
  assert.is(statSync(directory).mode & 0o777, 0o700);
  assert.is(statSync(`${directory}/000000000001.wal`).mode & 0o777, 0o600);
});

test.run();
