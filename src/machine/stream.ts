/**
 * One stream: which of its sequences stand in which entry, what is trimmed away, its views, the
 * fence in force and what it keeps. Whether something may be done to it is judged before, in
 * stream-judge.ts; here it is done. All that a stream remembers is reached through its object.
 *
 * Invariants: sequences are given once, 1, 2, 3 … without a gap, whatever is trimmed; the first one
 * kept never falls; a sealed stream takes no record. Everything, retention too, is a function of
 * the log alone, so replicas keep alike.
 */

import { assert } from '../base/assert.js';
import type { Index } from '../raft/types.js';
import type { RecordPlace, Retention, StreamState } from './commands.js';
import { Marks } from './marks.js';
import { RunIndex } from './run-index.js';
import type { StateDigest } from './state-digest.js';
import type { MarksRow, RunsRow, StateRow, StreamRow } from './state-rows.js';
import { StreamViews } from './stream-views.js';

const unlimited: Retention = { recordsMax: null, bytesMax: null, ageMillisMax: null };

/** See the head of the file. */
export class Stream {
  readonly name: string;
  /** As of `Streams.own`: one of an older epoch is frozen, and is copied before it changes. */
  readonly epoch: number;
  readonly views: StreamViews;
  readonly #runs: RunIndex;
  readonly #marks: Marks;
  #fence = 0;
  #retention = unlimited;

  /** @param of the stream that this one is to be a copy of; null: a new one */
  constructor(name: string, epoch: number, of: Stream | null = null) {
    this.name = name;
    this.epoch = epoch;
    if (of === null) {
      this.views = new StreamViews();
      this.#runs = new RunIndex();
      this.#marks = new Marks();
      return;
    }
    this.views = of.views.copy();
    this.#runs = of.#runs.copy();
    this.#marks = of.#marks.copy();
    this.#fence = of.#fence;
    this.#retention = of.#retention;
  }

  /** The first record kept; `nextSeq` when there is none. */
  get firstSeq(): number {
    return this.#runs.firstSeq;
  }

  /** Sequence that the next record gets. */
  get nextSeq(): number {
    return this.#runs.nextSeq;
  }

  /** The greatest fence that an append brought; 0: none. */
  get fence(): number {
    return this.#fence;
  }

  /** What it keeps. */
  get retention(): Retention {
    return this.#retention;
  }

  /** Bytes held by index and marks. */
  get heldBytes(): number {
    return this.#runs.bytes + this.#marks.heldBytes;
  }

  /** How it stands. */
  state(): StreamState {
    return {
      firstSeq: this.firstSeq,
      nextSeq: this.nextSeq,
      bytes: this.#marks.bytes,
      fence: this.#fence,
      views: this.views.told(),
      retention: this.#retention,
    };
  }

  /**
   * Takes in the entry at `index` with `records` records of so many bytes together, then forgets
   * what is over. `timeMillis` never falls.
   * @returns the sequence of its first record.
   */
  append(index: Index, timeMillis: number, records: number, bytes: number): number {
    assert(!this.views.isSealed, 'a sealed view takes no record');
    const seq = this.#runs.append(index, records);
    this.#marks.append(seq, timeMillis, bytes);
    if (this.#retention !== unlimited) this.#retain(timeMillis);
    return seq;
  }

  /** Takes a fence into force; an older one changes nothing. */
  raiseFence(fence: number): void {
    if (fence > this.#fence) this.#fence = fence;
  }

  /** Closes the newest view for ever. */
  seal(): void {
    this.views.seal(this.nextSeq);
  }

  /** Opens the next view; the newest one is sealed. */
  openView(): void {
    assert(this.views.isSealed, 'only one view is open');
    this.views.open(this.nextSeq);
    this.views.trim(this.firstSeq);
  }

  /** Forgets records below `beforeSeq`, at most all. Below the first one kept it changes
   * nothing. */
  trim(beforeSeq: number): void {
    const seq = Math.min(beforeSeq, this.nextSeq);
    if (seq <= this.firstSeq) return;
    this.#runs.trim(seq);
    if (seq === this.nextSeq) this.#marks.trimAll();
    else this.#marks.trim(seq);
    this.views.trim(seq);
  }

  /** Sets what it keeps. What is over goes with the next append, or with time. */
  setRetention({ recordsMax, bytesMax, ageMillisMax }: Retention): void {
    const isNone = recordsMax === null && bytesMax === null && ageMillisMax === null;
    this.#retention = isNone ? unlimited : { recordsMax, bytesMax, ageMillisMax };
  }

  /** The first record to keep when it is `timeMillis`: what is before it are stretches that are
   * wholly too old. None goes too early, each at most `stretchMillis` late. */
  youngFrom(timeMillis: number): number {
    const { ageMillisMax } = this.#retention;
    if (ageMillisMax === null) return this.firstSeq;
    return this.#marks.firstAfter(timeMillis - ageMillisMax) ?? this.nextSeq;
  }

  /** See `RunIndex.locate`. */
  locate(fromSeq: number, limit: number): readonly RecordPlace[] {
    return this.#runs.locate(fromSeq, limit);
  }

  /** A sequence kept, or `nextSeq`: at or before the first record kept that was appended at or
   * after `timeMillis`, as near as the marks tell. */
  seqBefore(timeMillis: number): number {
    return Math.max(this.firstSeq, this.#marks.seqBefore(timeMillis) ?? this.nextSeq);
  }

  /** Its rows. Not to be walked once it was changed: it is copied before that (`Streams.own`). */
  *rows(): Generator<StateRow> {
    const { name, firstSeq, nextSeq } = this;
    const fence = this.#fence;
    const { totalBytes } = this.#marks;
    const retention = this.#retention;
    yield { kind: 'stream', name, firstSeq, nextSeq, fence, totalBytes, retention };
    yield* this.views.rows();
    yield* this.#marks.rowsKept();
    yield* this.#runs.rows();
  }

  /** Takes back a row that belongs to it. @throws StateRowError when it cannot. */
  restorePart(row: MarksRow | RunsRow): void {
    if (row.kind === 'marks') this.#marks.restoreMarks(row);
    else this.#runs.restoreRuns(row);
  }

  /** All its rows are back. @param lastIndex of the log. @throws StateRowError when they do not fit
   * each other. */
  restored(row: StreamRow, lastIndex: Index): void {
    const { firstSeq, nextSeq, totalBytes, fence, retention } = row;
    this.#runs.restored(firstSeq, nextSeq, lastIndex);
    this.#marks.restored(firstSeq, nextSeq, totalBytes);
    this.views.restored(nextSeq);
    this.#fence = fence;
    this.setRetention(retention);
  }

  /** Adds everything. */
  digest(into: StateDigest): void {
    into.text(this.name);
    this.#runs.digest(into);
    this.#marks.digest(into);
    this.views.digest(into);
    into.number(this.#fence);
    const { recordsMax, bytesMax, ageMillisMax } = this.#retention;
    for (const limit of [recordsMax, bytesMax, ageMillisMax]) into.number(limit ?? 0);
  }

  #retain(timeMillis: number): void {
    const { recordsMax, bytesMax } = this.#retention;
    if (recordsMax !== null) this.trim(this.nextSeq - recordsMax);
    if (bytesMax !== null && this.#marks.bytes > bytesMax) {
      this.trim(this.#marks.firstWithin(bytesMax));
    }
    this.trim(this.youngFrom(timeMillis));
  }
}
