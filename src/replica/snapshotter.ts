/**
 * Writes snapshots of the machine while it goes on applying: freezes the state, which costs next to
 * nothing, and makes its bytes chunk by chunk. A chunk is made only when the one before it is on
 * its way to the disk, so the event loop has its turn in between and memory holds one of them.
 *
 * A snapshot is due when `snapshotEntries` entries, or 64 MiB of them, were applied since the last,
 * and at least a quarter of that one's length: so what snapshots cost the disk stays in proportion
 * to the log, however large the state.
 *
 * Invariants: one at a time; it gets its name only when its last entry is on this server's own disk
 * (an entry may be applied before that), so it is never ahead of the log. What fails, of it, is
 * dropped and tried again later: the log has everything.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Machine } from '../machine/machine.js';
import type { FrozenState } from '../machine/state-rows.js';
import type { RaftCore } from '../raft/core.js';
import type { Entry, Index } from '../raft/types.js';
import type { DiskError } from '../storage/disk.js';
import type { SnapshotStore, SnapshotWriter } from '../storage/snapshot-store.js';
import { StateChunks } from '../wire/state-codec.js';

/** A snapshot is due after this much of the log, however few entries that is, bytes. */
const snapshotBytes = 64 * 1024 * 1024;

/** What an entry takes in the log beside its data, bytes. */
const entryOverheadBytes = 32;

/** At least one part in so many of the last snapshot's length must have been applied since. */
const lengthShare = 4;

/** After a failure none is begun for this long, milliseconds. */
const retryAfterMillis = 30_000;

/** How long a server that stops may write a snapshot, milliseconds. */
const stopMillisMax = 1000;

/** At a stop a snapshot is due after one part in so many of `snapshotEntries`. */
const stopShare = 10;

/** The least time between two lines about a snapshot that takes long, milliseconds. */
const tellEveryMillis = 5000;

/** What a snapshotter works with. */
export interface SnapshotterDeps {
  readonly clusterId: string;
  readonly machine: Machine;
  readonly core: RaftCore;
  readonly store: SnapshotStore;
  /** False while the disk is full: what room there is belongs to the log. */
  readonly hasRoom: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** A snapshot under way. */
interface Work {
  readonly index: Index;
  readonly frozen: FrozenState;
  readonly chunks: StateChunks;
  readonly beganAt: number;
  toldAt: number;
  bytes: number;
  /** What was applied between the last one and this, bytes. */
  readonly bytesBefore: number;
  writer: SnapshotWriter | null;
  /** All chunks are written; the own log's disk is behind. */
  isWaiting: boolean;
}

/** The one that makes snapshots. */
export class Snapshotter {
  readonly #snapshotEntries: number;
  readonly #deps: SnapshotterDeps;
  /** Applied since the last snapshot was frozen, or since the log began, bytes. */
  #bytesSince = 0;
  /** The last index that was frozen; of a snapshot that is dropped it is taken back. */
  #lastIndex: Index;
  /** The index of the last snapshot that is on disk, or where the machine began. */
  #goodIndex: Index;
  #retryAt = Number.NEGATIVE_INFINITY;
  #work: Work | null = null;
  /** Set when the server stops: called when nothing is under way any more. */
  #stopped: (() => void) | null = null;

  /** @param snapshotEntries so many entries make a snapshot due. */
  constructor(snapshotEntries: number, deps: SnapshotterDeps) {
    this.#snapshotEntries = snapshotEntries;
    this.#deps = deps;
    this.#goodIndex = deps.machine.appliedIndex;
    this.#lastIndex = this.#goodIndex;
  }

  /** An entry was applied. */
  applied(entry: Entry): void {
    this.#bytesSince += entryOverheadBytes + entry.data.length;
  }

  /** A slice of entries was applied: the machine stands between two of them. */
  sliceEnded(): void {
    if (this.#work !== null || this.#stopped !== null || !this.#isDue()) return;
    const { clock, core, machine, hasRoom } = this.#deps;
    if (!hasRoom()) return;
    if (clock.monotonicMillis() < this.#retryAt) return;
    // While more is to be applied than has been since, it would be out of date when it is done.
    const behind = core.status().commit - machine.appliedIndex;
    if (behind <= machine.appliedIndex - this.#lastIndex) this.#begin();
  }

  /** Once a tick: the own disk may have come up to where a snapshot waits. */
  ticked(): void {
    const work = this.#work;
    if (work?.isWaiting === true) this.#finish(work);
  }

  /**
   * No entry is applied any more. Ends what is under way, or writes one last snapshot, if the next
   * start would have much to apply, and not for longer than a second.
   */
  stop(done: () => void): void {
    const { clock, machine, store, hasRoom } = this.#deps;
    const late = clock.after(stopMillisMax, () => this.#giveUp());
    this.#stopped = () => {
      late.cancel();
      done();
    };
    const entries = machine.appliedIndex - this.#lastIndex;
    const isWorth = hasRoom() && entries * stopShare >= this.#snapshotEntries;
    // A large one would not be done in time.
    const isSmall = store.newest.fileBytes <= snapshotBytes;
    if (this.#work === null && isWorth && isSmall) this.#begin();
    if (this.#work === null) this.#ended();
    else if (this.#work.isWaiting) this.#giveUp();
  }

  #isDue(): boolean {
    const { machine, store } = this.#deps;
    const entries = machine.appliedIndex - this.#lastIndex;
    const isTime = entries >= this.#snapshotEntries || this.#bytesSince >= snapshotBytes;
    return isTime && this.#bytesSince * lengthShare >= store.newest.fileBytes;
  }

  #begin(): void {
    const { machine, store, clock, clusterId } = this.#deps;
    const frozen = machine.freeze();
    const { base, timeMillis } = frozen;
    const now = clock.monotonicMillis();
    const work: Work = {
      index: base.index,
      frozen,
      chunks: new StateChunks(frozen.rows),
      beganAt: now,
      toldAt: now,
      bytes: 0,
      bytesBefore: this.#bytesSince,
      writer: null,
      isWaiting: false,
    };
    this.#work = work;
    this.#lastIndex = base.index;
    this.#bytesSince = 0;
    store.begin({ clusterId, base, timeMillis }, (error, writer) => {
      work.writer = writer;
      if (error !== null) this.#failed(work, error);
      else if (this.#work !== work) this.#abandon(work);
      else this.#next(work);
    });
  }

  /** Makes one chunk and writes it. */
  #next(work: Work): void {
    const { chunks } = work;
    const before = chunks.count;
    const chunk = chunks.next();
    if (chunk === null) return this.#finish(work);
    work.bytes += chunk.length;
    this.#tell(work);
    work.writer?.add(chunk, chunks.count - before, (error) => {
      if (error !== null) this.#failed(work, error);
      else if (this.#work !== work) this.#abandon(work);
      else this.#next(work);
    });
  }

  #finish(work: Work): void {
    const { core, clock, log } = this.#deps;
    work.isWaiting = core.status().persisted < work.index;
    if (work.isWaiting) {
      // The core hears of no write any more once the server stops.
      if (this.#stopped !== null) this.#giveUp();
      return;
    }
    work.writer?.finish((error, fileBytes) => {
      if (error !== null) return this.#failed(work, error);
      const millis = Math.round(clock.monotonicMillis() - work.beganAt);
      const { index, term } = work.frozen.base;
      this.#goodIndex = index;
      log.info({ index, term, rows: work.chunks.count, fileBytes, millis }, 'snapshot written');
      this.#ended();
    });
  }

  /** The disk did not take it. The snapshots before it, and the log, are as they were. */
  #failed(work: Work, error: DiskError): void {
    const { log, clock } = this.#deps;
    this.#retryAt = clock.monotonicMillis() + retryAfterMillis;
    const { index } = work;
    log.warn({ index, code: error.code, error: error.message }, 'snapshot dropped');
    this.#abandon(work);
  }

  /** The server stops, and this takes too long. What is in flight ends first. */
  #giveUp(): void {
    const work = this.#work;
    if (work === null) return;
    this.#work = null;
    this.#deps.log.info({ index: work.index }, 'snapshot given up at the stop');
    if (work.isWaiting) this.#abandon(work);
  }

  #abandon(work: Work): void {
    // What was applied since the last good one counts again.
    this.#lastIndex = this.#goodIndex;
    this.#bytesSince += work.bytesBefore;
    if (work.writer === null) this.#ended();
    else work.writer.abandon(() => this.#ended());
  }

  #ended(): void {
    this.#work = null;
    this.#stopped?.();
  }

  #tell(work: Work): void {
    const { clock, log } = this.#deps;
    const now = clock.monotonicMillis();
    if (now - work.toldAt < tellEveryMillis) return;
    work.toldAt = now;
    log.info({ index: work.index, bytes: work.bytes }, 'writing a snapshot');
  }
}
