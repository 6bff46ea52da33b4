/**
 * The options of the write-ahead log and what it needs from outside. Every size is checked here,
 * once; after that nothing is optional.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Checksum } from './checksum.js';
import type { Disk, DiskError } from './disk.js';

/** What may be chosen. */
export interface WalOptions {
  /** Directory of the segment files; made when the log is founded. Nothing else may be in it. */
  readonly directory: string;
  /** Whose log this is: opening another's is refused. At most 128 bytes. */
  readonly clusterId: string;
  readonly memberId: number;
  /**
   * Length of a segment file, bytes. A single batch that is longer makes its segment longer.
   * @default 67108864
   */
  readonly segmentBytesMax?: number;
  /**
   * How much of the newest entries opening hands over, bytes.
   * @default 16777216
   */
  readonly tailBytesMax?: number;
  /**
   * After this long without a write, an empty batch proves that the last one was on disk, so that
   * later damage to it is told from a torn tail. Milliseconds.
   * @default 100
   */
  readonly markDelayMillis?: number;
  /**
   * Keeps a reserve as long as a segment, and when the disk is full waits for room. False, for
   * tools that end anyway: a full disk is fatal as any other fault.
   * @default true
   */
  readonly ridesOutFullDisk?: boolean;
}

/** What the log needs from outside. */
export interface WalDeps {
  readonly disk: Disk;
  readonly checksum: Checksum;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * A write or sync failed: what is on disk is no longer known, and the process must stop. Called
   * at most once; for a full disk only without `ridesOutFullDisk`.
   */
  readonly onFatal: (error: DiskError) => void;
  /**
   * For `createWal`: a file of `segmentBytesMax` zeros on the same disk, made and synced in this
   * life of the process, that becomes the first segment. Filling one takes half a second and more.
   */
  readonly prepared?: string | null;
}

/** Length of a segment when nothing else is said, bytes. */
export const segmentBytesMaxDefault = 64 * 1024 * 1024;

/** The defaults of `WalOptions`. */
const walDefaults = {
  segmentBytesMax: segmentBytesMaxDefault,
  tailBytesMax: 16 * 1024 * 1024,
  markDelayMillis: 100,
  ridesOutFullDisk: true,
} as const;

/** Smallest segment: header, one small batch and some room (tests and simulations). */
const segmentBytesMin = 4096;

/** Largest segment: places within a segment are u32, and one is read whole at opening. */
const segmentBytesLimit = 1024 * 1024 * 1024;

/**
 * Options with nothing left out.
 * @throws RangeError naming all that is wrong.
 */
export function completeWalOptions(options: WalOptions): Required<WalOptions> {
  const all = { ...walDefaults, ...options };
  const faults: string[] = [];
  const { segmentBytesMax } = all;
  if (
    segmentBytesMax % 512 !== 0 ||
    segmentBytesMax < segmentBytesMin ||
    segmentBytesMax > segmentBytesLimit
  ) {
    faults.push(
      `segmentBytesMax must be a multiple of 512 in ${segmentBytesMin} … ${segmentBytesLimit}`,
    );
  }
  if (!(all.tailBytesMax >= 0)) faults.push('tailBytesMax must not be negative');
  if (!(all.markDelayMillis > 0)) faults.push('markDelayMillis must be above 0');
  if (all.clusterId === '') faults.push('clusterId must not be empty');
  if (faults.length > 0) throw new RangeError(faults.join('; '));
  return all;
}
