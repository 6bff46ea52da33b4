/**
 * Builds a machine from the rows of a frozen one, row by row, in whatever pieces they come. What it
 * makes is the same machine: equal hash, equal replies to whatever is applied next. Rows are judged
 * as they come, but nobody may use the machine before all of them are there and whoever brings them
 * has found the whole unharmed: a snapshot that lacks its end is none.
 */

import { commandBytesMax } from '../base/limits.js';
import type { LogBase } from '../raft/types.js';
import { Machine, MachineParts } from './machine.js';
import { type StateRow, StateRowError, type StreamRow } from './state-rows.js';
import type { Stream } from './stream.js';

type Pair = Extract<StateRow, { kind: 'pair' }>;

/** The order of rows: kinds of one rank may take turns, the rank never falls. */
const rankOf: Readonly<Record<StateRow['kind'], number>> = {
  policy: 1,
  tombstone: 2,
  history: 3,
  keys: 4,
  pair: 5,
  valuePart: 5,
  session: 6,
  reply: 6,
  stream: 7,
  views: 7,
  marks: 7,
  runs: 7,
};

/** A stream whose parts are not all back. */
interface HalfStream {
  readonly row: StreamRow;
  readonly stream: Stream;
  hasViews: boolean;
}

/** A machine in the making. */
export class MachineRestoring {
  readonly #base: LogBase;
  readonly #parts = new MachineParts();
  #rank = 0;
  #keys: { readonly revision: number; readonly count: number } | null = null;
  /** A pair whose value has not come to its end. */
  #pair: Pair | null = null;
  #value = new Uint8Array(0);
  #valueAt = 0;
  #stream: HalfStream | null = null;

  /**
   * @param base where the frozen machine stood.
   * @param timeMillis its time, milliseconds since 1970.
   */
  constructor(base: LogBase, timeMillis: number) {
    this.#base = base;
    this.#parts.timeMillis = timeMillis;
  }

  /** Takes the next row. Of its bytes nothing is kept but copies.
   * @throws StateRowError when it contradicts those before. */
  take(row: StateRow): void {
    const rank = rankOf[row.kind];
    const isRepeated = rank === this.#rank && (row.kind === 'policy' || row.kind === 'keys');
    const isSkipped = rank > 1 && this.#rank === 0;
    if (rank < this.#rank || isRepeated || isSkipped) {
      throw new StateRowError(`a row of kind ${row.kind} out of order`);
    }
    if (this.#pair !== null && row.kind !== 'valuePart') {
      throw new StateRowError('a value without its end');
    }
    this.#rank = rank;
    const { members, sessions, policy } = this.#parts;
    switch (row.kind) {
      case 'policy':
        return policy.restore({ index: row.index, words: row.words });
      case 'tombstone': {
        const { kind: _, ...tombstone } = row;
        return members.restoreTombstone(tombstone);
      }
      case 'history': {
        const { kind: _, ...history } = row;
        return members.restoreHistory(history);
      }
      case 'keys':
        this.#keys = row;
        return;
      case 'pair':
        return this.#beginPair(row);
      case 'valuePart':
        return this.#addPart(row.part);
      case 'session':
        return sessions.restore(row.id, row.nextSequence, row.firstKept);
      case 'reply':
        return sessions.restoreReply(row.reply);
      case 'stream':
        return this.#beginStream(row);
      default:
        return this.#addToStream(row);
    }
  }

  /** All rows were taken. @returns the machine. @throws StateRowError when rows are missing. */
  finish(): Machine {
    const { members, keys, sessions } = this.#parts;
    if (this.#pair !== null) throw new StateRowError('a value without its end');
    if (this.#keys === null) throw new StateRowError('a state without its keys');
    const { index, configurationIndex, configuration } = this.#base;
    if (configurationIndex > index) throw new StateRowError('a configuration from behind the end');
    members.restored({ index: configurationIndex, configuration });
    keys.restored(this.#keys.revision, this.#keys.count);
    sessions.restored();
    this.#endStream();
    return new Machine(this.#base, this.#parts);
  }

  #beginStream(row: StreamRow): void {
    this.#endStream();
    this.#stream = { row, stream: this.#parts.streams.restore(row), hasViews: false };
  }

  #addToStream(row: Extract<StateRow, { kind: 'views' | 'marks' | 'runs' }>): void {
    const half = this.#stream;
    if (half === null) throw new StateRowError('a part of no stream');
    if (row.kind === 'views') {
      half.stream.views.restoreViews(row, !half.hasViews);
      half.hasViews = true;
    } else half.stream.restorePart(row);
  }

  #endStream(): void {
    const half = this.#stream;
    if (half === null) return;
    if (!half.hasViews) throw new StateRowError('a stream without views');
    half.stream.restored(half.row, this.#base.index);
    this.#stream = null;
  }

  #beginPair(pair: Pair): void {
    const { valueBytes } = pair;
    if (valueBytes > commandBytesMax) throw new StateRowError('a value larger than any can be');
    this.#pair = pair;
    this.#value = new Uint8Array(valueBytes);
    this.#valueAt = 0;
    this.#addPart(pair.part);
  }

  #addPart(part: Uint8Array): void {
    const pair = this.#pair;
    if (pair === null || this.#valueAt + part.length > pair.valueBytes) {
      throw new StateRowError('more of a value than there is');
    }
    this.#value.set(part, this.#valueAt);
    this.#valueAt += part.length;
    if (this.#valueAt < pair.valueBytes) return;
    const { key, createRevision, modRevision, version } = pair;
    const value = this.#value;
    this.#pair = null;
    this.#parts.keys.restore({ key: key.slice(), value, createRevision, modRevision, version });
  }
}
