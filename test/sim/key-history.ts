/**
 * Histories of keys, judged: every key by itself with the exact search, all of them together by the
 * store's revision, which counts the writes of every key and so tells their order. A key holds a
 * value and the revision that wrote it; a write may be conditional on that.
 * An unknown put leaves a revision behind that nobody was told: the model keeps it as "at least",
 * and learns it from whoever sees it later.
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

/** What a client asked of a key. `expected`: its mod revision (0: absent); null: whatever it is. */
export type KeyCall =
  | { readonly op: 'get' }
  | { readonly op: 'put'; readonly value: string; readonly expected: number | null }
  | { readonly op: 'delete'; readonly expected: number | null };

/** What it was told. */
export type KeyReply =
  /**
   * `revision`: the store's when it was read, null when the reply does not say. `found` null: the
   * key is not there.
   */
  | {
      readonly kind: 'got';
      readonly revision: number | null;
      readonly found: { readonly value: string; readonly modRevision: number } | null;
    }
  | { readonly kind: 'put'; readonly revision: number }
  /** `count`: how many keys went; the revision is the store's after it. */
  | { readonly kind: 'deleted'; readonly revision: number; readonly count: 0 | 1 }
  /** The condition did not hold. */
  | { readonly kind: 'conflict' };

/** An operation on one key. What was refused and surely not done does not belong into a history. */
export interface KeyOperation extends Timed {
  readonly client: number;
  readonly key: string;
  readonly call: KeyCall;
  /** Present exactly when `ended` is. */
  readonly reply: KeyReply | null;
}

/** A key as one order of its operations leaves it. */
interface KeyState {
  /** Null: not there. */
  readonly value: string | null;
  /** The revision that wrote the value; 0 when not there, null when nobody was told. */
  readonly revision: number | null;
  /** The last revision that wrote or deleted this key is at least this one. */
  readonly floor: number;
  /** What an untold revision is not, as refusals show: sorted, all above `floor`. */
  readonly not: readonly number[];
}

const absent: KeyState = { value: null, revision: 0, floor: 0, not: [] };

/** The state in which the key's revision is `expected`, or null when it cannot be. */
function withRevision(state: KeyState, expected: number | null): KeyState | null {
  if (expected === null || state.revision === expected) return state;
  if (state.revision !== null || expected < state.floor || state.not.includes(expected))
    return null;
  return { ...state, revision: expected, floor: expected, not: [] };
}

/** The state in which the key's revision is not `expected`, or null when it surely is. */
function withoutRevision(state: KeyState, expected: number): KeyState | null {
  if (state.revision !== null) return state.revision === expected ? null : state;
  if (expected < state.floor || state.not.includes(expected)) return state;
  const not = [...state.not, expected].sort((a, b) => a - b);
  let { floor } = state;
  while (not[0] === floor) {
    not.shift();
    floor++;
  }
  return { ...state, floor, not };
}

function afterPut(state: KeyState, value: string, revision: number | null): KeyState | null {
  if (revision === null) return { value, revision, floor: state.floor + 1, not: [] };
  return revision > state.floor ? { value, revision, floor: revision, not: [] } : null;
}

function afterDelete(state: KeyState, revision: number | null): KeyState | null {
  if (state.value === null) return null;
  if (revision === null) return { ...absent, floor: state.floor + 1 };
  return revision > state.floor ? { ...absent, floor: revision } : null;
}

function step(state: KeyState, { call, reply }: KeyOperation): KeyState | null {
  if (reply?.kind === 'conflict') {
    return call.op === 'get' || call.expected === null
      ? null
      : withoutRevision(state, call.expected);
  }
  if (call.op === 'get') {
    if (reply?.kind !== 'got') return null;
    const { found } = reply;
    if (found === null) return state.value === null ? state : null;
    return state.value === found.value ? withRevision(state, found.modRevision) : null;
  }
  const met = withRevision(state, call.expected);
  if (met === null) return null;
  if (call.op === 'put') {
    if (reply === null) return afterPut(met, call.value, null);
    return reply.kind === 'put' ? afterPut(met, call.value, reply.revision) : null;
  }
  if (reply === null) return afterDelete(met, null);
  if (reply.kind !== 'deleted') return null;
  if (reply.count === 1) return afterDelete(met, reply.revision);
  return met.value === null && reply.revision >= met.floor ? met : null;
}

/** Revisions of a key only grow: a write is of its own, and who saw it came before the next. */
function placeOf({ reply }: KeyOperation): number | null {
  if (reply?.kind === 'put') return reply.revision * 2;
  if (reply?.kind === 'deleted' && reply.count === 1) return reply.revision * 2;
  if (reply?.kind === 'got' && reply.found !== null) return reply.found.modRevision * 2 + 1;
  return null;
}

const model: Model<KeyOperation, KeyState> = {
  initial: absent,
  step,
  placeOf,
  keyOf: ({ value, revision, floor, not }) =>
    `${value === null ? '-' : `=${value}`} ${revision} ${floor} ${not.join()}`,
};

function describe({ client, key, call, reply }: KeyOperation): string {
  return `client ${client} ${key} ${JSON.stringify(call)} → ${JSON.stringify(reply)}`;
}

/** Searches the operations of one key. */
export function searchKey(
  history: readonly KeyOperation[],
  limits: SearchLimits = searchLimitsDefault,
): Verdict {
  // A read that nobody heard explains nothing.
  const told = history.filter(({ call, reply }) => call.op !== 'get' || reply !== null);
  return search(told, model, describe, limits);
}

/** What revisions tell of the order of all keys' operations: a fault, or null. */
function revisionFault(history: readonly KeyOperation[]): string | null {
  const ordered: Ordered[] = [];
  const writers = new Map<number, string>();
  for (const operation of history) {
    const { begun, ended, reply } = operation;
    if (reply === null || reply.kind === 'conflict' || reply.revision === null) continue;
    const writes = reply.kind === 'put' || (reply.kind === 'deleted' && reply.count === 1);
    const what = describe(operation);
    if (writes) {
      const other = writers.get(reply.revision);
      if (other !== undefined) return `two writes of one revision: ${other}; ${what}`;
      writers.set(reply.revision, what);
    }
    // A read stands behind the write whose revision it saw.
    ordered.push({ begun, ended, place: reply.revision * 2 + (writes ? 0 : 1), what });
  }
  return orderFault(ordered);
}

/** Judges operations on any number of keys of one store. */
export function judgeKeys(
  history: readonly KeyOperation[],
  limits: SearchLimits = searchLimitsDefault,
): Verdict {
  const fault = revisionFault(history);
  if (fault !== null) return { result: 'violated', why: fault };
  const byKey = new Map<string, KeyOperation[]>();
  for (const operation of history) {
    const list = byKey.get(operation.key);
    if (list === undefined) byKey.set(operation.key, [operation]);
    else list.push(operation);
  }
  let operations = 0;
  let steps = 0;
  let undecided: Verdict | null = null;
  for (const [key, list] of byKey) {
    const verdict = searchKey(list, limits);
    if (verdict.result === 'linearizable') {
      operations += verdict.operations;
      steps += verdict.steps;
      continue;
    }
    const told = { result: verdict.result, why: `key ${key}: ${verdict.why}` };
    if (told.result === 'violated') return told;
    // One key on which the search gave up hides no fault of another.
    undecided ??= told;
  }
  return undecided ?? { result: 'linearizable', operations, steps };
}
