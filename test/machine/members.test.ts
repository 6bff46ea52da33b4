/**
 * The directory of members: tombstones and history.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reasonOfPuttingOut } from '../../src/base/putting-out.js';
import { historyRowsMax } from '../../src/machine/members.js';
import { Bench, configurationOf } from './fixtures.js';

test('the founding is the first row of history', () => {
  const { machine } = new Bench();
  assert.equal(machine.history(), [
    {
      index: 1,
      term: 0,
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
    { id: 1, peerId: 'p1', name: 'n1', removedAtIndex: 4, mayRejoin: false },
    { id: 2, peerId: 'p2', name: 'n2', removedAtIndex: 5, mayRejoin: false },
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

// [the reason of the configuration without it, whether it may come back by itself]
const reasons: readonly [string, boolean][] = [
  ['', false],
  ['n2 removed by the operator', false],
  ['n2 leaves by its own wish: n3 votes in its place', false],
  [reasonOfPuttingOut('n2 put out: it is dead'), true],
  ['; it may join again removed by the operator', false],
];

test('who may come back by itself the reason says, at its end, and else nobody may', () => {
  const hashes = new Set<string>();
  for (const [reason, expected] of reasons) {
    const bench = new Bench();
    bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [2], 'two joins'));
    bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [], reason));
    assert.is(bench.machine.tombstones()[0]?.mayRejoin, expected, reason);
    hashes.add(bench.machine.hash());
  }
  assert.is(hashes.size, reasons.length);
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
