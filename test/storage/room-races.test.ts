/**
 * Room for the log where things happen at once: looks for room, segments made ahead, the reserve,
 * and a log that goes on meanwhile, in any order in which a disk may end what it was asked.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { FullDiskFixture as Fixture, none, reserve } from './full-disk-fixture.js';
import { command, commands } from './wal-fixture.js';

test('however much waits, the shortage ends once it is written', () => {
  for (const isCopying of [false, true]) {
    for (const room of [0, 5000, 20_000]) {
      for (let waiting = 1; waiting <= 30; waiting++) {
        const what = `${waiting} batches, ${room} bytes of room, copying ${isCopying}`;
        const fixture = new Fixture();
        const store = fixture.begin('create');
        const rng = new Rng(waiting + room);
        fixture.disk.next = (count) => rng.below(count);
        fixture.disk.isCopying = isCopying;
        fixture.disk.roomBytes = room;
        for (let index = 4; index < 4 + waiting; index++) {
          fixture.append(store, [{ ...none, entries: [command(index, 1, 1500)] }]);
        }
        for (let i = 0; i < 3; i++) fixture.look();
        fixture.disk.roomBytes = 1 << 20;
        for (let i = 0; i < 12; i++) fixture.look();
        assert.is(fixture.done.length, waiting, what);
        assert.is(fixture.told.at(-1) ?? null, null, `${what}: ${fixture.told.join()}`);
        assert.ok(fixture.disk.peek(reserve).length > 0, `${what}: the reserve is there`);
        const after = new Fixture(fixture.disk.afterCrash(() => 'old'));
        assert.is(after.open().recovered.lastIndex, 3 + waiting, what);
      }
    }
  }
});

test('the reserve becomes a segment in the middle of a look: nobody makes it a second time', () => {
  for (let drained = 0; drained < 12; drained++) {
    const fixture = new Fixture();
    const store = fixture.begin('create');
    fixture.look();
    assert.ok(fixture.disk.peek(reserve).length > 0);
    fixture.disk.roomBytes = 100;
    fixture.append(store, [{ ...none, entries: [command(4, 1, 6000)] }]);
    assert.equal(fixture.told, ['ENOSPC']);
    // The mark of the last batch goes now, so that nothing is being written at the next look.
    fixture.look();
    fixture.disk.roomBytes = 1 << 20;
    fixture.clock.fire();
    fixture.disk.drain(drained);
    fixture.append(store, [{ ...none, entries: commands(5, 6, 1, 3000) }]);
    for (let i = 0; i < 4; i++) fixture.look();
    fixture.append(store, [{ ...none, entries: commands(7, 9, 1, 3000) }]);
    for (let i = 0; i < 4; i++) fixture.look();
    assert.is(fixture.done.length, 3);
    const after = new Fixture(fixture.disk.afterCrash(() => 'old'));
    assert.is(after.open().recovered.lastIndex, 9, `after ${drained} operations`);
  }
});

test.run();
