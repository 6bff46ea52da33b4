/**
 * Where the records of one stream stand in the log, in as few bytes as the writing pattern allows.
 * A *run* is a stretch of consecutive log entries that hold equally many records each: a stream
 * written steadily by itself is one run however long it gets, and a stream written in turns with
 * others costs one run, ten bytes, an entry (so at most ten bytes a record, and 10 / n when
 * batches hold n). Runs lie in chunks of typed arrays, as 32-bit offsets from the first of a chunk,
 * so growth never copies more than one chunk.
 *
 * Invariant: within a chunk and across chunks, first sequences and first indexes strictly increase.
 */

import { assert } from '../base/assert.js';
import { batchRecordsMax } from '../base/limits.js';
import type { Index } from '../raft/types.js';
import type { RecordPlace } from './commands.js';
import type { StateDigest } from './state-digest.js';

/** Runs in a full chunk: ten kilobytes, found by binary search in ten steps. */
const chunkRunsMax = 1024;

/** Runs in a new stream's first chunk: most streams stay small. */
const chunkRunsFirst = 8;

const offsetMax = 0xffff_ffff;

/** Some consecutive runs of a stream, as many as `count` says; the arrays may have room for
 * more. */
interface Chunk {
  readonly baseSeq: number;
  readonly baseIndex: Index;
  seqOffsets: Uint32Array;
  indexOffsets: Uint32Array;
  /** Records in each entry of the run: at most `batchRecordsMax`, which fits 16 bits. */
  recordsPerEntry: Uint16Array;
  count: number;
}

/** A run: which chunk, and which of its runs. */
interface Cursor {
  chunk: number;
  run: number;
}

/** The run index of one stream. Sequences count from 1. */
export class RunIndex {
  readonly #chunks: Chunk[] = [];
  #nextSeq = 1;
  /** The last run in the open: what a steady append has to look at. */
  #lastIndex: Index = 0;
  #lastRecords = 0;

  /** Sequence that the next record gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Bytes held by the typed arrays. */
  get bytes(): number {
    let sum = 0;
    for (const chunk of this.#chunks) sum += chunk.seqOffsets.length * 10;
    return sum;
  }

  /**
   * Takes in an entry with `records` records (1 … batchRecordsMax) at a log index above all before.
   * @returns the sequence of its first record.
   */
  append(index: Index, records: number): number {
    assert(index > this.#lastIndex, 'a stream grows by rising log indexes');
    assert(
      records >= 1 && records <= batchRecordsMax,
      'an entry holds 1 … batchRecordsMax records',
    );
    const seq = this.#nextSeq;
    if (index !== this.#lastIndex + 1 || records !== this.#lastRecords) {
      this.#open(seq, index, records);
    }
    this.#lastIndex = index;
    this.#lastRecords = records;
    this.#nextSeq = seq + records;
    return seq;
  }

  /** Places of records fromSeq … fromSeq + limit − 1, as many as exist. Costs nothing per record
   * skipped. Both are whole numbers; `fromSeq` below 1 counts as 1. */
  locate(fromSeq: number, limit: number): readonly RecordPlace[] {
    const places: RecordPlace[] = [];
    let seq = Math.max(1, fromSeq);
    const endSeq = Math.min(this.#nextSeq, seq + limit);
    if (seq >= endSeq) return places;
    const cursor = this.#find(seq);
    while (seq < endSeq) {
      const chunk = this.#chunks[cursor.chunk] as Chunk;
      const perEntry = chunk.recordsPerEntry[cursor.run] as number;
      const firstSeq = chunk.baseSeq + (chunk.seqOffsets[cursor.run] as number);
      const skipped = seq - firstSeq;
      let index =
        chunk.baseIndex +
        (chunk.indexOffsets[cursor.run] as number) +
        Math.floor(skipped / perEntry);
      let offset = skipped % perEntry;
      this.#advance(cursor);
      const runEnd = Math.min(endSeq, this.#firstSeqAt(cursor));
      for (; seq < runEnd; seq++) {
        places.push({ seq, index, offset });
        if (++offset === perEntry) {
          offset = 0;
          index++;
        }
      }
    }
    return places;
  }

  /** Adds the state that readers can tell apart. */
  digest(into: StateDigest): void {
    into.number(this.#nextSeq);
    for (const chunk of this.#chunks) {
      for (let run = 0; run < chunk.count; run++) {
        into.number(chunk.baseSeq + (chunk.seqOffsets[run] as number));
        into.number(chunk.baseIndex + (chunk.indexOffsets[run] as number));
        into.number(chunk.recordsPerEntry[run] as number);
      }
    }
  }

  #open(seq: number, index: Index, records: number): void {
    let chunk = this.#chunks.at(-1);
    if (
      chunk === undefined ||
      chunk.count === chunkRunsMax ||
      seq - chunk.baseSeq > offsetMax ||
      index - chunk.baseIndex > offsetMax
    ) {
      const runs = chunk === undefined ? chunkRunsFirst : chunkRunsMax;
      chunk = {
        baseSeq: seq,
        baseIndex: index,
        seqOffsets: new Uint32Array(runs),
        indexOffsets: new Uint32Array(runs),
        recordsPerEntry: new Uint16Array(runs),
        count: 0,
      };
      this.#chunks.push(chunk);
    } else if (chunk.count === chunk.seqOffsets.length) {
      enlarge(chunk);
    }
    const run = chunk.count++;
    chunk.seqOffsets[run] = seq - chunk.baseSeq;
    chunk.indexOffsets[run] = index - chunk.baseIndex;
    chunk.recordsPerEntry[run] = records;
  }

  /** The run that holds `seq`, which exists. */
  #find(seq: number): Cursor {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#chunks[middle] as Chunk).baseSeq <= seq) low = middle;
      else high = middle - 1;
    }
    const chunk = this.#chunks[low] as Chunk;
    const wanted = seq - chunk.baseSeq;
    let first = 0;
    let last = chunk.count - 1;
    while (first < last) {
      const middle = (first + last + 1) >>> 1;
      if ((chunk.seqOffsets[middle] as number) <= wanted) first = middle;
      else last = middle - 1;
    }
    return { chunk: low, run: first };
  }

  #advance(cursor: Cursor): void {
    cursor.run++;
    if (cursor.run < (this.#chunks[cursor.chunk] as Chunk).count) return;
    cursor.chunk++;
    cursor.run = 0;
  }

  /** First sequence of the run at the cursor; of the first record to come when it is past the
   * end. */
  #firstSeqAt(cursor: Cursor): number {
    const chunk = this.#chunks[cursor.chunk];
    if (chunk === undefined) return this.#nextSeq;
    return chunk.baseSeq + (chunk.seqOffsets[cursor.run] as number);
  }
}

function enlarge(chunk: Chunk): void {
  const runs = Math.min(chunkRunsMax, chunk.seqOffsets.length * 2);
  const seqOffsets = new Uint32Array(runs);
  const indexOffsets = new Uint32Array(runs);
  const recordsPerEntry = new Uint16Array(runs);
  seqOffsets.set(chunk.seqOffsets);
  indexOffsets.set(chunk.indexOffsets);
  recordsPerEntry.set(chunk.recordsPerEntry);
  chunk.seqOffsets = seqOffsets;
  chunk.indexOffsets = indexOffsets;
  chunk.recordsPerEntry = recordsPerEntry;
}
