/**
 * What a disk holds, over crashes: per file the bytes that reads see and, while they differ, the
 * bytes that are really on disk, with the ranges written since the last sync; and the same for
 * names. A killed process leaves the page cache as it is; a power cut decides sector by sector what
 * of the unsynced survives. Names survive as a prefix of what was done (`ordered`, as a journal
 * gives it) or in any subset (`weak`).
 */

import type { Rng } from '../../src/base/rng.js';

const sector = 512;

/** How names survive a power cut. */
export type NameModel = 'ordered' | 'weak';

interface Range {
  readonly position: number;
  readonly count: number;
}

/** One file's content; names point to it. */
export class Content {
  /** What reads see, in the first `size` bytes. */
  bytes = new Uint8Array(0);
  size = 0;
  /** What is on disk; null: the same. */
  #durable: Uint8Array | null = null;
  /** Bytes before it were on disk before the last synchronous write began. */
  provenEnd = 0;
  #dirty: Range[] = [];

  /** Takes a write into the page cache. */
  write(parts: readonly Uint8Array[], position: number, countMax: number): void {
    this.#keepDurable();
    let at = position;
    const end = position + countMax;
    for (const part of parts) {
      if (at >= end) break;
      const taken = at + part.length <= end ? part : part.subarray(0, end - at);
      this.#grow(at + taken.length);
      this.bytes.set(taken, at);
      at += taken.length;
    }
    if (at > position) this.#dirty.push({ position, count: at - position });
  }

  /** Takes a write that is on disk with its end (O_DSYNC). */
  writeThrough(parts: readonly Uint8Array[], position: number, count: number): void {
    this.provenEnd = position;
    if (this.#durable !== null) {
      this.write(parts, position, count);
      this.sync();
      return;
    }
    let at = position;
    this.#grow(position + count);
    for (const part of parts) {
      this.bytes.set(part, at);
      at += part.length;
    }
  }

  truncate(size: number): void {
    this.#keepDurable();
    if (size < this.size) this.bytes.fill(0, size, this.size);
    else this.#grow(size);
    this.size = size;
  }

  /** All that was written is on disk. What a failed sync has dropped stays dropped. */
  sync(): void {
    const durable = this.#durable;
    if (durable === null) return;
    if (!this.#lies) {
      this.#durable = null;
      this.#dirty = [];
      return;
    }
    const next = new Uint8Array(this.size);
    next.set(durable.subarray(0, Math.min(durable.length, this.size)));
    for (const { position, count } of this.#dirty) {
      next.set(this.bytes.subarray(position, Math.min(position + count, this.size)), position);
    }
    this.#durable = next;
    this.#dirty = [];
  }

  /** A sync failed: the pages count as clean and never reach the disk (trap 41). */
  loseDirty(): void {
    if (this.#durable === null) return;
    this.#lies = true;
    this.#dirty = [];
  }
  #lies = false;

  /** The power goes: each unsynced sector becomes old, new or zero. */
  powerCut(rng: Rng): void {
    const old = this.#durable;
    if (old === null) return;
    const size = rng.below(2) === 0 ? this.size : old.length;
    const after = new Uint8Array(size);
    after.set(old.subarray(0, Math.min(size, old.length)));
    const touched = new Set<number>();
    for (const { position, count } of this.#dirty) {
      const last = Math.floor((position + count - 1) / sector);
      for (let s = Math.floor(position / sector); s <= last; s++) touched.add(s);
    }
    for (const s of [...touched].sort((a, b) => a - b)) {
      const from = s * sector;
      const end = Math.min(size, from + sector);
      if (from >= end) continue;
      const fate = rng.below(5);
      if (fate < 2) after.set(this.bytes.subarray(from, end), from);
      else if (fate === 2) after.fill(0, from, end);
    }
    this.bytes = after;
    this.size = size;
    this.#durable = null;
    this.#dirty = [];
    this.#lies = false;
  }

  /** Turns one bit, for reads and on disk. */
  flip(position: number, bit: number): void {
    if (position >= this.size) return;
    this.bytes[position] = (this.bytes[position] as number) ^ (1 << bit);
    const durable = this.#durable;
    if (durable !== null && position < durable.length) {
      durable[position] = (durable[position] as number) ^ (1 << bit);
    }
  }

  #keepDurable(): void {
    this.#durable ??= this.bytes.slice(0, this.size);
  }

  #grow(end: number): void {
    if (end > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(end, this.bytes.length * 2));
      bytes.set(this.bytes.subarray(0, this.size));
      this.bytes = bytes;
    }
    if (end > this.size) this.size = end;
  }
}

interface NameChange {
  readonly path: string;
  readonly content: Content | null;
}

/** The disk of one machine. */
export class Media {
  readonly #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  /** Changes of names since the last sync of a directory, in order. */
  #journal: NameChange[] = [];

  get(path: string): Content | undefined {
    return this.#names.get(path);
  }

  /** Names in a directory, sorted. */
  list(directory: string): readonly string[] {
    const prefix = `${directory}/`;
    const names: string[] = [];
    for (const path of this.#names.keys()) {
      const name = path.slice(prefix.length);
      if (path.startsWith(prefix) && !name.includes('/')) names.push(name);
    }
    return names.sort();
  }

  set(path: string, content: Content): void {
    this.#names.set(path, content);
    this.#journal.push({ path, content });
  }

  delete(path: string): boolean {
    if (!this.#names.delete(path)) return false;
    this.#journal.push({ path, content: null });
    return true;
  }

  syncDirectory(directory: string, model: NameModel): void {
    const left: NameChange[] = [];
    for (const change of this.#journal) {
      const isIn = change.path.slice(0, change.path.lastIndexOf('/')) === directory;
      if (model === 'ordered' || isIn) setName(this.#durableNames, change);
      else left.push(change);
    }
    this.#journal = left;
  }

  /** The power goes. */
  powerCut(rng: Rng, model: NameModel): void {
    const survivors = model === 'ordered' ? rng.below(this.#journal.length + 1) : 0;
    for (const [i, change] of this.#journal.entries()) {
      const survives = model === 'ordered' ? i < survivors : rng.below(2) === 0;
      if (survives) setName(this.#durableNames, change);
    }
    this.#journal = [];
    this.#names.clear();
    for (const [path, content] of this.#durableNames) this.#names.set(path, content);
    for (const content of new Set(this.#names.values())) content.powerCut(rng);
  }

  /** Everything is gone: an empty disk in the same machine. */
  wipe(): void {
    this.#names.clear();
    this.#durableNames = new Map();
    this.#journal = [];
  }
}

function setName(names: Map<string, Content>, { path, content }: NameChange): void {
  if (content === null) names.delete(path);
  else names.set(path, content);
}
