/**
 * The record of the log: one batch, whole or not there at all. A header of 64 bytes, with a CRC of
 * its own so that a broken length cannot eat the file, then sections (truncate, hard state, base,
 * clean stop), then entries in their wire bytes up to the end. Both CRCs are seeded with the
 * segment id, and the header holds its own place: a batch of another file or place is never valid.
 * `durableEnd` is where the log ended, on disk, when this batch was written: what makes a bad batch
 * before it damage and not a torn tail. Source: docs/storage.md.
 *
 * Header, little-endian: magic u32 · payloadBytes u32 · segmentId u64 · sequence u64 · offset u32 ·
 * durableEnd u32 · firstIndex u64 · lastIndex u64 · lastTerm u64 · payload CRC u32 · header CRC
 * u32.
 */

import { frameBytesMax } from '../base/limits.js';
import type { HardState, LogBase } from '../raft/types.js';
import { ByteReader } from '../wire/byte-reader.js';
import { logBaseFromJson } from '../wire/configuration-codec.js';
import { WireError } from '../wire/wire-error.js';
import type { Checksum } from './checksum.js';
import { sectorBytes } from './segment-header.js';

/** Bytes of a batch's header. */
export const batchHeaderBytes = 64;

/**
 * Kinds of section. Zero is none, so unwritten space is no section; `entries` takes all the rest.
 */
export const section = { truncate: 1, hardState: 2, base: 3, cleanStop: 4, entries: 5 } as const;

/** Longest base record, bytes of JSON. */
export const baseBytesMax = 4 * 1024 * 1024;

const magic = 0x54_42_52_51;
const headerCrcAt = 60;
const two32 = 0x1_0000_0000;
const highMax = 0x1f_ffff;

/** What a batch says of itself. Offsets are bytes within its segment. */
export interface BatchHeader {
  readonly payloadBytes: number;
  readonly segmentId: number;
  /** Counts all batches of the log, across segments, without a gap. */
  readonly sequence: number;
  readonly offset: number;
  readonly durableEnd: number;
  /** First and last entry, and the last one's term; 0 when there is none. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly payloadCrc: number;
}

/** The sections of a batch, in the order in which they count. */
export interface BatchSections {
  readonly truncateFrom: number | null;
  readonly hardState: HardState | null;
  readonly base: LogBase | null;
  readonly cleanStop: boolean;
  /** Where the entries start in the array given; the batch's end when there are none. */
  readonly entriesStart: number;
}

/** Seed of all CRCs in a segment. */
export function segmentSeed(segmentId: number): number {
  return (segmentId ^ 0x5157_414c) >>> 0;
}

/** Writes a header at `at`. */
export function writeBatchHeader(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  checksum: Checksum,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, batchHeaderBytes);
  view.setUint32(0, magic, true);
  view.setUint32(4, header.payloadBytes, true);
  setCounter(view, 8, header.segmentId);
  setCounter(view, 16, header.sequence);
  view.setUint32(24, header.offset, true);
  view.setUint32(28, header.durableEnd, true);
  setCounter(view, 32, header.firstIndex);
  setCounter(view, 40, header.lastIndex);
  setCounter(view, 48, header.lastTerm);
  view.setUint32(56, header.payloadCrc, true);
  const crc = checksum(bytes.subarray(at, at + headerCrcAt), segmentSeed(header.segmentId));
  view.setUint32(headerCrcAt, crc, true);
}

/**
 * The header at `at`, or null when none valid for this segment is there. `offset` is checked by the
 * caller, who knows where in the file `bytes` were read.
 */
export function readBatchHeader(
  bytes: Uint8Array,
  at: number,
  segmentId: number,
  checksum: Checksum,
): BatchHeader | null {
  if (at + batchHeaderBytes > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, batchHeaderBytes);
  if (view.getUint32(0, true) !== magic) return null;
  const crc = checksum(bytes.subarray(at, at + headerCrcAt), segmentSeed(segmentId));
  if (view.getUint32(headerCrcAt, true) !== crc) return null;
  const header: BatchHeader = {
    payloadBytes: view.getUint32(4, true),
    segmentId: getCounter(view, 8),
    sequence: getCounter(view, 16),
    offset: view.getUint32(24, true),
    durableEnd: view.getUint32(28, true),
    firstIndex: getCounter(view, 32),
    lastIndex: getCounter(view, 40),
    lastTerm: getCounter(view, 48),
    payloadCrc: view.getUint32(56, true),
  };
  return header.segmentId === segmentId && header.payloadBytes <= frameBytesMax ? header : null;
}

/** Whether the payload behind the header at `at` is all there and unharmed. */
export function isPayloadWhole(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  checksum: Checksum,
): boolean {
  const start = at + batchHeaderBytes;
  const end = start + header.payloadBytes;
  if (end > bytes.length) return false;
  return checksum(bytes.subarray(start, end), segmentSeed(header.segmentId)) === header.payloadCrc;
}

/**
 * The sections of a payload in bytes start … end−1.
 * @throws WireError when they are not what this version writes.
 */
export function decodeSections(bytes: Uint8Array, start: number, end: number): BatchSections {
  const reader = new ByteReader(bytes, start, end);
  let truncateFrom: number | null = null;
  let hardState: HardState | null = null;
  let base: LogBase | null = null;
  let cleanStop = false;
  while (reader.remaining > 0) {
    const kind = reader.u8();
    if (kind === section.entries) break;
    if (kind === section.truncate) truncateFrom = reader.u64();
    else if (kind === section.hardState) hardState = { term: reader.u64(), vote: reader.u64() };
    else if (kind === section.base) base = logBaseFromJson(reader.utf8(baseBytesMax, 'base'));
    else if (kind === section.cleanStop) cleanStop = true;
    // An unknown section is never skipped: it may say that what follows means something else.
    else throw new WireError(`a section of unknown kind ${kind}`);
  }
  return { truncateFrom, hardState, base, cleanStop, entriesStart: reader.position };
}

/** Rounds a count of bytes up to whole sectors. */
export function toSectors(bytes: number): number {
  return Math.ceil(bytes / sectorBytes) * sectorBytes;
}

function setCounter(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % two32, true);
  view.setUint32(at + 4, Math.floor(value / two32), true);
}

/** A counter beyond 2⁵³−1 becomes NaN, which equals nothing and so fails every check after. */
function getCounter(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  return high > highMax ? Number.NaN : high * two32 + view.getUint32(at, true);
}
