/**
 * The rows of a machine's state as a snapshot tells it: plain data, in a fixed order, each small
 * enough that making, writing or taking one is a bounded piece of work. Wire has their bytes; a
 * part of the machine makes its own rows and takes them back. What a snapshot's header says (index,
 * term, configuration, time) is in no row.
 *
 * Order: policy · tombstones · history · keys and their pairs · sessions, each with its replies ·
 * streams, each with what belongs to it.
 */

import type { Index, LogBase } from '../raft/types.js';
import type { Reply, Retention, StreamView } from './commands.js';
import type { HistoryRow, Tombstone } from './members.js';
import type { PolicyState } from './policy-words.js';

/** Most bytes of a value in one row; a longer one goes on in rows of kind `valuePart`. */
export const valuePartBytesMax = 32 * 1024;

/** Most runs, marks or views in one row. */
export const streamPartMax = 1024;

/** A stream; the rows of its views, marks and runs follow, as many as there are. */
export interface StreamRow {
  readonly kind: 'stream';
  readonly name: string;
  readonly firstSeq: number;
  readonly nextSeq: number;
  readonly fence: number;
  /** Of all records ever appended, bytes. */
  readonly totalBytes: number;
  readonly retention: Retention;
}

/** Some views, by rising number. */
export interface ViewsRow {
  readonly kind: 'views';
  readonly views: readonly StreamView[];
}

/** Some marks (marks.ts), from the one at or before the first record kept on. */
export interface MarksRow {
  readonly kind: 'marks';
  readonly baseSeq: number;
  readonly baseMillis: number;
  readonly baseBytes: number;
  /** Sequence, time and bytes of one mark after the other, as offsets from those. */
  readonly offsets: Uint32Array;
}

/** Some runs (run-index.ts), from the one that holds the first record kept on. */
export interface RunsRow {
  readonly kind: 'runs';
  readonly baseSeq: number;
  readonly baseIndex: Index;
  readonly seqOffsets: Uint32Array;
  readonly indexOffsets: Uint32Array;
  readonly recordsPerEntry: Uint16Array;
}

/** One row. Arrays in it are shared with the machine: they must not be written to. */
export type StateRow =
  /** Always there, the first. */
  | ({ readonly kind: 'policy' } & PolicyState)
  | ({ readonly kind: 'tombstone' } & Tombstone)
  | ({ readonly kind: 'history' } & HistoryRow)
  /** Always there, before the pairs. */
  | { readonly kind: 'keys'; readonly revision: number; readonly count: number }
  /** A key, by rising key, and the beginning of its value. */
  | {
      readonly kind: 'pair';
      readonly key: Uint8Array;
      readonly createRevision: number;
      readonly modRevision: number;
      readonly version: number;
      /** Of the whole value. */
      readonly valueBytes: number;
      readonly part: Uint8Array;
    }
  /** More of the value of the pair before. */
  | { readonly kind: 'valuePart'; readonly part: Uint8Array }
  /** A session, the longest unused first; a row for each of its replies follows. */
  | {
      readonly kind: 'session';
      readonly id: number;
      readonly nextSequence: number;
      /** Sequence of the first reply kept. */
      readonly firstKept: number;
    }
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** A stream, by rising name. */
  | StreamRow
  | ViewsRow
  | MarksRow
  | RunsRow;

/** A machine's state at one moment. What stands here never changes, whatever is applied later. */
export interface FrozenState {
  /** The last entry applied, and the newest configuration applied with the index it came from. */
  readonly base: LogBase;
  /** The machine's time, milliseconds since 1970. */
  readonly timeMillis: number;
  /** Makes its rows as they are asked for; may be walked once. */
  readonly rows: Iterator<StateRow>;
}

/** Rows contradict each other or are not in their order: they are no machine's state. */
export class StateRowError extends Error {
  override readonly name = 'StateRowError';
}
