/**
 * Where the entries are: for every batch on disk that holds some, its first index, its place and
 * its length, 16 bytes a batch in typed arrays. A batch reaches up to the first index of the next
 * one, so cutting the tail is dropping from the end. Kept in memory, rebuilt from the segments at
 * opening.
 */

import { assert } from '../base/assert.js';
import type { Index } from '../raft/types.js';

/** The batches of one segment that hold entries still in the log, in order. */
export class SegmentIndex {
  readonly segmentId: number;
  #firsts = new Float64Array(16);
  #offsets = new Uint32Array(16);
  #lengths = new Uint32Array(16);
  #count = 0;

  constructor(segmentId: number) {
    this.segmentId = segmentId;
  }

  /** Batches held. */
  get count(): number {
    return this.#count;
  }

  /** First entry of batch `i`. */
  firstAt(i: number): Index {
    return this.#firsts[i] as number;
  }

  /** Place of batch `i` in the segment, bytes. */
  offsetAt(i: number): number {
    return this.#offsets[i] as number;
  }

  /** Length of batch `i` with its header, without padding, bytes. */
  lengthAt(i: number): number {
    return this.#lengths[i] as number;
  }

  add(first: Index, offset: number, length: number): void {
    if (this.#count === this.#firsts.length) this.#grow();
    this.#firsts[this.#count] = first;
    this.#offsets[this.#count] = offset;
    this.#lengths[this.#count] = length;
    this.#count++;
  }

  /** Drops the batches that start at `from` or later. */
  truncateFrom(from: Index): void {
    while (this.#count > 0 && this.firstAt(this.#count - 1) >= from) this.#count--;
  }

  /** The last batch that starts at or before `index`, or −1. */
  find(index: Index): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.firstAt(middle) <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #grow(): void {
    const room = this.#count * 2;
    const firsts = new Float64Array(room);
    const offsets = new Uint32Array(room);
    const lengths = new Uint32Array(room);
    firsts.set(this.#firsts);
    offsets.set(this.#offsets);
    lengths.set(this.#lengths);
    this.#firsts = firsts;
    this.#offsets = offsets;
    this.#lengths = lengths;
  }
}

/** The whole log's index: one `SegmentIndex` a segment, and the last entry. */
export class LogIndex {
  readonly #segments: SegmentIndex[] = [];
  #lastIndex: Index;

  /** @param baseIndex the last index before the log. */
  constructor(baseIndex: Index) {
    this.#lastIndex = baseIndex;
  }

  get lastIndex(): Index {
    return this.#lastIndex;
  }

  /** Starts the index of a new segment; what is added goes there from now on. */
  addSegment(segmentId: number): void {
    this.#segments.push(new SegmentIndex(segmentId));
  }

  /** A batch with entries first … last stands at `offset` of the newest segment. */
  add(first: Index, last: Index, offset: number, length: number): void {
    assert(first === this.#lastIndex + 1, 'a batch does not continue the log');
    const segment = this.#segments[this.#segments.length - 1];
    assert(segment !== undefined, 'a batch before any segment');
    segment.add(first, offset, length);
    this.#lastIndex = last;
  }

  /** Takes the entries `from` and after it out of the log. */
  truncateFrom(from: Index): void {
    if (from > this.#lastIndex) return;
    this.#lastIndex = from - 1;
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i] as SegmentIndex;
      segment.truncateFrom(from);
      if (segment.count > 0) break;
    }
  }

  /** The segment that holds `index`, which is in the log. */
  segmentOf(index: Index): SegmentIndex | null {
    // Newest first: reads of old entries are rare, and there are few segments.
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i] as SegmentIndex;
      if (segment.count > 0 && segment.firstAt(0) <= index) return segment;
    }
    return null;
  }

  /** The last index of batch `i` of `segment`. */
  lastOf(segment: SegmentIndex, i: number): Index {
    if (i + 1 < segment.count) return segment.firstAt(i + 1) - 1;
    const from = this.#segments.indexOf(segment) + 1;
    for (let s = from; s < this.#segments.length; s++) {
      const next = this.#segments[s] as SegmentIndex;
      if (next.count > 0) return next.firstAt(0) - 1;
    }
    return this.#lastIndex;
  }

  /**
   * The first index of a batch such that the batches from there on, `bytesMax` in all or only one,
   * reach to the end; `lastIndex + 1` when the log is empty.
   */
  tailStart(bytesMax: number): Index {
    let bytes = 0;
    let start = this.#lastIndex + 1;
    for (let s = this.#segments.length - 1; s >= 0; s--) {
      const segment = this.#segments[s] as SegmentIndex;
      for (let i = segment.count - 1; i >= 0; i--) {
        bytes += segment.lengthAt(i);
        // The newest entry always goes: by its stamp a leader's next ones never run backwards.
        if (bytes > bytesMax && start <= this.#lastIndex) return start;
        start = segment.firstAt(i);
      }
    }
    return start;
  }
}
