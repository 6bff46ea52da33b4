/**
 * How long the log's writes take, as the log itself tells it: each until it is on disk, one that
 * hangs as far as it has come, and what waits behind it not at all.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryDisk } from './memory-disk.js';
import { commands, WalFixture } from './wal-fixture.js';

const none = { truncateFrom: null, hardState: null };

test('writes count from the disk taking them until they are on it', () => {
  const { store, fixture } = opened();
  assert.equal(store.writeTimes(), { count: 0, millis: 0 });
  store.append({ ...none, entries: commands(4, 4, 1, 100) }, () => {});
  fixture.clock.nowMillis = 30;
  // It waits behind the first: its own time begins when the disk takes it.
  store.append({ ...none, entries: commands(5, 5, 1, 100) }, () => {});
  assert.equal(store.writeTimes(), { count: 1, millis: 30 });
  fixture.disk.drain(1);
  assert.equal(store.writeTimes(), { count: 2, millis: 30 });
  fixture.clock.nowMillis = 45;
  assert.equal(store.writeTimes(), { count: 2, millis: 45 });
  fixture.settle();
  fixture.clock.nowMillis = 1000;
  assert.equal(store.writeTimes(), { count: 2, millis: 45 });
});

test('the batch that proves the last one is a write like others', () => {
  const { store, fixture } = opened();
  store.append({ ...none, entries: commands(4, 4, 1, 100) }, () => {});
  fixture.settle();
  fixture.clock.fire();
  fixture.clock.nowMillis = 7;
  fixture.settle();
  assert.equal(store.writeTimes(), { count: 2, millis: 7 });
});

function opened() {
  const fixture = new WalFixture(new MemoryDisk());
  return { fixture, store: fixture.create().store };
}

test.run();
