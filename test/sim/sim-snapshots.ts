/**
 * The snapshots of a server of the false world: what src/server/snapshots.ts does, over the false
 * disk.
 */

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Log } from '../../src/base/log.js';
import type { OpenedLog } from '../../src/replica/consensus.js';
import { restoreMachine } from '../../src/replica/restore.js';
import { SnapshotFiles } from '../../src/storage/snapshot-files.js';
import type { SimDisk } from './sim-disk.js';

/** Where the snapshots of a folder are. */
export const snapshotFolder = '/data/snapshots';

/** On what they are written. */
export interface SnapshotPlace {
  readonly disk: SimDisk;
  readonly log: Log;
}

/** The log with its snapshots, and the machine as the newest good one has it. */
export function withSnapshots(
  place: SnapshotPlace,
  clusterId: string,
  opened: OpenedLog,
  done: (opened: OpenedLog) => void,
): void {
  const { recovered } = opened;
  const store = filesOf(place);
  restoreMachine({ clusterId, recovered, snapshots: store, log: place.log }, (machine) => {
    done({ ...opened, snapshots: { store, machine } });
  });
}

/** A log that begins, without any. */
export function withoutSnapshots(place: SnapshotPlace, opened: OpenedLog): OpenedLog {
  return { ...opened, snapshots: { store: filesOf(place), machine: null } };
}

function filesOf({ disk, log }: SnapshotPlace): SnapshotFiles {
  const newHash = () => createHash('sha256');
  const checksum = (bytes: Uint8Array, seed: number): number => crc32(bytes, seed);
  return new SnapshotFiles('/data', { disk, checksum, newHash, log });
}
