/**
 * A log over a disk in memory, driven synchronously: what the tests of the log share. Time passes
 * only when a test fires the timers.
 */

import { crc32 } from 'node:zlib';
import type { Clock } from '../../src/base/clock.js';
import type { Log, LogFields } from '../../src/base/log.js';
import type { Entry, LogBase } from '../../src/raft/types.js';
import type { DiskError } from '../../src/storage/disk.js';
import type { LogStore } from '../../src/storage/log-store.js';
import { writeWhole } from '../../src/storage/segment-files.js';
import { createWal, type OpenedWal, openWal } from '../../src/storage/wal.js';
import type { WalDeps, WalOptions } from '../../src/storage/wal-options.js';
import type { MemoryDisk } from './memory-disk.js';

/** CRC-32 by zlib. */
export const checksum = (bytes: Uint8Array, seed: number): number => crc32(bytes, seed);

/** The base of the logs in the tests: founded by three members. */
export const base: LogBase = {
  index: 3,
  term: 0,
  configurationIndex: 3,
  configuration: {
    voters: [1, 2, 3],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    members: [1, 2, 3].map((id) => ({
      id,
      peerId: `p${id}`,
      incarnation: `i${id}`,
      name: `n${id}`,
    })),
    reason: 'founded',
  },
};

/** A command entry of `size` bytes whose content follows from its index and term. */
export function command(index: number, term: number, size: number): Entry {
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i++) data[i] = (index * 31 + term * 7 + i) & 0xff;
  const timeMillis = index * 1000 + term;
  return { index, term, kind: 'command', timeMillis, data, configuration: null, encoded: null };
}

/** Commands first … last of one term. */
export function commands(first: number, last: number, term: number, size: number): Entry[] {
  const entries: Entry[] = [];
  for (let index = first; index <= last; index++) entries.push(command(index, term, size));
  return entries;
}

/** A clock that stands until it is set, and whose timers fire when told to. */
class StillClock implements Clock {
  /** How long each timer was to wait, milliseconds. */
  readonly pauses: number[] = [];
  readonly #timers = new Set<() => void>();
  readonly #turns: (() => void)[] = [];
  /** What the monotonic clock shows. */
  nowMillis = 0;

  monotonicMillis(): number {
    return this.nowMillis;
  }

  wallMillis(): number {
    return 0;
  }

  after(delayMillis: number, then: () => void): { cancel(): void } {
    this.pauses.push(delayMillis);
    this.#timers.add(then);
    return { cancel: () => this.#timers.delete(then) };
  }

  afterTurn(then: () => void): void {
    this.#turns.push(then);
  }

  /** Fires all timers. @returns how many. */
  fire(): number {
    const due = [...this.#timers];
    this.#timers.clear();
    for (const then of due) then();
    return due.length;
  }

  /** Ends the turn. @returns how many waited for it. */
  turn(): number {
    const due = this.#turns.splice(0);
    for (const then of due) then();
    return due.length;
  }
}

/** A log that keeps nothing but the events' names. */
export class EventLog implements Log {
  readonly events: string[] = [];
  error(_fields: LogFields, event: string): void {
    this.events.push(event);
  }
  warn(_fields: LogFields, event: string): void {
    this.events.push(event);
  }
  info(_fields: LogFields, event: string): void {
    this.events.push(event);
  }
  debug(_fields: LogFields, event: string): void {
    this.events.push(event);
  }
}

/** One server's log over a `MemoryDisk`. */
export class WalFixture {
  readonly disk: MemoryDisk;
  readonly clock = new StillClock();
  readonly log = new EventLog();
  readonly fatal: DiskError[] = [];
  readonly options: WalOptions;

  constructor(disk: MemoryDisk, options: Partial<WalOptions> = {}) {
    this.disk = disk;
    disk.isManual = true;
    this.options = {
      directory: 'data/wal',
      clusterId: 'cluster-1',
      memberId: 2,
      segmentBytesMax: 64 * 1024,
      ...options,
    };
  }

  get deps(): WalDeps {
    const { disk, clock, log } = this;
    return { disk, clock, log, checksum, onFatal: (error) => this.fatal.push(error) };
  }

  /** Founds a log. @param prepared the file of zeros to found it in; null: none. */
  create(prepared: string | null = null): OpenedWal {
    const deps = { ...this.deps, prepared };
    return this.#wait((done) => createWal(this.options, base, deps, done));
  }

  /** Makes a file of zeros to found a log in. */
  prepare(path: string): void {
    const slash = path.lastIndexOf('/');
    const [directory, name] = [path.slice(0, slash), path.slice(slash + 1)];
    const bytes = this.options.segmentBytesMax ?? 0;
    const whole = { directory, name, content: new Uint8Array(0), bytes };
    let failed: DiskError | null = null;
    this.disk.makeDirectory(directory, () => {
      writeWhole(this.disk, whole, (error) => {
        failed = error;
      });
    });
    this.settle();
    if (failed !== null) throw new Error((failed as DiskError).message);
  }

  open(): OpenedWal {
    return this.#wait((done) => openWal(this.options, this.deps, done));
  }

  /** The error with which opening fails, or null when it does not. */
  openError(): DiskError | null {
    let result: DiskError | null = null;
    openWal(this.options, this.deps, (error) => {
      result = error;
    });
    this.settle();
    return result;
  }

  /** Runs the disk and the turns of the loop until nothing happens. */
  settle(): void {
    while (this.disk.drain() + this.clock.turn() > 0);
  }

  /** Reads what is in the log, or throws its error. */
  read(store: LogStore, first: number, last: number, bytesMax = 1e9): readonly Entry[] {
    let result: readonly Entry[] | null = null;
    let failed: DiskError | null = null;
    store.read(first, last, bytesMax, (error, entries) => {
      failed = error;
      result = entries;
    });
    this.settle();
    if (failed !== null) throw new Error((failed as DiskError).message);
    if (result === null) throw new Error('the read never ended');
    return result;
  }

  /** Stops the log in order. */
  close(store: LogStore): void {
    let isClosed = false;
    store.close(() => {
      isClosed = true;
    });
    this.settle();
    if (!isClosed) throw new Error('the log never closed');
  }

  #wait(begin: (done: (error: DiskError | null, opened: OpenedWal | null) => void) => void) {
    let result: OpenedWal | null = null;
    let failed: DiskError | null = null;
    begin((error, opened) => {
      failed = error;
      result = opened;
    });
    this.settle();
    if (failed !== null) throw new Error((failed as DiskError).message);
    if (result === null) throw new Error('opening never ended');
    return result as OpenedWal;
  }
}
