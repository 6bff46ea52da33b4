/**
 * When snapshots are written, and what a server begins from: over snapshot files on a disk in
 * memory, with a machine that applies commands and a log whose disk may be behind.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../src/machine/machine.js';
import type { RaftCore } from '../../src/raft/core.js';
import type { LogBase } from '../../src/raft/types.js';
import { restoreMachine } from '../../src/replica/restore.js';
import { Snapshotter } from '../../src/replica/snapshotter.js';
import type { RecoveredLog } from '../../src/storage/log-store.js';
import { snapshotName } from '../../src/storage/snapshot-files.js';
import { decodeRows } from '../../src/wire/state-codec.js';
import { configurationOf, text } from '../machine/fixtures.js';
import { entry } from '../raft/lone-core.js';
import { MemoryDisk } from '../storage/memory-disk.js';
import { SnapshotFixture } from '../storage/snapshot-fixture.js';
import { base } from '../storage/wal-fixture.js';
import { HandClock } from './hand-clock.js';

const nothing: RecoveredLog = {
  hardState: { term: 1, vote: 0 },
  base,
  termRuns: [],
  configurations: [],
  lastIndex: base.index,
  tail: [],
  tornBytes: 0,
};

/** One life of a server, as far as snapshots go. The log is on disk as far as `persisted`. */
class Life {
  readonly clock = new HandClock();
  readonly fixture: SnapshotFixture;
  readonly machine: Machine;
  readonly snapshotter: Snapshotter;
  commit = 0;
  persisted = Number.POSITIVE_INFINITY;
  hasRoom = true;

  constructor(snapshotEntries: number, disk = new MemoryDisk(), machine = new Machine(base)) {
    this.machine = machine;
    this.fixture = new SnapshotFixture(disk);
    const sink = { chunk: (bytes: Uint8Array) => decodeRows(bytes, () => {}), end: () => {} };
    this.fixture.files.load(
      () => sink,
      () => {},
    );
    this.settle();
    const status = () => ({ commit: this.commit, persisted: this.persisted });
    this.snapshotter = new Snapshotter(snapshotEntries, {
      clusterId: 'cluster-1',
      machine,
      core: { status } as unknown as RaftCore,
      store: this.fixture.files,
      hasRoom: () => this.hasRoom,
      clock: this.clock,
      log: this.fixture.log,
    });
  }

  /** Applies so many entries as one slice. @param left how many more are committed. */
  apply(count: number, left = 0): void {
    for (let i = 0; i < count; i++) {
      const index = this.machine.appliedIndex + 1;
      const meta = { index, term: 1, timeMillis: index };
      const key = text(`key ${index % 7}`);
      this.machine.apply(meta, {
        op: 'put',
        tag: null,
        key,
        value: key,
        expectedModRevision: null,
      });
      this.snapshotter.applied({ ...entry(index, 1, 'x'), data: key });
    }
    this.commit = this.machine.appliedIndex + left;
    this.snapshotter.sliceEnded();
  }

  settle(): void {
    this.fixture.disk.drain();
  }

  get names(): readonly string[] {
    return this.fixture.names();
  }

  /** Stops. @returns whether it was done without time passing. */
  stop(): boolean {
    let isDone = false;
    this.snapshotter.stop(() => {
      isDone = true;
    });
    this.settle();
    return isDone;
  }
}

/** The log that has what a machine of `Life` applied. */
function logOf(lastIndex: number, given: Partial<RecoveredLog> = {}): RecoveredLog {
  return { ...nothing, lastIndex, termRuns: [{ firstIndex: base.index + 1, term: 1 }], ...given };
}

/** What the next life begins from: the index, 0: nothing. */
function restoredIndex(disk: MemoryDisk, recovered: RecoveredLog, clusterId = 'cluster-1'): number {
  const { log, files } = new SnapshotFixture(disk);
  let found: Machine | null | undefined;
  restoreMachine({ clusterId, recovered, snapshots: files, log }, (machine) => {
    found = machine;
  });
  disk.drain();
  assert.ok(found !== undefined, 'it never ended');
  return found?.appliedIndex ?? 0;
}

const at = (index: number): string => snapshotName(base.index + index);

test('a snapshot is written when enough entries were applied since the last', () => {
  const life = new Life(100);
  life.apply(99);
  life.settle();
  assert.equal(life.names, []);
  life.apply(1);
  life.apply(50);
  life.settle();
  assert.equal(life.names, [at(100)], 'frozen at 100, whatever was applied since');
  life.apply(49);
  life.settle();
  assert.equal(life.names, [at(100)]);
  life.apply(1);
  life.settle();
  assert.equal(life.names, [at(100), at(200)]);
  assert.equal(life.fixture.log.events, ['snapshot written', 'snapshot written']);
});

test('only one is under way', () => {
  const life = new Life(10);
  life.apply(10);
  life.apply(10);
  life.settle();
  assert.equal(life.names, [at(10)]);
  life.apply(1);
  life.settle();
  assert.equal(life.names, [at(10), at(21)]);
});

test('none is begun while more is to be applied than has been', () => {
  const life = new Life(100);
  life.apply(150, 1000);
  life.settle();
  assert.equal(life.names, []);
  life.apply(500, 500);
  life.settle();
  assert.equal(life.names, [at(650)]);
});

test('a snapshot waits for the own disk: it is never ahead of the log', () => {
  const life = new Life(10);
  life.persisted = base.index + 9;
  life.apply(10);
  life.settle();
  life.snapshotter.ticked();
  life.settle();
  assert.equal(life.names, [`${at(10)}.tmp`]);
  life.persisted = base.index + 10;
  life.snapshotter.ticked();
  life.settle();
  assert.equal(life.names, [at(10)]);
});

test('what the disk does not take is dropped, and tried again later', () => {
  const life = new Life(10);
  let isFull = true;
  life.fixture.disk.faultAt = (_n, name) => {
    return isFull && name.startsWith('write') ? { code: 'ENOSPC' } : null;
  };
  life.apply(10);
  life.settle();
  assert.equal(life.names, []);
  assert.equal(life.fixture.log.events, ['snapshot dropped']);
  isFull = false;
  life.apply(10);
  life.settle();
  assert.equal(life.names, [], 'not at once');
  life.clock.pass(30_000);
  life.apply(1);
  life.settle();
  assert.equal(life.names, [at(21)]);
});

test('none is begun while the disk is full, not even at a stop', () => {
  const life = new Life(10);
  life.hasRoom = false;
  life.apply(10);
  life.settle();
  assert.equal(life.names, []);
  life.hasRoom = true;
  life.apply(1);
  life.settle();
  assert.equal(life.names, [at(11)]);
  life.apply(9);
  life.hasRoom = false;
  assert.ok(life.stop());
  assert.equal(life.names, [at(11)]);
});

test('a large state is written less often than small entries ask for', () => {
  const life = new Life(10);
  const index = base.index + 1;
  const value = new Uint8Array(100_000);
  const put = { op: 'put', tag: null, key: text('k'), value, expectedModRevision: null } as const;
  life.machine.apply({ index, term: 1, timeMillis: 1 }, put);
  life.apply(10);
  life.settle();
  assert.equal(life.names, [at(11)]);
  life.apply(400);
  life.settle();
  assert.equal(life.names, [at(11)], 'some 15 of 25 kB were applied');
  life.apply(400);
  life.settle();
  assert.equal(life.names, [at(11), at(811)]);
});

test('a stop writes a last one where the next start would have much to apply', () => {
  const few = new Life(100);
  few.apply(9);
  assert.ok(few.stop());
  assert.equal(few.names, []);
  const many = new Life(100);
  many.apply(10);
  assert.ok(many.stop());
  assert.equal(many.names, [at(10)]);
});

test('a stop ends the one under way, and begins none after it', () => {
  const life = new Life(10);
  life.apply(10);
  life.apply(10);
  assert.ok(life.stop());
  assert.equal(life.names, [at(10)]);
  life.apply(100);
  life.settle();
  assert.equal(life.names, [at(10)]);
});

test('a stop does not wait for a disk that hangs, nor for a log that is behind', () => {
  const hanging = new Life(10);
  hanging.apply(10);
  let isDone = false;
  hanging.snapshotter.stop(() => {
    isDone = true;
  });
  hanging.fixture.disk.drain(3);
  hanging.clock.pass(1000);
  assert.not(isDone, 'what is in flight ends first');
  hanging.settle();
  assert.ok(isDone);
  assert.equal(hanging.names, []);
  const behind = new Life(10);
  behind.persisted = 0;
  behind.apply(10);
  behind.settle();
  assert.ok(behind.stop());
  assert.equal(behind.names, []);
});

test('the next life begins from the newest, and counts from there', () => {
  const first = new Life(100);
  first.apply(130);
  first.settle();
  const { disk } = first.fixture;
  const recovered = logOf(base.index + 130);
  let machine: Machine | null = null;
  const { log, files } = new SnapshotFixture(disk);
  restoreMachine({ clusterId: 'cluster-1', recovered, snapshots: files, log }, (found) => {
    machine = found;
  });
  disk.drain();
  assert.equal(log.events, ['snapshot restored']);
  const restored = machine as unknown as Machine;
  assert.is(restored.hash(), first.machine.hash());
  const second = new Life(100, disk, restored);
  second.apply(99);
  second.settle();
  assert.equal(second.names, [at(130)]);
  second.apply(1);
  second.settle();
  assert.equal(second.names, [at(130), at(230)]);
});

test('trap 42: what is restored knows which entry it is of, and no other is applied to it', () => {
  const life = new Life(10);
  life.apply(10);
  life.settle();
  let machine: Machine | null = null;
  const { log, files } = new SnapshotFixture(life.fixture.disk);
  const recovered = logOf(base.index + 12);
  restoreMachine({ clusterId: 'cluster-1', recovered, snapshots: files, log }, (found) => {
    machine = found;
  });
  life.fixture.disk.drain();
  const restored = machine as unknown as Machine;
  assert.is(restored.appliedIndex, base.index + 10);
  assert.is(restored.appliedTerm, 1);
  const again = { index: base.index + 10, term: 1, timeMillis: 0 };
  assert.throws(() => restored.applyNoop(again), /in order, each once/);
});

test('trap 12: a snapshot that is not of this log is passed over', () => {
  const life = new Life(10);
  life.apply(10);
  life.settle();
  const { disk } = life.fixture;
  const index = base.index + 10;
  assert.is(restoredIndex(disk, logOf(index)), index);
  assert.is(restoredIndex(disk, logOf(index), 'cluster-2'), 0, 'another cluster');
  assert.is(restoredIndex(disk, logOf(index - 1)), 0, 'ahead of the log');
  const termRuns = [
    { firstIndex: base.index + 1, term: 1 },
    { firstIndex: index, term: 2 },
  ];
  assert.is(restoredIndex(disk, logOf(index + 5, { termRuns })), 0, 'another term there');
  const later = [
    { firstIndex: base.index + 1, term: 1 },
    { firstIndex: index + 1, term: 2 },
  ];
  assert.is(restoredIndex(disk, logOf(index + 5, { termRuns: later })), index);
  const configurations = [{ index: index - 3, configuration: configurationOf([1, 2]) }];
  assert.is(restoredIndex(disk, logOf(index, { configurations })), 0, 'another configuration');
  const behind = [{ index: index + 1, configuration: configurationOf([1, 2]) }];
  assert.is(restoredIndex(disk, logOf(index + 5, { configurations: behind })), index);
  const late: LogBase = { ...base, index: index + 1 };
  assert.is(restoredIndex(disk, { ...logOf(index + 5), base: late }), 0, 'before the log begins');
});

test('a snapshot whose rows are no state is passed over for an older one', () => {
  const life = new Life(10);
  life.apply(10);
  life.settle();
  // Good frames, and nothing in them that a machine could be made of.
  const { disk } = life.fixture;
  assert.is(new SnapshotFixture(disk).write(base.index + 12), null);
  const termRuns = [
    { firstIndex: base.index + 1, term: 1 },
    { firstIndex: base.index + 12, term: 7 },
  ];
  assert.is(restoredIndex(disk, logOf(base.index + 20, { termRuns })), base.index + 10);
});

test.run();
