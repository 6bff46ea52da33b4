/**
 * The open files that reads use: a few segments stay open for the next read, the one not used for
 * longest is closed first, and none while a read is under way in it.
 */

import type { Disk, DiskError, DiskFile } from './disk.js';
import { segmentPath } from './segment-files.js';

/** Files kept open for reading. */
const openFilesMax = 16;

interface Held {
  readonly file: DiskFile;
  /** Reads under way. */
  users: number;
  /** False: a second file of a segment, opened at the same time; its one read closes it. */
  readonly isPooled: boolean;
}

/** Reads from segments by id. */
export class SegmentPool {
  readonly #disk: Disk;
  readonly #directory: string;
  /** In the order of last use: a Map keeps the order of insertion. */
  readonly #held = new Map<number, Held>();
  #isClosed = false;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Fills `into` from `position` of a segment; what is short of it is an error. */
  read(
    segmentId: number,
    into: Uint8Array,
    position: number,
    done: (error: DiskError | null) => void,
  ): void {
    const held = this.#held.get(segmentId);
    if (held !== undefined) {
      this.#held.delete(segmentId);
      this.#held.set(segmentId, held);
      return this.#readFrom(held, into, position, done);
    }
    const path = segmentPath(this.#directory, segmentId);
    this.#disk.open(path, { create: false, write: false, dataSync: false }, (error, file) => {
      if (file === null) return done(error);
      const opened: Held = { file, users: 0, isPooled: !this.#held.has(segmentId) };
      if (opened.isPooled) this.#held.set(segmentId, opened);
      this.#readFrom(opened, into, position, done);
    });
  }

  /** Closes what no read uses; the rest closes when its reads end. */
  close(): void {
    this.#isClosed = true;
    this.#evict();
  }

  #readFrom(
    held: Held,
    into: Uint8Array,
    position: number,
    done: (error: DiskError | null) => void,
  ): void {
    held.users++;
    held.file.read(into, position, (error, count) => {
      held.users--;
      if (!held.isPooled) held.file.close(() => {});
      this.#evict();
      if (error === null && count < into.length) {
        const message = `${held.file.path}: ends at byte ${position + count}`;
        return done({ code: 'DAMAGED', message });
      }
      done(error);
    });
  }

  #evict(): void {
    const keep = this.#isClosed ? 0 : openFilesMax;
    for (const [segmentId, held] of this.#held) {
      if (this.#held.size <= keep) return;
      if (held.users > 0) continue;
      this.#held.delete(segmentId);
      // It was only read: a failing close loses nothing.
      held.file.close(() => {});
    }
  }
}
