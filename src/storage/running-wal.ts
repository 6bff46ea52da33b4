/**
 * The write-ahead log while it is open. One write is in flight; what arrives meanwhile waits and
 * goes into the next (group commit). A write is done when it is on disk, for the file is opened so;
 * then the index learns of it and the callers hear, in order. A write that finds no room waits for
 * some (`log-room.ts`); any other failure is the end: nobody hears anything any more
 * (docs/storage.md). `wal.ts` opens and founds; `write-builder.ts` has the bytes; `wal-reader.ts`
 * reads them back.
 *
 * Invariant: no byte of a segment ever gets another value once it was written, and no write starts
 * before the one before it is on disk. What recovery concludes from a log rests on both.
 */

import { assert } from '../base/assert.js';
import type { Timer } from '../base/clock.js';
import { frameBytesMax } from '../base/limits.js';
import type { Entry, HardState, Index } from '../raft/types.js';
import { encodeEntries } from '../wire/entry-codec.js';
import type { DiskError, DiskFile } from './disk.js';
import { LogRoom } from './log-room.js';
import type { LogBatch, LogStore, Shortage, WriteTimes } from './log-store.js';
import { encodeSegmentHeader } from './segment-header.js';
import type { LogIndex } from './segment-index.js';
import { SegmentPool } from './segment-pool.js';
import type { WalDeps, WalOptions } from './wal-options.js';
import { type ReadDone, WalReader } from './wal-reader.js';
import { batchOverheadBytes, WriteBuilder } from './write-builder.js';
import { WriteTimer } from './write-times.js';

/**
 * A write is not made longer than this: who came first should not wait for all who came after.
 * Above the largest entry with what a batch adds to it.
 */
const writeBytesMax = frameBytesMax;

/** A batch that waits to be written, and how far it has been. */
interface Pending {
  readonly batch: LogBatch;
  readonly done: () => void;
  /** Entries already in a write; −1 while not even truncation and hard state are. */
  taken: number;
}

/** Where an opened log goes on. */
export interface WalStart {
  readonly index: LogIndex;
  readonly baseIndex: Index;
  readonly hardState: HardState;
  readonly file: DiskFile;
  readonly segmentId: number;
  readonly end: number;
  readonly nextSequence: number;
  readonly hasSpare: boolean;
  readonly hasReserve: boolean;
}

/** The log of one member. */
export class RunningWal implements LogStore {
  readonly #options: Required<WalOptions>;
  readonly #deps: WalDeps;
  readonly #index: LogIndex;
  readonly #baseIndex: Index;
  readonly #pool: SegmentPool;
  readonly #reader: WalReader;
  readonly #room: LogRoom;
  readonly #builder: WriteBuilder;
  readonly #timer: WriteTimer;

  // Where the next write goes: everything before is on disk.
  #file: DiskFile;
  #segmentId: number;
  #end: number;
  #previousEnd = 0;
  #nextSequence: number;
  #hardState: HardState;

  /** Last index given to `append`, and the last that `read` may see: on disk and not to be cut. */
  #lastAppended: Index;
  #readableLast: Index;
  /** Counts cuts, so that a read notices one that came while it was under way. */
  #cuts = 0;

  readonly #queue: Pending[] = [];
  /** The write has nothing yet in a fresh segment: its first entry may be of any length. */
  #mayOverflow = false;
  #isWriting = false;
  #isDead = false;
  #closing: (() => void) | null = null;
  /** The newest batch is proved by nothing after it yet. */
  #needsMark = false;
  #markTimer: Timer | null = null;
  /** The newest batch says that the log was stopped in order. */
  #isStopWritten = false;

  constructor(options: Required<WalOptions>, deps: WalDeps, start: WalStart) {
    this.#options = options;
    this.#deps = deps;
    this.#index = start.index;
    this.#baseIndex = start.baseIndex;
    this.#file = start.file;
    this.#segmentId = start.segmentId;
    this.#end = start.end;
    this.#nextSequence = start.nextSequence;
    this.#hardState = start.hardState;
    this.#lastAppended = start.index.lastIndex;
    this.#readableLast = start.index.lastIndex;
    const { disk, checksum } = deps;
    this.#pool = new SegmentPool(disk, options.directory);
    this.#reader = new WalReader(start.index, this.#pool, options.directory, checksum);
    const stuck = (): void => this.#maybeGiveUp();
    const failed = (error: DiskError): void => this.#die(error);
    const { hasSpare, hasReserve, segmentId } = start;
    const files = { nextSegmentId: segmentId + 1, hasSpare, hasReserve };
    this.#room = new LogRoom(options, { disk, clock: deps.clock, stuck, failed }, files);
    this.#builder = new WriteBuilder(checksum);
    this.#timer = new WriteTimer(deps.clock);
    this.#maybePrepareSpare();
  }

  append(batch: LogBatch, done: () => void): void {
    if (this.#isDead) return;
    assert(this.#closing === null, 'append to a log that is closing');
    this.#admit(batch);
    this.#queue.push({ batch, done, taken: -1 });
    if (!this.#isWriting) this.#startWrite();
  }

  read(firstIndex: Index, lastIndex: Index, bytesMax: number, done: ReadDone): void {
    const last = Math.min(lastIndex, this.#readableLast);
    if (firstIndex <= this.#baseIndex || firstIndex > last) {
      this.#deps.clock.afterTurn(() => done(null, []));
      return;
    }
    const cuts = this.#cuts;
    this.#reader.read({ first: firstIndex, last, bytesMax }, (error, entries) => {
      // Entries that were cut meanwhile must not be handed out: look again, by what holds now.
      if (cuts !== this.#cuts) this.read(firstIndex, lastIndex, bytesMax, done);
      else done(error, entries);
    });
  }

  watchRoom(watcher: (shortage: Shortage | null) => void): void {
    this.#room.watch(watcher);
  }

  writeTimes(): WriteTimes {
    return this.#timer.times;
  }

  close(done: () => void): void {
    assert(this.#closing === null, 'a log is closed once');
    this.#closing = done;
    this.#markTimer?.cancel();
    this.#markTimer = null;
    if (this.#isDead) this.#closeFiles();
    else if (!this.#isWriting) this.#writeMark(true);
    else if (this.#room.isStuck) this.#maybeGiveUp();
  }

  /** Checks that the batch continues the log, and follows it. */
  #admit(batch: LogBatch): void {
    const { entries } = batch;
    encodeEntries(entries);
    const from = batch.truncateFrom;
    if (from !== null) {
      assert(from > this.#baseIndex, 'a truncation reaches below the base');
      this.#lastAppended = Math.min(this.#lastAppended, from - 1);
      this.#readableLast = Math.min(this.#readableLast, from - 1);
      this.#cuts++;
    }
    for (let i = 0; i < entries.length; i++) {
      const { index } = entries[i] as Entry;
      assert(index === this.#lastAppended + 1, `entry ${index} after ${this.#lastAppended}`);
      this.#lastAppended = index;
    }
  }

  /** Writes as much of the queue as fits; the queue is not empty, and no write is in flight. */
  #startWrite(): void {
    this.#isWriting = true;
    this.#beginWrite();
    const taken = this.#takeFromQueue();
    if (taken < 0) return this.#rotate();
    this.#write(this.#queue.splice(0, taken));
    this.#needsMark = true;
  }

  #beginWrite(): void {
    const isFresh = this.#end === 0;
    const segmentId = this.#segmentId;
    const header = isFresh ? this.#segmentHeader() : null;
    const durableEnd = this.#end;
    const sequence = this.#nextSequence;
    this.#builder.begin({ segmentId, offset: this.#end, durableEnd, sequence, header });
    // Every segment starts with the hard state, so that the ones before it can go one day.
    if (isFresh) this.#builder.setHardState(this.#hardState);
  }

  /** Puts what fits into the builder. @returns how many are in it wholly, −1: nothing fits. */
  #takeFromQueue(): number {
    const room = this.#options.segmentBytesMax - this.#end;
    const limit = Math.min(room, writeBytesMax);
    // An entry longer than a segment makes its own segment longer.
    this.#mayOverflow = this.#end === 0;
    let isEmpty = true;
    for (let i = 0; i < this.#queue.length; i++) {
      const pending = this.#queue[i] as Pending;
      const before = pending.taken;
      const isWhole = this.#take(pending, limit);
      if (pending.taken > before) isEmpty = false;
      if (!isWhole) return isEmpty ? -1 : i;
    }
    return this.#queue.length;
  }

  /** Puts as much of one batch into the builder as fits. @returns whether all of it is in. */
  #take(pending: Pending, limit: number): boolean {
    const builder = this.#builder;
    const { truncateFrom, hardState, entries } = pending.batch;
    if (pending.taken < 0) {
      const isOver = builder.bytesMax + 2 * batchOverheadBytes > limit;
      if (isOver && !this.#mayOverflow) return false;
      if (truncateFrom !== null) builder.truncate(truncateFrom);
      if (hardState !== null) builder.setHardState(hardState);
      pending.taken = 0;
      if (entries.length === 0) this.#mayOverflow = false;
    }
    for (; pending.taken < entries.length; pending.taken++) {
      const entry = entries[pending.taken] as Entry;
      const count = (entry.encoded as Uint8Array).length;
      const isOver = builder.bytesMax + batchOverheadBytes + count > limit;
      if (isOver && !this.#mayOverflow) return false;
      builder.addEntry(entry);
      this.#mayOverflow = false;
    }
    return true;
  }

  #write(finished: readonly Pending[]): void {
    this.#builder.finish();
    this.#writeParts(finished);
  }

  /**
   * Again and again, if there is no room: the builder is not touched in between, so they are the
   * same bytes at the same place, and a crash leaves a torn tail however far each try came.
   */
  #writeParts(finished: readonly Pending[]): void {
    this.#timer.begun();
    this.#file.write(this.#builder.parts, this.#end, (error) => {
      this.#timer.ended();
      if (error === null) this.#written(finished);
      else if (!this.#room.rideOut(error, () => this.#writeParts(finished))) this.#die(error);
    });
  }

  /** What the builder made is on disk. */
  #written(finished: readonly Pending[]): void {
    const builder = this.#builder;
    for (const batch of builder.written) {
      if (batch.truncateFrom !== null) this.#index.truncateFrom(batch.truncateFrom);
      if (batch.firstIndex !== 0) {
        this.#index.add(batch.firstIndex, batch.lastIndex, batch.offset, batch.length);
      }
    }
    this.#end += builder.bytes;
    this.#nextSequence = builder.sequence;
    if (builder.hardState !== null) this.#hardState = builder.hardState;
    this.#readableLast = this.#cutByQueue(this.#index.lastIndex);
    this.#isWriting = false;
    this.#maybePrepareSpare();
    if (this.#queue.length > 0) this.#startWrite();
    else if (this.#closing !== null) this.#writeMark(true);
    else this.#maybeArmMark();
    for (let i = 0; i < finished.length; i++) (finished[i] as Pending).done();
  }

  /** The last readable index, as cut by truncations that still wait. */
  #cutByQueue(last: Index): Index {
    let readable = last;
    for (const { batch } of this.#queue) {
      if (batch.truncateFrom !== null) readable = Math.min(readable, batch.truncateFrom - 1);
    }
    return readable;
  }

  /** Goes over to the next segment, then writes. */
  #rotate(): void {
    this.#room.take((error, file) => {
      if (file === null) return this.#die(error as DiskError);
      const old = this.#file;
      this.#file = file;
      this.#segmentId++;
      this.#previousEnd = this.#end;
      this.#end = 0;
      this.#index.addSegment(this.#segmentId);
      // All in it is on disk already: a failing close loses nothing.
      old.close(() => {});
      this.#startWrite();
    });
  }

  #segmentHeader(): Uint8Array {
    const { clusterId, memberId } = this.#options;
    const header = {
      segmentId: this.#segmentId,
      clusterId,
      memberId,
      firstSequence: this.#nextSequence,
      previousEnd: this.#previousEnd,
    };
    return encodeSegmentHeader(header, this.#deps.checksum);
  }

  /** The next segment is made once this one is half full. */
  #maybePrepareSpare(): void {
    const isTime = this.#end * 2 >= this.#options.segmentBytesMax;
    if (isTime && this.#closing === null) this.#room.prepare();
  }

  #maybeArmMark(): void {
    if (!this.#needsMark || this.#markTimer !== null) return;
    this.#markTimer = this.#deps.clock.after(this.#options.markDelayMillis, () => {
      this.#markTimer = null;
      if (!this.#isWriting && !this.#isDead) this.#writeMark(false);
    });
  }

  /** Writes a batch that proves the one before it; it may stand over the segment's end. */
  #writeMark(cleanStop: boolean): void {
    if (cleanStop && this.#isStopWritten) return this.#closeFiles();
    this.#isWriting = true;
    this.#needsMark = false;
    this.#isStopWritten = cleanStop;
    this.#beginWrite();
    this.#builder.addMark(cleanStop);
    this.#write([]);
  }

  /** Who is to close does not wait for room: what waits was never said to be on disk. */
  #maybeGiveUp(): void {
    if (this.#closing === null || this.#isDead) return;
    this.#isDead = true;
    this.#queue.length = 0;
    this.#closeFiles();
  }

  #closeFiles(): void {
    const done = this.#closing;
    this.#pool.close();
    this.#room.close(() => {
      // After a clean stop all is on disk; after a failure nobody may sync any more.
      this.#file.close(() => done?.());
    });
  }

  #die(error: DiskError): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#queue.length = 0;
    this.#room.stop();
    this.#markTimer?.cancel();
    this.#deps.log.error({ code: error.code, error: error.message }, 'log failed');
    this.#deps.onFatal(error);
    if (this.#closing !== null) this.#closeFiles();
  }
}
