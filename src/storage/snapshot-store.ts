/**
 * The port of snapshots on disk, as replica/ sees it. `snapshot-files.ts` implements it over a
 * `Disk`. Chunks are bytes here; what they mean, wire and machine know.
 */

import type { Index } from '../raft/types.js';
import type { SnapshotHeader } from '../wire/snapshot-codec.js';
import type { DiskError, Done } from './disk.js';

/** A snapshot in the making. After an error there is only `abandon`. One call at a time. */
export interface SnapshotWriter {
  /** Adds a chunk of `rows` rows; `done` when the next may come. */
  add(chunk: Uint8Array, rows: number, done: Done): void;
  /**
   * There are no more chunks: on disk under its name when done without an error, and of older ones
   * all but one are gone. Only for a state whose last entry is on disk in this server's log.
   */
  finish(done: (error: DiskError | null, fileBytes: number) => void): void;
  /** Gives it up; nothing of it stays. Whatever fails at that is told by the log. */
  abandon(done: () => void): void;
}

/** Who takes the chunks of a snapshot that is read. */
export interface SnapshotSink {
  /** Takes the next chunk, whose CRC was right. @returns its rows. @throws WireError */
  chunk(bytes: Uint8Array): number;
  /** All chunks were there and unharmed. @throws WireError when they are not a whole state. */
  end(): void;
}

/** The snapshots of one server. */
export interface SnapshotStore {
  /**
   * Removes what a crash left half made, then reads snapshots, the newest first, until one is good.
   * One that is damaged or not admitted is passed over, and the log says so. `loaded` is the header
   * of the good one, null when there is none; never an error, for the log has everything.
   * @param admit judges a header, before anything after it was looked at: who takes the chunks, or
   * why it is not to be used, one line.
   */
  load(
    admit: (header: SnapshotHeader) => SnapshotSink | string,
    done: (loaded: SnapshotHeader | null) => void,
  ): void;
  /** Begins a snapshot; one at a time. Its index must be above `newest`. */
  begin(
    header: SnapshotHeader,
    done: (error: DiskError | null, writer: SnapshotWriter | null) => void,
  ): void;
  /** Index and length of the newest good one, zeros when there is none. Known after `load`. */
  readonly newest: { readonly index: Index; readonly fileBytes: number };
}
