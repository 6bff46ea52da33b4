/**
 * Reads the bytes of one segment and says what they are: the whole batches from its start, and
 * whether what follows is unwritten space, a torn tail or damage. Pure: it changes nothing.
 *
 * Torn or damaged? A write begins only after the one before it is on disk, and every batch carries
 * `durableEnd`, the end of the log at that time. So a valid batch beyond a bad one proves the bad
 * one durable if its `durableEnd` lies past it: damage. If no batch proves that, the bad one was
 * never acknowledged: torn, and may be cut. Source: docs/storage.md.
 */

import {
  type BatchHeader,
  batchHeaderBytes,
  isPayloadWhole,
  readBatchHeader,
  toSectors,
} from './batch-header.js';
import type { Checksum } from './checksum.js';
import { sectorBytes } from './segment-header.js';

/** One whole batch within the bytes of a segment. */
export interface FoundBatch {
  readonly header: BatchHeader;
  /** Payload in bytes start … end−1. */
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** Where the whole batches end, and what lies there. Offsets are bytes. */
export interface ScannedSegment {
  readonly end: number;
  /** Sequence number that the next batch must have. */
  readonly nextSequence: number;
  readonly tail: 'empty' | 'torn' | 'damaged';
  /** Offset after the last byte that is not zero; `end` when the tail is empty. */
  readonly tailEnd: number;
}

/**
 * Walks the batches of segment `segmentId` that follow the header sector, and judges the tail.
 * @param firstSequence the number that the first batch must have.
 * @param onBatch told each whole batch, in order.
 */
export function scanSegment(
  bytes: Uint8Array,
  segment: { readonly segmentId: number; readonly firstSequence: number },
  checksum: Checksum,
  onBatch: (batch: FoundBatch) => void,
): ScannedSegment {
  const { segmentId } = segment;
  let nextSequence = segment.firstSequence;
  let at = sectorBytes;
  for (;;) {
    const header = readBatchHeader(bytes, at, segmentId, checksum);
    if (header === null || header.offset !== at || header.sequence !== nextSequence) break;
    if (!isPayloadWhole(bytes, at, header, checksum)) break;
    const payloadStart = at + batchHeaderBytes;
    onBatch({ header, payloadStart, payloadEnd: payloadStart + header.payloadBytes });
    nextSequence++;
    at = toSectors(payloadStart + header.payloadBytes);
  }
  const end = Math.min(at, toSectors(bytes.length));
  const tailEnd = Math.max(end, endOfNonZero(bytes, end));
  if (tailEnd === end) return { end, nextSequence, tail: 'empty', tailEnd };
  const isDamaged = provesDurable(bytes, segmentId, { from: end, beyond: end }, checksum);
  const tail = isDamaged ? 'damaged' : 'torn';
  return { end, nextSequence, tail, tailEnd };
}

/**
 * Whether some valid batch of the segment, at `from` or later, says that the segment was on disk
 * `beyond` an offset. Batches and their headers stand on sector boundaries only.
 */
export function provesDurable(
  bytes: Uint8Array,
  segmentId: number,
  { from, beyond }: { readonly from: number; readonly beyond: number },
  checksum: Checksum,
): boolean {
  for (let at = from; at + batchHeaderBytes <= bytes.length; at += sectorBytes) {
    const header = readBatchHeader(bytes, at, segmentId, checksum);
    if (header !== null && header.offset === at && header.durableEnd > beyond) return true;
  }
  return false;
}

/** Offset after the last byte at or after `from` that is not zero; `from` when there is none. */
export function endOfNonZero(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  // A file that was cut within a batch's last sector ends before the batch does.
  if (end <= from) return from;
  // Eight bytes at a time where memory is aligned: this runs over all the unwritten space.
  if ((bytes.byteOffset + end) % 8 === 0) {
    const count = Math.floor((end - from) / 8);
    const words = new BigUint64Array(bytes.buffer, bytes.byteOffset + end - count * 8, count);
    let i = count - 1;
    while (i >= 0 && words[i] === 0n) i--;
    end -= (count - 1 - i) * 8;
  }
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}
