/**
 * A disk in memory with the habits of a bad one. Per file a durable image and a list of unsynced
 * writes; names are durable only after a sync of their directory. `crash` decides sector by sector
 * what of the unsynced survives: old, new or zeros. Operations run when the test says so, or by
 * themselves in microtasks; any operation can be made to fail, and everything stops at a crash
 * point.
 */

import type { Disk, DiskError, DiskFile, Done, OpenOptions } from '../../src/storage/disk.js';
import {
  type Content,
  crashed,
  durableContent,
  type Fate,
  joined,
  resize,
  settle,
} from './memory-content.js';

export type { Fate } from './memory-content.js';

/** How much of a write that fails reads see afterwards, though the disk may never have it; a number
 * is bytes. */
export type Taken = 'none' | 'half' | 'all' | number;

/** What an injected fault makes of an operation. */
export interface Fault {
  readonly code: string;
  /** For writes. @default 'none' */
  readonly taken?: Taken;
}

/** An in-memory `Disk`. Directories are not checked: any path may be used. */
export class MemoryDisk implements Disk {
  readonly #names: Map<string, Content>;
  readonly #durableNames: Map<string, Content>;
  readonly #queue: (() => void)[] = [];
  /** Directories that were renamed, and whose new parent was not synced yet. */
  #moves: { readonly from: string; readonly to: string }[] = [];
  #isDraining = false;
  #isCrashed = false;
  /** Operations so far that change something: writes, syncs, truncations, names. */
  operations = 0;
  /** Names of these operations, for messages. */
  readonly trace: string[] = [];
  /** Decides whether operation number n (from 1) fails. */
  faultAt: (n: number, name: string) => Fault | null = () => null;
  /**
   * After this many changing operations have been begun the power goes: nothing completes any more.
   */
  crashAt = Number.POSITIVE_INFINITY;
  /** Bytes that files may still grow by; then writes take what fits and fail with ENOSPC. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** Every write needs room, as where nothing is overwritten in place. */
  isCopying = false;
  /** Whether operations wait for `drain`. */
  isManual = false;
  /** Which of so many operations under way ends next. @default the one begun first */
  next: (count: number) => number = () => 0;

  /** @param names the files that are there, durably. */
  constructor(names = new Map<string, Content>()) {
    this.#names = names;
    this.#durableNames = new Map(names);
  }

  /** Runs what waits, and what that asks for, until nothing waits. @returns how many ran. */
  drain(countMax = Number.POSITIVE_INFINITY): number {
    let count = 0;
    while (count < countMax) {
      const [next] = this.#queue.splice(this.next(this.#queue.length), 1);
      if (next === undefined) break;
      count++;
      next();
    }
    return count;
  }

  get isCrashed(): boolean {
    return this.#isCrashed;
  }

  /** The disk after a power cut: `fate` is asked for every unsynced sector and name. */
  afterCrash(fate: (what: string) => Fate): MemoryDisk {
    const names = new Map<string, Content>();
    const survived = new Map<Content, Content>();
    const surviving = (content: Content): Content => {
      const known = survived.get(content);
      if (known !== undefined) return known;
      const made = crashed(content, fate);
      survived.set(content, made);
      return made;
    };
    const paths = new Set([...this.#names.keys(), ...this.#durableNames.keys()]);
    for (const path of [...paths].sort()) {
      const now = this.#names.get(path);
      const before = this.#durableNames.get(path);
      const kept = now === before || fate(`name ${path}`) === 'new' ? now : before;
      if (kept !== undefined) names.set(path, surviving(kept));
    }
    // A directory moves whole or not at all.
    for (const { from, to } of this.#moves.toReversed()) {
      if (fate(`name ${to}`) === 'old') moveNames(names, to, from);
    }
    return new MemoryDisk(names);
  }

  /** A copy of what reads see, all of it durable. */
  clone(): MemoryDisk {
    return this.afterCrash(() => 'new');
  }

  /** The bytes of a file as reads see them; changes go through. */
  peek(path: string): Uint8Array {
    const content = this.#names.get(path);
    if (content === undefined) throw new Error(`no file ${path}`);
    return content.bytes.subarray(0, content.size);
  }

  /** Puts a file there, durably. */
  put(path: string, bytes: Uint8Array): void {
    const content = durableContent(bytes.slice());
    this.#names.set(path, content);
    this.#durableNames.set(path, content);
  }

  open(
    path: string,
    options: OpenOptions,
    done: (error: DiskError | null, file: DiskFile | null) => void,
  ): void {
    if (!options.create) {
      return this.#read(() => {
        const content = this.#names.get(path);
        if (content === undefined) done(missing('open', path), null);
        else done(null, new MemoryFile(this, path, content, options));
      });
    }
    this.change(`create ${path}`, (fault) => {
      if (fault !== null) return done(fault, null);
      if (this.#names.has(path)) {
        return done({ code: 'EEXIST', message: `open ${path}: EEXIST` }, null);
      }
      const content = durableContent(new Uint8Array(0));
      this.#names.set(path, content);
      done(null, new MemoryFile(this, path, content, options));
    });
  }

  size(path: string, done: (error: DiskError | null, bytes: number) => void): void {
    this.#read(() => {
      const content = this.#names.get(path);
      if (content === undefined) done(missing('stat', path), 0);
      else done(null, content.size);
    });
  }

  list(path: string, done: (error: DiskError | null, names: readonly string[]) => void): void {
    this.#read(() => {
      const prefix = `${path}/`;
      const names = [...this.#names.keys()]
        .filter((each) => each.startsWith(prefix) && !each.slice(prefix.length).includes('/'))
        .map((each) => each.slice(prefix.length));
      done(null, names.sort());
    });
  }

  makeDirectory(path: string, done: Done): void {
    this.change(`mkdir ${path}`, done);
  }

  rename(from: string, to: string, done: Done): void {
    this.change(`rename ${from}`, (fault) => {
      if (fault !== null) return done(fault);
      const content = this.#names.get(from);
      if (content === undefined) return done(this.#moveDirectory(from, to));
      this.#names.delete(from);
      this.roomBytes += this.#names.get(to)?.size ?? 0;
      this.#names.set(to, content);
      done(null);
    });
  }

  remove(path: string, done: Done): void {
    this.change(`remove ${path}`, (fault) => {
      if (fault !== null) return done(fault);
      this.roomBytes += this.#names.get(path)?.size ?? 0;
      done(this.#names.delete(path) ? null : missing('unlink', path));
    });
  }

  room(_path: string, done: (error: DiskError | null, bytes: number) => void): void {
    this.#read(() => done(null, this.roomBytes));
  }

  syncDirectory(path: string, done: Done): void {
    this.change(`syncdir ${path}`, (fault) => {
      if (fault !== null) return done(fault);
      const isIn = (each: string): boolean => each.slice(0, each.lastIndexOf('/')) === path;
      this.#moves = this.#moves.filter(({ to }) => !isIn(to));
      for (const each of [...this.#durableNames.keys()].filter(isIn)) {
        this.#durableNames.delete(each);
      }
      for (const [each, content] of this.#names) {
        if (isIn(each)) this.#durableNames.set(each, content);
      }
      done(null);
    });
  }

  #moveDirectory(from: string, to: string): DiskError | null {
    if (!moveNames(this.#names, from, to)) return missing('rename', from);
    moveNames(this.#durableNames, from, to);
    this.#moves.push({ from, to });
    return null;
  }

  /** Begins an operation that changes something; `run` may be told of a fault. */
  change(name: string, run: (fault: DiskError | null, taken?: Taken) => void): void {
    if (this.#isCrashed) return;
    this.operations++;
    this.trace.push(name);
    if (this.operations >= this.crashAt) {
      // What was begun before still counts as begun; nothing is answered any more.
      this.#isCrashed = true;
      this.crashing?.(name);
      return;
    }
    const fault = this.faultAt(this.operations, name);
    this.#later(() => {
      if (fault === null) run(null);
      else run({ code: fault.code, message: `${name}: ${fault.code}` }, fault.taken ?? 'none');
    });
  }

  /** Told the operation during which the power goes. */
  crashing: ((name: string) => void) | null = null;

  /** Runs a read later. */
  readLater(run: () => void): void {
    this.#read(run);
  }

  #read(run: () => void): void {
    if (!this.#isCrashed) this.#later(run);
  }

  #later(run: () => void): void {
    this.#queue.push(() => {
      if (!this.#isCrashed) run();
    });
    if (this.isManual || this.#isDraining) return;
    this.#isDraining = true;
    queueMicrotask(() => {
      this.drain();
      this.#isDraining = false;
    });
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #content: Content;
  readonly #options: OpenOptions;

  constructor(disk: MemoryDisk, path: string, content: Content, options: OpenOptions) {
    this.#disk = disk;
    this.path = path;
    this.#content = content;
    this.#options = options;
  }

  write(parts: readonly Uint8Array[], position: number, done: Done): void {
    const disk = this.#disk;
    if (!this.#options.write) {
      disk.readLater(() => done({ code: 'EBADF', message: `write ${this.path}: EBADF` }));
      return;
    }
    const bytes = joined(parts);
    // The power may go while the write is under way: then some of it may be on disk.
    disk.crashing = () => this.#put(position, bytes);
    disk.change(`write ${this.path}`, (fault, taken = 'none') => {
      if (fault !== null) {
        const count = countOf(taken, bytes.length);
        if (count > 0) this.#put(position, bytes.subarray(0, count));
        // The pages count as clean now: a later sync says ok and writes nothing.
        if (count > 0) this.#content.unsynced = [];
        return done(fault);
      }
      const growth = Math.max(0, position + bytes.length - this.#content.size);
      const missing = (disk.isCopying ? bytes.length : growth) - disk.roomBytes;
      if (missing > 0) {
        const fitting = bytes.subarray(0, Math.max(0, bytes.length - missing));
        if (!disk.isCopying) disk.roomBytes -= Math.min(growth, disk.roomBytes);
        if (fitting.length > 0) this.#put(position, fitting);
        this.#content.unsynced = [];
        return done({ code: 'ENOSPC', message: `write ${this.path}: ENOSPC` });
      }
      disk.roomBytes -= growth;
      this.#put(position, bytes);
      if (this.#options.dataSync) settle(this.#content);
      done(null);
    });
    disk.crashing = null;
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
    this.#disk.change(`sync ${this.path}`, (fault) => {
      if (fault !== null) {
        // The pages are marked clean and lost: reads show them, the disk never has them.
        this.#content.unsynced = [];
        return done(fault);
      }
      settle(this.#content);
      done(null);
    });
  }

  truncate(size: number, done: Done): void {
    this.#disk.change(`truncate ${this.path}`, (fault) => {
      if (fault !== null) return done(fault);
      resize(this.#content, size);
      done(null);
    });
  }

  close(done: Done): void {
    this.#disk.readLater(() => done(null));
  }

  #put(position: number, bytes: Uint8Array): void {
    const content = this.#content;
    const end = position + bytes.length;
    if (end > content.size) resize(content, end);
    content.bytes.set(bytes, position);
    content.unsynced.push({ position, bytes: bytes.slice() });
  }
}

function countOf(taken: Taken, length: number): number {
  if (typeof taken === 'number') return Math.min(taken, length);
  if (taken === 'half') return length >> 1;
  return taken === 'all' ? length : 0;
}

/** Moves all names below `from`. @returns whether there were any. */
function moveNames(names: Map<string, Content>, from: string, to: string): boolean {
  const below = [...names].filter(([path]) => path.startsWith(`${from}/`));
  for (const [path, content] of below) {
    names.delete(path);
    names.set(to + path.slice(from.length), content);
  }
  return below.length > 0;
}

function missing(operation: string, path: string): DiskError {
  return { code: 'ENOENT', message: `${operation} ${path}: ENOENT` };
}
