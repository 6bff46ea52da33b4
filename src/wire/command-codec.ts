/**
 * The bytes of machine commands: what stands in log entries for ever, so a layout is never changed,
 * only joined by another version. Layout, little-endian:
 *
 *     op u8 · version u8 (1) · body
 *     tag        0 u8, or 1 u8 · session u64 · sequence u64 · acknowledgedBelow u64
 *     condition  0 u8, or 1 u8 · mod revision u64
 *     append     tag · stream (u32 length, UTF-8) · count u32 · end u32 × count · records
 *     put        tag · condition · key (u32 length) · value (the rest)
 *     delete     tag · condition · key (the rest)
 *     setPolicy  condition (an index) · count u32 · (name · value, u32 length each) × count
 *
 * `end` is where a record ends among the records, so that any one of them is found in one step.
 * Append is hot and read by hand from the bytes; records are views. Only WireError is thrown; what
 * a command may mean (names, sizes of keys) the machine judges.
 */

import { unreachable } from '../base/assert.js';
import { batchRecordsMax, commandBytesMax } from '../base/limits.js';
import { decodeUtf8, utf8Length } from '../base/utf8.js';
import type { Append, Command, PolicyWord, SessionTag } from '../machine/commands.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { WireError } from './wire-error.js';

const version = 1;
const opCode = {
  registerSession: 1,
  closeSession: 2,
  append: 3,
  put: 4,
  delete: 5,
  setPolicy: 6,
} as const;

const two32 = 0x1_0000_0000;
const highMax = 0x1f_ffff;

/** op, version, flag of the tag; and the tag itself. */
const headBytes = 3;
const tagBytes = 24;

const writer = new ByteWriter();

/**
 * Writes a command. The bytes stay valid for ever and share a slab with their neighbours.
 * @throws WireError when it takes more than `commandBytesMax`, holds more than `batchRecordsMax`
 * records, or a number is no safe integer.
 */
export function encodeCommand(command: Command): Uint8Array {
  const size = sizeOf(command);
  if (size > commandBytesMax) {
    throw new WireError(`a command of ${size} bytes, more than the ${commandBytesMax} allowed`);
  }
  // A command that failed half-way may have left its bytes.
  writer.discard();
  writer.ensure(size);
  writer.u8(opCode[command.op]);
  writer.u8(version);
  switch (command.op) {
    case 'registerSession':
      break;
    case 'closeSession':
      writer.u64(command.session);
      break;
    case 'append':
      writeAppend(command);
      break;
    case 'put':
      writeTag(command.tag);
      writeCondition(command.expectedModRevision);
      writer.bytes(command.key, commandBytesMax, 'key');
      writer.raw(command.value);
      break;
    case 'delete':
      writeTag(command.tag);
      writeCondition(command.expectedModRevision);
      writer.raw(command.key);
      break;
    case 'setPolicy':
      writeCondition(command.expectedIndex);
      writeWords(command.words);
      break;
    default:
      return unreachable(command);
  }
  return writer.finish();
}

/**
 * Reads a command; its byte fields are views of `bytes`, which must not change afterwards.
 * @throws WireError when the bytes are not one whole command that this version knows.
 */
export function decodeCommand(bytes: Uint8Array): Command {
  if (bytes.length < 2) throw new WireError('a command without op and version');
  if (bytes.length > commandBytesMax) {
    throw new WireError(`a command of ${bytes.length} bytes, more than ${commandBytesMax}`);
  }
  if (bytes[1] !== version) throw new WireError(`a command of unknown version ${bytes[1]}`);
  return bytes[0] === opCode.append ? decodeAppend(bytes) : decodeRare(bytes);
}

/**
 * The `offset`-th record (from 0) of an encoded append, as a view, without decoding the others.
 * @throws WireError when the bytes are no append or have no such record.
 */
export function peekRecord(bytes: Uint8Array, offset: number): Uint8Array {
  const ends = endsOfAppend(bytes);
  const count = u32At(bytes, ends - 4);
  if (!(offset >= 0 && offset < count)) throw new WireError(`no record ${offset} of ${count}`);
  const data = ends + 4 * count;
  const start = offset === 0 ? 0 : u32At(bytes, ends + 4 * (offset - 1));
  const end = u32At(bytes, ends + 4 * offset);
  if (start > end) throw new WireError('ends of records that fall');
  return view(bytes, data + start, end - start);
}

function sizeOf(command: Command): number {
  switch (command.op) {
    case 'registerSession':
      return 2;
    case 'closeSession':
      return 10;
    case 'append': {
      const count = command.records.length;
      let size = headBytes + tagBytes + 8 + utf8Length(command.stream) + 4 * count;
      for (let i = 0; i < count; i++) size += (command.records[i] as Uint8Array).length;
      return command.tag === null ? size - tagBytes : size;
    }
    case 'put': {
      const condition = command.expectedModRevision === null ? 1 : 9;
      const tag = command.tag === null ? 0 : tagBytes;
      return headBytes + tag + condition + 4 + command.key.length + command.value.length;
    }
    case 'delete': {
      const condition = command.expectedModRevision === null ? 1 : 9;
      const tag = command.tag === null ? 0 : tagBytes;
      return headBytes + tag + condition + command.key.length;
    }
    case 'setPolicy': {
      let size = 2 + (command.expectedIndex === null ? 1 : 9) + 4;
      for (const { name, value } of command.words) size += 8 + utf8Length(name) + utf8Length(value);
      return size;
    }
    default:
      return unreachable(command);
  }
}

function writeTag(tag: SessionTag | null): void {
  if (tag === null) {
    writer.u8(0);
    return;
  }
  writer.u8(1);
  writer.u64(tag.session);
  writer.u64(tag.sequence);
  writer.u64(tag.acknowledgedBelow);
}

function writeCondition(expected: number | null): void {
  if (expected === null) {
    writer.u8(0);
    return;
  }
  writer.u8(1);
  writer.u64(expected);
}

function writeWords(words: readonly PolicyWord[]): void {
  writer.u32(words.length);
  for (const { name, value } of words) {
    writer.utf8(name, commandBytesMax, 'name');
    writer.utf8(value, commandBytesMax, 'value');
  }
}

function writeAppend({ tag, stream, records }: Append): void {
  const count = records.length;
  if (count > batchRecordsMax) {
    throw new WireError(`an append of ${count} records, more than the ${batchRecordsMax} allowed`);
  }
  writeTag(tag);
  writer.utf8(stream, commandBytesMax, 'stream');
  writer.u32(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    end += (records[i] as Uint8Array).length;
    writer.u32(end);
  }
  for (let i = 0; i < count; i++) writer.raw(records[i] as Uint8Array);
}

function decodeAppend(bytes: Uint8Array): Append {
  const ends = endsOfAppend(bytes);
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
  return { op: 'append', tag, stream: streamOf(bytes, ends), records };
}

function decodeRare(bytes: Uint8Array): Command {
  const reader = new ByteReader(bytes);
  const op = reader.u8();
  reader.skip(1);
  switch (op) {
    case opCode.registerSession:
      reader.expectEnd('registerSession');
      return { op: 'registerSession' };
    case opCode.closeSession: {
      const session = reader.u64();
      reader.expectEnd('closeSession');
      return { op: 'closeSession', session };
    }
    case opCode.put: {
      const tag = readTag(reader);
      const expectedModRevision = readCondition(reader);
      const key = reader.bytes(commandBytesMax, 'key');
      return { op: 'put', tag, key, value: reader.raw(reader.remaining), expectedModRevision };
    }
    case opCode.delete: {
      const tag = readTag(reader);
      const expectedModRevision = readCondition(reader);
      return { op: 'delete', tag, key: reader.raw(reader.remaining), expectedModRevision };
    }
    case opCode.setPolicy: {
      const expectedIndex = readCondition(reader);
      const words = readWords(reader);
      reader.expectEnd('setPolicy');
      return { op: 'setPolicy', words, expectedIndex };
    }
    default:
      throw new WireError(`a command of unknown kind ${op}`);
  }
}

function readTag(reader: ByteReader): SessionTag | null {
  if (!readFlag(reader)) return null;
  return { session: reader.u64(), sequence: reader.u64(), acknowledgedBelow: reader.u64() };
}

function readCondition(reader: ByteReader): number | null {
  return readFlag(reader) ? reader.u64() : null;
}

function readWords(reader: ByteReader): readonly PolicyWord[] {
  const count = reader.u32();
  if (count * 8 > reader.remaining) throw new WireError(`${count} words of a policy, cut`);
  const words: PolicyWord[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.utf8(commandBytesMax, 'name');
    words.push({ name, value: reader.utf8(commandBytesMax, 'value') });
  }
  return words;
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new WireError(`a flag of value ${flag}`);
  return flag === 1;
}

/** Where the table of ends starts; the count stands in the four bytes before it. The table is
 * whole. */
function endsOfAppend(bytes: Uint8Array): number {
  const length = bytes.length;
  if (length < headBytes || bytes[0] !== opCode.append || bytes[1] !== version) {
    throw new WireError('not an append command');
  }
  const flag = bytes[2] as number;
  if (flag > 1) throw new WireError(`a flag of value ${flag}`);
  const nameAt = headBytes + (flag === 1 ? tagBytes : 0);
  // What is read beyond the end is zero, and every step only adds: one check at the end holds all.
  const ends = nameAt + 8 + u32At(bytes, nameAt);
  if (ends + 4 * u32At(bytes, ends - 4) > length) throw new WireError('an append is cut');
  return ends;
}

/** The name of the last stream decoded, and its bytes: one stream mostly follows itself. */
let lastStream = '';
let lastStreamBytes = new Uint8Array(0);

function streamOf(bytes: Uint8Array, ends: number): string {
  const end = ends - 4;
  const start = headBytes + (bytes[2] === 0 ? 0 : tagBytes) + 4;
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
