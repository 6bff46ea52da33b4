/**
 * The log as its users see it: append, read, truncate, reopen, rotate, sizes, failures.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBytesMax } from '../../src/base/limits.js';
import type { Entry } from '../../src/raft/types.js';
import { MemoryDisk } from './memory-disk.js';
import { base, checksum, command, commands, WalFixture } from './wal-fixture.js';

const none = { truncateFrom: null, hardState: null };

function plain(entries: readonly Entry[]) {
  return entries.map(({ index, term, kind, timeMillis, data, configuration }) => {
    return { index, term, kind, timeMillis, data: [...data], configuration };
  });
}

test('a founded log is empty, and opens again as it was', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store, recovered } = fixture.create();
  assert.equal(recovered.base, base);
  assert.equal(recovered.lastIndex, 3);
  assert.equal(recovered.hardState, { term: 0, vote: 0 });
  fixture.close(store);
  assert.equal(fixture.open().recovered, recovered);
  assert.throws(() => fixture.create(), /there is a log already/);
});

test('what was appended comes back after a clean stop and after a crash', () => {
  for (const isClean of [true, false]) {
    const fixture = new WalFixture(new MemoryDisk());
    const { store } = fixture.create();
    const entries: Entry[] = [
      ...commands(4, 40, 2, 100),
      { ...command(41, 3, 0), kind: 'noop' },
      { ...command(42, 3, 0), kind: 'configuration', configuration: base.configuration },
      ...commands(43, 60, 5, 3000),
    ];
    let isDone = false;
    store.append({ truncateFrom: null, hardState: { term: 5, vote: 3 }, entries }, () => {
      isDone = true;
    });
    fixture.settle();
    assert.ok(isDone);
    if (isClean) fixture.close(store);
    const disk = isClean ? fixture.disk : fixture.disk.afterCrash(() => 'old');
    const again = new WalFixture(disk);
    const { store: reopened, recovered } = again.open();
    assert.equal(recovered.lastIndex, 60);
    assert.equal(recovered.hardState, { term: 5, vote: 3 });
    assert.equal(recovered.termRuns, [
      { firstIndex: 4, term: 2 },
      { firstIndex: 41, term: 3 },
      { firstIndex: 43, term: 5 },
    ]);
    assert.equal(recovered.configurations, [{ index: 42, configuration: base.configuration }]);
    assert.equal(plain(recovered.tail), plain(entries));
    assert.equal(plain(again.read(reopened, 4, 60)), plain(entries));
    assert.equal(again.log.events, []);
  }
});

test('the newest entry comes back however little memory there is: its stamp is needed', () => {
  const fixture = new WalFixture(new MemoryDisk(), { tailBytesMax: 0 });
  const { store } = fixture.create();
  store.append({ ...none, entries: commands(4, 5, 1, 100) }, () => {});
  fixture.settle();
  store.append({ ...none, entries: commands(6, 7, 1, 100) }, () => {});
  fixture.settle();
  fixture.close(store);
  assert.equal(plain(fixture.open().recovered.tail), plain(commands(6, 7, 1, 100)));
});

test('a read gives what was asked for, within its limit, and at least one entry', () => {
  const fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax: 16384 });
  const { store } = fixture.create();
  for (let i = 0; i < 40; i++) {
    store.append({ ...none, entries: commands(4 + i * 5, 8 + i * 5, 1, 171) }, () => {});
    if (i % 3 === 0) fixture.settle();
  }
  fixture.settle();
  const indexes = (first: number, last: number, bytesMax: number) =>
    fixture.read(store, first, last, bytesMax).map((entry) => entry.index);
  const range = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i);
  // Each entry takes 200 bytes.
  const rows: [number, number, number, number[]][] = [
    [4, 203, 1e9, range(4, 203)],
    [4, 203, 0, [4]],
    [4, 203, 200, [4]],
    [6, 203, 399, [6]],
    [6, 203, 400, [6, 7]],
    [99, 102, 1e9, [99, 100, 101, 102]],
    [150, 203, 10_000, range(150, 199)],
    [203, 999, 1e9, [203]],
    [204, 300, 1e9, []],
    [3, 10, 1e9, []],
    [10, 9, 1e9, []],
  ];
  for (const [first, last, bytesMax, expected] of rows) {
    assert.equal(indexes(first, last, bytesMax), expected, `${first} … ${last}, ${bytesMax}`);
  }
});

test('dones come in order, and what arrives during a write shares the next one', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  const before = fixture.disk.operations;
  const heard: number[] = [];
  for (let i = 0; i < 50; i++) {
    store.append({ ...none, entries: [command(4 + i, 1, 10)] }, () => heard.push(i));
  }
  assert.equal(heard, []);
  fixture.settle();
  assert.equal(
    heard,
    Array.from({ length: 50 }, (_, i) => i),
  );
  assert.is(fixture.disk.operations - before, 2);
});

test('a truncation hides the cut entries at once and is kept', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  store.append({ ...none, entries: commands(4, 30, 1, 50) }, () => {});
  fixture.settle();
  store.append({ truncateFrom: 20, hardState: { term: 2, vote: 1 }, entries: [] }, () => {});
  assert.equal(fixture.read(store, 4, 30).at(-1)?.index, 19);
  store.append({ truncateFrom: 15, hardState: null, entries: commands(15, 17, 2, 9) }, () => {});
  store.append({ truncateFrom: 17, hardState: null, entries: commands(17, 22, 3, 9) }, () => {});
  fixture.settle();
  const expected = [
    ...commands(4, 14, 1, 50),
    ...commands(15, 16, 2, 9),
    ...commands(17, 22, 3, 9),
  ];
  assert.equal(plain(fixture.read(store, 4, 99)), plain(expected));
  const again = new WalFixture(fixture.disk.afterCrash(() => 'old'));
  const { recovered } = again.open();
  assert.equal(plain(recovered.tail), plain(expected));
  assert.equal(
    recovered.termRuns.map((run) => run.firstIndex),
    [4, 15, 17],
  );
});

test('a read under way while the log is cut gives what holds after the cut', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  store.append({ ...none, entries: commands(4, 30, 1, 50) }, () => {});
  fixture.settle();
  let got: readonly Entry[] = [];
  store.read(4, 30, 1e9, (_error, entries) => {
    got = entries;
  });
  store.append({ truncateFrom: 10, hardState: null, entries: [] }, () => {});
  fixture.settle();
  assert.equal(plain(got), plain(commands(4, 9, 1, 50)));
});

test('entries that reach the disk while their truncation waits are not shown', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  let isDone = false;
  store.append({ ...none, entries: commands(4, 9, 1, 50) }, () => {
    isDone = true;
  });
  store.append({ truncateFrom: 6, hardState: null, entries: [] }, () => {});
  fixture.disk.drain(1);
  assert.ok(isDone);
  assert.equal(plain(fixture.read(store, 4, 9)), plain(commands(4, 5, 1, 50)));
});

test('the log goes on over many segments, small and larger than a segment', () => {
  const options = { segmentBytesMax: 4096 };
  const fixture = new WalFixture(new MemoryDisk(), options);
  let { store } = fixture.create();
  const all: Entry[] = [];
  let index = 4;
  for (const size of [0, 1, 500, 3000, 3500, 4000, 4096, 9000, 70_000, 5, 200_000, 7]) {
    const entries = commands(index, index + 2, 1, size);
    all.push(...entries);
    index += 3;
    store.append({ ...none, entries }, () => {});
    fixture.settle();
    fixture.close(store);
    store = fixture.open().store;
  }
  assert.equal(plain(fixture.read(store, 4, index)), plain(all));
  const crashed = new WalFixture(
    fixture.disk.afterCrash(() => 'old'),
    options,
  );
  assert.equal(plain(crashed.read(crashed.open().store, 4, index)), plain(all));
});

test('what is accepted can be read back: sizes around every limit', () => {
  const fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax: 1024 * 1024 });
  let { store } = fixture.create();
  const limits = [512, 4096, 64 * 1024, 1024 * 1024, commandBytesMax];
  let index = 4;
  for (const limit of limits) {
    const from = index;
    const sizes: number[] = [];
    for (const around of [0, 29, 64, 94, 512, 606]) {
      for (const delta of [-1, 0, 1]) {
        const size = Math.min(limit - around + delta, commandBytesMax);
        if (size >= 0) sizes.push(size);
      }
    }
    for (const size of sizes) {
      store.append({ ...none, entries: [command(index++, 1, size)] }, () => {});
      if (index % 3 === 0) fixture.settle();
    }
    fixture.settle();
    fixture.close(store);
    store = fixture.open().store;
    const back = fixture.read(store, from, index);
    assert.equal(
      back.map((entry) => entry.data.length),
      sizes,
    );
    for (const entry of back) {
      const expected = command(entry.index, 1, entry.data.length).data;
      assert.is(Buffer.compare(entry.data, expected), 0, `entry of ${expected.length}`);
    }
  }
  assert.throws(
    () => store.append({ ...none, entries: [command(index, 1, commandBytesMax + 1)] }, () => {}),
    /more than/,
  );
});

test('a failed or short write is fatal: told once, and nothing is ever done again', () => {
  for (const fault of [{ code: 'EIO' }, { code: 'EIO', taken: 'half' } as const]) {
    const fixture = new WalFixture(new MemoryDisk());
    const { store } = fixture.create();
    let done = 0;
    store.append({ ...none, entries: commands(4, 9, 1, 50) }, () => done++);
    fixture.settle();
    fixture.disk.faultAt = (_n, name) => (name.startsWith('write') ? fault : null);
    store.append({ ...none, entries: commands(10, 12, 1, 50) }, () => done++);
    store.append({ ...none, entries: commands(13, 14, 1, 50) }, () => done++);
    fixture.settle();
    fixture.disk.faultAt = () => null;
    store.append({ ...none, entries: commands(15, 16, 1, 50) }, () => done++);
    fixture.settle();
    assert.is(done, 1);
    assert.equal(
      fixture.fatal.map((error) => error.code),
      [fault.code],
    );
    fixture.close(store);
    const again = new WalFixture(fixture.disk.clone());
    assert.is(again.open().recovered.lastIndex, 9);
  }
});

test('what opening finds after a failed write is on disk before anybody hears of it', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  store.append({ ...none, entries: commands(4, 9, 1, 50) }, () => {});
  fixture.settle();
  // The cache has the batch, the disk does not, and no sync will ever bring it there.
  fixture.disk.faultAt = (_n, name) =>
    name.startsWith('write') ? { code: 'EIO', taken: 'all' } : null;
  store.append({ ...none, entries: commands(10, 12, 1, 50) }, () => {});
  fixture.settle();
  fixture.disk.faultAt = () => null;
  assert.is(fixture.fatal.length, 1);
  const lost = new WalFixture(fixture.disk.afterCrash(() => 'old'));
  assert.is(lost.open().recovered.lastIndex, 9);
  const restarted = new WalFixture(fixture.disk);
  assert.is(restarted.open().recovered.lastIndex, 12);
  const after = new WalFixture(fixture.disk.afterCrash(() => 'old'));
  assert.is(after.open().recovered.lastIndex, 12);
});

test('a mark of a clean stop that only the cache has is not believed', () => {
  const fixture = new WalFixture(new MemoryDisk());
  const { store } = fixture.create();
  store.append({ ...none, entries: commands(4, 9, 1, 50) }, () => {});
  fixture.settle();
  fixture.disk.faultAt = (_n, name) =>
    name.startsWith('write') ? { code: 'EIO', taken: 'all' } : null;
  fixture.close(store);
  fixture.disk.faultAt = () => null;
  assert.is(fixture.fatal.length, 1);
  const restarted = new WalFixture(fixture.disk);
  const again = restarted.open().store;
  let done = 0;
  again.append({ ...none, entries: commands(10, 12, 1, 50) }, () => done++);
  restarted.settle();
  assert.is(done, 1);
  // What was acknowledged stands behind the mark, so the mark must be on disk as well.
  const after = new WalFixture(restarted.disk.afterCrash(() => 'old'));
  assert.is(after.open().recovered.lastIndex, 12);
});

test('a next segment that cannot be made is fatal when it is needed, and not before', () => {
  const fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax: 16 * 1024 });
  const { store } = fixture.create();
  fixture.disk.faultAt = (_n, name) => (name.includes('.tmp') ? { code: 'EIO' } : null);
  let done = 0;
  for (let i = 0; i < 20; i++) {
    store.append({ ...none, entries: [command(4 + i, 1, 1000)] }, () => done++);
    fixture.settle();
  }
  assert.is(done, 9);
  assert.equal(
    fixture.fatal.map((error) => error.code),
    ['EIO'],
  );
  fixture.disk.faultAt = () => null;
  const { recovered } = new WalFixture(fixture.disk.afterCrash(() => 'old')).open();
  assert.is(recovered.lastIndex, 12);
});

test('the bytes of format 1 do not change', () => {
  const fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax: 16 * 1024 });
  const { store } = fixture.create();
  store.append(
    { truncateFrom: 4, hardState: { term: 2, vote: 1 }, entries: commands(4, 9, 2, 50) },
    () => {},
  );
  fixture.settle();
  fixture.close(store);
  const bytes = fixture.disk.peek('data/wal/000000000001.wal');
  assert.is(bytes.length, 16 * 1024);
  assert.is(checksum(bytes, 0), 2_935_304_261);
});

test('another cluster, another member and a newer format are refused', () => {
  const fixture = new WalFixture(new MemoryDisk());
  fixture.close(fixture.create().store);
  const rows = [{ clusterId: 'cluster-2' }, { memberId: 3 }];
  for (const row of rows) {
    const other = new WalFixture(fixture.disk.clone(), row);
    assert.is(other.openError()?.code, 'WRONG_CLUSTER');
  }
  const empty = new WalFixture(new MemoryDisk());
  assert.is(empty.openError()?.code, 'ENOENT');
});

test.run();
