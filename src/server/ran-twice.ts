/**
 * The mark in a data folder that ran twice: its server was refused by a member that heard another
 * process with the same key. From then on nobody knows whether the folder holds all that was voted
 * and acknowledged in its name; started again as soon as the other process has stopped, it would
 * pass for an ordinary restart. So it is not started again before an operator takes the mark away.
 *
 * Invariant: the mark is on disk when `markRanTwice` returns, and speaks of one incarnation: a
 * folder that has begun anew since then is another server's.
 */

import * as fs from 'node:fs';
import { QuorateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { syncFolder } from './log-aside.js';

/** What the mark says. */
interface Mark {
  readonly incarnation: string;
  readonly time: string;
  readonly reason: string;
}

const nameOf = (folder: string): string => `${folder}/ran-twice.json`;

/** Marks the folder. At once: the process must say nothing more to anybody, and ends after it. */
export function markRanTwice(folder: string, mark: Mark, log: Log): void {
  try {
    const descriptor = fs.openSync(nameOf(folder), 'w', 0o600);
    try {
      fs.writeSync(descriptor, `${JSON.stringify(mark, null, 2)}\n`);
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
    syncFolder(folder);
  } catch (error) {
    // The end of the process matters more.
    log.error({ error: (error as Error).message }, 'the data folder could not be marked');
  }
}

/**
 * Lets only a folder pass that did not run twice, or whose operator has taken the mark away.
 * @throws QuorateError with one line that says what to do.
 */
export function refuseRanTwice(folder: string, incarnation: string): void {
  const path = nameOf(folder);
  if (!fs.existsSync(path)) return;
  const mark = readMark(path);
  if (mark !== null && mark.incarnation !== incarnation) return;
  const why = mark === null ? '' : `: ${mark.reason}`;
  throw new QuorateError(
    'CONFLICT',
    `data folder ${folder} ran twice${why} (${path}); move it away and start with an empty one, ` +
      `or, if it is the one to keep, move that file away`,
  );
}

/** Null: it does not read, and so may be of this incarnation. */
function readMark(path: string): Mark | null {
  try {
    const { incarnation, time, reason } = JSON.parse(
      fs.readFileSync(path, 'utf8'),
    ) as Partial<Mark>;
    if (typeof incarnation !== 'string' || typeof reason !== 'string') return null;
    return { incarnation, reason, time: String(time) };
  } catch {
    return null;
  }
}
