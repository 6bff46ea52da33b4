/**
 * The snapshots of a data folder: their files over the real disk, and the machine of the newest
 * good one beside the log that was opened. They belong to one log: a new log begins without.
 */

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Log } from '../base/log.js';
import type { Machine } from '../machine/machine.js';
import type { OpenedLog } from '../replica/consensus.js';
import { restoreMachine } from '../replica/restore.js';
import { NodeDisk } from '../storage/node-disk.js';
import { SnapshotFiles } from '../storage/snapshot-files.js';
import type { NewHash } from '../storage/snapshot-format.js';
import type { OpenedWal } from '../storage/wal.js';

/** Begins a SHA-256. */
export const newHash: NewHash = () => createHash('sha256');

/** The log with its snapshots, and the machine as the newest good one has it. */
export async function withSnapshots(
  dataFolder: string,
  clusterId: string,
  opened: OpenedWal,
  log: Log,
): Promise<OpenedLog> {
  const store = snapshotFiles(dataFolder, log);
  const { recovered } = opened;
  const machine = await new Promise<Machine | null>((resolve) => {
    restoreMachine({ clusterId, recovered, snapshots: store, log }, resolve);
  });
  return { ...opened, snapshots: { store, machine } };
}

/** A log that was made a moment ago, and has no snapshots. */
export function withoutSnapshots(dataFolder: string, opened: OpenedWal, log: Log): OpenedLog {
  return { ...opened, snapshots: { store: snapshotFiles(dataFolder, log), machine: null } };
}

/** Removes those of a log that is to be replaced. One that comes back with a power cut harms
 * nobody: it is judged by the log there is then. */
export function removeSnapshots(
  dataFolder: string,
  done: (error: NodeJS.ErrnoException | null) => void,
): void {
  fs.rm(`${dataFolder}/snapshots`, { recursive: true, force: true }, done);
}

function snapshotFiles(dataFolder: string, log: Log): SnapshotFiles {
  return new SnapshotFiles(dataFolder, { disk: new NodeDisk(), checksum: crc32, newHash, log });
}
