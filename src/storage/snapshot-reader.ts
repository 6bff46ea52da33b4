/**
 * Reads one snapshot file from its beginning to its end and judges it on the way. Whoever takes the
 * chunks must not use them before `done` says that the whole is good: that a chunk's CRC was right
 * says nothing of the others. Memory: one frame.
 */

import { decodeSnapshotHeader, type SnapshotHeader } from '../wire/snapshot-codec.js';
import { WireError } from '../wire/wire-error.js';
import type { Checksum } from './checksum.js';
import type { Disk, DiskError, DiskFile } from './disk.js';
import {
  decodeEnd,
  frameHeadBytes,
  frameKind,
  frameTailBytes,
  isFrameWhole,
  judgePreamble,
  type NewHash,
  preambleBytes,
  readFrameHead,
  type SnapshotCounts,
} from './snapshot-format.js';
import type { SnapshotSink } from './snapshot-store.js';

/** What a reader needs. */
export interface SnapshotReadDeps {
  readonly disk: Disk;
  readonly checksum: Checksum;
  readonly newHash: NewHash;
}

/** A snapshot file that is good from one end to the other. */
export interface ReadSnapshot extends SnapshotCounts {
  readonly header: SnapshotHeader;
  readonly fileBytes: number;
}

/** Ends reading. Error codes: DAMAGED, NEWER_FORMAT, NOT_ADMITTED, or the disk's own. */
export type ReadSnapshotDone = (error: DiskError | null, read: ReadSnapshot | null) => void;

/**
 * Reads a file.
 * @param admit who takes the chunks, or why the snapshot is not to be used.
 */
export function readSnapshot(
  path: string,
  deps: SnapshotReadDeps,
  admit: (header: SnapshotHeader) => SnapshotSink | string,
  done: ReadSnapshotDone,
): void {
  deps.disk.size(path, (sizeError, size) => {
    if (sizeError !== null) return done(sizeError, null);
    deps.disk.open(path, { create: false, write: false, dataSync: false }, (error, file) => {
      if (file === null) return done(error, null);
      new Reading(file, size, { deps, admit }).run((fault, read) => {
        file.close((closeError) => {
          if (fault !== null) done(fault, null);
          else done(closeError, closeError === null ? read : null);
        });
      });
    });
  });
}

interface ReadingDeps {
  readonly deps: SnapshotReadDeps;
  readonly admit: (header: SnapshotHeader) => SnapshotSink | string;
}

/** What comes after a frame. */
type Next = () => void;

/** One file's reading: a step a frame. */
class Reading {
  readonly #file: DiskFile;
  readonly #size: number;
  readonly #deps: ReadingDeps;
  readonly #hash: ReturnType<NewHash>;
  #position = 0;
  #frames = 0;
  #chunks = 0;
  #bytes = 0;
  #rows = 0;
  #header: SnapshotHeader | null = null;
  #sink: SnapshotSink | null = null;
  #done: ReadSnapshotDone = () => {};

  constructor(file: DiskFile, size: number, deps: ReadingDeps) {
    this.#file = file;
    this.#size = size;
    this.#deps = deps;
    this.#hash = deps.deps.newHash();
  }

  run(done: ReadSnapshotDone): void {
    this.#done = done;
    this.#take(preambleBytes, (preamble) => {
      const verdict = judgePreamble(preamble, this.#deps.deps.checksum);
      if (verdict === 'newer') {
        return this.#fail('NEWER_FORMAT', 'written by a newer version');
      }
      if (verdict === 'damaged') return this.#damaged('no preamble of a snapshot');
      this.#hash.update(preamble);
      this.#frame();
    });
  }

  #frame(): void {
    this.#take(frameHeadBytes, (head) => {
      const found = readFrameHead(head);
      if (found === null) return this.#damaged('no frame');
      const { kind, length } = found;
      this.#take(length + frameTailBytes, (rest) => {
        const { checksum } = this.#deps.deps;
        if (!isFrameWhole(head, rest, this.#frames, checksum)) return this.#damaged('a wrong CRC');
        const isFirst = this.#frames === 0;
        this.#frames += 1;
        if (isFirst !== (kind === frameKind.header)) return this.#damaged('frames out of order');
        const payload = rest.subarray(0, length);
        if (kind !== frameKind.end) {
          this.#hash.update(head);
          this.#hash.update(rest);
        }
        this.#guarded(() => {
          if (kind === frameKind.header) return this.#begin(payload);
          return kind === frameKind.chunk ? this.#chunk(payload) : this.#end(head, payload);
        });
      });
    });
  }

  #begin(payload: Uint8Array): Next {
    const header = decodeSnapshotHeader(payload);
    const admitted = this.#deps.admit(header);
    if (typeof admitted === 'string') return () => this.#fail('NOT_ADMITTED', admitted);
    this.#header = header;
    this.#sink = admitted;
    return () => this.#frame();
  }

  #chunk(payload: Uint8Array): Next {
    this.#chunks += 1;
    this.#bytes += payload.length;
    this.#rows += this.#sink?.chunk(payload) ?? 0;
    return () => this.#frame();
  }

  #end(head: Uint8Array, payload: Uint8Array): Next {
    const counted = decodeEnd(payload);
    this.#hash.update(head);
    this.#hash.update(payload.subarray(0, payload.length - counted.hash.length));
    const hash = this.#hash.digest();
    if (counted.hash.some((byte, i) => byte !== hash[i])) throw new WireError('a wrong SHA-256');
    const { chunks, bytes, rows } = counted;
    if (chunks !== this.#chunks || bytes !== this.#bytes || rows !== this.#rows) {
      throw new WireError('other counts than its end says');
    }
    if (this.#position !== this.#size) throw new WireError('bytes behind its end');
    this.#sink?.end();
    const header = this.#header as SnapshotHeader;
    return () => this.#done(null, { header, chunks, bytes, rows, fileBytes: this.#size });
  }

  /** Does what comes of a frame. One that is no content after all is damage, whatever its CRC. */
  #guarded(work: () => Next): void {
    let next: Next;
    try {
      next = work();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      next = () => this.#damaged(error.message);
    }
    next();
  }

  /** Reads on. */
  #take(count: number, then: (bytes: Uint8Array) => void): void {
    if (this.#position + count > this.#size) return this.#damaged('it ends too early');
    const bytes = new Uint8Array(count);
    const at = this.#position;
    this.#file.read(bytes, at, (error, got) => {
      if (error !== null) return this.#done(error, null);
      if (got !== count) return this.#damaged('it ends too early');
      this.#position = at + count;
      then(bytes);
    });
  }

  #damaged(why: string): void {
    this.#fail('DAMAGED', `damaged before byte ${this.#position} (${why})`);
  }

  #fail(code: string, why: string): void {
    this.#done({ code, message: `${this.#file.path}: ${why}` }, null);
  }
}
