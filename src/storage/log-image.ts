/**
 * What the log says, gathered batch by batch while it is read at opening: hard state, base, runs of
 * terms, configurations and where the entries are. A batch that contradicts what came before it is
 * damage, though its CRC be right: a write was lost, or went to the wrong place.
 */

import type { ConfigurationAt, HardState, LogBase, TermRun } from '../raft/types.js';
import { decodeEntries } from '../wire/entry-codec.js';
import { EntryCursor } from '../wire/entry-cursor.js';
import { WireError } from '../wire/wire-error.js';
import { batchHeaderBytes, decodeSections } from './batch-header.js';
import { LogIndex } from './segment-index.js';
import type { FoundBatch } from './segment-scan.js';

/** The log as far as it has been read. */
export class LogImage {
  hardState: HardState = { term: 0, vote: 0 };
  base: LogBase | null = null;
  termRuns: TermRun[] = [];
  configurations: ConfigurationAt[] = [];
  index = new LogIndex(0);

  /**
   * Takes in a batch of the segment that was started last.
   * @returns why it cannot be, in one line, or null when all is well.
   */
  add(bytes: Uint8Array, batch: FoundBatch): string | null {
    try {
      return this.#add(bytes, batch);
    } catch (error) {
      if (error instanceof WireError) return error.message;
      throw error;
    }
  }

  #add(bytes: Uint8Array, batch: FoundBatch): string | null {
    const sections = decodeSections(bytes, batch.payloadStart, batch.payloadEnd);
    if (sections.base !== null) {
      if (this.base !== null) return 'a second base record';
      this.base = sections.base;
      const segmentId = batch.header.segmentId;
      this.index = new LogIndex(sections.base.index);
      this.index.addSegment(segmentId);
    }
    if (this.base === null) return 'no base record before the first batch';
    if (sections.hardState !== null) {
      if (sections.hardState.term < this.hardState.term) return 'the term runs backwards';
      this.hardState = sections.hardState;
    }
    if (sections.truncateFrom !== null) {
      if (sections.truncateFrom <= this.base.index) return 'a truncation reaches below the base';
      this.#truncateFrom(sections.truncateFrom);
    }
    return this.#addEntries(bytes, batch, sections.entriesStart);
  }

  #truncateFrom(from: number): void {
    this.index.truncateFrom(from);
    while ((this.termRuns.at(-1)?.firstIndex ?? 0) >= from) this.termRuns.pop();
    while ((this.configurations.at(-1)?.index ?? 0) >= from) this.configurations.pop();
  }

  #addEntries(bytes: Uint8Array, batch: FoundBatch, start: number): string | null {
    const { header, payloadEnd } = batch;
    let expected = this.index.lastIndex + 1;
    const cursor = new EntryCursor(bytes, start, payloadEnd);
    while (cursor.next()) {
      const { index, term } = cursor;
      if (index !== expected) return `entry ${index} where ${expected} was due`;
      expected++;
      const lastTerm = this.termRuns.at(-1)?.term;
      if (lastTerm !== term) {
        if (term < (lastTerm ?? 0)) return `entry ${index} goes back to term ${term}`;
        this.termRuns.push({ firstIndex: index, term });
      }
      if (cursor.isConfiguration) this.#addConfiguration(bytes, cursor);
    }
    const last = expected - 1;
    if (header.firstIndex === 0) return start < payloadEnd ? 'entries nobody announced' : null;
    if (header.firstIndex !== this.index.lastIndex + 1 || header.lastIndex !== last) {
      return `entries ${this.index.lastIndex + 1} … ${last} do not match the header`;
    }
    const length = batchHeaderBytes + header.payloadBytes;
    this.index.add(header.firstIndex, last, header.offset, length);
    return null;
  }

  #addConfiguration(bytes: Uint8Array, cursor: EntryCursor): void {
    // Copied: the segment's buffer is read into again, and the entry would keep it alive.
    const entry = decodeEntries(bytes.slice(cursor.start, cursor.end))[0];
    if (entry !== undefined && entry.configuration !== null) {
      this.configurations.push({ index: entry.index, configuration: entry.configuration });
    }
  }
}
