/**
 * The first segment of a log, filled with zeros while a server looks for its cluster: it has time
 * then, and half a second less to wait when it has found it.
 *
 * Invariant: it is used at most once, by the process that made it: of an older one nobody knows how
 * far it came. One that could not be made whole is removed.
 */

import * as fs from 'node:fs';
import type { Disk } from '../storage/disk.js';
import { temporarySuffix, writeWhole } from '../storage/segment-files.js';
import { segmentBytesMaxDefault } from '../storage/wal-options.js';

const fileName = 'prepared.wal';

/** Removes what a process that ended before it used it has left. @throws Error of the system. */
export function removePrepared(directory: string): void {
  for (const name of [fileName, fileName + temporarySuffix]) {
    fs.rmSync(`${directory}/${name}`, { force: true });
  }
}

/** The prepared segment of one data folder. */
export class PreparedLog {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #ended: () => void;
  #state: 'none' | 'under way' | 'ready' = 'none';
  #taker: (() => void) | null = null;

  /** @param ended called when nothing is written any more. */
  constructor(disk: Disk, directory: string, ended: () => void) {
    this.#disk = disk;
    this.#directory = directory;
    this.#ended = ended;
  }

  get isUnderWay(): boolean {
    return this.#state === 'under way';
  }

  prepare(): void {
    const content = new Uint8Array(0);
    const bytes = segmentBytesMaxDefault;
    this.#state = 'under way';
    writeWhole(
      this.#disk,
      { directory: this.#directory, name: fileName, content, bytes },
      (error) => {
        if (error === null) return this.#over('ready');
        // On a full disk half a file of zeros would be in everybody's way.
        const half = `${this.#directory}/${fileName}${temporarySuffix}`;
        this.#disk.remove(half, () => this.#over('none'));
      },
    );
  }

  /** Hands over its path, once, when it is made; null: there is none. */
  take(done: (path: string | null) => void): void {
    if (this.isUnderWay) {
      this.#taker = () => {
        this.#taker = null;
        this.take(done);
      };
      return;
    }
    const isReady = this.#state === 'ready';
    this.#state = 'none';
    done(isReady ? `${this.#directory}/${fileName}` : null);
  }

  #over(state: 'none' | 'ready'): void {
    this.#state = state;
    this.#taker?.();
    this.#ended();
  }
}
