/**
 * Where the records of one stream stand in the log, in as few bytes as the writing pattern allows.
 * A *run* is a stretch of consecutive log entries that hold equally many records each: a stream
 * written steadily by itself is one run however long it gets, and a stream written in turns with
 * others costs one run, ten bytes, an entry (so at most ten bytes a record, and 10 / n when
 * batches hold n). Runs lie in chunks of typed arrays, as 32-bit offsets from the first of a chunk,
 * so growth never copies more than one chunk, and a trim gives back the chunks in front.
 *
 * Invariants: within a chunk and across chunks, first sequences and first indexes strictly rise;
 * what stands in a chunk is never written again; the first chunk holds the first record kept.
 */

import { assert } from '../base/assert.js';
import { batchRecordsMax } from '../base/limits.js';
import type { Index } from '../raft/types.js';
import type { RecordPlace } from './commands.js';
import type { StateDigest } from './state-digest.js';
import { type RunsRow, StateRowError } from './state-rows.js';

/** Runs in a full chunk: ten kilobytes, found by binary search in ten steps. */
const chunkRunsMax = 1024;

/** Runs in a new stream's first chunk, and the fewest in any: most streams stay small. */
const chunkRunsMin = 8;

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
  #firstSeq = 1;
  #nextSeq = 1;
  /** The last run in the open: what a steady append has to look at. 0: the next one opens a run. */
  #lastIndex: Index = 0;
  #lastRecords = 0;

  /** The first record kept; `nextSeq` when there is none. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

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

  /** Forgets the records below `seq`. Below `firstSeq` it changes nothing.
   * @throws AssertionError above `nextSeq`. */
  trim(seq: number): void {
    if (seq <= this.#firstSeq) return;
    assert(seq <= this.#nextSeq, 'only records that exist are trimmed');
    this.#firstSeq = seq;
    const chunks = this.#chunks;
    let gone = 0;
    if (seq === this.#nextSeq) {
      gone = chunks.length;
      this.#lastRecords = 0;
    } else {
      while (gone + 1 < chunks.length && (chunks[gone + 1] as Chunk).baseSeq <= seq) gone++;
    }
    if (gone > 0) chunks.splice(0, gone);
  }

  /** Places of records fromSeq … fromSeq + limit − 1, as many as are kept. Costs nothing per record
   * skipped. Both are whole numbers; `fromSeq` below `firstSeq` counts as that. */
  locate(fromSeq: number, limit: number): readonly RecordPlace[] {
    const places: RecordPlace[] = [];
    let seq = Math.max(this.#firstSeq, fromSeq);
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

  /** The same index, to be changed by itself: this one never sees what is appended or trimmed
   * there.
   * Typed arrays are shared, for what stands in them is never written again. */
  copy(): RunIndex {
    const copy = new RunIndex();
    const last = this.#chunks.at(-1);
    // Of the chunks only the last is ever written to.
    for (const chunk of this.#chunks) copy.#chunks.push(chunk === last ? { ...last } : chunk);
    copy.#firstSeq = this.#firstSeq;
    copy.#nextSeq = this.#nextSeq;
    copy.#lastIndex = this.#lastIndex;
    copy.#lastRecords = this.#lastRecords;
    return copy;
  }

  /** What is kept, a row for each chunk. Not to be walked once the index was changed. */
  *rows(): Generator<RunsRow> {
    if (this.#firstSeq === this.#nextSeq) return;
    const start = this.#find(this.#firstSeq);
    for (let at = start.chunk; at < this.#chunks.length; at++) {
      const { baseSeq, baseIndex, count, ...runs } = this.#chunks[at] as Chunk;
      const from = at === start.chunk ? start.run : 0;
      yield {
        kind: 'runs',
        baseSeq,
        baseIndex,
        seqOffsets: runs.seqOffsets.subarray(from, count),
        indexOffsets: runs.indexOffsets.subarray(from, count),
        recordsPerEntry: runs.recordsPerEntry.subarray(from, count),
      };
    }
  }

  /** Takes back a row into an index that had nothing but rows before, which keeps its arrays.
   * @throws StateRowError when its runs cannot follow those. */
  restoreRuns({ baseSeq, baseIndex, seqOffsets, indexOffsets, recordsPerEntry }: RunsRow): void {
    const count = seqOffsets.length;
    const chunk = { baseSeq, baseIndex, seqOffsets, indexOffsets, recordsPerEntry, count };
    for (let run = 0; run < count; run++) {
      const seq = baseSeq + (seqOffsets[run] as number);
      const index = baseIndex + (indexOffsets[run] as number);
      this.#endRun(seq, index);
      this.#nextSeq = seq;
      this.#lastIndex = index;
      this.#lastRecords = recordsPerEntry[run] as number;
      if (this.#lastRecords === 0) throw new StateRowError('a run without records');
    }
    this.#chunks.push(chunk);
  }

  /** All rows are back. @throws StateRowError when they do not end there, or after `lastIndex`. */
  restored(firstSeq: number, nextSeq: number, lastIndex: Index): void {
    const first = this.#chunks[0];
    const start = first === undefined ? nextSeq : first.baseSeq + (first.seqOffsets[0] as number);
    if (firstSeq < start || firstSeq > nextSeq || firstSeq < nextSeq !== (first !== undefined)) {
      throw new StateRowError('runs that do not hold the records kept');
    }
    if (first !== undefined) this.#lastIndex = this.#endRun(nextSeq, lastIndex + 1);
    this.#firstSeq = firstSeq;
    this.#nextSeq = nextSeq;
  }

  /** Judges the last run by where the next one begins. @returns the index of its last entry. */
  #endRun(seq: number, index: Index): Index {
    if (this.#lastRecords === 0) return 0;
    const entries = (seq - this.#nextSeq) / this.#lastRecords;
    const last = this.#lastIndex + entries - 1;
    if (!Number.isInteger(entries) || entries < 1 || last >= index) {
      throw new StateRowError('runs that do not follow each other');
    }
    return last;
  }

  /** Adds what is kept: bounds, and the runs from the one that holds the first record on. */
  digest(into: StateDigest): void {
    into.number(this.#firstSeq);
    into.number(this.#nextSeq);
    if (this.#firstSeq === this.#nextSeq) return;
    const cursor = this.#find(this.#firstSeq);
    for (; cursor.chunk < this.#chunks.length; this.#advance(cursor)) {
      const chunk = this.#chunks[cursor.chunk] as Chunk;
      into.number(chunk.baseSeq + (chunk.seqOffsets[cursor.run] as number));
      into.number(chunk.baseIndex + (chunk.indexOffsets[cursor.run] as number));
      into.number(chunk.recordsPerEntry[cursor.run] as number);
    }
  }

  #open(seq: number, index: Index, records: number): void {
    let chunk = this.#chunks.at(-1);
    if (
      chunk === undefined ||
      seq - chunk.baseSeq > offsetMax ||
      index - chunk.baseIndex > offsetMax
    ) {
      chunk = this.#begin(seq, index, chunk?.seqOffsets.length ?? chunkRunsMin);
    } else if (chunk.count === chunk.seqOffsets.length) {
      chunk = this.#widen(chunk, seq, index);
    }
    const run = chunk.count++;
    chunk.seqOffsets[run] = seq - chunk.baseSeq;
    chunk.indexOffsets[run] = index - chunk.baseIndex;
    chunk.recordsPerEntry[run] = records;
  }

  /** Makes room behind a chunk that is full. One whose first half is trimmed away is not made
   * larger, but followed by a smaller one: a stream that keeps few records keeps small chunks. */
  #widen(chunk: Chunk, seq: number, index: Index): Chunk {
    const { count } = chunk;
    const middleSeq = chunk.baseSeq + (chunk.seqOffsets[count >>> 1] as number);
    if (middleSeq <= this.#firstSeq) {
      return this.#begin(seq, index, Math.max(chunkRunsMin, count >>> 1));
    }
    if (count === chunkRunsMax) return this.#begin(seq, index, chunkRunsMax);
    enlarge(chunk);
    return chunk;
  }

  #begin(baseSeq: number, baseIndex: Index, runs: number): Chunk {
    const chunk = {
      baseSeq,
      baseIndex,
      seqOffsets: new Uint32Array(runs),
      indexOffsets: new Uint32Array(runs),
      recordsPerEntry: new Uint16Array(runs),
      count: 0,
    };
    this.#chunks.push(chunk);
    return chunk;
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
