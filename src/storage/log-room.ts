/**
 * Room for the log on its disk: the next segment, the reserve, and what is done when the disk is
 * full (ENOSPC, EDQUOT). Then nothing fails: what cannot be written waits, the reserve is spent on
 * it, whoever watches is told, and every few seconds it is tried again until there is room, without
 * a restart. Every other fault goes to the log, and is its end.
 *
 * Invariants: while somebody was told of a shortage, it lasts; it ends when the next segment and a
 * reserve are on disk and no write waits, so a disk with room for a little does not waver. A write
 * that found no room is given back to the log to be repeated, the same bytes at the same place:
 * nothing of its first part counts. Of the next segment there is one file: never is it made while
 * the reserve becomes it. Source: docs/adr/0015-a-full-disk-is-ridden-out.md.
 */

import { assert } from '../base/assert.js';
import type { Clock, Timer } from '../base/clock.js';
import { type Disk, type DiskError, type DiskFile, isOutOfRoom } from './disk.js';
import type { Shortage } from './log-store.js';
import { Reserve } from './reserve.js';
import { SegmentSpare } from './segment-spare.js';

/** How often a log that wants room looks whether there is some, milliseconds. */
const lookMillis = 2000;

/** The first reserve of a log is made this long after it was opened, milliseconds: a server that
 * starts has better things to write. */
const reserveAfterMillis = 5000;

/**
 * A try to make a file, where the disk spoke of room and had none (a quota), doubles the pause up
 * to this, milliseconds: each try writes as much as there is, and takes it from others meanwhile.
 */
const lookMillisMax = 60_000;

/** What a log is told of its room. */
export interface LogRoomOptions {
  readonly directory: string;
  readonly segmentBytesMax: number;
  /** See `WalOptions`. */
  readonly ridesOutFullDisk: boolean;
}

/** What the room of a log works with. */
export interface LogRoomDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  /** The log has to wait for room from now on. */
  readonly stuck: () => void;
  /** In a shortage the disk failed otherwise: the end of the log, which may never ask again. */
  readonly failed: (error: DiskError) => void;
}

/** The files that are there when a log is opened. */
export interface LogRoomStart {
  readonly nextSegmentId: number;
  readonly hasSpare: boolean;
  readonly hasReserve: boolean;
}

type FileDone = (error: DiskError | null, file: DiskFile | null) => void;

/** The room of one log. */
export class LogRoom {
  readonly #options: LogRoomOptions;
  readonly #deps: LogRoomDeps;
  readonly #spare: SegmentSpare;
  readonly #reserve: Reserve;
  #nextSegmentId: number;
  #shortage: Shortage | null = null;
  #watcher: ((shortage: Shortage | null) => void) | null = null;
  /** The log waits for its next segment. */
  #taker: FileDone | null = null;
  /** A write of the log that found no room. */
  #again: (() => void) | null = null;
  /** A file could not be made for another reason than room: told when the log needs one. */
  #fault: DiskError | null = null;
  #timer: Timer | null = null;
  #pauseMillis = lookMillis;
  /** The log said that it will soon need one. */
  #isSpareWanted = false;
  #isStuck = false;
  /** The reserve is about to be the next segment. */
  #isReserveGiven = false;
  #isAsking = false;
  #isStopped = false;

  constructor(options: LogRoomOptions, deps: LogRoomDeps, start: LogRoomStart) {
    this.#options = options;
    this.#deps = deps;
    this.#nextSegmentId = start.nextSegmentId;
    const { directory, segmentBytesMax } = options;
    this.#spare = new SegmentSpare(deps.disk, directory, segmentBytesMax);
    this.#reserve = new Reserve(deps.disk, directory, segmentBytesMax, start.hasReserve);
    if (start.hasSpare) this.#makeSpare(true);
    if (options.ridesOutFullDisk && !start.hasReserve) this.#lookLater(reserveAfterMillis);
  }

  /** The log waits for room; it may be long. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Tells of a shortage when it begins and with null when it is over; at once if there is one. */
  watch(watcher: (shortage: Shortage | null) => void): void {
    this.#watcher = watcher;
    if (this.#shortage !== null) watcher(this.#shortage);
  }

  /** The log will soon need its next segment. The reserve comes first, or there might be none. */
  prepare(): void {
    const isIdle = this.#spare.state === 'none' && this.#fault === null;
    // In a shortage the looks see to it.
    if (!isIdle || this.#shortage !== null || this.#isStopped) return;
    this.#isSpareWanted = true;
    if (this.#reserve.state === 'there' || !this.#options.ridesOutFullDisk) this.#makeSpare(false);
    else if (this.#reserve.state === 'none') this.#makeReserve();
  }

  /** Hands over the next segment: at once if it is ready, else when there is one. */
  take(done: FileDone): void {
    this.#taker = done;
    this.#serve();
  }

  /**
   * A write of the log failed. True: it is ridden out, and `again` is called when it may be tried
   * anew. False: it is the log's end.
   */
  rideOut(error: DiskError, again: () => void): boolean {
    if (!this.#isShort(error) || this.#isStopped) return false;
    this.#begin(error);
    if (this.#isStopped) return true;
    this.#again = again;
    if (this.#reserve.state === 'there') this.#reserve.remove(() => this.#reserveSpent());
    else this.#getStuck();
    return true;
  }

  /** Nothing is tried any more. */
  stop(): void {
    this.#isStopped = true;
    this.#taker = null;
    this.#again = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Stops, and answers when nothing is written any more. */
  close(done: () => void): void {
    this.stop();
    this.#spare.close(() => this.#reserve.close(done));
  }

  // ---- what the log waits for ----

  /** Gives the log its next segment, if it waits for it and there is any way. */
  #serve(): void {
    const taker = this.#taker;
    if (taker === null) return;
    if (this.#fault !== null) return this.#give(taker, this.#fault, null);
    if (this.#spare.state === 'ready') return this.#give(taker, null, this.#spare.take());
    if (this.#spare.state === 'preparing') return;
    if (this.#shortage === null) return this.#makeSpare(false);
    if (this.#reserve.state === 'there') return this.#giveReserve(taker);
    this.#getStuck();
  }

  #giveReserve(taker: FileDone): void {
    this.#isReserveGiven = true;
    this.#reserve.become(this.#nextSegmentId, (error, file) => {
      this.#isReserveGiven = false;
      if (error !== null && this.#isShort(error)) this.#getStuck();
      else this.#give(taker, error, file);
      this.#reserveSpent();
    });
  }

  /** Nothing is done with the reserve any more: who found it busy has left the rest to this. */
  #reserveSpent(): void {
    if (this.#shortage !== null) this.#lookLater();
    this.#tryAgain();
  }

  #give(taker: FileDone, error: DiskError | null, file: DiskFile | null): void {
    if (this.#isStopped) return file?.close(() => {});
    this.#taker = null;
    this.#isStuck = false;
    if (file !== null) this.#nextSegmentId++;
    taker(error, file);
  }

  #tryAgain(): void {
    const again = this.#again;
    if (again === null) return;
    this.#again = null;
    this.#isStuck = false;
    again();
  }

  #getStuck(): void {
    this.#isStuck = true;
    this.#deps.stuck();
  }

  // ---- shortage ----

  #isShort(error: DiskError): boolean {
    return this.#options.ridesOutFullDisk && isOutOfRoom(error);
  }

  #begin({ code, message }: DiskError): void {
    this.#lookLater();
    if (this.#shortage !== null) return;
    this.#shortage = { code, directory: this.#options.directory, message };
    this.#watcher?.(this.#shortage);
    if (this.#fault !== null) this.#deps.failed(this.#fault);
  }

  #end(): void {
    if (this.#shortage === null) return;
    this.#shortage = null;
    this.#watcher?.(null);
  }

  #lookLater(pauseMillis = this.#pauseMillis): void {
    if (this.#timer !== null || this.#isStopped) return;
    this.#timer = this.#deps.clock.after(pauseMillis, () => {
      this.#timer = null;
      this.#look();
    });
  }

  #look(): void {
    if (this.#again !== null) {
      // The write itself is the test; the files come with the next look.
      this.#lookLater();
      this.#tryAgain();
    } else this.#refill();
  }

  /** Makes the next file that is missing, or ends the shortage. */
  #refill(): void {
    const { disk } = this.#deps;
    const { directory, segmentBytesMax } = this.#options;
    if (this.#isStopped || this.#isAsking || this.#again !== null || this.#fault !== null) return;
    // Who ends comes here again.
    if (this.#spare.state === 'preparing' || this.#reserve.state === 'busy') return;
    const wantsSpare = this.#shortage !== null && this.#spare.state === 'none';
    const wantsReserve = this.#reserve.state === 'none';
    if (!wantsSpare && !wantsReserve) return this.#end();
    // All or nothing, so that a little room is left to others; but a log that waits comes first.
    const files = wantsSpare && wantsReserve && this.#taker === null ? 2 : 1;
    const wanted = files * segmentBytesMax;
    this.#isAsking = true;
    disk.room(directory, (error, room) => {
      this.#isAsking = false;
      if (this.#isStopped) return;
      if (error === null && room < wanted) {
        this.#pauseMillis = lookMillis;
        const message = `${directory}: room for ${room} bytes, ${wanted} are wanted`;
        return this.#begin({ code: 'ENOSPC', message });
      }
      // The log may have gone on meanwhile, and the reserve be its next segment by now.
      if (this.#spare.state === 'preparing' || this.#reserve.state === 'busy') return;
      if (wantsSpare && this.#spare.state === 'none') this.#makeSpare(false);
      else if (this.#reserve.state === 'none') this.#makeReserve();
    });
  }

  #makeSpare(isMade: boolean): void {
    assert(!this.#isReserveGiven, 'the reserve becomes the segment that is to be made');
    this.#isSpareWanted = false;
    this.#spare.prepare(this.#nextSegmentId, isMade, (error) => {
      if (!this.#isStopped) this.#settled(error);
    });
  }

  #makeReserve(): void {
    this.#reserve.make((error) => {
      if (!this.#isStopped) this.#settled(error);
    });
  }

  /** A file was made, or not. */
  #settled(error: DiskError | null): void {
    if (error === null) {
      this.#pauseMillis = lookMillis;
      this.#serve();
      if (this.#shortage !== null) this.#refill();
      else if (this.#isSpareWanted) this.prepare();
      return;
    }
    if (this.#isShort(error)) {
      const isRetry = this.#shortage !== null;
      if (isRetry) this.#pauseMillis = Math.min(2 * this.#pauseMillis, lookMillisMax);
      this.#begin(error);
    } else {
      this.#fault = error;
      if (this.#shortage !== null) return this.#deps.failed(error);
    }
    this.#serve();
  }
}
