/**
 * The bytes of a snapshot file: a preamble, then frames (the header, chunks of rows, the end). Each
 * frame has a CRC that is seeded with its number, so a frame in another's place is never valid; the
 * end counts what was before it and holds the SHA-256 of the file up to itself. A file that is cut
 * short lacks its end. What is in a chunk is wire's business (wire/state-codec.ts).
 * Source: docs/storage.md.
 *
 *     preamble  magic 8 bytes · format u32 · least format a reader must know u32 · CRC u32
 *     frame     kind u8 · length of the payload u32 · payload · CRC u32 of the frame before it
 *     end       payload: chunks u64 · bytes of their payloads u64 · rows u64 · SHA-256
 */

import { ByteReader } from '../wire/byte-reader.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { snapshotHeaderBytesMax } from '../wire/snapshot-codec.js';
import { chunkBytesMax } from '../wire/state-codec.js';
import type { Checksum } from './checksum.js';

/** The format this code writes, and the newest it reads. */
const snapshotFormat = 1;

/** Bytes of the preamble. */
export const preambleBytes = 20;

/** Bytes before a frame's payload. */
export const frameHeadBytes = 5;

/** Bytes behind a frame's payload. */
export const frameTailBytes = 4;

/** Kinds of frame; zero is none, so a hole in the file is no frame. */
export const frameKind = { header: 1, chunk: 2, end: 3 } as const;

const hashBytes = 32;

/** Bytes of the end's payload. */
export const endBytes = 24 + hashBytes;

/** Bytes of the end's payload before the hash. */
const endCountsBytes = 24;

const magic = Uint8Array.of(0x51, 0x55, 0x4f, 0x52, 0x53, 0x4e, 0x41, 0x50);
const seed = 0x5153_4e50;

/** A SHA-256 that takes bytes in as they come. */
export interface RunningHash {
  update(bytes: Uint8Array): unknown;
  /** 32 bytes; nothing may come after. */
  digest(): Uint8Array;
}

/** Begins a SHA-256: handed in, as CRC-32 is. */
export type NewHash = () => RunningHash;

/** What the end of a file counts. */
export interface SnapshotCounts {
  readonly chunks: number;
  /** Of all chunks, bytes. */
  readonly bytes: number;
  readonly rows: number;
}

/** The preamble. */
export function encodePreamble(checksum: Checksum): Uint8Array {
  const writer = new ByteWriter(preambleBytes);
  writer.raw(magic);
  writer.u32(snapshotFormat);
  writer.u32(snapshotFormat);
  const body = writer.finish();
  writer.u32(checksum(body, seed));
  writer.finish();
  return new Uint8Array(body.buffer, 0, preambleBytes);
}

/** Whether the file can be read: `newer` asks for a newer version of the program. */
export function judgePreamble(bytes: Uint8Array, checksum: Checksum): 'good' | 'newer' | 'damaged' {
  if (bytes.length < preambleBytes) return 'damaged';
  const reader = new ByteReader(bytes, 0, preambleBytes);
  const found = reader.raw(magic.length);
  if (found.some((byte, i) => byte !== magic[i])) return 'damaged';
  reader.u32();
  const readerMin = reader.u32();
  if (reader.u32() !== checksum(bytes.subarray(0, preambleBytes - 4), seed)) return 'damaged';
  return readerMin > snapshotFormat ? 'newer' : 'good';
}

/** What stands before a payload. */
export function encodeFrameHead(kind: number, length: number): Uint8Array {
  const head = new Uint8Array(frameHeadBytes);
  head[0] = kind;
  new DataView(head.buffer).setUint32(1, length, true);
  return head;
}

/** A payload and what stands before and behind it. `number` counts a file's frames from 0. */
export function encodeFrame(
  kind: number,
  payload: Uint8Array,
  number: number,
  checksum: Checksum,
): readonly [Uint8Array, Uint8Array, Uint8Array] {
  const head = encodeFrameHead(kind, payload.length);
  const tail = new Uint8Array(frameTailBytes);
  new DataView(tail.buffer).setUint32(0, frameCrc(head, payload, number, checksum), true);
  return [head, payload, tail];
}

/** The kind and length of a frame, or null when no frame can begin so. */
export function readFrameHead(bytes: Uint8Array): { kind: number; length: number } | null {
  if (bytes.length < frameHeadBytes) return null;
  const reader = new ByteReader(bytes, 0, frameHeadBytes);
  const kind = reader.u8();
  const length = reader.u32();
  const isPossible =
    (kind === frameKind.header && length <= snapshotHeaderBytesMax) ||
    (kind === frameKind.chunk && length > 0 && length <= chunkBytesMax) ||
    (kind === frameKind.end && length === endBytes);
  return isPossible ? { kind, length } : null;
}

/** Whether a payload with the CRC behind it is the one that `head` spoke of. */
export function isFrameWhole(
  head: Uint8Array,
  payloadAndCrc: Uint8Array,
  number: number,
  checksum: Checksum,
): boolean {
  const at = payloadAndCrc.length - frameTailBytes;
  const payload = payloadAndCrc.subarray(0, at);
  const crc = new ByteReader(payloadAndCrc, at).u32();
  return crc === frameCrc(head, payload, number, checksum);
}

/** The end's counts. The hash covers the file up to itself, so they go in before it is known. */
export function encodeCounts({ chunks, bytes, rows }: SnapshotCounts): Uint8Array {
  const writer = new ByteWriter(endBytes);
  writer.u64(chunks);
  writer.u64(bytes);
  writer.u64(rows);
  return writer.finish();
}

/** The end's payload. */
export function encodeEnd(counts: SnapshotCounts, hash: Uint8Array): Uint8Array {
  const payload = new Uint8Array(endBytes);
  payload.set(encodeCounts(counts));
  payload.set(hash, endCountsBytes);
  return payload;
}

/** The end as it was found. */
export function decodeEnd(payload: Uint8Array): SnapshotCounts & { readonly hash: Uint8Array } {
  const reader = new ByteReader(payload);
  const chunks = reader.u64();
  const bytes = reader.u64();
  const rows = reader.u64();
  return { chunks, bytes, rows, hash: reader.raw(hashBytes) };
}

function frameCrc(
  head: Uint8Array,
  payload: Uint8Array,
  number: number,
  checksum: Checksum,
): number {
  return checksum(payload, checksum(head, (seed ^ number) >>> 0));
}
