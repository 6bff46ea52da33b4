/**
 * The first sector of a segment file: whose log this is, which segment, and where the segment
 * before it ended. It is written together with the segment's first batch, so a valid header proves
 * that the segment before was on disk up to `previousEnd`. Source: docs/storage.md.
 *
 * Layout, little-endian: magic 8 bytes · format u32 · readerMin u32 · segmentId u64 · memberId u64
 * · firstSequence u64 · previousEnd u32 · clusterId (u32 length, UTF-8) · zeros · CRC-32 in the
 * last 4.
 */

import { ByteReader } from '../wire/byte-reader.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { WireError } from '../wire/wire-error.js';
import type { Checksum } from './checksum.js';

/**
 * Everything in a segment starts at a multiple of this: no sector ever holds bytes of two writes,
 * so a write cut off by power loss cannot hurt a batch that was already on disk.
 */
export const sectorBytes = 512;

/** The format this code writes. */
const walFormat = 1;

/** Longest cluster id, bytes of UTF-8. */
const clusterIdBytesMax = 128;

const magic = Uint8Array.of(0x51, 0x55, 0x4f, 0x52, 0x41, 0x57, 0x41, 0x4c);
const crcAt = sectorBytes - 4;

/** What a segment says of itself. */
export interface SegmentHeader {
  /** Counts from 1, never used again. */
  readonly segmentId: number;
  readonly clusterId: string;
  readonly memberId: number;
  /** Sequence number of its first batch. */
  readonly firstSequence: number;
  /** Where the segment before it ends, bytes; 0 in the first. */
  readonly previousEnd: number;
}

/** A header as it was found. */
export type FoundHeader =
  | { readonly state: 'valid'; readonly header: SegmentHeader }
  | { readonly state: 'invalid' }
  /** Written by a later version: this one must not touch it. */
  | { readonly state: 'newer'; readonly readerMin: number };

/** The header's sector. */
export function encodeSegmentHeader(header: SegmentHeader, checksum: Checksum): Uint8Array {
  const writer = new ByteWriter(sectorBytes);
  writer.raw(magic);
  writer.u32(walFormat);
  writer.u32(walFormat);
  writer.u64(header.segmentId);
  writer.u64(header.memberId);
  writer.u64(header.firstSequence);
  writer.u32(header.previousEnd);
  writer.utf8(header.clusterId, clusterIdBytesMax, 'clusterId');
  writer.raw(new Uint8Array(crcAt - writer.length));
  const body = writer.finish();
  writer.u32(checksum(body, 0));
  writer.finish();
  return new Uint8Array(body.buffer, body.byteOffset, sectorBytes);
}

/** Reads the header in the first sector of `bytes`. */
export function decodeSegmentHeader(bytes: Uint8Array, checksum: Checksum): FoundHeader {
  if (bytes.length < sectorBytes) return { state: 'invalid' };
  const reader = new ByteReader(bytes, 0, sectorBytes);
  const found = reader.raw(magic.length);
  if (found.some((byte, i) => byte !== magic[i])) return { state: 'invalid' };
  if (new ByteReader(bytes, crcAt, sectorBytes).u32() !== checksum(bytes.subarray(0, crcAt), 0)) {
    return { state: 'invalid' };
  }
  reader.u32();
  const readerMin = reader.u32();
  if (readerMin > walFormat) return { state: 'newer', readerMin };
  try {
    const segmentId = reader.u64();
    const memberId = reader.u64();
    const firstSequence = reader.u64();
    const previousEnd = reader.u32();
    const clusterId = reader.utf8(clusterIdBytesMax, 'clusterId');
    const header = { segmentId, clusterId, memberId, firstSequence, previousEnd };
    return { state: 'valid', header };
  } catch (error) {
    if (error instanceof WireError) return { state: 'invalid' };
    throw error;
  }
}

/** Name of a segment's file. */
export function segmentName(segmentId: number): string {
  return `${String(segmentId).padStart(12, '0')}.wal`;
}

/** The id in a segment's file name, or null when it is not one. */
export function segmentIdOf(name: string): number | null {
  return /^\d{12}\.wal$/.test(name) ? Number(name.slice(0, 12)) : null;
}
