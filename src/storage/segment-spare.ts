/**
 * The next segment, made in the background while the current one fills, so that going over to it
 * costs no more than any other write. One at a time.
 */

import { assert } from '../base/assert.js';
import type { Disk, DiskError, DiskFile } from './disk.js';
import { openSegment, writeWhole } from './segment-files.js';
import { segmentName } from './segment-header.js';

type FileDone = (error: DiskError | null, file: DiskFile | null) => void;

/** The spare of one log. */
export class SegmentSpare {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #bytes: number;
  #state: 'none' | 'preparing' | 'ready' = 'none';
  #error: DiskError | null = null;
  #file: DiskFile | null = null;
  #taker: FileDone | null = null;

  /** @param bytes length of a segment. */
  constructor(disk: Disk, directory: string, bytes: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#bytes = bytes;
  }

  /** Nothing is ready or on the way. */
  get isNone(): boolean {
    return this.#state === 'none';
  }

  /**
   * Begins to make segment `segmentId`.
   * @param isMade its file is there already, all zeros, and only has to be opened.
   */
  prepare(segmentId: number, isMade: boolean): void {
    assert(this.#state === 'none', 'a second spare segment');
    this.#state = 'preparing';
    const open = (error: DiskError | null): void => {
      if (error !== null) this.#settle(error, null);
      else openSegment(this.#disk, this.#directory, segmentId, (e, f) => this.#settle(e, f));
    };
    if (isMade) return open(null);
    const content = new Uint8Array(0);
    const name = segmentName(segmentId);
    const whole = { directory: this.#directory, name, content, bytes: this.#bytes };
    writeWhole(this.#disk, whole, open);
  }

  /** Hands over the spare, at once if it is ready, else when it is. */
  take(done: FileDone): void {
    assert(this.#state !== 'none', 'no spare segment was prepared');
    this.#taker = done;
    if (this.#state === 'ready') this.#give();
  }

  /** Closes the spare, if there is one, once it is no longer being made. */
  close(done: () => void): void {
    if (this.#state === 'none') return done();
    this.take((_error, file) => {
      // Only zeros are in it: a failing close loses nothing.
      if (file === null) done();
      else file.close(() => done());
    });
  }

  #settle(error: DiskError | null, file: DiskFile | null): void {
    this.#error = error;
    this.#file = file;
    this.#state = 'ready';
    this.#give();
  }

  #give(): void {
    const taker = this.#taker;
    if (taker === null) return;
    const error = this.#error;
    const file = this.#file;
    this.#taker = null;
    this.#error = null;
    this.#file = null;
    this.#state = 'none';
    taker(error, file);
  }
}
