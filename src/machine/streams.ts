/**
 * All streams by name. The records themselves stay in the log (stored once); here stands only which
 * sequence is in which entry. A stream comes into being with its first record, or when it is sealed
 * or told what to keep; it never goes.
 */

import sortedBTree from 'sorted-btree';
import { unreachable } from '../base/assert.js';
import type { RecordPlace, StreamChange, StreamState } from './commands.js';
import type { StateDigest } from './state-digest.js';
import { type StateRow, StateRowError, type StreamRow } from './state-rows.js';
import { Stream } from './stream.js';

/** Most places given at once: about half a megabyte of objects. */
export const locatedRecordsMax = 10_000;

/** Which streams to list. */
export interface StreamsPage {
  /** What their names begin with. */
  readonly prefix: string;
  /** Names come behind this one; empty: from the first. */
  readonly after: string;
  readonly limit: number;
}

/** Streams by rising name. */
export interface StreamsFound {
  readonly streams: readonly { readonly name: string; readonly state: StreamState }[];
  /** There are more of them. */
  readonly more: boolean;
}

type StreamTree = InstanceType<typeof sortedBTree.default<string, Stream>>;

/** The streams of a machine. Who changes a stream asks `own` for it first. */
export class Streams {
  /** To find one fast, … */
  readonly #byName = new Map<string, Stream>();
  /** … and in the order of the units of UTF-16, as JavaScript compares strings. */
  readonly #inOrder: StreamTree = new sortedBTree.default(undefined, compareNames);
  /** Those with an age limit: what time alone may trim. */
  readonly #aging = new Set<Stream>();
  /** Counts how often all streams were frozen. */
  #epoch = 0;

  /** The stream of that name, if there is one. */
  find(name: string): Stream | undefined {
    return this.#byName.get(name);
  }

  /** Makes a stream; there is none of that name. */
  make(name: string): Stream {
    const stream = new Stream(name, this.#epoch);
    this.#byName.set(name, stream);
    this.#inOrder.set(name, stream);
    return stream;
  }

  /** A stream that was found, to be changed: a copy in its place if it is frozen. */
  own(found: Stream): Stream {
    if (found.epoch === this.#epoch) return found;
    const { name } = found;
    const copy = new Stream(name, this.#epoch, found);
    this.#byName.set(name, copy);
    this.#inOrder.set(name, copy);
    if (this.#aging.delete(found)) this.#aging.add(copy);
    return copy;
  }

  /** Changes a stream of `own` as was judged right (stream-judge.ts). */
  change(stream: Stream, change: StreamChange): void {
    switch (change.kind) {
      case 'seal':
        return stream.seal();
      case 'openView':
        return stream.openView();
      case 'trim':
        return stream.trim(change.beforeSeq);
      case 'setRetention':
        stream.setRetention(change);
        if (change.ageMillisMax === null) this.#aging.delete(stream);
        else this.#aging.add(stream);
        return;
      default:
        return unreachable(change);
    }
  }

  /** Forgets what is too old when it is `timeMillis`, in all streams that have an age limit. */
  expire(timeMillis: number): void {
    for (const stream of [...this.#aging]) {
      const seq = stream.youngFrom(timeMillis);
      if (seq > stream.firstSeq) this.own(stream).trim(seq);
    }
  }

  /** Streams behind `after` that begin with `prefix`, at most `limit`. */
  list({ prefix, after, limit }: StreamsPage): StreamsFound {
    const streams: { readonly name: string; readonly state: StreamState }[] = [];
    for (const [name, stream] of this.#inOrder.entries(after < prefix ? prefix : after)) {
      if (name === after) continue;
      if (!name.startsWith(prefix)) break;
      if (streams.length >= limit) return { streams, more: true };
      streams.push({ name, state: stream.state() });
    }
    return { streams, more: false };
  }

  /** See `Stream.locate`; never more than `locatedRecordsMax`. */
  locate(name: string, fromSeq: number, limit: number): readonly RecordPlace[] {
    return this.find(name)?.locate(fromSeq, Math.min(limit, locatedRecordsMax)) ?? [];
  }

  /** The rows of what stands here now, whatever comes later: the tree is shared, and so is each
   * stream until it changes. */
  freeze(): Iterable<StateRow> {
    this.#epoch += 1;
    return rowsOf(this.#inOrder.clone());
  }

  /** Makes a stream that was frozen; they come by rising name. Its parts are not back yet.
   * @throws StateRowError when it is out of order. */
  restore({ name, retention }: StreamRow): Stream {
    const last = this.#inOrder.maxKey();
    if (last !== undefined && last >= name) throw new StateRowError('a stream out of order');
    const stream = this.make(name);
    if (retention.ageMillisMax !== null) this.#aging.add(stream);
    return stream;
  }

  /** Adds every stream, by rising name. */
  digest(into: StateDigest): void {
    into.number(this.#byName.size);
    for (const stream of this.#inOrder.values()) stream.digest(into);
  }
}

function* rowsOf(streams: StreamTree): Generator<StateRow> {
  for (const stream of streams.values()) yield* stream.rows();
}

function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
