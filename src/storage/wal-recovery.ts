/**
 * Opens what a log left on disk. First it reads everything and judges; a damaged log is refused and
 * nothing is changed. Then it puts the end in order: a torn tail is copied aside and cut, and the
 * last segment is written anew, because after a failed sync the page cache may show bytes that the
 * disk does not have. That holds after a clean stop too: the mark that says so may be just such
 * bytes (the simulator lost acknowledged entries to that). A crash in between leaves a log that the
 * next opening judges the same way. That takes room: on a full disk the reserve gives it, or the
 * segment that was made ahead, and what is replaced gives it back. Source: docs/storage.md.
 */

import { type DiskError, type Done, isOutOfRoom } from './disk.js';
import type { LogImage } from './log-image.js';
import { LogWalk, type StartedSegment } from './log-walk.js';
import { reserveName } from './reserve.js';
import { readWhole, segmentPath, temporarySuffix, writeWhole } from './segment-files.js';
import { segmentIdOf, segmentName } from './segment-header.js';
import type { WalDeps, WalOptions } from './wal-options.js';

/** A log whose files are in order. */
export interface RecoveredFiles {
  readonly image: LogImage;
  /** The segment to go on in, and where, bytes. */
  readonly segmentId: number;
  readonly end: number;
  readonly nextSequence: number;
  /** The segment after it stands ready, all zeros. */
  readonly hasSpare: boolean;
  /** The reserve is there, as long as a segment. */
  readonly hasReserve: boolean;
  /** Bytes of the torn tail that was cut. */
  readonly tornBytes: number;
}

type RecoveryDone = (error: DiskError | null, files: RecoveredFiles | null) => void;

/**
 * Reads, judges and puts in order the log in `options.directory`.
 * Errors: ENOENT (no log there), DAMAGED, WRONG_CLUSTER, NEWER_FORMAT, or the disk's own.
 * @param isJustMade this process wrote and synced all of it a moment ago, so the cache tells the
 * truth.
 */
export function recoverWal(
  options: Required<WalOptions>,
  deps: WalDeps,
  isJustMade: boolean,
  done: RecoveryDone,
): void {
  const { directory } = options;
  deps.disk.list(directory, (error, names) => {
    if (error !== null) return done(error, null);
    const ids = names.map(segmentIdOf).filter((id) => id !== null);
    if (ids.length === 0) {
      return done({ code: 'ENOENT', message: `${directory}: no log here` }, null);
    }
    const walk = new LogWalk(directory, options, deps.checksum);
    const ordered: RecoveryDone = (failed, files) => {
      const spare = failed !== null && isOutOfRoom(failed) ? spareFile(walk, names) : null;
      if (spare === null) return done(failed, files);
      deps.disk.remove(`${directory}/${spare}`, (stuck) => {
        // Judged anew: part of it may be in order by now.
        if (stuck !== null) done(failed, null);
        else recoverWal(options, deps, isJustMade, done);
      });
    };
    const judge: Done = (failed) => {
      const fault = failed ?? walk.finish();
      if (fault !== null || walk.last === null) return done(fault, null);
      putInOrder({ walk, last: walk.last, names, isJustMade, options, deps }, ordered);
    };
    inTurn(
      ids.map((id) => (next) => takeSegment(walk, id, options, deps, next)),
      judge,
    );
  });
}

/** A file with nothing in it, whose room something else may have; null: there is none. */
function spareFile(walk: LogWalk, names: readonly string[]): string | null {
  if (names.includes(reserveName)) return reserveName;
  const unused = walk.unstarted.find(({ tailEnd }) => tailEnd === 0);
  return unused === undefined ? null : segmentName(unused.segmentId);
}

interface Order {
  readonly walk: LogWalk;
  readonly last: StartedSegment;
  readonly isJustMade: boolean;
  readonly names: readonly string[];
  readonly options: Required<WalOptions>;
  readonly deps: WalDeps;
}

function takeSegment(
  walk: LogWalk,
  segmentId: number,
  options: Required<WalOptions>,
  deps: WalDeps,
  done: Done,
): void {
  readWhole(deps.disk, segmentPath(options.directory, segmentId), (error, bytes) => {
    // What cannot be read is damage, never the end of the log (docs/storage.md).
    if (error !== null) done({ code: 'DAMAGED', message: error.message });
    else done(walk.take(segmentId, bytes));
  });
}

function putInOrder(order: Order, done: RecoveryDone): void {
  const { walk, last, names, options, deps } = order;
  const { directory } = options;
  const { end, tail, tailEnd, nextSequence } = last.scanned;
  const steps: Step[] = [];
  // First, for what comes after makes temporary files of its own, perhaps by the same name.
  for (const name of names.filter((each) => each.endsWith(temporarySuffix))) {
    steps.push((next) => deps.disk.remove(`${directory}/${name}`, next));
  }
  let tornBytes = tail === 'torn' ? tailEnd - end : 0;
  if (tornBytes > 0) {
    steps.push(copyTorn(order, last.segmentId, end, last.bytes.subarray(end, tailEnd)));
  }
  let hasSpare = false;
  for (const { segmentId, bytes, tailEnd: torn } of walk.unstarted) {
    const isNext = segmentId === last.segmentId + 1;
    if (isNext && torn === 0 && bytes.length === options.segmentBytesMax) {
      hasSpare = true;
      continue;
    }
    if (torn > 0) steps.push(copyTorn(order, segmentId, 0, bytes.subarray(0, torn)));
    tornBytes += torn;
    steps.push((next) => deps.disk.remove(segmentPath(directory, segmentId), next));
  }
  if (steps.length > 0) steps.push((next) => deps.disk.syncDirectory(directory, next));
  if (!order.isJustMade) steps.push(rewrite(order));
  let hasReserve = false;
  if (names.includes(reserveName)) {
    steps.push((next) => {
      deps.disk.size(`${directory}/${reserveName}`, (error, bytes) => {
        hasReserve = bytes === options.segmentBytesMax;
        next(error);
      });
    });
  }
  inTurn(steps, (error) => {
    if (error !== null) return done(error, null);
    const { segmentId } = last;
    const found = { segmentId, end, nextSequence, hasSpare, hasReserve, tornBytes };
    done(null, { image: walk.image, ...found });
  });
}

/** One thing to do; its end comes later than its call. */
type Step = (done: Done) => void;

/** Does one thing after the other, up to the first that fails. */
export function inTurn(steps: readonly Step[], done: Done): void {
  let i = 0;
  const next: Done = (error) => {
    const step = steps[i++];
    if (error !== null || step === undefined) done(error);
    else step(next);
  };
  next(null);
}

/** Keeps what is cut, for whoever wants to know what a crash left behind. */
function copyTorn(order: Order, segmentId: number, offset: number, content: Uint8Array): Step {
  const { options, deps } = order;
  const name = `${segmentName(segmentId)}.${offset}.torn`;
  const { directory } = options;
  return (done) => {
    deps.log.warn({ file: name, offset, bytes: content.length }, 'torn tail of the log cut');
    writeWhole(deps.disk, { directory, name, content, bytes: content.length }, done);
  };
}

/** The valid part of the last segment in a new file, zeros after it, in the place of the old. */
function rewrite(order: Order): Step {
  const { last, options, deps } = order;
  const content = last.bytes.subarray(0, last.scanned.end);
  const name = segmentName(last.segmentId);
  const whole = { directory: options.directory, name, content, bytes: options.segmentBytesMax };
  return (done) => writeWhole(deps.disk, whole, done);
}
