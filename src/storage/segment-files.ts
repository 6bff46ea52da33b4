/**
 * Segment files as files: making them, zero-filled and named durably, and opening them. The log
 * writes into space that is already there, so a data-sync write changes no size and no extent: on
 * the machine of measure one O_DSYNC write of 512 bytes took 117–139 µs into zero-filled space,
 * 150–162 µs when the file grew, and write + fdatasync 111–211 µs at one more call each.
 */

import { type Disk, type DiskError, type DiskFile, type Done, isOutOfRoom } from './disk.js';
import { segmentName } from './segment-header.js';

/** Zeros are written this many bytes at a time, so that other writes get their turn in between. */
const fillBytes = 1024 * 1024;

const zeros = new Uint8Array(fillBytes);

/** Suffix of a file that does not have its name yet; removed at opening. */
export const temporarySuffix = '.tmp';

/** Path of a segment. */
export function segmentPath(directory: string, segmentId: number): string {
  return `${directory}/${segmentName(segmentId)}`;
}

/** Opens a segment for the log to write to. */
export function openSegment(
  disk: Disk,
  directory: string,
  segmentId: number,
  done: (error: DiskError | null, file: DiskFile | null) => void,
): void {
  const path = segmentPath(directory, segmentId);
  disk.open(path, { create: false, write: true, dataSync: true }, done);
}

/** Reads a whole file. */
export function readWhole(
  disk: Disk,
  path: string,
  done: (error: DiskError | null, bytes: Uint8Array) => void,
): void {
  const nothing = new Uint8Array(0);
  disk.size(path, (sizeError, size) => {
    if (sizeError !== null) return done(sizeError, nothing);
    disk.open(path, { create: false, write: false, dataSync: false }, (openError, file) => {
      if (file === null) return done(openError, nothing);
      const bytes = new Uint8Array(size);
      file.read(bytes, 0, (readError, count) => {
        closeAfter(file, readError, (error) => done(error, bytes.subarray(0, count)));
      });
    });
  });
}

/** A file to be made. */
export interface WholeFile {
  readonly directory: string;
  readonly name: string;
  readonly content: Uint8Array;
  /** Zeros follow the content up to this length, bytes. */
  readonly bytes: number;
}

/**
 * Makes a file, on disk whole and under its name when done: temporary name, sync, rename, directory
 * sync. It replaces a file of that name, which stays as it was until then.
 */
export function writeWhole(disk: Disk, whole: WholeFile, done: Done): void {
  const { directory, name, content, bytes } = whole;
  const temporary = `${directory}/${name}${temporarySuffix}`;
  const rename = named(disk, temporary, whole, done);
  // One left by a crash is in the way; that there is none is the rule.
  disk.remove(temporary, (removeError) => {
    if (removeError !== null && removeError.code !== 'ENOENT') return done(removeError);
    disk.open(temporary, { create: true, write: true, dataSync: false }, (error, file) => {
      if (file === null) return done(error);
      fill(file, content, bytes, (failed) => {
        closeAfter(file, failed, (error) => {
          if (error === null || !isOutOfRoom(error)) return rename(error);
          // Half a file on a full disk would be in everybody's way.
          disk.remove(temporary, () => done(error));
        });
      });
    });
  });
}

/**
 * As `writeWhole`, of a file that is there already: `bytes` zeros, made and synced in this life of
 * the process, anywhere on the same disk. It moves to its place.
 */
export function writeInto(disk: Disk, prepared: string, whole: WholeFile, done: Done): void {
  const rename = named(disk, prepared, whole, done);
  disk.open(prepared, { create: false, write: true, dataSync: false }, (error, file) => {
    if (file === null) return done(error);
    file.write([whole.content], 0, (failed) => {
      if (failed !== null) return closeAfter(file, failed, rename);
      file.sync((syncError) => closeAfter(file, syncError, rename));
    });
  });
}

/** Gives the file at `from`, once it is whole, its name. */
function named(disk: Disk, from: string, { directory, name }: WholeFile, done: Done): Done {
  return (error) => {
    if (error !== null) return done(error);
    disk.rename(from, `${directory}/${name}`, (failed) => {
      if (failed !== null) done(failed);
      else disk.syncDirectory(directory, done);
    });
  };
}

/**
 * Writes `content` and zeros up to `bytes`, and syncs each part before the next: tens of MiB of
 * dirty pages synced at once held up the log's own writes for 130–190 ms on the machine of measure.
 */
function fill(file: DiskFile, content: Uint8Array, bytes: number, done: Done): void {
  let position = 0;
  const next: Done = (error) => {
    if (error !== null) return done(error);
    const at = position;
    const left = content.length - at;
    const part =
      left > 0
        ? content.subarray(at, at + Math.min(left, fillBytes))
        : zeros.subarray(0, Math.min(fillBytes, bytes - at));
    position += part.length;
    const isLast = position >= Math.max(bytes, content.length);
    file.write([part], at, (failed) => {
      if (failed !== null) done(failed);
      else file.sync(isLast ? done : next);
    });
  };
  next(null);
}

function closeAfter(file: DiskFile, error: DiskError | null, done: Done): void {
  file.close((closeError) => done(error ?? closeError));
}
