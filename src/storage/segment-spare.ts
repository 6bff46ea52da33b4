/**
 * The next segment, made in the background while the current one fills, so that going over to it
 * costs no more than any other write. One at a time; what is to be done when it cannot be made is
 * decided elsewhere (log-room.ts).
 */

import { assert } from '../base/assert.js';
import type { Disk, DiskError, DiskFile, Done } from './disk.js';
import { openSegment, writeWhole } from './segment-files.js';
import { segmentName } from './segment-header.js';

/** The spare of one log. */
export class SegmentSpare {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #bytes: number;
  #state: 'none' | 'preparing' | 'ready' = 'none';
  #file: DiskFile | null = null;
  #closed: (() => void) | null = null;

  /** @param bytes length of a segment. */
  constructor(disk: Disk, directory: string, bytes: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#bytes = bytes;
  }

  get state(): 'none' | 'preparing' | 'ready' {
    return this.#state;
  }

  /**
   * Makes segment `segmentId`; after an error there is none, as before.
   * @param isMade its file is there already, all zeros, and only has to be opened.
   */
  prepare(segmentId: number, isMade: boolean, done: Done): void {
    assert(this.#state === 'none', 'a second spare segment');
    this.#state = 'preparing';
    const settle = (error: DiskError | null, file: DiskFile | null): void => {
      this.#file = file;
      this.#state = file === null ? 'none' : 'ready';
      if (this.#closed !== null) this.#close(this.#closed);
      else done(error);
    };
    const open = (error: DiskError | null): void => {
      if (error !== null) settle(error, null);
      else openSegment(this.#disk, this.#directory, segmentId, settle);
    };
    if (isMade) return open(null);
    const content = new Uint8Array(0);
    const name = segmentName(segmentId);
    const whole = { directory: this.#directory, name, content, bytes: this.#bytes };
    writeWhole(this.#disk, whole, open);
  }

  /** Hands over the spare, which is ready. */
  take(): DiskFile {
    assert(this.#file !== null, 'no spare segment is ready');
    const file = this.#file;
    this.#file = null;
    this.#state = 'none';
    return file;
  }

  /** Closes the spare, if there is one, once it is no longer being made. */
  close(done: () => void): void {
    if (this.#state === 'preparing') this.#closed = done;
    else this.#close(done);
  }

  #close(done: () => void): void {
    // Only zeros are in it: a failing close loses nothing.
    if (this.#file === null) done();
    else this.#file.close(() => done());
  }
}
