/**
 * The applier: committed entries into the machine, each once and in order, from memory or from
 * disk; an entry that nobody can read halts the server.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../src/machine/machine.js';
import type { RaftCore } from '../../src/raft/core.js';
import type { Entry } from '../../src/raft/types.js';
import { Applier } from '../../src/replica/applier.js';
import type { LogStore } from '../../src/storage/log-store.js';
import { encodeCommand } from '../../src/wire/command-codec.js';
import { entry } from '../raft/lone-core.js';
import { base } from '../storage/wal-fixture.js';
import { HandClock } from './hand-clock.js';

const append = encodeCommand({
  op: 'append',
  tag: null,
  stream: 'log',
  records: [new Uint8Array([1])],
});

function record(index: number): Entry {
  return { ...entry(index, 1, 'x'), data: append };
}

/** An applier over a log of these entries; `inMemory`: the first index that is. */
class Stage {
  readonly clock = new HandClock();
  readonly machine = new Machine(base);
  readonly applied: number[] = [];
  readonly slices: number[] = [];
  readonly fatals: string[] = [];
  reads = 0;
  readonly applier: Applier;

  constructor(entries: readonly Entry[], inMemory = 4) {
    const core = {
      entriesInMemory: (first: number, last: number) =>
        first < inMemory ? null : entries.slice(first - 4, last - 3),
    };
    const store = {
      read: (first: number, last: number, _bytes: number, done: (...args: unknown[]) => void) => {
        this.reads++;
        this.clock.afterTurn(() => done(null, entries.slice(first - 4, last - 3)));
      },
    };
    this.applier = new Applier({
      machine: this.machine,
      core: core as unknown as RaftCore,
      store: store as unknown as LogStore,
      clock: this.clock,
      listener: {
        applied: ({ index }) => void this.applied.push(index),
        sliceEnded: (index) => void this.slices.push(index),
        fatal: (reason) => void this.fatals.push(reason),
      },
    });
  }

  commit(index: number): void {
    this.applier.applyUpTo(index);
    this.clock.settle();
  }
}

test('entries are applied in order, each once, as far as they are committed', () => {
  const stage = new Stage([entry(4, 1), record(5), record(6), record(7)]);
  stage.commit(6);
  stage.commit(6);
  assert.equal(stage.applied, [4, 5, 6]);
  stage.commit(7);
  assert.equal(stage.applied, [4, 5, 6, 7]);
  assert.is(stage.machine.stream('log')?.nextSeq, 4);
});

test('what is not in memory is read from disk, and nothing is applied twice', () => {
  const stage = new Stage([record(4), record(5), record(6)], 9);
  stage.commit(6);
  assert.equal(stage.applied, [4, 5, 6]);
  assert.is(stage.reads, 1);
});

test('trap 46: an unreadable entry halts the server, and nothing after it is applied', () => {
  const unknown = { ...record(5), data: new Uint8Array([0xee, 0xee, 0xee]) };
  const stage = new Stage([record(4), unknown, record(6)]);
  stage.commit(6);
  assert.equal(stage.applied, [4]);
  assert.is(stage.machine.appliedIndex, 4);
  assert.is(stage.fatals.length, 1);
  assert.match(stage.fatals[0]!, /log entry 5 cannot be applied .*start a version that knows it/);
  stage.commit(6);
  assert.equal(stage.applied, [4], 'it stays halted');
});

test('trap 46: an unreadable entry from the disk halts the server likewise', () => {
  const unknown = { ...record(5), data: new Uint8Array([0xee, 0xee, 0xee]) };
  const stage = new Stage([record(4), unknown, record(6)], 9);
  stage.commit(6);
  assert.equal(stage.applied, [4]);
  assert.is(stage.machine.appliedIndex, 4);
  assert.is(stage.fatals.length, 1);
});

test('the commit index never falls', () => {
  const stage = new Stage([record(4), record(5)]);
  stage.commit(5);
  assert.throws(() => stage.commit(4), /never falls/);
});

test.run();
