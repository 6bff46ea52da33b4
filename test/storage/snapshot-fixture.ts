/**
 * Snapshots over a disk in memory, driven synchronously: what their tests share.
 */

import { createHash } from 'node:crypto';
import type { LogBase } from '../../src/raft/types.js';
import type { DiskError } from '../../src/storage/disk.js';
import { SnapshotFiles } from '../../src/storage/snapshot-files.js';
import type { SnapshotHeader } from '../../src/wire/snapshot-codec.js';
import type { MemoryDisk } from './memory-disk.js';
import { base, checksum, EventLog } from './wal-fixture.js';

/** SHA-256 by the system's library. */
export const newHash = (): ReturnType<typeof createHash> => createHash('sha256');

/** The header of a snapshot at `index`. */
export function headerAt(index: number, clusterId = 'cluster-1'): SnapshotHeader {
  const at: LogBase = { ...base, index, term: 7 };
  return { clusterId, base: at, timeMillis: 1_700_000_000_000 + index };
}

/** Some chunks that follow from a number. */
export function chunksOf(number: number, count = 3, bytes = 700): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    return new Uint8Array(bytes + i).map((_byte, at) => (number * 31 + i * 7 + at) & 0xff);
  });
}

/** What loading gave. */
export interface Loaded {
  readonly header: SnapshotHeader | null;
  readonly chunks: readonly Uint8Array[];
  /** Whether whoever took the chunks was told that all is well. */
  readonly isWhole: boolean;
}

/** The snapshots of one life of a server. */
export class SnapshotFixture {
  readonly disk: MemoryDisk;
  readonly log = new EventLog();
  readonly files: SnapshotFiles;

  constructor(disk: MemoryDisk) {
    this.disk = disk;
    disk.isManual = true;
    this.files = new SnapshotFiles('data', { disk, checksum, newHash, log: this.log });
  }

  /** Writes a snapshot. @returns the error; 'none' when the disk never answered. */
  write(index: number, chunks: readonly Uint8Array[] = chunksOf(index)): DiskError | null | 'none' {
    let result: DiskError | null | 'none' = 'none';
    this.files.begin(headerAt(index), (error, writer) => {
      result = error;
      if (writer === null) return;
      const failed = (fault: DiskError): void => {
        writer.abandon(() => {
          result = fault;
        });
      };
      result = 'none';
      const next = (i: number): void => {
        const chunk = chunks[i];
        if (chunk !== undefined) {
          writer.add(chunk, i + 1, (fault) => (fault === null ? next(i + 1) : failed(fault)));
          return;
        }
        writer.finish((fault) => {
          if (fault === null) result = null;
          else failed(fault);
        });
      };
      next(0);
    });
    this.disk.drain();
    return result;
  }

  /** Loads the newest good one that `refuse` has no word against. */
  load(refuse: (header: SnapshotHeader) => string | null = () => null): Loaded {
    let chunks: Uint8Array[] = [];
    let isWhole = false;
    let header: SnapshotHeader | null | undefined;
    const admit = (found: SnapshotHeader) => {
      chunks = [];
      let count = 0;
      return (
        refuse(found) ?? {
          chunk: (bytes: Uint8Array) => {
            chunks.push(bytes);
            count += 1;
            return count;
          },
          end: () => {
            isWhole = true;
          },
        }
      );
    };
    this.files.load(admit, (loaded) => {
      header = loaded;
    });
    this.disk.drain();
    if (header === undefined) throw new Error('loading never ended');
    return { header, chunks: header === null ? [] : chunks, isWhole };
  }

  /** Names in the directory. */
  names(): readonly string[] {
    let found: readonly string[] = [];
    this.disk.list('data/snapshots', (_error, names) => {
      found = names;
    });
    this.disk.drain();
    return found;
  }
}
