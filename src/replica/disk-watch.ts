/**
 * Judges by the times of the log's writes whether the disk is slow. What counts is how long a write
 * took on average in the last seconds, the one in flight as far as it has come, less what the event
 * loop was late by: a busy process is no slow disk. It is for people: nothing is decided by it.
 *
 * Invariant: a single slow write in a quiet time is no slow disk; a write that hangs is one.
 */

import type { DiskFitness } from '../membership/table.js';
import type { WriteTimes } from '../storage/log-store.js';

/** How many looks make the time that counts. */
const looksMax = 10;

/** A write that takes so long on average is slow, milliseconds: a third of the shortest time until
 * an election by default. Good disks take less than 10. */
const slowMillis = 100;

/** Slow is well again below this, milliseconds, so that a disk at the limit is not told as both in
 * turn: each word is a record to everybody. */
const wellMillis = 50;

/** The writes of the time that counts must have taken so long together, milliseconds. */
const writingMillisMin = 1000;

/** What a look finds. */
export interface DiskVerdict {
  readonly fitness: DiskFitness;
  /** How long a write takes, milliseconds. */
  readonly writeMillis: number;
}

/** See the head of the file. */
export class DiskWatch {
  #fitness: DiskFitness = 'well';
  /** The looks that count, the oldest first. */
  #looks: WriteTimes[] = [];

  /** Once a second. @param loopDelayMillis how late the event loop runs. */
  look(times: WriteTimes, loopDelayMillis: number): DiskVerdict {
    const first = this.#looks[0] ?? times;
    this.#looks.push(times);
    if (this.#looks.length > looksMax) this.#looks.shift();
    const writingMillis = times.millis - first.millis;
    const mean = writingMillis / Math.max(1, times.count - first.count);
    const writeMillis = Math.max(0, mean - loopDelayMillis);
    if (writeMillis < wellMillis) this.#fitness = 'well';
    else if (writeMillis >= slowMillis && writingMillis >= writingMillisMin) this.#fitness = 'slow';
    return { fitness: this.#fitness, writeMillis };
  }

  /** This process stood still: what was measured meanwhile says nothing of the disk. @param times
   * as they are now. */
  stoodStill(times: WriteTimes): void {
    this.#looks = [times];
  }
}
