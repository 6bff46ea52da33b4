/**
 * Walks the log of a stopped server without changing anything, for `quorate inspect`: every record
 * in the order in which it was written, and every place where something is wrong. It goes on behind
 * damage where it can, since what is there is what the reader wants to know.
 */

import type { Configuration, EntryKind, HardState, Index, LogBase, Term } from '../raft/types.js';
import { decodeEntries } from '../wire/entry-codec.js';
import { WireError } from '../wire/wire-error.js';
import { decodeSections } from './batch-header.js';
import type { Checksum } from './checksum.js';
import type { Disk, DiskError } from './disk.js';
import { LogWalk } from './log-walk.js';
import { readWhole, segmentPath } from './segment-files.js';
import { decodeSegmentHeader, type SegmentHeader, segmentIdOf } from './segment-header.js';
import { type FoundBatch, scanSegment } from './segment-scan.js';

/** Where a record stands. */
export interface RecordPlace {
  readonly file: string;
  /** Of its batch, bytes. */
  readonly offset: number;
}

/** What an inspection tells. */
export type LogRecord =
  | { readonly type: 'segment'; readonly header: SegmentHeader; readonly bytes: number }
  | { readonly type: 'base'; readonly base: LogBase }
  | { readonly type: 'hardState'; readonly hardState: HardState }
  | { readonly type: 'truncate'; readonly from: Index }
  | {
      readonly type: 'entry';
      readonly index: Index;
      readonly term: Term;
      readonly kind: EntryKind;
      readonly timeMillis: number;
      /** A command's bytes; must not be changed. */
      readonly data: Uint8Array;
      readonly configuration: Configuration | null;
    }
  | { readonly type: 'cleanStop' }
  /** Bytes that no opening would keep: the end of a write that was cut off. */
  | { readonly type: 'tornTail'; readonly bytes: number }
  /** Why opening would refuse this log. */
  | { readonly type: 'damage'; readonly code: string; readonly message: string };

/** What an inspection needs. */
export interface InspectDeps {
  readonly disk: Disk;
  readonly checksum: Checksum;
}

/**
 * Tells `onRecord` everything in the log of `directory`. Damage is told, not an error; an error is
 * a directory or file that cannot be read at all.
 */
export function inspectLog(
  directory: string,
  deps: InspectDeps,
  onRecord: (record: LogRecord, place: RecordPlace) => void,
  done: (error: DiskError | null) => void,
): void {
  deps.disk.list(directory, (error, names) => {
    if (error !== null) return done(error);
    const ids = names.map(segmentIdOf).filter((id) => id !== null);
    const walk = new LogWalk(directory, null, deps.checksum);
    let isRefused = false;
    const tellDamage = (fault: DiskError | null, file: string): void => {
      // After the first fault the walk no longer knows what should come: its verdicts end here.
      if (fault === null || isRefused) return;
      isRefused = true;
      const { code, message } = fault;
      onRecord({ type: 'damage', code, message }, { file, offset: 0 });
    };
    const next = (i: number): void => {
      const segmentId = ids[i];
      if (segmentId === undefined) {
        if (!isRefused) tellDamage(walk.finish(), directory);
        return done(null);
      }
      const file = segmentPath(directory, segmentId);
      readWhole(deps.disk, file, (failed, bytes) => {
        if (failed !== null) return done(failed);
        tellSegment(file, bytes, deps.checksum, onRecord);
        if (!isRefused) tellDamage(walk.take(segmentId, bytes), file);
        next(i + 1);
      });
    };
    next(0);
  });
}

function tellSegment(
  file: string,
  bytes: Uint8Array,
  checksum: Checksum,
  onRecord: (record: LogRecord, place: RecordPlace) => void,
): void {
  const found = decodeSegmentHeader(bytes, checksum);
  if (found.state !== 'valid') return;
  const { header } = found;
  onRecord({ type: 'segment', header, bytes: bytes.length }, { file, offset: 0 });
  const scanned = scanSegment(bytes, header, checksum, (batch) => {
    const place = { file, offset: batch.header.offset };
    try {
      tellBatch(bytes, batch, (record) => onRecord(record, place));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      onRecord({ type: 'damage', code: 'DAMAGED', message: `${file}: ${error.message}` }, place);
    }
  });
  if (scanned.tail === 'torn') {
    const record = { type: 'tornTail', bytes: scanned.tailEnd - scanned.end } as const;
    onRecord(record, { file, offset: scanned.end });
  }
}

function tellBatch(bytes: Uint8Array, batch: FoundBatch, tell: (record: LogRecord) => void): void {
  const { payloadStart, payloadEnd } = batch;
  const sections = decodeSections(bytes, payloadStart, payloadEnd);
  if (sections.base !== null) tell({ type: 'base', base: sections.base });
  if (sections.hardState !== null) tell({ type: 'hardState', hardState: sections.hardState });
  if (sections.truncateFrom !== null) tell({ type: 'truncate', from: sections.truncateFrom });
  for (const entry of decodeEntries(bytes, sections.entriesStart, payloadEnd)) {
    const { index, term, kind, timeMillis, configuration, data } = entry;
    tell({ type: 'entry', index, term, kind, timeMillis, data, configuration });
  }
  if (sections.cleanStop) tell({ type: 'cleanStop' });
}
