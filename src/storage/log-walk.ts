/**
 * Judges a whole log, segment by segment in order, as opening and inspecting see it: is this ours,
 * does each segment continue the one before, where does the log end, and is what lies there
 * unwritten space, a torn tail or damage. Pure; it is handed bytes and changes nothing. Source:
 * docs/storage.md.
 */

import { readBatchHeader } from './batch-header.js';
import type { Checksum } from './checksum.js';
import type { DiskError } from './disk.js';
import { LogImage } from './log-image.js';
import { segmentPath } from './segment-files.js';
import { decodeSegmentHeader, type SegmentHeader, sectorBytes } from './segment-header.js';
import { endOfNonZero, provesDurable, type ScannedSegment, scanSegment } from './segment-scan.js';

/** Whose log it must be. */
export interface LogOwner {
  readonly clusterId: string;
  readonly memberId: number;
}

/** A segment that holds batches. */
export interface StartedSegment {
  readonly segmentId: number;
  readonly bytes: Uint8Array;
  readonly scanned: ScannedSegment;
}

/** A segment file in which nothing was ever acknowledged: zeros, or a torn first write. */
export interface UnstartedSegment {
  readonly segmentId: number;
  readonly bytes: Uint8Array;
  /** Offset after the last byte that is not zero. */
  readonly tailEnd: number;
}

/** A walk over a log from its first segment to its last. */
export class LogWalk {
  readonly image = new LogImage();
  /** The last segment that holds batches. */
  last: StartedSegment | null = null;
  readonly unstarted: UnstartedSegment[] = [];
  readonly #directory: string;
  readonly #owner: LogOwner | null;
  readonly #checksum: Checksum;

  /** @param owner null: anybody's (for inspection). */
  constructor(directory: string, owner: LogOwner | null, checksum: Checksum) {
    this.#directory = directory;
    this.#owner = owner;
    this.#checksum = checksum;
  }

  /** Takes the next segment. @returns why the log cannot be opened, or null. */
  take(segmentId: number, bytes: Uint8Array): DiskError | null {
    const found = decodeSegmentHeader(bytes, this.#checksum);
    if (found.state === 'newer') {
      const path = segmentPath(this.#directory, segmentId);
      const message = `${path}: written by a newer version (format ${found.readerMin}); upgrade`;
      return { code: 'NEWER_FORMAT', message };
    }
    if (found.state === 'invalid') return this.#takeUnstarted(segmentId, bytes);
    const fault = this.#judgeHeader(segmentId, found.header);
    if (fault !== null) return fault;
    return this.#scan(segmentId, found.header, bytes);
  }

  /** After the last segment. @returns why the log cannot be opened, or null. */
  finish(): DiskError | null {
    if (this.last !== null && this.image.base !== null) return null;
    return this.#damage(this.last?.segmentId ?? 1, sectorBytes, 'the founding record is missing');
  }

  #takeUnstarted(segmentId: number, bytes: Uint8Array): DiskError | null {
    // The first segment got its name only when it was whole.
    if (this.last === null) return this.#damage(segmentId, 0, 'the header is bad');
    // Written alone or with a first batch, it was there once any other batch was begun.
    if (provesDurable(bytes, segmentId, { from: sectorBytes, beyond: 0 }, this.#checksum)) {
      return this.#damage(segmentId, 0, 'the header is bad and batches after it are good');
    }
    this.unstarted.push({ segmentId, bytes, tailEnd: endOfNonZero(bytes, 0) });
    return null;
  }

  #judgeHeader(segmentId: number, header: SegmentHeader): DiskError | null {
    const owner = this.#owner;
    if (
      owner !== null &&
      (owner.clusterId !== header.clusterId || owner.memberId !== header.memberId)
    ) {
      const message =
        `${segmentPath(this.#directory, segmentId)}: the log of member ${header.memberId} of ` +
        `cluster ${header.clusterId}, not of member ${owner.memberId} of ${owner.clusterId}`;
      return { code: 'WRONG_CLUSTER', message };
    }
    if (header.segmentId !== segmentId) return this.#damage(segmentId, 0, 'another segment');
    const skipped = this.unstarted[0];
    if (skipped !== undefined) return this.#damage(skipped.segmentId, 0, 'the header is bad');
    const last = this.last;
    if (last === null) return null;
    if (segmentId !== last.segmentId + 1) {
      return this.#damage(last.segmentId + 1, 0, 'the file is missing');
    }
    const { end, nextSequence } = last.scanned;
    if (header.previousEnd !== end || header.firstSequence !== nextSequence) {
      const at = Math.min(end, header.previousEnd);
      return this.#damage(last.segmentId, at, 'a batch that was on disk is bad or missing', last);
    }
    return null;
  }

  #scan(segmentId: number, header: SegmentHeader, bytes: Uint8Array): DiskError | null {
    this.image.index.addSegment(segmentId);
    let fault: DiskError | null = null;
    const scanned = scanSegment(bytes, header, this.#checksum, (batch) => {
      if (fault !== null) return;
      const reason = this.image.add(bytes, batch);
      if (reason !== null) fault = this.#damage(segmentId, batch.header.offset, reason);
    });
    this.last = { segmentId, bytes, scanned };
    if (fault === null && scanned.tail === 'damaged') {
      return this.#damage(segmentId, scanned.end, 'a batch that was on disk is bad', this.last);
    }
    return fault;
  }

  /** Says file, offset, index range and what to do, as docs/storage.md says. */
  #damage(
    segmentId: number,
    offset: number,
    reason: string,
    segment: StartedSegment | null = null,
  ): DiskError {
    const first = this.image.index.lastIndex + 1;
    const header =
      segment === null ? null : readBatchHeader(segment.bytes, offset, segmentId, this.#checksum);
    const range =
      header === null || header.firstIndex === 0
        ? `entries from ${first} on`
        : `entries ${header.firstIndex} … ${header.lastIndex}`;
    const path = segmentPath(this.#directory, segmentId);
    const message =
      `${path}: damaged at byte ${offset}, ${range} (${reason}); ` +
      'nothing was changed; restore the file from a copy, or remove the data folder and let this ' +
      'server join again as a new member';
    return { code: 'DAMAGED', message };
  }
}
