/**
 * The directory of members: tombstones and history.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { historyRowsMax } from '../../src/machine/members.js';
import { Bench, configurationOf } from './fixtures.js';

test('the founding is the first row of history', () => {
  const { machine } = new Bench();
  assert.equal(machine.history(), [
    {
      index: 1,
      timeMillis: 0,
      reason: 'founded',
      voters: [1],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
    },
  ]);
  assert.equal(
    machine.members().map((member) => member.id),
    [1],
  );
});

test('who is in no set any more becomes a tombstone, for ever', () => {
  const bench = new Bench();
  const step = (voters: number[], learners: number[], reason: string) => {
    bench.machine.applyConfiguration(bench.meta(), configurationOf(voters, learners, reason));
  };
  step([1], [2], 'two joins');
  step([1, 2], [3], 'three joins');
  step([2, 3], [], 'one leaves');
  step([3], [5], 'two leaves');
  assert.equal(bench.machine.tombstones(), [
    { id: 1, peerId: 'p1', name: 'n1', removedAtIndex: 4 },
    { id: 2, peerId: 'p2', name: 'n2', removedAtIndex: 5 },
  ]);
  assert.equal(
    bench.machine.members().map((member) => member.name),
    ['n3', 'n5'],
  );
  assert.equal(
    bench.machine.history().map((row) => `${row.index} ${row.reason}`),
    ['1 founded', '2 two joins', '3 three joins', '4 one leaves', '5 two leaves'],
  );
});

test('an outgoing voter of a joint configuration is still a member', () => {
  const bench = new Bench();
  const joint = { ...configurationOf([1, 2]), voters: [2], votersOutgoing: [1] };
  bench.machine.applyConfiguration(bench.meta(), joint);
  assert.equal(bench.machine.tombstones(), []);
  bench.machine.applyConfiguration(bench.meta(), configurationOf([2]));
  assert.is(bench.machine.tombstones()[0]?.id, 1);
});

test('a member that is only demoted leaves no tombstone', () => {
  const bench = new Bench();
  bench.machine.applyConfiguration(bench.meta(), configurationOf([1, 2]));
  bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [2]));
  assert.equal(bench.machine.tombstones(), []);
});

test('history keeps the last rows, with the monotone time', () => {
  const bench = new Bench();
  for (let i = 0; i < historyRowsMax + 10; i++) {
    bench.timeMillis = 5000 - i;
    bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [], `change ${i}`));
  }
  const rows = bench.machine.history();
  assert.is(rows.length, historyRowsMax);
  assert.is(rows.at(-1)?.reason, `change ${historyRowsMax + 9}`);
  assert.is(rows.at(-1)?.timeMillis, 5000);
});

test('what was handed out does not change under the reader', () => {
  const bench = new Bench();
  for (let i = 0; i < historyRowsMax; i++) {
    bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [], `${i}`));
  }
  const members = bench.machine.members();
  bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [2]));
  assert.is(members.length, 1);
});

test.run();
