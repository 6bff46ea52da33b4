/**
 * The `Disk` of one process over the media of its machine: every operation takes virtual time, may
 * be made to fail, and is neither done nor undone when the process ends in the middle of it.
 */

import type { Rng } from '../../src/base/rng.js';
import type { Disk, DiskError, DiskFile, Done, OpenOptions } from '../../src/storage/disk.js';
import { Content, type Media, type NameModel } from './media.js';
import type { SimProcess } from './sim-process.js';

/** How a disk behaves now; the nemesis changes it. */
export interface DiskHabits {
  /** Shortest write or sync, milliseconds, and how much longer it may take. */
  syncMillisMin: number;
  syncMillisSpread: number;
  /** One write in so many takes up to `tailMillis`; 0: none. */
  tailEvery: number;
  tailMillis: number;
  names: NameModel;
  /** Bytes that files may still grow by; then writes take what fits and fail with ENOSPC. */
  roomBytes: number;
  /** Every write needs room, as where nothing is overwritten in place. */
  isCopying: boolean;
  /** The next write or sync fails so. */
  failNext: 'write' | 'sync' | null;
}

/** What goes on at the moment, for the end of the process: done with luck, or in part. */
interface Running {
  /** `part`: of a write, how many bytes are taken; Infinity: all. */
  readonly apply: (part: number) => void;
  readonly bytes: number;
}

/** A disk as one process sees it. */
export class SimDisk implements Disk {
  readonly media: Media;
  readonly habits: DiskHabits;
  /** An operation was made to fail. */
  faults = 0;
  readonly #process: SimProcess;
  readonly #rng: Rng;
  readonly #running = new Set<Running>();

  constructor(media: Media, habits: DiskHabits, process: SimProcess, rng: Rng) {
    this.media = media;
    this.habits = habits;
    this.#process = process;
    this.#rng = rng;
  }

  /** The process is ended: what was under way is done, in part, or not. */
  processEnded(): void {
    for (const { apply, bytes } of this.#running) {
      const fate = this.#rng.below(3);
      if (fate === 0) apply(Number.POSITIVE_INFINITY);
      else if (fate === 1 && bytes > 0) apply(512 * this.#rng.below(Math.ceil(bytes / 512) + 1));
    }
    this.#running.clear();
  }

  open(
    path: string,
    options: OpenOptions,
    done: (error: DiskError | null, file: DiskFile | null) => void,
  ): void {
    if (!options.create) {
      return this.#read(() => {
        const content = this.media.get(path);
        if (content === undefined) done(missing('open', path), null);
        else done(null, new SimFile(this, path, content, options));
      });
    }
    const content = new Content();
    let error: DiskError | null = null;
    const apply = (): void => {
      if (this.habits.roomBytes <= 0) error = full('open', path);
      else if (this.media.get(path) !== undefined) {
        error = { code: 'EEXIST', message: `open ${path}: EEXIST` };
      } else this.media.set(path, content);
    };
    this.change(apply, 0, () => {
      if (error !== null) done(error, null);
      else done(null, new SimFile(this, path, content, options));
    });
  }

  size(path: string, done: (error: DiskError | null, bytes: number) => void): void {
    this.#read(() => {
      const content = this.media.get(path);
      if (content === undefined) done(missing('stat', path), 0);
      else done(null, content.size);
    });
  }

  list(path: string, done: (error: DiskError | null, names: readonly string[]) => void): void {
    this.#read(() => done(null, this.media.list(path)));
  }

  makeDirectory(_path: string, done: Done): void {
    this.#read(() => done(null));
  }

  rename(from: string, to: string, done: Done): void {
    let error: DiskError | null = null;
    const apply = (): void => {
      const content = this.media.get(from);
      if (content === undefined) {
        error = missing('rename', from);
        return;
      }
      this.habits.roomBytes += this.media.get(to)?.size ?? 0;
      this.media.set(to, content);
      this.media.delete(from);
    };
    this.change(apply, 0, () => done(error));
  }

  remove(path: string, done: Done): void {
    let removed = false;
    const apply = (): void => {
      this.habits.roomBytes += this.media.get(path)?.size ?? 0;
      removed = this.media.delete(path);
    };
    this.change(apply, 0, () => done(removed ? null : missing('unlink', path)));
  }

  room(_path: string, done: (error: DiskError | null, bytes: number) => void): void {
    this.#read(() => done(null, this.habits.roomBytes));
  }

  /** Takes room for a write. @returns how many of its bytes fit. */
  takeRoom(growth: number, bytes: number): number {
    const { habits } = this;
    const wanted = habits.isCopying ? bytes : growth;
    const missing = Math.max(0, wanted - habits.roomBytes);
    // What is written anew gives back what it replaces.
    habits.roomBytes = Math.max(0, habits.roomBytes - growth);
    return bytes - missing;
  }

  syncDirectory(path: string, done: Done): void {
    const apply = (): void => this.media.syncDirectory(path, this.habits.names);
    this.change(apply, 0, () => done(null), true);
  }

  /** Runs something that changes the disk: `apply` when it is done, then `done`. */
  change(apply: (part: number) => void, bytes: number, done: () => void, isSync = false): void {
    if (!this.#process.isUp) return;
    const running = { apply, bytes };
    this.#running.add(running);
    this.#process.after(isSync || bytes > 0 ? this.#syncMillis() : 0.02, () => {
      this.#running.delete(running);
      apply(Number.POSITIVE_INFINITY);
      done();
    });
  }

  /** The fault that the next operation of this kind has; it has it once. */
  takeFault(kind: 'write' | 'sync'): boolean {
    if (this.habits.failNext !== kind) return false;
    this.habits.failNext = null;
    this.faults += 1;
    return true;
  }

  /** A coin of the disk's own. */
  below(bound: number): number {
    return this.#rng.below(bound);
  }

  /** Runs a read. */
  readLater(run: () => void): void {
    this.#read(run);
  }

  #read(run: () => void): void {
    if (this.#process.isUp) this.#process.after(0.02, run);
  }

  #syncMillis(): number {
    const { syncMillisMin, syncMillisSpread, tailEvery, tailMillis } = this.habits;
    const rng = this.#rng;
    if (tailEvery > 0 && rng.below(tailEvery) === 0) return rng.below(tailMillis) + syncMillisMin;
    return syncMillisMin + (rng.below(1024) * syncMillisSpread) / 1024;
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimDisk;
  readonly #content: Content;
  readonly #options: OpenOptions;

  constructor(disk: SimDisk, path: string, content: Content, options: OpenOptions) {
    this.#disk = disk;
    this.path = path;
    this.#content = content;
    this.#options = options;
  }

  write(parts: readonly Uint8Array[], position: number, done: Done): void {
    const disk = this.#disk;
    const content = this.#content;
    if (!this.#options.write) {
      const refused = { code: 'EBADF', message: `write ${this.path}: EBADF` };
      return disk.readLater(() => done(refused));
    }
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (disk.takeFault('write')) {
      // Some of it may be in the page cache, and never come to the disk.
      const taken = disk.below(3) * Math.ceil(bytes / 2);
      const lie = (part: number): void => {
        content.write(parts, position, Math.min(taken, part));
        content.loseDirty();
      };
      return disk.change(lie, bytes, () => done(failed('write', this.path)));
    }
    const { dataSync } = this.#options;
    let fitting = bytes;
    const apply = (part: number): void => {
      fitting = disk.takeRoom(Math.max(0, position + bytes - content.size), bytes);
      // Cut short by the end of the process it is in the page cache at most.
      if (dataSync && Math.min(part, fitting) >= bytes) {
        return content.writeThrough(parts, position, bytes);
      }
      content.write(parts, position, Math.min(fitting, part));
      // What a full disk took it may drop again.
      if (fitting < bytes && disk.below(2) === 0) content.loseDirty();
    };
    disk.change(apply, bytes, () => done(fitting < bytes ? full('write', this.path) : null));
  }

  read(
    into: Uint8Array,
    position: number,
    done: (error: DiskError | null, count: number) => void,
  ): void {
    this.#disk.readLater(() => {
      const { bytes, size } = this.#content;
      const end = Math.max(position, Math.min(size, position + into.length));
      into.set(bytes.subarray(position, end));
      done(null, end - position);
    });
  }

  sync(done: Done): void {
    const disk = this.#disk;
    const content = this.#content;
    if (disk.takeFault('sync')) {
      disk.change(
        () => content.loseDirty(),
        0,
        () => done(failed('sync', this.path)),
        true,
      );
      return;
    }
    disk.change(
      () => content.sync(),
      0,
      () => done(null),
      true,
    );
  }

  truncate(size: number, done: Done): void {
    this.#disk.change(
      () => this.#content.truncate(size),
      0,
      () => done(null),
    );
  }

  close(done: Done): void {
    this.#disk.readLater(() => done(null));
  }
}

function missing(operation: string, path: string): DiskError {
  return { code: 'ENOENT', message: `${operation} ${path}: ENOENT` };
}

function full(operation: string, path: string): DiskError {
  return { code: 'ENOSPC', message: `${operation} ${path}: ENOSPC` };
}

function failed(operation: string, path: string): DiskError {
  return { code: 'EIO', message: `${operation} ${path}: EIO` };
}
