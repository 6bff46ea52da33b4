/**
 * The port of the replicated log on disk, as replica/ sees it. `wal.ts` implements it over a
 * `Disk`.
 */

import type { ConfigurationAt, Entry, HardState, Index, LogBase, TermRun } from '../raft/types.js';
import type { DiskError } from './disk.js';

/** One duty of the core: cut the tail from `truncateFrom`, then write hard state and entries. */
export interface LogBatch {
  readonly truncateFrom: Index | null;
  readonly hardState: HardState | null;
  readonly entries: readonly Entry[];
}

/** What a log on disk said when it was opened. */
export interface RecoveredLog {
  readonly hardState: HardState;
  readonly base: LogBase;
  /** First index of each run of one term, for every entry after the base. */
  readonly termRuns: readonly TermRun[];
  /** Every configuration entry after the base, in order. */
  readonly configurations: readonly ConfigurationAt[];
  /** Last index in the log; `base.index` when it is empty. */
  readonly lastIndex: Index;
  /** The newest entries, ending at `lastIndex`, as many as fit the memory given for them. */
  readonly tail: readonly Entry[];
  /** Bytes cut as a torn tail (never acknowledged), 0 when the log ended cleanly. */
  readonly tornBytes: number;
}

/** How long writes took since the log was opened, the one in flight as far as it has come. */
export interface WriteTimes {
  readonly count: number;
  /** All together, milliseconds. */
  readonly millis: number;
}

/** A log that is open. */
export interface LogStore {
  /**
   * Writes a batch; batches reach the disk in the order given; what arrives while a write is in
   * flight goes into the next one (group commit). `done` comes when this batch, and so every
   * earlier one, is on disk. A write or sync that fails is fatal: `onFatal` of the options is
   * called once, and no `done` ever comes again.
   */
  append(batch: LogBatch, done: () => void): void;
  /**
   * Reads entries firstIndex … lastIndex, stopping early after `bytesMax` (but gives at least one).
   * Indexes that are not in the log give an empty list. A damaged entry is an error that says file
   * and offset.
   */
  read(
    firstIndex: Index,
    lastIndex: Index,
    bytesMax: number,
    done: (error: DiskError | null, entries: readonly Entry[]) => void,
  ): void;
  /** How long the disk takes. */
  writeTimes(): WriteTimes;
  /** Waits for the write in flight, marks the log as cleanly stopped, closes the files. */
  close(done: () => void): void;
}
