/**
 * The snapshots of one server as files of a directory, each named after its index. The two newest
 * are kept: when the newest is damaged, the older one and the log behind it still give the state. A
 * file that was passed over at the start is never used again, and goes when there is a newer good
 * one; until then it stays for whoever wants to know.
 *
 * Invariants: a snapshot's name means that all of it was on disk; none is removed before a newer
 * one is named durably.
 */

import type { Log } from '../base/log.js';
import type { Index } from '../raft/types.js';
import { encodeSnapshotHeader, type SnapshotHeader } from '../wire/snapshot-codec.js';
import type { Checksum } from './checksum.js';
import type { Disk, DiskError, Done } from './disk.js';
import { temporarySuffix } from './segment-files.js';
import type { NewHash } from './snapshot-format.js';
import { type ReadSnapshot, readSnapshot } from './snapshot-reader.js';
import type { SnapshotSink, SnapshotStore, SnapshotWriter } from './snapshot-store.js';
import { beginSnapshot } from './snapshot-writer.js';

/** How many are kept. */
const keptMax = 2;

/** What the files need from outside. */
export interface SnapshotFilesDeps {
  readonly disk: Disk;
  readonly checksum: Checksum;
  readonly newHash: NewHash;
  readonly log: Log;
}

/** Name of a snapshot's file. */
export function snapshotName(index: Index): string {
  return `${String(index).padStart(16, '0')}.snapshot`;
}

/** The index in the name of a snapshot's file, or null when it is not one. */
function snapshotIndexOf(name: string): Index | null {
  return /^\d{16}\.snapshot$/.test(name) ? Number(name.slice(0, 16)) : null;
}

/** See the head of the file. */
export class SnapshotFiles implements SnapshotStore {
  readonly #directory: string;
  readonly #parent: string;
  readonly #deps: SnapshotFilesDeps;
  #newest: { readonly index: Index; readonly fileBytes: number } = { index: 0, fileBytes: 0 };
  /** Good ones, or at least not known to be otherwise, the newest first. */
  #kept: string[] = [];
  /** Passed over: to be removed when there is a newer one. */
  #passedOver: string[] = [];

  /** @param parent the data folder; the snapshots are in `snapshots` there. */
  constructor(parent: string, deps: SnapshotFilesDeps) {
    this.#parent = parent;
    this.#directory = `${parent}/snapshots`;
    this.#deps = deps;
  }

  get newest(): { readonly index: Index; readonly fileBytes: number } {
    return this.#newest;
  }

  load(
    admit: (header: SnapshotHeader) => SnapshotSink | string,
    done: (loaded: SnapshotHeader | null) => void,
  ): void {
    const { disk, log } = this.#deps;
    disk.list(this.#directory, (error, names) => {
      if (error !== null) {
        if (error.code !== 'ENOENT') log.warn({ error: error.message }, 'snapshots unreadable');
        return done(null);
      }
      const leftovers = names.filter((name) => name.endsWith(temporarySuffix));
      const found = names.filter((name) => snapshotIndexOf(name) !== null).reverse();
      this.#remove(leftovers, () => this.#tryNext(found, admit, done));
    });
  }

  begin(
    header: SnapshotHeader,
    done: (error: DiskError | null, writer: SnapshotWriter | null) => void,
  ): void {
    const { disk, checksum, newHash, log } = this.#deps;
    const { index } = header.base;
    const name = snapshotName(index);
    const directory = this.#directory;
    const temporary = `${directory}/${name}${temporarySuffix}`;
    const plan = {
      disk,
      directory,
      name,
      temporary,
      header: encodeSnapshotHeader(header),
      checksum,
      newHash,
      made: (fileBytes: number, then: () => void) => this.#made(index, fileBytes, then),
      failedAtEnd: (error: DiskError) => {
        log.warn({ error: error.message }, 'half a snapshot could not be removed');
      },
    };
    this.#makeDirectory((error) => {
      if (error !== null) return done(error, null);
      // One that could not be removed after a failure is in the way.
      disk.remove(temporary, (removeError) => {
        const isInTheWay = removeError !== null && removeError.code !== 'ENOENT';
        if (isInTheWay) done(removeError, null);
        else beginSnapshot(plan, done);
      });
    });
  }

  #tryNext(
    names: readonly string[],
    admit: (header: SnapshotHeader) => SnapshotSink | string,
    done: (loaded: SnapshotHeader | null) => void,
  ): void {
    const [name, ...older] = names;
    if (name === undefined) return done(null);
    const path = `${this.#directory}/${name}`;
    const byName = (header: SnapshotHeader): SnapshotSink | string => {
      const isItself = header.base.index === snapshotIndexOf(name);
      return isItself ? admit(header) : `it is of entry ${header.base.index}`;
    };
    readSnapshot(path, this.#deps, byName, (error, read) => {
      if (read !== null) {
        this.#newest = { index: read.header.base.index, fileBytes: read.fileBytes };
        this.#kept = [...names];
        return done(read.header);
      }
      const { code = '', message = '' } = error ?? {};
      this.#deps.log.warn({ file: path, code, error: message }, 'snapshot passed over');
      this.#passedOver.push(name);
      this.#tryNext(older, admit, done);
    });
  }

  /** A snapshot has its name, durably. */
  #made(index: Index, fileBytes: number, then: () => void): void {
    const name = snapshotName(index);
    this.#newest = { index, fileBytes };
    const all = [name, ...this.#kept];
    const passedOver = this.#passedOver.filter((each) => each !== name);
    this.#kept = all.slice(0, keptMax);
    this.#passedOver = [];
    this.#remove([...all.slice(keptMax), ...passedOver], then);
  }

  #makeDirectory(done: Done): void {
    const { disk } = this.#deps;
    disk.makeDirectory(this.#directory, (error) => {
      if (error !== null) done(error);
      else disk.syncDirectory(this.#parent, done);
    });
  }

  /** That one stays costs room, and no more: the next one made takes it along. */
  #remove(names: readonly string[], done: () => void): void {
    const [name, ...rest] = names;
    if (name === undefined) return done();
    this.#deps.disk.remove(`${this.#directory}/${name}`, (error) => {
      if (error !== null && error.code !== 'ENOENT') {
        this.#deps.log.warn({ error: error.message }, 'old snapshot could not be removed');
        if (!name.endsWith(temporarySuffix)) this.#passedOver.push(name);
      }
      this.#remove(rest, done);
    });
  }
}

/** What a listing of snapshots tells of one file. */
export type ListedSnapshot =
  | { readonly file: string; readonly read: ReadSnapshot }
  | { readonly file: string; readonly fault: DiskError };

/**
 * Reads every snapshot of a data folder to its end, the oldest first, and changes nothing. Rows are
 * not looked into, but for their being rows.
 * @param rowsOf counts the rows of a chunk; throws WireError when it holds none.
 */
export function listSnapshots(
  parent: string,
  deps: Omit<SnapshotFilesDeps, 'log'>,
  rowsOf: (chunk: Uint8Array) => number,
  done: (error: DiskError | null, snapshots: readonly ListedSnapshot[]) => void,
): void {
  const directory = `${parent}/snapshots`;
  deps.disk.list(directory, (error, names) => {
    if (error !== null) return done(error.code === 'ENOENT' ? null : error, []);
    const found = names.filter((name) => snapshotIndexOf(name) !== null);
    const listed: ListedSnapshot[] = [];
    const next = (i: number): void => {
      const name = found[i];
      if (name === undefined) return done(null, listed);
      const file = `${directory}/${name}`;
      const sink = { chunk: rowsOf, end: () => {} };
      readSnapshot(
        file,
        deps,
        () => sink,
        (fault, read) => {
          if (read !== null) listed.push({ file, read });
          else if (fault !== null) listed.push({ file, fault });
          next(i + 1);
        },
      );
    };
    next(0);
  });
}
