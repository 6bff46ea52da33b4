/**
 * Writes one snapshot: into a file of a temporary name, chunk by chunk, each on its way before the
 * next is taken; then sync, rename, sync of the directory. Every MiB is synced by itself, for tens
 * of MiB synced at once hold up the log's own writes (segment-files.ts has the measure).
 *
 * Invariant: a file has a snapshot's name only when all of it is on disk. After a failed sync
 * nothing of the file is believed and it never gets its name (docs/storage.md).
 */

import type { Checksum } from './checksum.js';
import type { Disk, DiskError, DiskFile, Done } from './disk.js';
import {
  encodeCounts,
  encodeEnd,
  encodeFrame,
  encodeFrameHead,
  encodePreamble,
  endBytes,
  frameKind,
  type NewHash,
  type RunningHash,
} from './snapshot-format.js';
import type { SnapshotWriter } from './snapshot-store.js';

/** So much is written before it is synced, bytes. */
const syncEveryBytes = 1024 * 1024;

/** Where a snapshot is to be, and with what it is made. */
export interface SnapshotPlan {
  readonly disk: Disk;
  readonly directory: string;
  readonly name: string;
  readonly temporary: string;
  /** Encoded. */
  readonly header: Uint8Array;
  readonly checksum: Checksum;
  readonly newHash: NewHash;
  /** It has its name, durably: older ones may go. */
  readonly made: (fileBytes: number, done: () => void) => void;
  /** Something failed at giving one up, which harms nobody. */
  readonly failedAtEnd: (error: DiskError) => void;
}

/** Makes the file and writes its beginning. After an error nothing of it is left open. */
export function beginSnapshot(
  plan: SnapshotPlan,
  done: (error: DiskError | null, writer: SnapshotWriter | null) => void,
): void {
  plan.disk.open(plan.temporary, { create: true, write: true, dataSync: false }, (error, file) => {
    if (file === null) return done(error, null);
    const writer = new FileWriter(plan, file);
    writer.start((failed) => {
      if (failed === null) done(null, writer);
      else writer.abandon(() => done(failed, null));
    });
  });
}

class FileWriter implements SnapshotWriter {
  readonly #plan: SnapshotPlan;
  readonly #file: DiskFile;
  readonly #hash: RunningHash;
  #position = 0;
  #syncedTo = 0;
  #frames = 0;
  #chunks = 0;
  #bytes = 0;
  #rows = 0;
  #isClosed = false;

  constructor(plan: SnapshotPlan, file: DiskFile) {
    this.#plan = plan;
    this.#file = file;
    this.#hash = plan.newHash();
  }

  start(done: Done): void {
    const { header, checksum } = this.#plan;
    const frame = encodeFrame(frameKind.header, header, this.#frames++, checksum);
    this.#write([encodePreamble(checksum), ...frame], done);
  }

  add(chunk: Uint8Array, rows: number, done: Done): void {
    this.#chunks += 1;
    this.#bytes += chunk.length;
    this.#rows += rows;
    const { checksum } = this.#plan;
    this.#write(encodeFrame(frameKind.chunk, chunk, this.#frames++, checksum), (error) => {
      const isTime = this.#position - this.#syncedTo >= syncEveryBytes;
      if (error !== null || !isTime) return done(error);
      this.#syncedTo = this.#position;
      this.#file.sync(done);
    });
  }

  finish(done: (error: DiskError | null, fileBytes: number) => void): void {
    const { disk, directory, name, temporary, made } = this.#plan;
    const failed = (error: DiskError): void => done(error, 0);
    this.#writeEnd((error) => {
      if (error !== null) return failed(error);
      this.#file.sync((syncError) => {
        if (syncError !== null) return failed(syncError);
        this.#close((closeError) => {
          if (closeError !== null) return failed(closeError);
          disk.rename(temporary, `${directory}/${name}`, (renameError) => {
            if (renameError !== null) return failed(renameError);
            disk.syncDirectory(directory, (directoryError) => {
              if (directoryError !== null) return failed(directoryError);
              made(this.#position, () => done(null, this.#position));
            });
          });
        });
      });
    });
  }

  abandon(done: () => void): void {
    const { disk, temporary, failedAtEnd } = this.#plan;
    this.#close(() => {
      disk.remove(temporary, (error) => {
        // It has another name already when what failed was the sync of the directory.
        if (error !== null && error.code !== 'ENOENT') failedAtEnd(error);
        done();
      });
    });
  }

  #writeEnd(done: Done): void {
    const { checksum } = this.#plan;
    const counts = { chunks: this.#chunks, bytes: this.#bytes, rows: this.#rows };
    this.#hash.update(encodeFrameHead(frameKind.end, endBytes));
    this.#hash.update(encodeCounts(counts));
    const end = encodeEnd(counts, this.#hash.digest());
    const frame = encodeFrame(frameKind.end, end, this.#frames++, checksum);
    this.#put(frame, done);
  }

  #write(parts: readonly Uint8Array[], done: Done): void {
    for (const part of parts) this.#hash.update(part);
    this.#put(parts, done);
  }

  #put(parts: readonly Uint8Array[], done: Done): void {
    const at = this.#position;
    for (const part of parts) this.#position += part.length;
    this.#file.write(parts, at, done);
  }

  #close(done: Done): void {
    if (this.#isClosed) return done(null);
    this.#isClosed = true;
    this.#file.close(done);
  }
}
