/**
 * Reads entries back from the segments: finds the batches by the index, reads neighbouring ones in
 * one go, checks header and CRC of each, and hands out entries as views of what was read. Bytes in
 * a segment are never written twice, so a read needs no lock against appends; that the log was cut
 * meanwhile is the caller's to notice.
 */

import type { Entry, Index } from '../raft/types.js';
import { decodeEntries } from '../wire/entry-codec.js';
import { EntryCursor } from '../wire/entry-cursor.js';
import {
  batchHeaderBytes,
  decodeSections,
  isPayloadWhole,
  readBatchHeader,
} from './batch-header.js';
import type { Checksum } from './checksum.js';
import type { DiskError } from './disk.js';
import { segmentPath } from './segment-files.js';
import type { LogIndex } from './segment-index.js';
import type { SegmentPool } from './segment-pool.js';

/** Ends a read. */
export type ReadDone = (error: DiskError | null, entries: readonly Entry[]) => void;

/** What to read: entries from `first` to `last`, until `bytesMax` is passed. */
export interface ReadRange {
  readonly first: Index;
  readonly last: Index;
  readonly bytesMax: number;
}

/** The place of one batch in what was read. */
interface Slice {
  readonly at: number;
  readonly length: number;
  readonly first: Index;
  readonly last: Index;
}

/** Reader of one log. */
export class WalReader {
  readonly #index: LogIndex;
  readonly #pool: SegmentPool;
  readonly #directory: string;
  readonly #checksum: Checksum;

  constructor(index: LogIndex, pool: SegmentPool, directory: string, checksum: Checksum) {
    this.#index = index;
    this.#pool = pool;
    this.#directory = directory;
    this.#checksum = checksum;
  }

  /** Reads a range that is in the log; at least its first entry. */
  read(range: ReadRange, done: ReadDone): void {
    this.#readOn(range, [], 0, done);
  }

  #readOn(range: ReadRange, entries: Entry[], bytes: number, done: ReadDone): void {
    const first = range.first + entries.length;
    const segment = this.#index.segmentOf(first);
    if (segment === null) return done(null, entries);
    const start = segment.find(first);
    const offset = segment.offsetAt(start);
    const slices: Slice[] = [];
    let extent = 0;
    for (let i = start; i < segment.count && segment.firstAt(i) <= range.last; i++) {
      const at = segment.offsetAt(i) - offset;
      const length = segment.lengthAt(i);
      if (slices.length > 0 && bytes + at + length > range.bytesMax) break;
      slices.push({ at, length, first: segment.firstAt(i), last: this.#index.lastOf(segment, i) });
      extent = at + length;
    }
    const memory = new Uint8Array(extent);
    const { segmentId } = segment;
    this.#pool.read(segmentId, memory, offset, (error) => {
      if (error !== null) return done(error, []);
      let total = bytes;
      for (const slice of slices) {
        const fault = this.#take(memory, slice, segmentId, offset + slice.at);
        if (fault !== null) return done(fault, []);
        total = this.#collect(memory, slice, range, entries, total);
        if (total < 0) return done(null, entries);
      }
      const isEnd = range.first + entries.length > range.last;
      // Goes on in the next batch or segment unless the next entry is over the limit for sure.
      if (isEnd || total >= range.bytesMax) done(null, entries);
      else this.#readOn(range, entries, total, done);
    });
  }

  /** Checks a batch that was read. @returns the damage, or null. */
  #take(memory: Uint8Array, slice: Slice, segmentId: number, offset: number): DiskError | null {
    const header = readBatchHeader(memory, slice.at, segmentId, this.#checksum);
    const isWhole =
      header !== null &&
      header.offset === offset &&
      header.firstIndex === slice.first &&
      header.payloadBytes === slice.length - batchHeaderBytes &&
      isPayloadWhole(memory, slice.at, header, this.#checksum);
    if (isWhole) return null;
    const path = segmentPath(this.#directory, segmentId);
    const message = `${path}: damaged at byte ${offset}, entries ${slice.first} … ${slice.last}`;
    return { code: 'DAMAGED', message };
  }

  /**
   * Adds the wanted entries of a batch. @returns their bytes so far, −1 when the limit is reached.
   */
  #collect(
    memory: Uint8Array,
    slice: Slice,
    range: ReadRange,
    entries: Entry[],
    bytes: number,
  ): number {
    const end = slice.at + slice.length;
    const { entriesStart } = decodeSections(memory, slice.at + batchHeaderBytes, end);
    const cursor = new EntryCursor(memory, entriesStart, end);
    let index = slice.first - 1;
    const wanted = range.first + entries.length;
    const last = Math.min(range.last, slice.last);
    let total = bytes;
    let from = -1;
    let to = entriesStart;
    let isOver = false;
    while (index < last && cursor.next()) {
      index++;
      if (index < wanted) continue;
      if (from < 0) from = cursor.start;
      const count = cursor.end - cursor.start;
      isOver = total > 0 && total + count > range.bytesMax;
      if (isOver) break;
      total += count;
      to = cursor.end;
    }
    if (to > from && from >= 0) {
      for (const entry of decodeEntries(memory, from, to)) entries.push(entry);
    }
    return isOver ? -1 : total;
  }
}
