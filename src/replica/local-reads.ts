/**
 * Answers reads of records, streams and keys from this server's machine and log: at once when they
 * may be stale, else behind a barrier that waits until everything committed before is applied here.
 */

import type { Refusal } from '../base/errors.js';
import { streamsListedMax } from '../base/limits.js';
import type { StreamState } from '../machine/commands.js';
import type { Consistency, ReadRange } from '../wire/client-messages.js';
import type { KeysRead, Outcome, RecordsRead, ReplicaApi, StreamsListed } from './api.js';
import type { Consensus } from './consensus.js';

/** What reads work with. */
export interface LocalReadsDeps {
  readonly consensus: () => Consensus | null;
  /** What a server in no cluster answers. */
  readonly notMember: () => Refusal;
}

type Reading = 'readRecords' | 'tail' | 'streams' | 'get' | 'list';

/** The reads of one server. */
export class LocalReads implements Pick<ReplicaApi, Reading> {
  readonly #deps: LocalReadsDeps;

  constructor(deps: LocalReadsDeps) {
    this.#deps = deps;
  }

  readRecords(
    stream: string,
    range: ReadRange,
    consistency: Consistency,
    answer: (outcome: Outcome<RecordsRead>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, ({ records }) => records.read(stream, range, answer));
  }

  tail(
    stream: string,
    consistency: Consistency,
    answer: (outcome: Outcome<StreamState>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, ({ machine }) => {
      const value = machine.streamState(stream);
      if (value !== null) return answer({ ok: true, value });
      const message = `there is no stream "${stream}": an append to it makes it`;
      answer({ ok: false, refusal: { code: 'NOT_FOUND', message } });
    });
  }

  streams(
    { prefix, after, limit }: Parameters<ReplicaApi['streams']>[0],
    consistency: Consistency,
    answer: (outcome: Outcome<StreamsListed>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, ({ machine }) => {
      const page = { prefix, after, limit: Math.min(limit, streamsListedMax) };
      answer({ ok: true, value: machine.streams(page) });
    });
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
