/**
 * The key-value store: one global revision that rises by one with every change, and per key the
 * revisions of its making and its last change and a count of writes (etcd's meanings, but an empty
 * store is at revision 0). Keys and values are copied on the way in: the bytes of a command are a
 * view of a whole network frame, which one small value would otherwise keep alive.
 */

import sortedBTree from 'sorted-btree';
import { compareBytes } from './byte-order.js';
import type { KeyValue } from './commands.js';
import type { StateDigest } from './state-digest.js';
import { type StateRow, StateRowError, valuePartBytesMax } from './state-rows.js';

/** Most bytes of keys and values that `list` gives at once (unless its first pair alone is
 * larger). */
export const listedBytesMax = 4 * 1024 * 1024;

/** Most keys that `list` gives at once. */
export const listedKeysMax = 10_000;

/** A range of keys in order. */
export interface KeysListed {
  readonly keys: readonly KeyValue[];
  /** The range holds more keys than were given. */
  readonly more: boolean;
}

type Pairs = InstanceType<typeof sortedBTree.default<Uint8Array, KeyValue>>;

/** The keys of a machine. */
export class KeyValues {
  readonly #pairs: Pairs = new sortedBTree.default(undefined, compareBytes);
  #revision = 0;

  /** Counts the changes since the beginning. */
  get revision(): number {
    return this.#revision;
  }

  get(key: Uint8Array): KeyValue | null {
    return this.#pairs.get(key) ?? null;
  }

  /** Writes a key and moves the revision. @returns what now stands there. */
  put(key: Uint8Array, value: Uint8Array): KeyValue {
    const old = this.#pairs.get(key);
    const revision = ++this.#revision;
    const pair: KeyValue = {
      key: old === undefined ? key.slice() : old.key,
      value: value.slice(),
      createRevision: old === undefined ? revision : old.createRevision,
      modRevision: revision,
      version: old === undefined ? 1 : old.version + 1,
    };
    this.#pairs.set(pair.key, pair);
    return pair;
  }

  /** Deletes a key; the revision moves only if it was there. @returns how many went: 0 or 1. */
  delete(key: Uint8Array): number {
    if (!this.#pairs.delete(key)) return 0;
    this.#revision++;
    return 1;
  }

  /** Keys from `start` (included) to `end` (excluded; empty: to the end), at most `limit` of them,
   * at most `listedKeysMax` and `listedBytesMax`. */
  list(start: Uint8Array, end: Uint8Array, limit: number): KeysListed {
    const keys: KeyValue[] = [];
    const countMax = Math.min(limit, listedKeysMax);
    let bytes = 0;
    for (const pair of this.#pairs.values(start)) {
      if (end.length > 0 && compareBytes(pair.key, end) >= 0) break;
      bytes += pair.key.length + pair.value.length;
      if (keys.length >= countMax || (keys.length > 0 && bytes > listedBytesMax)) {
        return { keys, more: true };
      }
      keys.push(pair);
    }
    return { keys, more: false };
  }

  /** The rows of what stands here now, whatever is written later: the tree is shared, and what is
   * changed of it from now on is copied first. A pair is never changed, only replaced. */
  freeze(): Iterable<StateRow> {
    return rowsOf(this.#revision, this.#pairs.clone());
  }

  /** Takes back a pair that was frozen; they come by rising key. Its bytes become the store's.
   * @throws StateRowError when it is not one that this store could hold. */
  restore(pair: KeyValue): void {
    const last = this.#pairs.maxKey();
    const isNext = last === undefined || compareBytes(last, pair.key) < 0;
    const { createRevision, modRevision, version } = pair;
    const isSound = createRevision >= 1 && createRevision <= modRevision && version >= 1;
    if (!isNext || !isSound) throw new StateRowError('a pair out of order, or of no revision');
    this.#pairs.set(pair.key, pair);
  }

  /** All pairs are back. @throws StateRowError when the store could not be at that revision. */
  restored(revision: number, count: number): void {
    if (this.#pairs.size !== count) throw new StateRowError('not as many pairs as were frozen');
    if (revision < count) throw new StateRowError('fewer changes than pairs');
    this.#revision = revision;
  }

  /** Adds revision and every pair, by rising key. */
  digest(into: StateDigest): void {
    into.number(this.#revision);
    into.number(this.#pairs.size);
    for (const pair of this.#pairs.values()) {
      into.bytes(pair.key);
      into.bytes(pair.value);
      into.number(pair.createRevision);
      into.number(pair.modRevision);
      into.number(pair.version);
    }
  }
}

function* rowsOf(revision: number, pairs: Pairs): Generator<StateRow> {
  yield { kind: 'keys', revision, count: pairs.size };
  for (const { key, value, createRevision, modRevision, version } of pairs.values()) {
    const valueBytes = value.length;
    const part = value.subarray(0, valuePartBytesMax);
    yield { kind: 'pair', key, createRevision, modRevision, version, valueBytes, part };
    for (let at = valuePartBytesMax; at < valueBytes; at += valuePartBytesMax) {
      yield { kind: 'valuePart', part: value.subarray(at, at + valuePartBytesMax) };
    }
  }
}
