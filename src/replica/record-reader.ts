/**
 * Reads records of a stream back from where they are stored once: the log, its newest part in
 * memory and the rest on disk. The machine knows at which entry each record stands; the bytes are
 * views of the entries'.
 */

import type { Refusal } from '../base/errors.js';
import type { RecordPlace } from '../machine/commands.js';
import type { Machine } from '../machine/machine.js';
import type { RaftCore } from '../raft/core.js';
import type { Entry, Index } from '../raft/types.js';
import type { LogStore } from '../storage/log-store.js';
import type { StreamRecord } from '../wire/client-messages.js';
import { peekRecord } from '../wire/command-codec.js';
import type { Outcome, RecordsRead } from './api.js';

/** The most records in one answer. */
const recordsMax = 10_000;

/** The most bytes of records in one answer; the first record always goes. */
const answerBytesMax = 2 * 1024 * 1024;

/** The most bytes that one read of the log on disk brings. */
const readBytesMax = 1024 * 1024;

interface Job {
  readonly places: readonly RecordPlace[];
  readonly nextSeq: number;
  /** How many records were asked for and exist. */
  readonly wanted: number;
  readonly records: StreamRecord[];
  /** The next place to fill. */
  at: number;
  bytes: number;
  readonly answer: (outcome: Outcome<RecordsRead>) => void;
}

/** Reads records for fronts. */
export class RecordReader {
  readonly #machine: Machine;
  readonly #core: RaftCore;
  readonly #store: LogStore;

  constructor(deps: { machine: Machine; core: RaftCore; store: LogStore }) {
    this.#machine = deps.machine;
    this.#core = deps.core;
    this.#store = deps.store;
  }

  /** Reads records fromSeq … fromSeq + limit − 1, as many as exist and fit one answer. */
  read(
    stream: string,
    fromSeq: number,
    limit: number,
    answer: (outcome: Outcome<RecordsRead>) => void,
  ): void {
    const nextSeq = this.#machine.stream(stream)?.nextSeq ?? 1;
    const first = Math.max(1, fromSeq);
    const wanted = Math.max(0, Math.min(limit, nextSeq - first));
    const places = this.#machine.locate(stream, first, Math.min(wanted, recordsMax));
    this.#fill({ places, nextSeq, wanted, records: [], at: 0, bytes: 0, answer });
  }

  #fill(job: Job): void {
    for (;;) {
      const place = job.places[job.at];
      const last = job.places[job.places.length - 1];
      if (place === undefined || last === undefined || job.bytes >= answerBytesMax) {
        return finish(job);
      }
      const stop = Math.min(last.index, place.index + 1023);
      const entries = this.#core.entriesInMemory(place.index, stop);
      if (entries === null) return this.#fillFromDisk(job, place.index, last.index);
      take(job, entries);
    }
  }

  #fillFromDisk(job: Job, firstIndex: Index, lastIndex: Index): void {
    this.#store.read(firstIndex, lastIndex, readBytesMax, (error, entries) => {
      if (error !== null || entries.length === 0) {
        const message = error?.message ?? `log entry ${firstIndex} is not on disk`;
        const refusal: Refusal = { code: 'DAMAGED', message };
        return job.answer({ ok: false, refusal });
      }
      take(job, entries);
      this.#fill(job);
    });
  }
}

/** Moves on through the places as far as these entries (consecutive indexes) reach. */
function take(job: Job, entries: readonly Entry[]): void {
  const firstIndex = entries[0]?.index ?? 0;
  while (job.bytes < answerBytesMax) {
    const place = job.places[job.at];
    if (place === undefined) return;
    const entry = entries[place.index - firstIndex];
    if (entry === undefined) return;
    const data = peekRecord(entry.data, place.offset);
    job.records.push({
      seq: place.seq,
      index: entry.index,
      term: entry.term,
      timeMillis: entry.timeMillis,
      data,
    });
    job.at += 1;
    job.bytes += data.length;
  }
}

function finish(job: Job): void {
  const { records, nextSeq, wanted, answer } = job;
  answer({ ok: true, value: { records, nextSeq, complete: records.length === wanted } });
}
