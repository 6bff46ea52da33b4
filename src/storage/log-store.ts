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

/**
 * There is no room for the log on its disk. It lasts until there is enough; meanwhile what needs
 * room waits, and nobody hears that it was done.
 */
export interface Shortage {
  /** ENOSPC: the disk is full. EDQUOT: its owner's share of it is. */
  readonly code: string;
  /** The folder of the log. */
  readonly directory: string;
  /** One line: operation, path, reason. */
  readonly message: string;
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
   * earlier one, is on disk. On a full disk that may take until there is room again (`watchRoom`).
   * A write or sync that fails otherwise is fatal: `onFatal` of the options is called once, and no
   * `done` ever comes again.
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
  /** Tells one watcher of a shortage, at once if there is one, and with null when it is over. */
  watchRoom(watcher: (shortage: Shortage | null) => void): void;
  /** How long the disk takes. */
  writeTimes(): WriteTimes;
  /** Waits for the write in flight, unless that waits for room; marks the log as cleanly stopped,
   * closes the files. */
  close(done: () => void): void;
}
