/**
 * What a stream knows of time and size. A *mark* stands at the first record of an entry: when that
 * was appended, and how many bytes of records came before it. The *stretch* from a mark to the next
 * is short in time, bytes and records, so that marks tell where to look for a moment and what to
 * trim, at some bytes a stretch instead of a record. Only whole stretches are told apart here.
 *
 * Invariants: along the marks sequences strictly rise, times and bytes never fall; all entries of a
 * stretch are less than `stretchMillis` younger than its mark; while a record is kept, the mark at
 * or before it is; what stands in a chunk is never written again.
 */

import type { StateDigest } from './state-digest.js';
import { type MarksRow, StateRowError } from './state-rows.js';

/** A stretch ends with the first entry that is so much younger than its mark, milliseconds … */
export const stretchMillis = 1000;

/** … or has so many bytes of records between itself and the mark … */
export const stretchBytes = 64 * 1024;

/** … or so many records: empty ones are to be found as fast as others. */
export const stretchRecords = 1000;

/** Marks in a full chunk: three kilobytes. */
const chunkMarksMax = 256;

/** The fewest marks in a chunk: most streams stay small. */
const chunkMarksMin = 4;

const offsetMax = 0xffff_ffff;

/** Some consecutive marks, as offsets from the first of them. */
interface Chunk {
  readonly baseSeq: number;
  readonly baseMillis: number;
  readonly baseBytes: number;
  /** Sequence, time and bytes of one mark after the other; there may be room for more. */
  rows: Uint32Array;
  count: number;
}

/** A mark: which chunk, and which of its marks. */
interface Cursor {
  chunk: number;
  row: number;
}

/** The marks of one stream. */
export class Marks {
  readonly #chunks: Chunk[] = [];
  /** In the first chunk: the mark at or before the first record kept. */
  #front = 0;
  /** Bytes before it. */
  #frontBytes = 0;
  /** Bytes of all records ever appended. */
  #totalBytes = 0;
  /** From where on the next entry begins a stretch. */
  #dueSeq = 0;
  #dueMillis = 0;
  #dueBytes = 0;

  /** Bytes of the records kept, and of those trimmed from within the first stretch. */
  get bytes(): number {
    return this.#totalBytes - this.#frontBytes;
  }

  /** Bytes held by the typed arrays. */
  get heldBytes(): number {
    let sum = 0;
    for (const chunk of this.#chunks) sum += chunk.rows.byteLength;
    return sum;
  }

  /** Takes in an entry whose first record is `seq` and whose records have so many bytes together.
   * `timeMillis` never falls. */
  append(seq: number, timeMillis: number, bytes: number): void {
    if (
      timeMillis >= this.#dueMillis ||
      this.#totalBytes >= this.#dueBytes ||
      seq >= this.#dueSeq
    ) {
      this.#mark(seq, timeMillis);
    }
    this.#totalBytes += bytes;
  }

  /** Forgets the stretches that end at or before `seq`, the first record kept from now on, which
   * exists. */
  trim(seq: number): void {
    const chunks = this.#chunks;
    let gone = 0;
    while (gone + 1 < chunks.length && (chunks[gone + 1] as Chunk).baseSeq <= seq) gone++;
    if (gone > 0) {
      chunks.splice(0, gone);
      this.#front = 0;
    }
    const chunk = chunks[0] as Chunk;
    while (this.#front + 1 < chunk.count && seqAt(chunk, this.#front + 1) <= seq) this.#front++;
    this.#frontBytes = bytesAt(chunk, this.#front);
  }

  /** Forgets all: no record is kept. */
  trimAll(): void {
    this.#chunks.length = 0;
    this.#front = 0;
    this.#frontBytes = this.#totalBytes;
    this.#dueSeq = 0;
    this.#dueMillis = 0;
    this.#dueBytes = 0;
  }

  /** Where the newest stretches begin that together have at most `bytesMax` bytes; the last stretch
   * counts however long it is. 0 when there is no mark. */
  firstWithin(bytesMax: number): number {
    const cursor = { chunk: 0, row: this.#front };
    let seq = 0;
    for (let at = this.#chunkAt(cursor); at !== null; at = this.#chunkAt(cursor)) {
      seq = seqAt(at, cursor.row);
      if (this.#totalBytes - bytesAt(at, cursor.row) <= bytesMax) break;
      this.#advance(cursor);
    }
    return seq;
  }

  /** Where the first stretch begins in which anything may have been appended after `timeMillis`;
   * null: in none of them. */
  firstAfter(timeMillis: number): number | null {
    const cursor = { chunk: 0, row: this.#front };
    for (let at = this.#chunkAt(cursor); at !== null; at = this.#chunkAt(cursor)) {
      if (millisAt(at, cursor.row) + stretchMillis - 1 > timeMillis) return seqAt(at, cursor.row);
      this.#advance(cursor);
    }
    return null;
  }

  /**
   * Where to look for the first record appended at or after `timeMillis`: at a mark that is not
   * behind it, the nearest one known. Null: there is no such record.
   */
  seqBefore(timeMillis: number): number | null {
    if (this.#chunks.length === 0) return null;
    const cursor = this.#lastBefore(timeMillis);
    const chunk = this.#chunks[cursor.chunk] as Chunk;
    if (millisAt(chunk, cursor.row) + stretchMillis > timeMillis) return seqAt(chunk, cursor.row);
    // The whole stretch is older: it is the next mark, or nothing.
    this.#advance(cursor);
    const next = this.#chunkAt(cursor);
    return next === null ? null : seqAt(next, cursor.row);
  }

  /** Bytes of all records ever appended. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** The same marks, to be changed by themselves; as `RunIndex.copy`. */
  copy(): Marks {
    const copy = new Marks();
    const last = this.#chunks.at(-1);
    // Of the chunks only the last is ever written to.
    for (const chunk of this.#chunks) copy.#chunks.push(chunk === last ? { ...last } : chunk);
    copy.#front = this.#front;
    copy.#frontBytes = this.#frontBytes;
    copy.#totalBytes = this.#totalBytes;
    copy.#dueSeq = this.#dueSeq;
    copy.#dueMillis = this.#dueMillis;
    copy.#dueBytes = this.#dueBytes;
    return copy;
  }

  /** What is kept, a row for each chunk. Not to be walked once the marks were changed. */
  *rowsKept(): Generator<MarksRow> {
    let front = this.#front;
    for (const { baseSeq, baseMillis, baseBytes, rows, count } of this.#chunks) {
      const offsets = rows.subarray(front * 3, count * 3);
      yield { kind: 'marks', baseSeq, baseMillis, baseBytes, offsets };
      front = 0;
    }
  }

  /** Takes back a row into marks that had nothing but rows before. Its array becomes theirs.
   * @throws StateRowError when its marks cannot follow those. */
  restoreMarks({ baseSeq, baseMillis, baseBytes, offsets }: MarksRow): void {
    const chunk = { baseSeq, baseMillis, baseBytes, rows: offsets, count: offsets.length / 3 };
    for (let row = 0; row < chunk.count; row++) {
      const seq = seqAt(chunk, row);
      const millis = millisAt(chunk, row);
      const bytes = bytesAt(chunk, row);
      // The last mark so far is where a stretch becomes due, less its length.
      const isFirst = this.#chunks.length === 0 && row === 0;
      const follows =
        seq > this.#dueSeq - stretchRecords &&
        millis >= this.#dueMillis - stretchMillis &&
        bytes >= this.#dueBytes - stretchBytes;
      if (!isFirst && !follows) throw new StateRowError('marks that do not follow each other');
      if (isFirst) this.#frontBytes = bytes;
      this.#due(seq, millis, bytes);
    }
    this.#chunks.push(chunk);
  }

  /** All rows are back. @throws StateRowError when they are not those of `firstSeq` … `nextSeq`. */
  restored(firstSeq: number, nextSeq: number, totalBytes: number): void {
    const first = this.#chunks[0];
    const isSound =
      first === undefined
        ? firstSeq === nextSeq
        : seqAt(first, 0) <= firstSeq &&
          this.#dueSeq - stretchRecords < nextSeq &&
          this.#dueBytes - stretchBytes <= totalBytes;
    if (!isSound) throw new StateRowError('marks that are not those of the records kept');
    this.#totalBytes = totalBytes;
    if (first === undefined) this.#frontBytes = totalBytes;
  }

  /** Adds what is kept: sizes, and the marks from the first stretch on. */
  digest(into: StateDigest): void {
    into.number(this.#totalBytes);
    into.number(this.#frontBytes);
    const cursor = { chunk: 0, row: this.#front };
    for (let at = this.#chunkAt(cursor); at !== null; at = this.#chunkAt(cursor)) {
      into.number(seqAt(at, cursor.row));
      into.number(millisAt(at, cursor.row));
      into.number(bytesAt(at, cursor.row));
      this.#advance(cursor);
    }
  }

  #mark(seq: number, timeMillis: number): void {
    const bytes = this.#totalBytes;
    this.#due(seq, timeMillis, bytes);
    let chunk = this.#chunks.at(-1);
    if (
      chunk === undefined ||
      seq - chunk.baseSeq > offsetMax ||
      timeMillis - chunk.baseMillis > offsetMax ||
      bytes - chunk.baseBytes > offsetMax
    ) {
      chunk = this.#begin(seq, timeMillis, chunkMarksMin);
    } else if (chunk.count * 3 === chunk.rows.length) {
      chunk = this.#widen(chunk, seq, timeMillis);
    }
    const at = chunk.count++ * 3;
    chunk.rows[at] = seq - chunk.baseSeq;
    chunk.rows[at + 1] = timeMillis - chunk.baseMillis;
    chunk.rows[at + 2] = bytes - chunk.baseBytes;
  }

  /** A stretch begins there: says when the next one is due. */
  #due(seq: number, timeMillis: number, bytes: number): void {
    this.#dueSeq = seq + stretchRecords;
    this.#dueMillis = timeMillis + stretchMillis;
    this.#dueBytes = bytes + stretchBytes;
  }

  /** Makes room behind a chunk that is full; as `RunIndex` does, so that few marks take few
   * bytes. */
  #widen(chunk: Chunk, seq: number, timeMillis: number): Chunk {
    const { count } = chunk;
    if (chunk === this.#chunks[0] && this.#front >= count >>> 1) {
      return this.#begin(seq, timeMillis, Math.max(chunkMarksMin, count >>> 1));
    }
    if (count === chunkMarksMax) return this.#begin(seq, timeMillis, chunkMarksMax);
    const rows = new Uint32Array(Math.min(chunkMarksMax * 3, chunk.rows.length * 2));
    rows.set(chunk.rows);
    chunk.rows = rows;
    return chunk;
  }

  #begin(baseSeq: number, baseMillis: number, marks: number): Chunk {
    const rows = new Uint32Array(marks * 3);
    const chunk = { baseSeq, baseMillis, baseBytes: this.#totalBytes, rows, count: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** The last mark that is older than `timeMillis`, or the first of all. There is one. */
  #lastBefore(timeMillis: number): Cursor {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#chunks[middle] as Chunk).baseMillis < timeMillis) low = middle;
      else high = middle - 1;
    }
    const chunk = this.#chunks[low] as Chunk;
    let first = low === 0 ? this.#front : 0;
    let last = chunk.count - 1;
    while (first < last) {
      const middle = (first + last + 1) >>> 1;
      if (millisAt(chunk, middle) < timeMillis) first = middle;
      else last = middle - 1;
    }
    return { chunk: low, row: first };
  }

  /** The chunk of the mark at the cursor; null: it is behind the last. */
  #chunkAt(cursor: Cursor): Chunk | null {
    return this.#chunks[cursor.chunk] ?? null;
  }

  #advance(cursor: Cursor): void {
    cursor.row++;
    if (cursor.row < (this.#chunks[cursor.chunk] as Chunk).count) return;
    cursor.chunk++;
    cursor.row = 0;
  }
}

function seqAt(chunk: Chunk, row: number): number {
  return chunk.baseSeq + (chunk.rows[row * 3] as number);
}

function millisAt(chunk: Chunk, row: number): number {
  return chunk.baseMillis + (chunk.rows[row * 3 + 1] as number);
}

function bytesAt(chunk: Chunk, row: number): number {
  return chunk.baseBytes + (chunk.rows[row * 3 + 2] as number);
}
