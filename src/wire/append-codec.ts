/**
 * The bytes of appends, the hot commands: read by hand, records as views. A plain append is written
 * exactly as it ever was (op 3); conditions make it another op (7), which servers from before them
 * do not know: they halt instead of appending what must not be appended. Layout, little-endian:
 *
 *     op 3       version · tag · stream (u32 length, UTF-8) · count u32 · end u32 × count · records
 *     op 7       version · tag · flags u8 (1 expectSeq, 2 fence, 4 view) · those, u64 each · the
 *                rest as above, from the stream on
 *
 * `end` is where a record ends among the records, so that any one of them is found in one step.
 * Only WireError is thrown.
 */

import { batchRecordsMax, commandBytesMax } from '../base/limits.js';
import { decodeUtf8, utf8Length } from '../base/utf8.js';
import type { Append, AppendConditions, SessionTag } from '../machine/commands.js';
import type { ByteWriter } from './byte-writer.js';
import { WireError } from './wire-error.js';

/** The op of an append without conditions. */
export const plainAppend = 3;

/** The op of an append under conditions, at least one. */
export const conditionalAppend = 7;

const version = 1;
const two32 = 0x1_0000_0000;
const highMax = 0x1f_ffff;

const hasExpectSeq = 1;
const hasFence = 2;
const hasView = 4;

/** How many conditions there are, by flags. */
const conditionCounts = [0, 1, 1, 2, 1, 2, 2, 3] as const;

/** op, version, flag of the tag; and the tag itself. */
const headBytes = 3;
const tagBytes = 24;

/** Which op writes this append. */
export function appendOp({ conditions }: Append): number {
  return flagsOf(conditions) === 0 ? plainAppend : conditionalAppend;
}

/** Bytes that an append takes, head and all. */
export function appendBytes({ tag, stream, records, conditions }: Append): number {
  const count = records.length;
  let size = headBytes + 8 + utf8Length(stream) + 4 * count;
  for (let i = 0; i < count; i++) size += (records[i] as Uint8Array).length;
  if (tag !== null) size += tagBytes;
  const flags = flagsOf(conditions);
  return flags === 0 ? size : size + 1 + 8 * (conditionCounts[flags] as number);
}

/** Writes what follows the tag. @throws WireError when there are more than `batchRecordsMax`
 * records, or a number is no safe integer. */
export function writeAppendBody(writer: ByteWriter, { stream, records, conditions }: Append): void {
  const count = records.length;
  if (count > batchRecordsMax) {
    throw new WireError(`an append of ${count} records, more than the ${batchRecordsMax} allowed`);
  }
  if (conditions !== undefined) writeConditions(writer, conditions);
  writer.utf8(stream, commandBytesMax, 'stream');
  writer.u32(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    end += (records[i] as Uint8Array).length;
    writer.u32(end);
  }
  for (let i = 0; i < count; i++) writer.raw(records[i] as Uint8Array);
}

/**
 * Reads an append; its records are views of `bytes`, which must not change afterwards.
 * @throws WireError when the bytes are not one whole append.
 */
export function decodeAppend(bytes: Uint8Array): Append {
  const nameAt = nameOfAppend(bytes);
  const ends = endsBehind(bytes, nameAt);
  const count = u32At(bytes, ends - 4);
  if (count > batchRecordsMax) throw new WireError(`an append of ${count} records`);
  const data = ends + 4 * count;
  const records: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i < count; i++) {
    const end = u32At(bytes, ends + 4 * i);
    if (end < start) throw new WireError('ends of records that fall');
    records.push(view(bytes, data + start, end - start));
    start = end;
  }
  if (data + start !== bytes.length) throw new WireError('bytes that belong to no record');
  const tag = bytes[2] === 0 ? null : tagAt(bytes, headBytes);
  const stream = streamOf(bytes, nameAt + 4, ends - 4);
  if (bytes[0] === plainAppend) return { op: 'append', tag, stream, records };
  return { op: 'append', tag, stream, records, conditions: conditionsOf(bytes) };
}

/**
 * The `offset`-th record (from 0) of an encoded append, as a view, without decoding the others.
 * @throws WireError when the bytes are no append or have no such record.
 */
export function peekRecord(bytes: Uint8Array, offset: number): Uint8Array {
  const ends = endsBehind(bytes, nameOfAppend(bytes));
  const count = u32At(bytes, ends - 4);
  if (!(offset >= 0 && offset < count)) throw new WireError(`no record ${offset} of ${count}`);
  const data = ends + 4 * count;
  const start = offset === 0 ? 0 : u32At(bytes, ends + 4 * (offset - 1));
  const end = u32At(bytes, ends + 4 * offset);
  if (start > end) throw new WireError('ends of records that fall');
  return view(bytes, data + start, end - start);
}

function flagsOf(conditions: AppendConditions | undefined): number {
  if (conditions === undefined) return 0;
  const { expectSeq, fence, view } = conditions;
  return (
    (expectSeq === null ? 0 : hasExpectSeq) |
    (fence === null ? 0 : hasFence) |
    (view === null ? 0 : hasView)
  );
}

function writeConditions(writer: ByteWriter, conditions: AppendConditions): void {
  const flags = flagsOf(conditions);
  // Conditions that ask for nothing are a plain append: one way to write it, the oldest.
  if (flags === 0) return;
  writer.u8(flags);
  const { expectSeq, fence, view } = conditions;
  if (expectSeq !== null) writer.u64(expectSeq);
  if (fence !== null) writer.u64(fence);
  if (view !== null) writer.u64(view);
}

/** The flags of a conditional append, checked by `nameOfAppend`, and its numbers. */
function conditionsOf(bytes: Uint8Array): AppendConditions {
  let at = flagsAt(bytes);
  const flags = bytes[at++] as number;
  let expectSeq: number | null = null;
  let fence: number | null = null;
  if ((flags & hasExpectSeq) !== 0) {
    expectSeq = u64At(bytes, at);
    at += 8;
  }
  if ((flags & hasFence) !== 0) {
    fence = u64At(bytes, at);
    at += 8;
  }
  return { expectSeq, fence, view: (flags & hasView) === 0 ? null : u64At(bytes, at) };
}

/** Where the flags of a conditional append stand. */
function flagsAt(bytes: Uint8Array): number {
  return headBytes + (bytes[2] === 0 ? 0 : tagBytes);
}

/** Where the length of the stream's name stands. */
function nameOfAppend(bytes: Uint8Array): number {
  const op = bytes[0];
  if (
    bytes.length < headBytes ||
    (op !== plainAppend && op !== conditionalAppend) ||
    bytes[1] !== version
  ) {
    throw new WireError('not an append command');
  }
  const flag = bytes[2] as number;
  if (flag > 1) throw new WireError(`a flag of value ${flag}`);
  const nameAt = headBytes + (flag === 1 ? tagBytes : 0);
  return op === plainAppend ? nameAt : nameAt + conditionsLength(bytes, nameAt);
}

/** What the conditions take, their flags included. */
function conditionsLength(bytes: Uint8Array, at: number): number {
  const flags = bytes[at] ?? 0;
  if (flags === 0 || flags > 7) throw new WireError(`an append with conditions ${flags}`);
  return 1 + 8 * (conditionCounts[flags] as number);
}

/** Where the table of ends starts; the count stands in the four bytes before it. The table is
 * whole. */
function endsBehind(bytes: Uint8Array, nameAt: number): number {
  // What is read beyond the end is zero, and every step only adds: one check at the end holds all.
  const ends = nameAt + 8 + u32At(bytes, nameAt);
  if (ends + 4 * u32At(bytes, ends - 4) > bytes.length) throw new WireError('an append is cut');
  return ends;
}

/** The name of the last stream decoded, and its bytes: one stream mostly follows itself. */
let lastStream = '';
let lastStreamBytes = new Uint8Array(0);

function streamOf(bytes: Uint8Array, start: number, end: number): string {
  const known = lastStreamBytes;
  let same = end - start === known.length;
  for (let i = 0; same && i < known.length; i++) same = bytes[start + i] === known[i];
  if (same) return lastStream;
  const stream = decodeUtf8(bytes, start, end);
  if (stream === null) throw new WireError('the name of a stream is not well-formed UTF-8');
  lastStream = stream;
  lastStreamBytes = new Uint8Array(bytes.subarray(start, end));
  return stream;
}

function tagAt(bytes: Uint8Array, at: number): SessionTag {
  return {
    session: u64At(bytes, at),
    sequence: u64At(bytes, at + 8),
    acknowledgedBelow: u64At(bytes, at + 16),
  };
}

/** Bytes beyond the end count as zero. */
function u32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function u64At(bytes: Uint8Array, at: number): number {
  const high = u32At(bytes, at + 4);
  if (high > highMax) throw new WireError('a number above 2^53 - 1');
  return high * two32 + u32At(bytes, at);
}

/** Not by subarray: a Buffer's subarray is a Buffer, slower to make and to read. */
function view(bytes: Uint8Array, start: number, count: number): Uint8Array {
  if (start + count > bytes.length) throw new WireError('a record is cut');
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, count);
}
