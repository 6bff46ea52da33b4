/**
 * Histories of streams, judged by linear rules, of any length: the positions of records tell the
 * order of the operations, so nothing has to be searched. Every record of a history must differ
 * from every other. The exact search over the same history is here too: tests hold the one against
 * the other.
 * Rules: a position holds one record and a record one position, in reads and replies alike; what is
 * read was appended; the order of positions respects time; a position that nobody saw filled has an
 * append of unknown outcome that could have filled it.
 */

import {
  type Model,
  type Ordered,
  orderFault,
  type SearchLimits,
  search,
  searchLimitsDefault,
  type Timed,
  type Verdict,
} from './linearizability.js';

/** What a client asked of a stream. */
export type StreamCall =
  | { readonly op: 'append'; readonly records: readonly string[] }
  | { readonly op: 'read'; readonly fromSeq: number };

/** What it was told; `nextSeq` is the stream's when it was read. Streams count from 1. */
export type StreamReply =
  | { readonly kind: 'appended'; readonly firstSeq: number }
  | { readonly kind: 'records'; readonly records: readonly string[]; readonly nextSeq: number };

/** An operation on one stream. */
export interface StreamOperation extends Timed {
  readonly client: number;
  readonly stream: string;
  readonly call: StreamCall;
  /** Present exactly when `ended` is. */
  readonly reply: StreamReply | null;
}

type Append = Extract<StreamCall, { op: 'append' }>;

function describe({ client, stream, call, reply }: StreamOperation): string {
  const text = `client ${client} ${stream} ${JSON.stringify(call)} → ${JSON.stringify(reply)}`;
  return text.length > 300 ? `${text.slice(0, 297)}…` : text;
}

const model: Model<StreamOperation, readonly string[]> = {
  initial: [],
  step: (state, { call, reply }) => {
    if (call.op === 'append') {
      if (reply !== null && (reply.kind !== 'appended' || reply.firstSeq !== state.length + 1)) {
        return null;
      }
      return [...state, ...call.records];
    }
    if (reply?.kind !== 'records' || reply.nextSeq !== state.length + 1) return null;
    const fits = reply.records.every((record, i) => state[call.fromSeq - 1 + i] === record);
    return fits ? state : null;
  },
  placeOf: () => null,
  keyOf: (state) => JSON.stringify(state),
};

/** The exact search over the operations of one stream: for small histories. */
export function searchStream(
  history: readonly StreamOperation[],
  limits: SearchLimits = searchLimitsDefault,
): Verdict {
  const told = history.filter(({ call, reply }) => call.op === 'append' || reply !== null);
  return search(told, model, describe, limits);
}

/** What is known of one stream. */
class StreamRules {
  /** Where each record was appended: whose it is, and which of its records. */
  readonly #appends = new Map<string, { readonly at: number; readonly offset: number }>();
  readonly #history: readonly StreamOperation[];
  /** First position of each append, by its place in the history: from its reply or from reads. */
  readonly #firstSeqs = new Map<number, number>();
  /** The append whose record stands at a position. */
  readonly #owners = new Map<number, number>();
  #lastSeq = 0;

  constructor(history: readonly StreamOperation[]) {
    this.#history = history;
    for (const [at, { call }] of history.entries()) {
      if (call.op !== 'append') continue;
      for (const [offset, record] of call.records.entries()) {
        if (this.#appends.has(record)) throw new Error(`a record appended twice: ${record}`);
        this.#appends.set(record, { at, offset });
      }
    }
  }

  /** The fault, or null. */
  judge(): { readonly result: 'violated' | 'undecided'; readonly why: string } | null {
    for (const [at, operation] of this.#history.entries()) {
      const fault = this.#learn(at, operation);
      if (fault !== null) {
        return { result: 'violated', why: `${fault}: ${describe(operation)}` };
      }
    }
    const fault = this.#place() ?? orderFault(this.#ordered());
    return fault === null ? this.#judgeGaps() : { result: 'violated', why: fault };
  }

  #learn(at: number, { call, reply }: StreamOperation): string | null {
    if (reply === null) return null;
    if (call.op === 'append') {
      return reply.kind === 'appended' ? this.#seen(at, reply.firstSeq) : 'the reply is of a read';
    }
    if (reply.kind !== 'records') return 'the reply is of an append';
    if (reply.nextSeq < 1) return 'an end before the stream';
    this.#lastSeq = Math.max(this.#lastSeq, reply.nextSeq - 1);
    for (const [i, record] of reply.records.entries()) {
      const seq = call.fromSeq + i;
      if (seq >= reply.nextSeq) return `a record at ${seq}, beyond the end`;
      const append = this.#appends.get(record);
      if (append === undefined) return `nobody appended ${record}`;
      const fault = this.#seen(append.at, seq - append.offset);
      if (fault !== null) return fault;
    }
    return null;
  }

  /** The append at this place of the history begins at `firstSeq`. */
  #seen(at: number, firstSeq: number): string | null {
    const known = this.#firstSeqs.get(at);
    if (known === firstSeq) return null;
    if (known !== undefined) return `one append at ${known} and at ${firstSeq}`;
    if (firstSeq < 1) return 'an append that begins before the stream';
    this.#firstSeqs.set(at, firstSeq);
    return null;
  }

  #count(at: number): number {
    return ((this.#history[at] as StreamOperation).call as Append).records.length;
  }

  /** Fills the positions. */
  #place(): string | null {
    for (const [at, firstSeq] of this.#firstSeqs) {
      for (let seq = firstSeq; seq < firstSeq + this.#count(at); seq++) {
        const owner = this.#owners.get(seq);
        if (owner !== undefined) {
          const [one, other] = [owner, at].map((of) => describe(this.#history[of]!));
          return `two records at ${seq}: ${one}; ${other}`;
        }
        this.#owners.set(seq, at);
        this.#lastSeq = Math.max(this.#lastSeq, seq);
      }
    }
    for (const operation of this.#history) {
      const { reply } = operation;
      if (reply?.kind !== 'records') continue;
      const last = this.#owners.get(reply.nextSeq - 1);
      if (last !== undefined && last === this.#owners.get(reply.nextSeq)) {
        return `an append seen in part: ${describe(operation)}`;
      }
    }
    return null;
  }

  /** Appends by their last position, reads behind the append they end at. */
  #ordered(): readonly Ordered[] {
    return this.#history.flatMap((operation, at) => {
      const { begun, ended, reply } = operation;
      const what = describe(operation);
      if (reply?.kind === 'records') return [{ begun, ended, place: reply.nextSeq * 2 - 1, what }];
      const firstSeq = this.#firstSeqs.get(at);
      if (firstSeq === undefined) return [];
      return [{ begun, ended, place: (firstSeq + this.#count(at) - 1) * 2, what }];
    });
  }

  /**
   * Positions below the last one that nobody saw filled: each needs an unseen append that began
   * before whatever stands behind it had ended. Rising positions take what began early enough,
   * counted (Hall's condition for thresholds). Appends of several records that would have to be
   * fitted into gaps are not decided: a history ends with a read of everything.
   */
  #judgeGaps(): { readonly result: 'violated' | 'undecided'; readonly why: string } | null {
    const gaps: number[] = [];
    for (let seq = 1; seq <= this.#lastSeq; seq++) if (!this.#owners.has(seq)) gaps.push(seq);
    if (gaps.length === 0) return null;
    const unseen = this.#history.flatMap(({ call, reply }, at) =>
      call.op === 'append' && reply === null && !this.#firstSeqs.has(at) ? [at] : [],
    );
    if (unseen.some((at) => this.#count(at) !== 1)) {
      const why = `gaps at ${gaps.slice(0, 10).join()}, and appends of several records for them`;
      return { result: 'undecided', why };
    }
    const least = this.#leastSeqs(unseen);
    let usable = 0;
    for (const [i, gap] of gaps.entries()) {
      while (usable < least.length && (least[usable] as number) <= gap) usable++;
      if (usable < i + 1) {
        const why = `nobody can have filled position ${gap}: ${usable} appends for ${i + 1} gaps`;
        return { result: 'violated', why };
      }
    }
    return null;
  }

  /** The first position each of these appends may have, by what had ended when it began; sorted. */
  #leastSeqs(unseen: readonly number[]): readonly number[] {
    const byEnd = this.#ordered()
      .filter(({ ended }) => ended !== null)
      .sort((a, b) => (a.ended as number) - (b.ended as number));
    const begins = unseen.map((at) => (this.#history[at] as StreamOperation).begun);
    let next = 0;
    let highest = 0;
    return begins
      .sort((a, b) => a - b)
      .map((begun) => {
        for (; next < byEnd.length; next++) {
          const { ended, place } = byEnd[next] as Ordered;
          if ((ended as number) >= begun) break;
          highest = Math.max(highest, place);
        }
        return Math.floor(highest / 2) + 1;
      });
  }
}

/** Judges operations on any number of streams. @throws Error when records are not distinct. */
export function judgeStreams(history: readonly StreamOperation[]): Verdict {
  const byStream = new Map<string, StreamOperation[]>();
  for (const operation of history) {
    const list = byStream.get(operation.stream);
    if (list === undefined) byStream.set(operation.stream, [operation]);
    else list.push(operation);
  }
  let operations = 0;
  for (const [stream, list] of byStream) {
    const fault = new StreamRules(list).judge();
    if (fault !== null) return { result: fault.result, why: `stream ${stream}: ${fault.why}` };
    operations += list.filter(({ ended }) => ended !== null).length;
  }
  return { result: 'linearizable', operations, steps: history.length };
}
