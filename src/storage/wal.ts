/**
 * Founds and opens the write-ahead log of a member. Founding leaves one segment with the base
 * record (what the log starts from) on disk before it says done; opening reads and judges all of it
 * (`wal-recovery.ts`) and hands over a `RunningWal` and what the log said.
 */

import { assert } from '../base/assert.js';
import type { Entry, LogBase } from '../raft/types.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { logBaseToJson } from '../wire/configuration-codec.js';
import {
  baseBytesMax,
  batchHeaderBytes,
  section,
  segmentSeed,
  toSectors,
  writeBatchHeader,
} from './batch-header.js';
import type { Checksum } from './checksum.js';
import type { DiskError } from './disk.js';
import type { LogStore, RecoveredLog } from './log-store.js';
import { RunningWal } from './running-wal.js';
import { openSegment, writeInto, writeWhole } from './segment-files.js';
import { encodeSegmentHeader, sectorBytes, segmentIdOf, segmentName } from './segment-header.js';
import { completeWalOptions, type WalDeps, type WalOptions } from './wal-options.js';
import { type RecoveredFiles, recoverWal } from './wal-recovery.js';

/** A log that was opened. */
export interface OpenedWal {
  readonly store: LogStore;
  readonly recovered: RecoveredLog;
}

/** Ends opening: `opened` is null exactly when there is an error. */
export type OpenDone = (error: DiskError | null, opened: OpenedWal | null) => void;

const firstSegmentId = 1;

/**
 * Opens the log in `options.directory`. When it cannot be opened, nothing on disk was changed.
 * Errors: ENOENT (no log there: found one), DAMAGED (the message says file, byte, entries and what
 * to do), WRONG_CLUSTER, NEWER_FORMAT, or the disk's own.
 * @throws RangeError when the options are wrong.
 */
export function openWal(options: WalOptions, deps: WalDeps, done: OpenDone): void {
  open(completeWalOptions(options), deps, false, done);
}

function open(
  options: Required<WalOptions>,
  deps: WalDeps,
  isJustMade: boolean,
  done: OpenDone,
): void {
  recoverWal(options, deps, isJustMade, (error, files) => {
    if (files === null) return done(error, null);
    start(options, deps, files, done);
  });
}

/**
 * Founds an empty log that starts after `base`, durably, and opens it.
 * Errors: EEXIST (there is a log already), or the disk's own.
 * @throws RangeError when the options are wrong.
 */
export function createWal(options: WalOptions, base: LogBase, deps: WalDeps, done: OpenDone): void {
  const all = completeWalOptions(options);
  const { directory } = all;
  const { disk, prepared } = deps;
  const content = foundingContent(all, base, deps.checksum);
  disk.makeDirectory(directory, (makeError) => {
    if (makeError !== null) return done(makeError, null);
    disk.list(directory, (listError, names) => {
      if (listError !== null) return done(listError, null);
      if (names.some((name) => segmentIdOf(name) !== null)) {
        return done({ code: 'EEXIST', message: `${directory}: there is a log already` }, null);
      }
      const name = segmentName(firstSegmentId);
      const whole = { directory, name, content, bytes: all.segmentBytesMax };
      const made = (error: DiskError | null): void => {
        if (error !== null) return done(error, null);
        disk.syncDirectory(parentOf(directory), (syncError) => {
          if (syncError !== null) done(syncError, null);
          else open(all, deps, true, done);
        });
      };
      if (prepared == null) writeWhole(disk, whole, made);
      else writeInto(disk, prepared, whole, made);
    });
  });
}

/** Header sector and one batch: base, hard state of term 0, and the note of a clean stop. */
function foundingContent(
  options: Required<WalOptions>,
  base: LogBase,
  checksum: Checksum,
): Uint8Array {
  const { clusterId, memberId } = options;
  const segmentId = firstSegmentId;
  const first = { segmentId, clusterId, memberId, firstSequence: 1, previousEnd: 0 };
  const writer = new ByteWriter();
  writer.u8(section.base);
  writer.utf8(logBaseToJson(base), baseBytesMax, 'base');
  writer.u8(section.hardState);
  writer.u64(0);
  writer.u64(0);
  writer.u8(section.cleanStop);
  const payload = writer.finish();
  const start = sectorBytes + batchHeaderBytes;
  const content = new Uint8Array(toSectors(start + payload.length));
  content.set(encodeSegmentHeader(first, checksum));
  content.set(payload, start);
  const header = {
    payloadBytes: payload.length,
    segmentId,
    sequence: 1,
    offset: sectorBytes,
    durableEnd: sectorBytes,
    firstIndex: 0,
    lastIndex: 0,
    lastTerm: 0,
    payloadCrc: checksum(payload, segmentSeed(segmentId)),
  };
  writeBatchHeader(content, sectorBytes, header, checksum);
  return content;
}

function start(
  options: Required<WalOptions>,
  deps: WalDeps,
  files: RecoveredFiles,
  done: OpenDone,
): void {
  const { image, segmentId, end, nextSequence, hasSpare, hasReserve } = files;
  const { base, hardState, index } = image;
  assert(base !== null, 'recovery lets no log without a base pass');
  openSegment(deps.disk, options.directory, segmentId, (error, file) => {
    if (file === null) return done(error, null);
    const baseIndex = base.index;
    const place = { file, segmentId, end, nextSequence, hasSpare, hasReserve };
    const from = { index, baseIndex, hardState, ...place };
    const store = new RunningWal(options, deps, from);
    const { lastIndex } = index;
    const opened = (tail: readonly Entry[]): OpenedWal => {
      const { termRuns, configurations } = image;
      const { tornBytes } = files;
      const recovered = { hardState, base, termRuns, configurations, lastIndex, tail, tornBytes };
      return { store, recovered };
    };
    const first = index.tailStart(options.tailBytesMax);
    if (first > lastIndex) return done(null, opened([]));
    store.read(first, lastIndex, Number.POSITIVE_INFINITY, (readError, tail) => {
      if (readError !== null) store.close(() => done(readError, null));
      else done(null, opened(tail));
    });
  });
}

function parentOf(directory: string): string {
  const slash = directory.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : directory.slice(0, slash);
}
