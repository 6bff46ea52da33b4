/**
 * Snapshots of the machine: what is frozen stays as it was while the machine goes on, and a machine
 * made of its rows is the same machine. The seeds of a failure are in its message.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { Machine } from '../../src/machine/machine.js';
import { MachineRestoring } from '../../src/machine/restoring.js';
import { type FrozenState, type StateRow, StateRowError } from '../../src/machine/state-rows.js';
import { decodeRows, StateChunks } from '../../src/wire/state-codec.js';
import { Bench, base, configurationOf, text } from './fixtures.js';
import { applyStep, History } from './snapshot-world.js';

/** A machine of what was frozen, through its bytes. `between` runs between two chunks. */
function restored(frozen: FrozenState, between: () => void = () => {}): Machine {
  const restoring = new MachineRestoring(frozen.base, frozen.timeMillis);
  const chunks = new StateChunks(frozen.rows);
  for (let chunk = chunks.next(); chunk !== null; chunk = chunks.next()) {
    decodeRows(chunk, (row) => restoring.take(row));
    between();
  }
  return restoring.finish();
}

/** All rows of what is frozen, copied. */
function rowsOf(frozen: FrozenState): StateRow[] {
  const rows: StateRow[] = [];
  for (let step = frozen.rows.next(); step.done !== true; step = frozen.rows.next()) {
    rows.push(structuredClone(step.value));
  }
  return rows;
}

test('a machine restored while the frozen one went on is the same, and goes on the same', () => {
  for (let seed = 1; seed <= 150; seed++) {
    const rng = new Rng(seed);
    const history = new History(rng, base.index);
    const machine = new Machine(base);
    for (let i = rng.below(600); i > 0; i--) applyStep(machine, history.next());
    const hash = machine.hash();
    const frozen = machine.freeze();
    const steps: ReturnType<History['next']>[] = [];
    const replies: unknown[] = [];
    const goOn = (): void => {
      for (let i = rng.below(60); i > 0; i--) {
        const step = history.next();
        steps.push(step);
        replies.push(applyStep(machine, step));
      }
    };
    // Frozen again in between, what was frozen first stays as well.
    goOn();
    if (seed % 3 === 0) machine.freeze();
    const twin = restored(frozen, goOn);
    goOn();
    assert.is(twin.hash(), hash, `seed ${seed}: another state`);
    for (const [i, step] of steps.entries()) {
      assert.equal(applyStep(twin, step), replies[i], `seed ${seed}: another reply`);
    }
    assert.is(twin.hash(), machine.hash(), `seed ${seed}: another course`);
    assert.equal(twin.members(), machine.members());
    assert.equal(twin.configuration(), machine.configuration());
    assert.equal(twin.tombstones(), machine.tombstones());
    assert.equal(twin.policy(), machine.policy());
    assert.equal(
      twin.streams({ prefix: '', after: '', limit: 100 }),
      machine.streams({ prefix: '', after: '', limit: 100 }),
    );
    assert.equal(twin.locate('log', 1, 1000), machine.locate('log', 1, 1000));
  }
});

test('a snapshot of a restored machine has the same rows', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const rng = new Rng(1000 + seed);
    const history = new History(rng, base.index);
    const machine = new Machine(base);
    for (let i = 500; i > 0; i--) applyStep(machine, history.next());
    const twin = restored(machine.freeze());
    assert.equal(rowsOf(twin.freeze()), rowsOf(machine.freeze()), `seed ${seed}`);
    assert.equal(twin.freeze().base, machine.freeze().base);
  }
});

test('trap 45: a request that was repeated before the snapshot is not done again after it', () => {
  const bench = new Bench();
  const session = bench.register();
  const tag = { session, sequence: 1, acknowledgedBelow: 1 };
  const first = bench.append('log', 3, tag);
  const twin = restored(bench.machine.freeze());
  const meta = { index: twin.appliedIndex + 1, term: 1, timeMillis: 2000 };
  const again = twin.apply(meta, { op: 'append', tag, stream: 'log', records: [text('r')] });
  assert.equal(again, first);
  assert.is(twin.stream('log')?.nextSeq, 4);
});

test('trap 45: configuration, tombstones and history are in a snapshot', () => {
  const bench = new Bench();
  bench.machine.applyConfiguration(bench.meta(), configurationOf([1, 2, 3]));
  bench.machine.applyConfiguration(bench.meta(), configurationOf([1, 3], [4], 'swap'));
  bench.put('k', 'v');
  const frozen = bench.machine.freeze();
  assert.is(frozen.base.index, 4);
  assert.is(frozen.base.configurationIndex, 3);
  assert.equal(frozen.base.configuration, configurationOf([1, 3], [4], 'swap'));
  const twin = restored(frozen);
  assert.equal(twin.tombstones(), bench.machine.tombstones());
  assert.equal(twin.history(), bench.machine.history());
  assert.equal([...twin.memberNames()], [...bench.machine.memberNames()]);
});

test('a long value is written in parts, and a chunk stays small', () => {
  const bench = new Bench();
  const value = new Uint8Array(3_000_000).map((_, i) => i % 251);
  for (const key of ['a', 'b']) {
    const put = { op: 'put', tag: null, key: text(key), value, expectedModRevision: null } as const;
    bench.apply(put);
  }
  const chunks = new StateChunks(bench.machine.freeze().rows);
  const restoring = new MachineRestoring(bench.machine.freeze().base, 1000);
  let count = 0;
  for (let chunk = chunks.next(); chunk !== null; chunk = chunks.next()) {
    assert.ok(chunk.length <= 2 * 64 * 1024, `${chunk.length} bytes`);
    decodeRows(chunk, (row) => restoring.take(row));
    count += 1;
  }
  assert.ok(count > 80);
  assert.is(restoring.finish().hash(), bench.machine.hash());
});

test('freezing costs no more when the state is large', () => {
  const small = new Bench();
  const large = new Bench();
  for (let i = 0; i < 100_000; i++) {
    large.put(`key ${i}`, 'value');
    large.append(`stream ${i % 20_000}`, 1);
  }
  const millis = (bench: Bench): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < 200; i++) bench.machine.freeze();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  millis(small);
  // Next to nothing each, the collector's share included.
  assert.ok(millis(large) < 200, 'a millisecond each');
});

test('rows that are no state are refused with an error of their own', () => {
  const rng = new Rng(7);
  const history = new History(rng, base.index);
  const machine = new Machine(base);
  for (let i = 400; i > 0; i--) applyStep(machine, history.next());
  const frozen = machine.freeze();
  const rows = rowsOf(frozen);
  const take = (list: readonly StateRow[]): void => {
    const restoring = new MachineRestoring(frozen.base, frozen.timeMillis);
    for (const row of list) restoring.take(row);
    restoring.finish();
  };
  take(rows);
  let refused = 0;
  for (let i = 0; i < rows.length; i++) {
    for (const list of [rows.toSpliced(i, 1), rows.toSpliced(i, 0, rows[i] as StateRow)]) {
      try {
        take(list);
      } catch (error) {
        assert.instance(error, StateRowError);
        refused += 1;
      }
    }
  }
  // A tombstone, a session without replies, or a stream may be missing without contradiction:
  // that all are there is what the end of the file says.
  assert.ok(refused > rows.length, `${refused} of ${2 * rows.length}`);
});

test.run();
