/**
 * Answers reads of records and keys from this server's machine and log: at once when they may be
 * stale, else behind a barrier that waits until everything committed before is applied here.
 */

import type { Refusal } from '../base/errors.js';
import type { Consistency } from '../wire/client-messages.js';
import type { KeysRead, Outcome, RecordsRead, ReplicaApi } from './api.js';
import type { Consensus } from './consensus.js';

/** What reads work with. */
export interface LocalReadsDeps {
  readonly consensus: () => Consensus | null;
  /** What a server in no cluster answers. */
  readonly notMember: () => Refusal;
}

/** The reads of one server. */
export class LocalReads implements Pick<ReplicaApi, 'readRecords' | 'get' | 'list'> {
  readonly #deps: LocalReadsDeps;

  constructor(deps: LocalReadsDeps) {
    this.#deps = deps;
  }

  readRecords(
    stream: string,
    fromSeq: number,
    limit: number,
    consistency: Consistency,
    answer: (outcome: Outcome<RecordsRead>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, (consensus) =>
      consensus.records.read(stream, fromSeq, limit, answer),
    );
  }

  get(
    key: Uint8Array,
    consistency: Consistency,
    answer: (outcome: Outcome<KeysRead>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, ({ machine }) => {
      const found = machine.get(key);
      const keys = found === null ? [] : [found];
      answer({ ok: true, value: { revision: machine.revision, keys, more: false } });
    });
  }

  list(
    start: Uint8Array,
    end: Uint8Array,
    limit: number,
    consistency: Consistency,
    answer: (outcome: Outcome<KeysRead>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, ({ machine }) => {
      const { keys, more } = machine.list(start, end, limit);
      answer({ ok: true, value: { revision: machine.revision, keys, more } });
    });
  }

  #behindBarrier<T>(
    consistency: Consistency,
    answer: (outcome: Outcome<T>) => void,
    read: (consensus: Consensus) => void,
  ): void {
    const consensus = this.#deps.consensus();
    if (consensus === null) return answer({ ok: false, refusal: this.#deps.notMember() });
    if (consistency === 'stale') return read(consensus);
    consensus.reads.barrier((refusal) => {
      if (refusal === null) read(consensus);
      else answer({ ok: false, refusal });
    });
  }
}
