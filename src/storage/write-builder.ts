/**
 * Makes one write out of what waits: batches one behind the other, each from a sector boundary, as
 * parts for a single gathered write. Runs of entries that lie contiguous in memory go in as they
 * are; headers, short runs and padding are put into a scratch buffer that is used again for every
 * write, so only one write may be in flight. No entry is encoded or looked into here.
 */

import type { Entry, HardState, Index } from '../raft/types.js';
import {
  batchHeaderBytes,
  section,
  segmentSeed,
  toSectors,
  writeBatchHeader,
} from './batch-header.js';
import type { Checksum } from './checksum.js';

/** A batch is closed when its entries reach this: the unit that a read of one entry has to read. */
const batchBytesTarget = 64 * 1024;

/** Runs shorter than this are copied: a part of its own costs more. */
const copyBytesMax = 4096;

const scratchBytes = 128 * 1024;

/** Most that a batch takes beside its entries: header, sections, padding. */
export const batchOverheadBytes = batchHeaderBytes + 9 + 17 + 1 + 1 + 511;

/** Where a write goes. */
export interface WritePlace {
  readonly segmentId: number;
  /** Bytes from the start of the segment. */
  readonly offset: number;
  /** End of what is on disk in this segment, bytes. */
  readonly durableEnd: number;
  /** Number of the write's first batch. */
  readonly sequence: number;
  /** The segment's header sector, when the write starts the segment; goes first. */
  readonly header: Uint8Array | null;
}

/** What a finished write changes in the index of the log, batch by batch. */
export interface WrittenBatch {
  readonly truncateFrom: Index | null;
  /** 0 when the batch has no entries. */
  readonly firstIndex: Index;
  readonly lastIndex: Index;
  readonly offset: number;
  readonly length: number;
}

/** Builds one write at a time. */
export class WriteBuilder {
  readonly #checksum: Checksum;
  parts: Uint8Array[] = [];
  written: WrittenBatch[] = [];
  /** Bytes of the write so far, and the number that the next batch gets. */
  bytes = 0;
  sequence = 0;
  /** The last hard state that went into the write, if any. */
  hardState: HardState | null = null;

  #place: WritePlace = { segmentId: 0, offset: 0, durableEnd: 0, sequence: 0, header: null };
  #scratch = new Uint8Array(scratchBytes);
  #scratchView = new DataView(this.#scratch.buffer);
  /** Scratch bytes #pieceStart … #at−1 are not among the parts yet. */
  #pieceStart = 0;
  #at = 0;

  // The batch that is open.
  #isOpen = false;
  #truncateFrom: Index | null = null;
  #batchHardState: HardState | null = null;
  #cleanStop = false;
  #entries: Entry[] = [];
  #entriesBytes = 0;

  constructor(checksum: Checksum) {
    this.#checksum = checksum;
  }

  /** Starts a new write; the one before it is done with. */
  begin(place: WritePlace): void {
    this.#place = place;
    this.parts = [];
    this.written = [];
    this.hardState = null;
    this.bytes = 0;
    this.sequence = place.sequence;
    this.#pieceStart = 0;
    this.#at = 0;
    if (place.header !== null) {
      this.parts.push(place.header);
      this.bytes = place.header.length;
    }
  }

  /** Most bytes that the write has when the open batch is closed. */
  get bytesMax(): number {
    return this.bytes + (this.#isOpen ? batchOverheadBytes + this.#entriesBytes : 0);
  }

  truncate(from: Index): void {
    if (this.#entries.length > 0 || this.#truncateFrom !== null) this.#close();
    this.#isOpen = true;
    this.#truncateFrom = from;
  }

  setHardState(hardState: HardState): void {
    this.#isOpen = true;
    this.#batchHardState = hardState;
    this.hardState = hardState;
  }

  /** The next entry of the log; it has been encoded. */
  addEntry(entry: Entry): void {
    const count = (entry.encoded as Uint8Array).length;
    if (this.#entriesBytes + count > batchBytesTarget && this.#entries.length > 0) this.#close();
    this.#isOpen = true;
    this.#entries.push(entry);
    this.#entriesBytes += count;
  }

  /** A batch with nothing in it, or the note that the log was stopped in order. */
  addMark(cleanStop: boolean): void {
    this.#isOpen = true;
    this.#cleanStop = cleanStop;
  }

  /** Ends the write: `parts`, `written` and `bytes` are complete. */
  finish(): void {
    if (this.#isOpen) this.#close();
    this.#flushPiece();
  }

  #close(): void {
    this.#room(batchOverheadBytes);
    const headerScratch = this.#scratch;
    const headerAt = this.#at;
    const offset = this.#place.offset + this.bytes;
    this.#at += batchHeaderBytes;
    const sectionsAt = this.#at;
    this.#putSections();
    const sectionBytes = this.#at - sectionsAt;
    const seed = segmentSeed(this.#place.segmentId);
    let crc = this.#checksum(this.#scratch.subarray(sectionsAt, this.#at), seed);
    if (this.#entries.length > 0) crc = this.#putEntries(crc);
    const payloadBytes = sectionBytes + this.#entriesBytes;
    const first = this.#entries[0];
    const last = this.#entries[this.#entries.length - 1];
    const header = {
      payloadBytes,
      segmentId: this.#place.segmentId,
      sequence: this.sequence++,
      offset,
      durableEnd: this.#place.durableEnd,
      firstIndex: first?.index ?? 0,
      lastIndex: last?.index ?? 0,
      lastTerm: last?.term ?? 0,
      payloadCrc: crc,
    };
    writeBatchHeader(headerScratch, headerAt, header, this.#checksum);
    const length = batchHeaderBytes + payloadBytes;
    const padded = toSectors(length);
    this.#room(padded - length);
    this.#scratch.fill(0, this.#at, this.#at + padded - length);
    this.#at += padded - length;
    this.bytes += padded;
    const { firstIndex, lastIndex } = header;
    this.written.push({ truncateFrom: this.#truncateFrom, firstIndex, lastIndex, offset, length });
    this.#reset();
  }

  #reset(): void {
    this.#isOpen = false;
    this.#truncateFrom = null;
    this.#batchHardState = null;
    this.#cleanStop = false;
    this.#entries = [];
    this.#entriesBytes = 0;
  }

  #putSections(): void {
    const bytes = this.#scratch;
    if (this.#truncateFrom !== null) {
      bytes[this.#at++] = section.truncate;
      this.#putCounter(this.#truncateFrom);
    }
    if (this.#batchHardState !== null) {
      bytes[this.#at++] = section.hardState;
      this.#putCounter(this.#batchHardState.term);
      this.#putCounter(this.#batchHardState.vote);
    }
    if (this.#cleanStop) bytes[this.#at++] = section.cleanStop;
    if (this.#entries.length > 0) bytes[this.#at++] = section.entries;
  }

  /** Puts the entries in, run by run. @returns the CRC carried on from `seed`. */
  #putEntries(seed: number): number {
    const entries = this.#entries;
    let crc = seed;
    let i = 0;
    while (i < entries.length) {
      const first = (entries[i] as Entry).encoded as Uint8Array;
      const memory = first.buffer;
      let end = first.byteOffset + first.length;
      i++;
      for (; i < entries.length; i++) {
        const next = (entries[i] as Entry).encoded as Uint8Array;
        if (next.byteOffset !== end || next.buffer !== memory) break;
        end += next.length;
      }
      const run = new Uint8Array(memory, first.byteOffset, end - first.byteOffset);
      crc = this.#checksum(run, crc);
      this.#putRun(run);
    }
    return crc;
  }

  #putRun(run: Uint8Array): void {
    if (run.length < copyBytesMax) {
      this.#room(run.length);
      this.#scratch.set(run, this.#at);
      this.#at += run.length;
    } else {
      this.#flushPiece();
      this.parts.push(run);
    }
  }

  /** Makes `count` bytes of scratch. What is in the old one stays there, as parts. */
  #room(count: number): void {
    if (this.#at + count <= this.#scratch.length) return;
    this.#flushPiece();
    this.#scratch = new Uint8Array(scratchBytes);
    this.#scratchView = new DataView(this.#scratch.buffer);
    this.#pieceStart = 0;
    this.#at = 0;
  }

  #flushPiece(): void {
    if (this.#at > this.#pieceStart) {
      this.parts.push(this.#scratch.subarray(this.#pieceStart, this.#at));
    }
    this.#pieceStart = this.#at;
  }

  #putCounter(value: number): void {
    this.#scratchView.setUint32(this.#at, value % 0x1_0000_0000, true);
    this.#scratchView.setUint32(this.#at + 4, Math.floor(value / 0x1_0000_0000), true);
    this.#at += 8;
  }
}
