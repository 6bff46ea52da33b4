/**
 * The port of the disk: what the log needs of a file system, callback-style. `node-disk.ts` is the
 * real one (the one file that imports node:fs); a simulator has its own, with power cuts and rot.
 * Every callback comes later than the call, never within it. Reading past the end gives a short
 * count; a short count from `write` is a failure and is reported as an error by the port.
 */

/**
 * What a port's operation may fail with. `code` is the operating system's: ENOSPC, EIO, ENOENT …
 */
export interface DiskError {
  readonly code: string;
  /** One line: operation, path, reason. */
  readonly message: string;
}

/**
 * Whether an operation failed for want of room: the disk is full, or its owner's share of it. The
 * one fault that passes by itself; every other one is the end (docs/storage.md).
 */
export function isOutOfRoom({ code }: DiskError): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Ends an operation. `error` is null when it was done. */
export type Done = (error: DiskError | null) => void;

/** An open file. Positions and sizes are bytes. */
export interface DiskFile {
  readonly path: string;
  /**
   * Writes all `parts`, one after the other, from `position`. Done means: taken by the system, and
   * on disk only if the file was opened with `dataSync`.
   */
  write(parts: readonly Uint8Array[], position: number, done: Done): void;
  /** Fills `into` from `position` as far as the file reaches; answers the count of bytes read. */
  read(
    into: Uint8Array,
    position: number,
    done: (error: DiskError | null, count: number) => void,
  ): void;
  /** All data written so far, and the size, is on disk when done (fdatasync). */
  sync(done: Done): void;
  truncate(size: number, done: Done): void;
  close(done: Done): void;
}

/** How to open a file. */
export interface OpenOptions {
  /** Make the file; it must not exist. Otherwise it must. */
  readonly create: boolean;
  readonly write: boolean;
  /** Each write returns only when it is on disk (O_DSYNC). */
  readonly dataSync: boolean;
}

/** A file system. Paths are absolute or relative to the process, as the composition decides. */
export interface Disk {
  open(
    path: string,
    options: OpenOptions,
    done: (error: DiskError | null, file: DiskFile | null) => void,
  ): void;
  /** Size in bytes. */
  size(path: string, done: (error: DiskError | null, bytes: number) => void): void;
  /** Names in a directory, sorted. */
  list(path: string, done: (error: DiskError | null, names: readonly string[]) => void): void;
  /** Makes a directory and its parents, mode 0700. */
  makeDirectory(path: string, done: Done): void;
  rename(from: string, to: string, done: Done): void;
  remove(path: string, done: Done): void;
  /** How many bytes may still be written on the disk that `path` is on; a hint, quotas aside. */
  room(path: string, done: (error: DiskError | null, bytes: number) => void): void;
  /** Names made, renamed or removed in the directory are on disk when done. */
  syncDirectory(path: string, done: Done): void;
}
