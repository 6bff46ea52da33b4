/**
 * Where a read of a stream begins: at a sequence, at one of its ends, or at a time. For a time the
 * machine's marks tell a sequence that is not too late; from there the search doubles its step
 * until it has passed the time, and then halves what is left, so it looks at few entries however
 * long the stream is. It works because times never fall along the log: a leader stamps an entry
 * with its clock or the time of the entry before, whichever is later (raft/leader, raft/roles).
 */

import type { Refusal } from '../base/errors.js';
import type { RecordPlace } from '../machine/commands.js';
import type { Machine } from '../machine/machine.js';
import type { RaftCore } from '../raft/core.js';
import type { Entry } from '../raft/types.js';
import type { DiskError } from '../storage/disk.js';
import type { LogStore } from '../storage/log-store.js';
import type { ReadRange } from '../wire/client-messages.js';
import type { Outcome } from './api.js';

/** Where records are found. */
export interface RecordSource {
  readonly machine: Pick<Machine, 'stream' | 'locate' | 'timeMark'>;
  readonly core: Pick<RaftCore, 'entriesInMemory'>;
  readonly store: Pick<LogStore, 'read'>;
}

/** The ends of a stream, and where in between a read begins. */
export interface RecordSpan {
  readonly firstSeq: number;
  readonly nextSeq: number;
  /** The first record of the answer; `nextSeq`, or backwards `firstSeq` − 1, when there is none. */
  readonly start: number;
}

type Found = (outcome: Outcome<RecordSpan>) => void;

/** Finds where a range begins. TRIMMED when that record is trimmed away. */
export function findStart(
  source: RecordSource,
  stream: string,
  { from, backwards }: ReadRange,
  found: Found,
): void {
  if ('timeMillis' in from) {
    new TimeSearch(source, stream, from.timeMillis, backwards, found).begin();
    return;
  }
  const ends = endsOf(source, stream);
  const { firstSeq, nextSeq } = ends;
  if (from.seq !== 0 && from.seq < firstSeq) {
    return found({ ok: false, refusal: trimmed(stream, from.seq, firstSeq) });
  }
  const start = backwards
    ? Math.min(from.seq === 0 ? nextSeq - 1 : from.seq, nextSeq - 1)
    : Math.min(Math.max(from.seq, firstSeq), nextSeq);
  found({ ok: true, value: { ...ends, start } });
}

/** A search for the first record that was appended at or after a time. */
class TimeSearch {
  readonly #source: RecordSource;
  readonly #stream: string;
  readonly #timeMillis: number;
  readonly #backwards: boolean;
  readonly #found: Found;
  /** Where the stream ended when the search began. */
  #nextSeq = 1;
  /** Records below are older than the time. */
  #low = 0;
  /** Records from here on are not. */
  #high = 0;
  #step = 1;

  constructor(
    source: RecordSource,
    stream: string,
    timeMillis: number,
    backwards: boolean,
    found: Found,
  ) {
    this.#source = source;
    this.#stream = stream;
    this.#timeMillis = timeMillis;
    this.#backwards = backwards;
    this.#found = found;
  }

  begin(): void {
    this.#nextSeq = endsOf(this.#source, this.#stream).nextSeq;
    this.#high = this.#nextSeq;
    this.#low = this.#source.machine.timeMark(this.#stream, this.#timeMillis);
    this.#search();
  }

  #search(): void {
    for (;;) {
      const { firstSeq } = endsOf(this.#source, this.#stream);
      // What was trimmed meanwhile is no answer any more.
      this.#low = Math.max(this.#low, firstSeq);
      if (this.#low >= this.#high) return this.#end(firstSeq);
      const half = Math.floor((this.#high - this.#low) / 2);
      const seq = this.#low + Math.min(this.#step - 1, half);
      const place = this.#source.machine.locate(this.#stream, seq, 1)[0] as RecordPlace;
      const entry = this.#source.core.entriesInMemory(place.index, place.index)?.[0];
      if (entry === undefined) return this.#readFromDisk(place);
      this.#seen(seq, entry);
    }
  }

  #readFromDisk(place: RecordPlace): void {
    this.#source.store.read(place.index, place.index, 1, (error, entries) => {
      const [entry] = entries;
      if (error === null && entry !== undefined) this.#seen(place.seq, entry);
      else {
        const refusal = missingRefusal(this.#source, this.#stream, place, error);
        // Trimmed while it was read: the search goes on above it.
        if (refusal.code !== 'TRIMMED') return this.#found({ ok: false, refusal });
      }
      this.#search();
    });
  }

  #seen(seq: number, { timeMillis }: Entry): void {
    if (timeMillis < this.#timeMillis) {
      this.#low = seq + 1;
      this.#step *= 2;
    } else {
      this.#high = seq;
      this.#step = Number.MAX_SAFE_INTEGER;
    }
  }

  #end(firstSeq: number): void {
    const first = Math.max(this.#high, firstSeq);
    const start = this.#backwards ? first - 1 : first;
    // What was appended since the search began was not looked at: it is not in the answer.
    const nextSeq = Math.max(this.#nextSeq, firstSeq);
    this.#found({ ok: true, value: { firstSeq, nextSeq, start } });
  }
}

function endsOf(
  { machine }: RecordSource,
  stream: string,
): { readonly firstSeq: number; readonly nextSeq: number } {
  return machine.stream(stream) ?? { firstSeq: 1, nextSeq: 1 };
}

/** Why the entry of a record could not be read: damage, unless the record is kept no longer. */
export function missingRefusal(
  source: RecordSource,
  stream: string,
  { seq, index }: RecordPlace,
  error: DiskError | null,
): Refusal {
  const { firstSeq } = endsOf(source, stream);
  if (error === null && seq < firstSeq) return trimmed(stream, seq, firstSeq);
  return { code: 'DAMAGED', message: error?.message ?? `log entry ${index} is not on disk` };
}

function trimmed(stream: string, seq: number, firstSeq: number): Refusal {
  const message =
    `record ${seq} of the stream "${stream}" is trimmed away, as all below ${firstSeq}: ` +
    `read from ${firstSeq} on`;
  return { code: 'TRIMMED', message, expected: firstSeq };
}
