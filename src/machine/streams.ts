/**
 * All streams by name. The records themselves stay in the log (stored once); here stands only which
 * sequence is in which entry. A stream comes into being with its first record.
 */

import type { Index } from '../raft/types.js';
import type { RecordPlace } from './commands.js';
import { RunIndex } from './run-index.js';
import type { StateDigest } from './state-digest.js';

/** Most places given at once: about half a megabyte of objects. */
export const locatedRecordsMax = 10_000;

/** The streams of a machine. */
export class Streams {
  readonly #byName = new Map<string, RunIndex>();

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Sequence that the next record of the stream gets, or null when there is no such stream. */
  nextSeq(name: string): number | null {
    return this.#byName.get(name)?.nextSeq ?? null;
  }

  /** Appends the entry at `index` with its `records` records. @returns their first sequence. */
  append(name: string, index: Index, records: number): number {
    let runs = this.#byName.get(name);
    if (runs === undefined) {
      runs = new RunIndex();
      this.#byName.set(name, runs);
    }
    return runs.append(index, records);
  }

  /** See `RunIndex.locate`; never more than `locatedRecordsMax`. */
  locate(name: string, fromSeq: number, limit: number): readonly RecordPlace[] {
    return this.#byName.get(name)?.locate(fromSeq, Math.min(limit, locatedRecordsMax)) ?? [];
  }

  /** Adds every stream, by rising name. */
  digest(into: StateDigest): void {
    into.number(this.#byName.size);
    for (const name of [...this.#byName.keys()].sort()) {
      into.text(name);
      (this.#byName.get(name) as RunIndex).digest(into);
    }
  }
}
