/**
 * The bytes of a stream's rows in a snapshot (layouts: state-codec.ts). Typed arrays are written
 * element by element, little-endian, and read into arrays of their own.
 */

import { batchRecordsMax } from '../base/limits.js';
import type { StreamView } from '../machine/commands.js';
import {
  type MarksRow,
  type RunsRow,
  type StreamRow,
  streamPartMax,
  type ViewsRow,
} from '../machine/state-rows.js';
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { WireError } from './wire-error.js';

/** Longest name of a stream, bytes (machine/stream-name.ts). */
const nameBytesMax = 255;

/** Writes a stream. */
export function writeStream(writer: ByteWriter, row: StreamRow): void {
  const { recordsMax, bytesMax, ageMillisMax } = row.retention;
  writer.utf8(row.name, nameBytesMax, 'stream name');
  writer.u64(row.firstSeq);
  writer.u64(row.nextSeq);
  writer.u64(row.fence);
  writer.u64(row.totalBytes);
  for (const limit of [recordsMax, bytesMax, ageMillisMax]) writer.u64(limit ?? 0);
}

/** Reads a stream. */
export function readStream(reader: ByteReader): StreamRow {
  const name = reader.utf8(nameBytesMax, 'stream name');
  const firstSeq = reader.u64();
  const nextSeq = reader.u64();
  const fence = reader.u64();
  const totalBytes = reader.u64();
  const recordsMax = orNull(reader.u64());
  const bytesMax = orNull(reader.u64());
  const ageMillisMax = orNull(reader.u64());
  const retention = { recordsMax, bytesMax, ageMillisMax };
  return { kind: 'stream', name, firstSeq, nextSeq, fence, totalBytes, retention };
}

/** Writes views. */
export function writeViews(writer: ByteWriter, { views }: ViewsRow): void {
  writer.u16(views.length);
  for (const { view, firstSeq, endSeq } of views) {
    writer.u64(view);
    writer.u64(firstSeq);
    writer.u64(endSeq ?? 0);
  }
}

/** Reads views. */
export function readViews(reader: ByteReader): ViewsRow {
  const count = readPartCount(reader);
  const views: StreamView[] = [];
  for (let i = 0; i < count; i++) {
    const view = reader.u64();
    const firstSeq = reader.u64();
    views.push({ view, firstSeq, endSeq: orNull(reader.u64()) });
  }
  return { kind: 'views', views };
}

/** Writes marks. */
export function writeMarks(writer: ByteWriter, row: MarksRow): void {
  const { offsets } = row;
  writer.u64(row.baseSeq);
  writer.u64(row.baseMillis);
  writer.u64(row.baseBytes);
  writer.u16(offsets.length / 3);
  for (let i = 0; i < offsets.length; i++) writer.u32(offsets[i] as number);
}

/** Reads marks. */
export function readMarks(reader: ByteReader): MarksRow {
  const baseSeq = reader.u64();
  const baseMillis = reader.u64();
  const baseBytes = reader.u64();
  const offsets = new Uint32Array(3 * readPartCount(reader));
  for (let i = 0; i < offsets.length; i++) offsets[i] = reader.u32();
  return { kind: 'marks', baseSeq, baseMillis, baseBytes, offsets };
}

/** Writes runs. */
export function writeRuns(writer: ByteWriter, row: RunsRow): void {
  const { seqOffsets, indexOffsets, recordsPerEntry } = row;
  writer.u64(row.baseSeq);
  writer.u64(row.baseIndex);
  writer.u16(seqOffsets.length);
  for (let i = 0; i < seqOffsets.length; i++) {
    writer.u32(seqOffsets[i] as number);
    writer.u32(indexOffsets[i] as number);
    writer.u16(recordsPerEntry[i] as number);
  }
}

/** Reads runs. */
export function readRuns(reader: ByteReader): RunsRow {
  const baseSeq = reader.u64();
  const baseIndex = reader.u64();
  const count = readPartCount(reader);
  const seqOffsets = new Uint32Array(count);
  const indexOffsets = new Uint32Array(count);
  const recordsPerEntry = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    seqOffsets[i] = reader.u32();
    indexOffsets[i] = reader.u32();
    const records = reader.u16();
    if (records > batchRecordsMax) throw new WireError(`an entry of ${records} records`);
    recordsPerEntry[i] = records;
  }
  return { kind: 'runs', baseSeq, baseIndex, seqOffsets, indexOffsets, recordsPerEntry };
}

function readPartCount(reader: ByteReader): number {
  const count = reader.u16();
  if (count === 0 || count > streamPartMax) throw new WireError(`${count} things in a part`);
  return count;
}

function orNull(value: number): number | null {
  return value === 0 ? null : value;
}
