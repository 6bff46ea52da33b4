/**
 * Sets aside the log of a server that its cluster put out: moved within the data folder to a name
 * that says of whom it was and when, and kept there for people. The two youngest stay; an older one
 * is deleted, and that is said.
 *
 * Invariant: the identity names the place before anything moves, so a move that was cut short is
 * ended at the next opening, and a log that lies there is never overwritten.
 */

import * as fs from 'node:fs';
import type { Log } from '../base/log.js';
import type { Former } from '../storage/identity.js';

/** How many are kept: what was read last, and what it was compared with. */
const keptMax = 2;

const prefix = 'put-out-';

/** A name for the log of a member; sorted by name they are sorted by time. */
export function asideName(memberId: number, wallMillis: number): string {
  const when = new Date(wallMillis).toISOString().replaceAll(':', '-');
  return `${prefix}${when}-member-${memberId}`;
}

/**
 * Moves `log` in the data folder to its place, if it is not there yet; durable when it returns. A
 * log that appears later is that of a new attempt to join, and stays.
 * @throws Error of the file system.
 */
export function setLogAside(folder: string, former: Former, log: Log): void {
  const from = `${folder}/log`;
  const to = `${folder}/${former.log}`;
  const isMoved = fs.existsSync(to);
  if (!isMoved && fs.existsSync(from)) {
    fs.renameSync(from, to);
    log.info({ log: to }, 'log set aside');
  }
  // Also of a move found done: only the cache may know it.
  syncFolder(folder);
  deleteOldest(folder, log);
}

function deleteOldest(folder: string, log: Log): void {
  const names = fs
    .readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .sort();
  for (const name of names.slice(0, -keptMax)) {
    log.warn({ log: `${folder}/${name}` }, 'older log that was set aside is deleted');
    fs.rmSync(`${folder}/${name}`, { recursive: true });
  }
}

/** Makes the names in a folder durable. @throws Error of the file system. */
export function syncFolder(folder: string): void {
  const descriptor = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
