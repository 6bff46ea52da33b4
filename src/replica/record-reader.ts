/**
 * Reads records of a stream back from where they are stored once: the log, its newest part in
 * memory and the rest on disk. The machine knows at which entry each record stands; the bytes are
 * views of the entries'. Where a read begins `record-start.ts` finds out.
 *
 * Invariant: an answer holds neighbours of the stream without a gap, as they stood when the read
 * began: what is trimmed while the disk is read is given all the same.
 */

import type { RecordPlace } from '../machine/commands.js';
import type { Entry } from '../raft/types.js';
import { peekRecord } from '../wire/append-codec.js';
import type { ReadRange, StreamRecord } from '../wire/client-messages.js';
import type { Outcome, RecordsRead } from './api.js';
import { findStart, missingRefusal, type RecordSource, type RecordSpan } from './record-start.js';

/** The most records in one answer. */
const recordsMax = 10_000;

/** The most bytes of records in one answer; the first record always goes. */
const answerBytesMax = 2 * 1024 * 1024;

/** The most bytes that one read of the log on disk brings. */
const readBytesMax = 1024 * 1024;

/** The most entries that one look at the log takes: some milliseconds of work. */
const spanEntriesMax = 4096;

/** So many entries a read backwards begins with: it cannot use the front of what was cut. */
const spanEntriesFirst = 64;

/** Between two records that are further apart in the log, nothing is read. */
const gapEntriesMax = 32;

interface Job {
  readonly stream: string;
  /** In the order of the answer. */
  readonly places: readonly RecordPlace[];
  readonly nextSeq: number;
  readonly firstSeq: number;
  /** How many records were asked for and exist. */
  readonly wanted: number;
  readonly bytesMax: number;
  readonly records: StreamRecord[];
  bytes: number;
  /** The next record would be one byte too many. */
  isFull: boolean;
  /** How many entries to look at in one go. */
  spanEntries: number;
  readonly answer: (outcome: Outcome<RecordsRead>) => void;
}

/** Reads records for fronts. */
export class RecordReader {
  readonly #source: RecordSource;

  constructor(source: RecordSource) {
    this.#source = source;
  }

  /** Reads records of a range, as many as exist and fit one answer. A stream that does not exist
   * has none. TRIMMED when the range begins at a record that is trimmed away. */
  read(stream: string, range: ReadRange, answer: (outcome: Outcome<RecordsRead>) => void): void {
    findStart(this.#source, stream, range, (outcome) => {
      if (outcome.ok) this.#readFrom(stream, outcome.value, range, answer);
      else answer(outcome);
    });
  }

  #readFrom(
    stream: string,
    span: RecordSpan,
    { backwards, limit, bytesMax }: ReadRange,
    answer: (outcome: Outcome<RecordsRead>) => void,
  ): void {
    const { firstSeq, nextSeq, start } = span;
    const there = backwards ? start - firstSeq + 1 : nextSeq - start;
    const wanted = Math.max(0, Math.min(limit, there));
    const count = Math.min(wanted, recordsMax);
    const lowest = backwards ? start - count + 1 : start;
    const places = count === 0 ? [] : this.#source.machine.locate(stream, lowest, count);
    this.#fill({
      stream,
      places: backwards ? places.toReversed() : places,
      nextSeq,
      firstSeq,
      wanted,
      bytesMax: bytesMax === 0 ? answerBytesMax : Math.min(bytesMax, answerBytesMax),
      records: [],
      bytes: 0,
      isFull: false,
      spanEntries: backwards ? spanEntriesFirst : spanEntriesMax,
      answer,
    });
  }

  #fill(job: Job): void {
    while (!job.isFull && job.records.length < job.places.length) {
      const { first, last } = nextStretch(job);
      const entries = this.#source.core.entriesInMemory(first, last);
      if (entries === null) return this.#fillFromDisk(job, first, last);
      take(job, entries);
    }
    const { records, nextSeq, firstSeq, wanted } = job;
    const complete = records.length === wanted;
    job.answer({ ok: true, value: { records, nextSeq, firstSeq, complete } });
  }

  #fillFromDisk(job: Job, first: number, last: number): void {
    this.#source.store.read(first, last, readBytesMax, (error, entries) => {
      const before = job.records.length;
      if (error === null) take(job, entries);
      const isStuck = job.records.length === before && !job.isFull;
      if (error !== null || (isStuck && first === last)) {
        const place = job.places[before] as RecordPlace;
        const refusal = missingRefusal(this.#source, job.stream, place, error);
        return job.answer({ ok: false, refusal });
      }
      // Backwards, a read that was cut short (by bytes, or because the newest entries are not on
      // this disk yet) ends before the record that comes next: look at fewer.
      if (isStuck) job.spanEntries = Math.max(1, Math.floor((last - first + 1) / 4));
      else job.spanEntries = Math.min(spanEntriesMax, job.spanEntries * 2);
      this.#fill(job);
    });
  }
}

/** Which entries to look at next: those that hold the next records and lie close together. */
function nextStretch(job: Job): { readonly first: number; readonly last: number } {
  const { places, spanEntries } = job;
  const from = (places[job.records.length] as RecordPlace).index;
  let to = from;
  for (let at = job.records.length + 1; at < places.length; at++) {
    const { index } = places[at] as RecordPlace;
    const isFar = Math.abs(index - to) > gapEntriesMax || Math.abs(index - from) >= spanEntries;
    if (isFar) break;
    to = index;
  }
  return { first: Math.min(from, to), last: Math.max(from, to) };
}

/** Moves on through the places as far as these entries (consecutive indexes) reach. */
function take(job: Job, entries: readonly Entry[]): void {
  const firstIndex = entries[0]?.index ?? 0;
  for (;;) {
    const place = job.places[job.records.length];
    const entry = place === undefined ? undefined : entries[place.index - firstIndex];
    if (place === undefined || entry === undefined) return;
    const data = peekRecord(entry.data, place.offset);
    if (job.records.length > 0 && job.bytes + data.length > job.bytesMax) {
      job.isFull = true;
      return;
    }
    const { index, term, timeMillis } = entry;
    job.records.push({ seq: place.seq, index, term, timeMillis, data });
    job.bytes += data.length;
  }
}
