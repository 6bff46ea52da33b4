/**
 * Small random histories, most of them spoiled, and a twin of the judges that tries every order of
 * every subset: slow, short, and written without a look at them. Revisions that nobody was told are
 * tried one by one.
 */

import type { Rng } from '../../src/base/rng.js';
import type { KeyOperation, KeyReply } from './key-history.js';
import type { Timed } from './linearizability.js';
import type { StreamOperation, StreamReply } from './stream-history.js';

/** Every state that `operation` can lead to from `state`; none: its reply does not fit. */
type Outcomes<Operation, State> = (state: State, operation: Operation) => readonly State[];

/** True when some order of some of the operations, with all of known outcome, explains them. */
function explicable<Operation extends Timed, State>(
  rest: readonly Operation[],
  state: State,
  outcomes: Outcomes<Operation, State>,
): boolean {
  if (rest.every(({ ended }) => ended === null)) return true;
  return rest.some((operation) => {
    const others = rest.filter((each) => each !== operation);
    const tooEarly = others.some(({ ended }) => ended !== null && ended < operation.begun);
    if (tooEarly) return false;
    return outcomes(state, operation).some((next) => explicable(others, next, outcomes));
  });
}

interface PlainKey {
  readonly value: string | null;
  readonly revision: number;
  readonly last: number;
}

const revisionMax = 14;

function readFits(state: PlainKey, reply: KeyReply | null): boolean {
  if (reply?.kind !== 'got') return false;
  const { found } = reply;
  if (found === null || state.value === null) return found === null && state.value === null;
  return found.value === state.value && found.modRevision === state.revision;
}

/** The revisions that a write after revision `last` may have. */
function revisionsAfter(last: number, told: number | null): readonly number[] {
  if (told !== null) return told > last ? [told] : [];
  return Array.from({ length: revisionMax - last }, (_, i) => last + 1 + i);
}

function keyOutcomes(state: PlainKey, { call, reply }: KeyOperation): readonly PlainKey[] {
  if (call.op === 'get') return readFits(state, reply) ? [state] : [];
  const met = call.expected === null || call.expected === state.revision;
  if (reply?.kind === 'conflict') return met ? [] : [state];
  if (!met) return [];
  if (call.op === 'put') {
    if (reply !== null && reply.kind !== 'put') return [];
    const { value } = call;
    const revisions = revisionsAfter(state.last, reply?.revision ?? null);
    return revisions.map((revision) => ({ value, revision, last: revision }));
  }
  if (reply !== null && reply.kind !== 'deleted') return [];
  if (state.value === null) {
    return reply?.count === 0 && reply.revision >= state.last ? [state] : [];
  }
  if (reply?.count === 0) return [];
  const revisions = revisionsAfter(state.last, reply?.revision ?? null);
  return revisions.map((last) => ({ value: null, revision: 0, last }));
}

/** The twin of `searchKey`. */
export function twinOfKeys(history: readonly KeyOperation[]): boolean {
  return explicable(history, { value: null, revision: 0, last: 0 }, keyOutcomes);
}

function streamOutcomes(
  state: readonly string[],
  { call, reply }: StreamOperation,
): readonly (readonly string[])[] {
  if (call.op === 'append') {
    const fits =
      reply === null || (reply.kind === 'appended' && reply.firstSeq === state.length + 1);
    return fits ? [state.concat(call.records)] : [];
  }
  if (reply?.kind !== 'records' || reply.nextSeq !== state.length + 1) return [];
  const { length } = reply.records;
  const slice = state.slice(call.fromSeq - 1, call.fromSeq - 1 + length);
  return slice.join() === reply.records.join() && slice.length === length ? [state] : [];
}

/** The twin of `searchStream`. */
export function twinOfStreams(history: readonly StreamOperation[]): boolean {
  return explicable(history, [], streamOutcomes);
}

/** Begin, moment and end of so many operations, some without end, some without a moment. */
function drawTimes(rng: Rng, count: number): readonly (Timed & { readonly moment: number })[] {
  return Array.from({ length: count }, () => {
    const begun = rng.below(20);
    const moment = begun + rng.below(8) + 0.5;
    const ended = Math.ceil(moment) + rng.below(6);
    if (rng.below(4) > 0) return { begun, moment, ended };
    return { begun, moment: rng.below(2) === 0 ? moment : Number.POSITIVE_INFINITY, ended: null };
  }).sort((a, b) => a.moment - b.moment);
}

function drawKeyCall(rng: Rng, state: PlainKey): KeyOperation['call'] {
  const near = rng.below(3) === 0 ? rng.below(6) : state.revision;
  const expected = rng.below(2) === 0 ? null : near;
  const verb = rng.below(5);
  if (verb < 2) return { op: 'get' };
  if (verb === 2) return { op: 'delete', expected };
  return { op: 'put', value: 'ab'[rng.below(2)]!, expected };
}

/** What a store at `state` answers, and what it is afterwards. */
function answerKey(
  state: PlainKey,
  call: KeyOperation['call'],
  revision: number,
): { readonly reply: KeyReply; readonly next: PlainKey } {
  if (call.op === 'get') {
    const { value, revision: modRevision } = state;
    const found = value === null ? null : { value, modRevision };
    return { reply: { kind: 'got', revision: null, found }, next: state };
  }
  if (call.expected !== null && call.expected !== state.revision) {
    return { reply: { kind: 'conflict' }, next: state };
  }
  if (call.op === 'put') {
    const next = { value: call.value, revision, last: revision };
    return { reply: { kind: 'put', revision }, next };
  }
  if (state.value === null) {
    return { reply: { kind: 'deleted', revision: state.last, count: 0 }, next: state };
  }
  const next = { value: null, revision: 0, last: revision };
  return { reply: { kind: 'deleted', revision, count: 1 }, next };
}

/** A history of one key that really happened: its operations done at their moments. */
export function drawKeys(rng: Rng, count: number): KeyOperation[] {
  let state: PlainKey = { value: null, revision: 0, last: 0 };
  return drawTimes(rng, count).map(({ begun, ended, moment }, client) => {
    const call = drawKeyCall(rng, state);
    const revision = state.last + 1 + (rng.below(4) === 0 ? 1 : 0);
    const { reply, next } = answerKey(state, call, revision);
    if (Number.isFinite(moment)) state = next;
    return { client, key: 'k', begun, ended, call, reply: ended === null ? null : reply };
  });
}

/** A history of one stream that really happened. `batch`: most records of one append. */
export function drawStream(rng: Rng, count: number, batch: number): StreamOperation[] {
  const log: string[] = [];
  let made = 0;
  return drawTimes(rng, count).map(({ begun, ended, moment }, client) => {
    const rest = { client, stream: 's', begun, ended };
    if (rng.below(2) === 0) {
      const fromSeq = rng.below(3) === 0 ? rng.between(1, 4) : 1;
      const records = log.slice(fromSeq - 1, fromSeq - 1 + (rng.below(3) === 0 ? 2 : 99));
      const reply: StreamReply = { kind: 'records', records, nextSeq: log.length + 1 };
      return { ...rest, call: { op: 'read', fromSeq }, reply: ended === null ? null : reply };
    }
    const records = Array.from({ length: rng.between(1, batch) }, () => `r${++made}`);
    const reply: StreamReply = { kind: 'appended', firstSeq: log.length + 1 };
    if (Number.isFinite(moment)) log.push(...records);
    return { ...rest, call: { op: 'append', records }, reply: ended === null ? null : reply };
  });
}

/** One operation of another time, or with the reply of another: most often wrong now. */
export function spoil<Operation extends KeyOperation | StreamOperation>(
  rng: Rng,
  history: Operation[],
): void {
  const at = rng.below(history.length);
  const one = history[at]!;
  const other = history[rng.below(history.length)]!;
  const { reply } = one;
  switch (rng.below(4)) {
    case 0:
      history[at] = {
        ...one,
        begun: other.begun,
        ended: one.ended === null ? null : other.begun + 3,
      };
      return;
    case 1:
      if (one.call.op === other.call.op && reply !== null && other.reply !== null) {
        history[at] = { ...one, reply: other.reply };
      }
      return;
    default:
      if (reply === null) return;
      if ('firstSeq' in reply) {
        history[at] = {
          ...one,
          reply: { ...reply, firstSeq: reply.firstSeq + rng.between(-1, 1) },
        };
      } else if ('nextSeq' in reply) {
        const records = rng.below(2) === 0 ? reply.records : reply.records.slice(1);
        const nextSeq = reply.nextSeq + rng.between(-1, 1);
        history[at] = { ...one, reply: { ...reply, records, nextSeq } };
      } else if (reply.kind === 'got') {
        const found =
          rng.below(2) === 0 ? null : { value: 'ab'[rng.below(2)]!, modRevision: rng.below(5) };
        history[at] = { ...one, reply: { ...reply, found } };
      } else if ('revision' in reply) {
        const revision = Math.max(0, reply.revision + rng.between(-1, 2));
        history[at] = { ...one, reply: { ...reply, revision } };
      }
  }
}
