/**
 * Room kept for bad times: a file of zeros beside the segments, as long as one of them. When the
 * disk is full it becomes the next segment as it is, without a byte of new room, or it is removed
 * so that something else finds room. So a server whose disk is full can still write terms, votes
 * and truncations.
 *
 * Invariant: under its name it is whole, and on disk (`writeWhole`).
 */

import { assert } from '../base/assert.js';
import type { Disk, DiskError, DiskFile, Done } from './disk.js';
import { openSegment, segmentPath, writeWhole } from './segment-files.js';

/** Name of the reserve in the folder of the log. */
export const reserveName = 'reserve';

/** The reserve of one log. */
export class Reserve {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #bytes: number;
  /** `busy`: it is being made, used or removed. */
  #state: 'none' | 'busy' | 'there';
  #closed: (() => void) | null = null;

  /** @param bytes its length, that of a segment. */
  constructor(disk: Disk, directory: string, bytes: number, isThere: boolean) {
    this.#disk = disk;
    this.#directory = directory;
    this.#bytes = bytes;
    this.#state = isThere ? 'there' : 'none';
  }

  get state(): 'none' | 'busy' | 'there' {
    return this.#state;
  }

  make(done: Done): void {
    const directory = this.#directory;
    const content = new Uint8Array(0);
    const whole = { directory, name: reserveName, content, bytes: this.#bytes };
    const ended = this.#begin('none');
    writeWhole(this.#disk, whole, (error) => {
      if (ended(error === null ? 'there' : 'none')) done(error);
    });
  }

  /** It becomes the segment `segmentId`; after an error it may be gone all the same. */
  become(segmentId: number, done: (error: DiskError | null, file: DiskFile | null) => void): void {
    const disk = this.#disk;
    const directory = this.#directory;
    const ended = this.#begin('there');
    const over = (error: DiskError | null, file: DiskFile | null): void => {
      if (ended('none')) done(error, file);
      else file?.close(() => {});
    };
    disk.rename(`${directory}/${reserveName}`, segmentPath(directory, segmentId), (error) => {
      if (error !== null) return over(error, null);
      disk.syncDirectory(directory, (failed) => {
        if (failed !== null) over(failed, null);
        else openSegment(disk, directory, segmentId, over);
      });
    });
  }

  /** Gives its room free. */
  remove(done: () => void): void {
    const ended = this.#begin('there');
    this.#disk.remove(`${this.#directory}/${reserveName}`, () => {
      if (ended('none')) done();
    });
  }

  /** Told when nothing is done with it any more; nobody hears of what was under way. */
  close(done: () => void): void {
    if (this.#state === 'busy') this.#closed = done;
    else done();
  }

  /** Begins something; its end answers whether anybody still wants to hear of it. */
  #begin(from: 'none' | 'there'): (state: 'none' | 'there') => boolean {
    assert(this.#state === from, `the reserve is ${this.#state}, not ${from}`);
    this.#state = 'busy';
    return (state) => {
      this.#state = state;
      this.#closed?.();
      return this.#closed === null;
    };
  }
}
