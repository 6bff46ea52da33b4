/**
 * Judges what clients were told, against the model: every answer must be the state of some moment
 * between its question and itself. All of it is exact, for the model knows every state there was
 * and from which index on. What was refused for certain must never be done; that is asked at the
 * end.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ListResult, ReadResult } from '../../src/client/calls.js';
import type { KeyValue, StreamState } from '../../src/machine/commands.js';
import type { Index } from '../../src/raft/types.js';
import type { StreamRecord } from '../../src/wire/client-messages.js';
import { type KeyState, type MachineModel, textOf } from './machine-model.js';
import type { Marks } from './marks.js';
import type { ModelRecord } from './stream-model.js';
import { demand } from './violation.js';

/** Which records were asked for: from a sequence (0: from the end where it begins), or a time. */
export interface RangeAsked {
  readonly seq: number;
  /** Null: by the sequence. */
  readonly since: number | null;
  readonly backwards: boolean;
  readonly limit: number;
}

/** The judge of all clients of a world. */
export class ClientJudge {
  readonly #model: MachineModel;
  readonly #marks: Marks;
  /** Texts of writes that were refused for good: none of them may ever stand anywhere. */
  readonly #refused = new Set<string>();
  /** Texts of writes whose outcome their client never learnt. */
  readonly #unknown = new Set<string>();
  /** Answers given, by kind, so that a world in which nobody did anything is seen. */
  done = 0;

  constructor(model: MachineModel, marks: Marks) {
    this.#model = model;
    this.#marks = marks;
  }

  appended(stream: string, texts: readonly string[], seq: number, index: Index): void {
    const records = this.#model.records(stream);
    for (const [i, text] of texts.entries()) {
      const record = records[seq - 1 + i];
      demand(
        record !== undefined && record.text === text && record.index === index,
        () =>
          `"${text}" was acknowledged as record ${seq + i} of ${stream} at ${index}, is not there`,
      );
    }
    this.done += 1;
  }

  put(
    key: string,
    value: string,
    told: { readonly revision: number; readonly index: Index },
  ): void {
    const state = this.#model.keys.get(key)?.find(({ revision }) => revision === told.revision);
    demand(
      state !== undefined && state.value === value && state.from === told.index,
      () => `put of "${value}" was acknowledged at revision ${told.revision}, which is not there`,
    );
    this.done += 1;
  }

  /** A write was refused for certain (`isSure`), or nobody knows. */
  failed(text: string, isSure: boolean): void {
    if (isSure) this.#refused.add(text);
    else {
      this.#unknown.add(text);
      this.#marks.hit('write with unknown outcome');
    }
  }

  /** @param since what was committed when the question was asked; null: a stale read. */
  got(key: string, found: KeyValue | null, since: Index | null): void {
    const states = this.#model.keys.get(key) ?? [];
    const value = found === null ? null : textOf(found.value);
    const revision = found?.modRevision ?? 0;
    let fits =
      value === null && (since === null || (states[0]?.from ?? Number.POSITIVE_INFINITY) > since);
    for (let i = states.length - 1; i >= 0 && !fits; i--) {
      const end = states[i + 1]?.from ?? Number.POSITIVE_INFINITY;
      if (since !== null && end <= since) break;
      fits = isSame(states[i] as KeyState, value, revision);
    }
    demand(fits, () => `get ${key} gave "${value}" of revision ${revision}, asked at ${since}`);
    this.#readDone(since);
  }

  listed({ keys, revision, more }: ListResult, since: Index | null): void {
    if (since !== null) {
      const least = this.#model.revisionAt(since);
      demand(revision >= least, () => `list gave revision ${revision}, ${least} was committed`);
    }
    const wanted: string[] = [];
    for (const [key, states] of [...this.#model.keys].sort(([a], [b]) => (a < b ? -1 : 1))) {
      let state: KeyState | null = null;
      for (const each of states) if (each.revision <= revision) state = each;
      if (state !== null && state.value !== null) wanted.push(`${key}=${state.value}`);
    }
    const given = keys.map(({ key, value }) => `${textOf(key)}=${textOf(value)}`);
    const isSamePart = given.every((text, i) => text === wanted[i]);
    demand(
      isSamePart && (more || given.length === wanted.length),
      () => `list at revision ${revision} gave ${given.join(' ')} instead of ${wanted.join(' ')}`,
    );
    this.#readDone(since);
  }

  read(stream: string, from: number, result: ReadResult, since: Index | null): void {
    const { records, nextSeq } = result;
    const known = this.#model.records(stream).length;
    demand(nextSeq - 1 <= known, () => `${stream} was read to ${nextSeq}, it has ${known} records`);
    if (since !== null) {
      const least = this.#model.lengthAt(stream, since);
      demand(
        nextSeq - 1 >= least,
        () => `stale read of ${stream}: ${nextSeq - 1} records, but ${least} were committed before`,
      );
    } else if (nextSeq - 1 < known) this.#marks.hit('stale read was old');
    for (const [i, record] of records.entries()) this.record(stream, from + i, record);
    if (result.complete && records.length > 0) {
      const last = records[records.length - 1]?.seq ?? 0;
      demand(last < nextSeq, () => `${stream}: record ${last} is beyond its end ${nextSeq}`);
    }
    this.#readDone(since);
  }

  /** Where a stream begins and ends, as somebody was told. */
  bounds(
    stream: string,
    { firstSeq, nextSeq }: { readonly firstSeq: number; readonly nextSeq: number },
    since: Index | null,
  ): void {
    const known = this.#model.streams.get(stream);
    demand(
      firstSeq <= nextSeq && nextSeq <= (known?.nextSeq ?? 1) && firstSeq <= (known?.firstSeq ?? 1),
      () => `${stream} was told to have ${firstSeq} up to ${nextSeq}`,
    );
    if (since !== null) {
      const least = known?.lengthAt(since) ?? 0;
      demand(nextSeq - 1 >= least, () => `stale ${stream}: ${nextSeq}, ${least} were committed`);
      const trimmed = known?.firstSeqAt(since) ?? 1;
      demand(
        firstSeq >= trimmed,
        () => `${stream} was told to begin at ${firstSeq}, but was trimmed to ${trimmed} before`,
      );
    }
    this.#readDone(since);
  }

  /** Records as somebody was given them, in the order asked for, from wherever it was asked. */
  range(stream: string, asked: RangeAsked, result: ReadResult, since: Index | null): void {
    this.bounds(stream, result, since);
    const { records, firstSeq, nextSeq } = result;
    const step = asked.backwards ? -1 : 1;
    const model = this.#model.records(stream);
    const say = (what: string) => () => `${stream} from ${JSON.stringify(asked)}: ${what}`;
    for (const [i, record] of records.entries()) {
      this.record(stream, record.seq, record);
      const isNext = i === 0 || record.seq === (records[i - 1]?.seq ?? 0) + step;
      demand(isNext, say(`${record.seq} out of order`));
      demand(record.seq >= firstSeq && record.seq < nextSeq, say(`${record.seq} is not kept`));
      const millis = model[record.seq - 1]?.millis;
      demand(record.timeMillis === millis, say(`${record.seq} at ${record.timeMillis}`));
    }
    demand(records.length <= asked.limit, say(`${records.length} records`));
    const start = startOf(model, asked, result);
    const isThere = start >= firstSeq && start < nextSeq;
    demand(records[0]?.seq === (isThere ? start : undefined), say(`begun at ${records[0]?.seq}`));
  }

  /** A read or follow was refused because the record it came to is trimmed away. */
  trimmed(stream: string, seq: number, expected: number | undefined, since: Index | null): void {
    const known = this.#model.streams.get(stream);
    const least = since === null ? 1 : (known?.firstSeqAt(since) ?? 1);
    demand(
      expected !== undefined &&
        seq < expected &&
        expected <= (known?.firstSeq ?? 1) &&
        expected >= least,
      () => `record ${seq} of ${stream} was called trimmed away below ${expected}`,
    );
    this.#readDone(since);
  }

  /** A stream was changed, and stood so. */
  changed(stream: string, state: StreamState, index: Index): void {
    const known = this.#model.streams.get(stream)?.stateAt(index);
    demand(
      known !== undefined && isDeepStrictEqual(known, state),
      () => `${stream} was told to be ${JSON.stringify(state)} at ${index}`,
    );
    this.done += 1;
  }

  /** A record that somebody was given as number `seq`. */
  record(stream: string, seq: number, record: StreamRecord): void {
    const known = this.#model.records(stream)[seq - 1];
    demand(
      record.seq === seq && known?.text === textOf(record.data) && known.index === record.index,
      () => `record ${seq} of ${stream} was given as ${record.seq} "${textOf(record.data)}"`,
    );
  }

  /** The end: exactly once, in the order of the calls, nothing that was refused. */
  finish(areOrdered: (client: string) => boolean): void {
    const seen = new Set<string>();
    for (const [stream, { records }] of this.#model.streams) {
      const newest = new Map<string, number>();
      for (const { text } of records) {
        this.#once(seen, text);
        const [client = '', number = '0'] = text.split('-');
        const before = newest.get(client) ?? 0;
        const isInOrder = !areOrdered(client) || Number(number) > before;
        demand(isInOrder, () => `${stream}: "${text}" stands behind "${client}-${before}"`);
        newest.set(client, Number(number));
      }
    }
    for (const states of this.#model.keys.values()) {
      for (const { value } of states) if (value !== null) this.#once(seen, value);
    }
  }

  #once(seen: Set<string>, text: string): void {
    demand(!seen.has(text), () => `"${text}" was done twice`);
    demand(!this.#refused.has(text), () => `"${text}" was refused for certain, and done`);
    seen.add(text);
    if (this.#unknown.has(text)) this.#marks.hit('unknown write was done');
  }

  #readDone(since: Index | null): void {
    this.done += 1;
    if (since !== null) this.#marks.hit('linearizable read answered');
  }
}

/** Where an answer must begin. */
function startOf(
  model: readonly ModelRecord[],
  { seq, since, backwards }: RangeAsked,
  { firstSeq, nextSeq }: ReadResult,
): number {
  if (since !== null) {
    let first = firstSeq;
    while (first < nextSeq && (model[first - 1] as ModelRecord).millis < since) first += 1;
    return backwards ? first - 1 : first;
  }
  if (seq === 0) return backwards ? nextSeq - 1 : firstSeq;
  return backwards ? Math.min(seq, nextSeq - 1) : seq;
}

function isSame(state: KeyState, value: string | null, revision: number): boolean {
  if (state.value === null || value === null) return state.value === value;
  return state.value === value && state.revision === revision;
}
