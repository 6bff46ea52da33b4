/**
 * The bytes of machine commands: what stands in log entries for ever, so a layout is never changed,
 * only joined by another version. Layout, little-endian:
 *
 *     op u8 · version u8 (1) · body
 *     tag           0 u8, or 1 u8 · session u64 · sequence u64 · acknowledgedBelow u64
 *     condition     0 u8, or 1 u8 · mod revision u64
 *     append        append-codec.ts
 *     put           tag · condition · key (u32 length) · value (the rest)
 *     delete        tag · condition · key (the rest)
 *     setPolicy     condition (an index) · count u32 · (name · value, u32 length each) × count
 *     changeStream  tag · kind u8 · stream (u32 length, UTF-8) · body
 *       1 seal          condition (a view)
 *       2 openView      after u64
 *       3 trim          beforeSeq u64
 *       4 setRetention  flags u8 (1 recordsMax, 2 bytesMax, 4 ageMillisMax) · those, u64 each
 *
 * Byte fields are views. Only WireError is thrown; what a command may mean (names, sizes of keys)
 * the machine judges.
 */

import { unreachable } from '../base/assert.js';
import { commandBytesMax } from '../base/limits.js';
import { utf8Length } from '../base/utf8.js';
import type {
  ChangeStream,
  Command,
  PolicyWord,
  Retention,
  SessionTag,
  StreamChange,
} from '../machine/commands.js';
import {
  appendBytes,
  appendOp,
  conditionalAppend,
  decodeAppend,
  plainAppend,
  writeAppendBody,
} from './append-codec.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { WireError } from './wire-error.js';

const version = 1;

/** An append has two codes of its own, 3 and 7 (append-codec.ts). */
const opCode = {
  registerSession: 1,
  closeSession: 2,
  put: 4,
  delete: 5,
  setPolicy: 6,
  changeStream: 8,
} as const;

const changeCode = { seal: 1, openView: 2, trim: 3, setRetention: 4 } as const;

const hasRecordsMax = 1;
const hasBytesMax = 2;
const hasAgeMax = 4;

/** op, version, flag of the tag; and the tag itself. */
const headBytes = 3;
const tagBytes = 24;

/** The longest body of a change: a retention with all three limits. */
const changeBytesMax = 25;

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
  writer.u8(command.op === 'append' ? appendOp(command) : opCode[command.op]);
  writer.u8(version);
  switch (command.op) {
    case 'registerSession':
      break;
    case 'closeSession':
      writer.u64(command.session);
      break;
    case 'append':
      writeTag(command.tag);
      writeAppendBody(writer, command);
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
    case 'changeStream':
      writeTag(command.tag);
      writeChange(command);
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
  if (bytes[0] === plainAppend || bytes[0] === conditionalAppend) return decodeAppend(bytes);
  return decodeRare(bytes);
}

function sizeOf(command: Command): number {
  switch (command.op) {
    case 'registerSession':
      return 2;
    case 'closeSession':
      return 10;
    case 'append':
      return appendBytes(command);
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
    case 'changeStream': {
      const tag = command.tag === null ? 0 : tagBytes;
      return headBytes + tag + 1 + 4 + utf8Length(command.stream) + changeBytesMax;
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

function writeChange({ stream, change }: ChangeStream): void {
  writer.u8(changeCode[change.kind]);
  writer.utf8(stream, commandBytesMax, 'stream');
  switch (change.kind) {
    case 'seal':
      return writeCondition(change.view);
    case 'openView':
      return writer.u64(change.after);
    case 'trim':
      return writer.u64(change.beforeSeq);
    case 'setRetention':
      return writeRetention(change);
    default:
      return unreachable(change);
  }
}

function writeRetention({ recordsMax, bytesMax, ageMillisMax }: Retention): void {
  writer.u8(
    (recordsMax === null ? 0 : hasRecordsMax) |
      (bytesMax === null ? 0 : hasBytesMax) |
      (ageMillisMax === null ? 0 : hasAgeMax),
  );
  if (recordsMax !== null) writer.u64(recordsMax);
  if (bytesMax !== null) writer.u64(bytesMax);
  if (ageMillisMax !== null) writer.u64(ageMillisMax);
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
    case opCode.changeStream: {
      const tag = readTag(reader);
      const kind = reader.u8();
      const stream = reader.utf8(commandBytesMax, 'stream');
      const change = readChange(reader, kind);
      reader.expectEnd('changeStream');
      return { op: 'changeStream', tag, stream, change };
    }
    default:
      throw new WireError(`a command of unknown kind ${op}`);
  }
}

function readChange(reader: ByteReader, kind: number): StreamChange {
  switch (kind) {
    case changeCode.seal:
      return { kind: 'seal', view: readCondition(reader) };
    case changeCode.openView:
      return { kind: 'openView', after: reader.u64() };
    case changeCode.trim:
      return { kind: 'trim', beforeSeq: reader.u64() };
    case changeCode.setRetention:
      return { kind: 'setRetention', ...readRetention(reader) };
    default:
      throw new WireError(`a change of a stream of unknown kind ${kind}`);
  }
}

function readRetention(reader: ByteReader): Retention {
  const flags = reader.u8();
  if (flags > 7) throw new WireError(`a retention with flags ${flags}`);
  const recordsMax = (flags & hasRecordsMax) === 0 ? null : reader.u64();
  const bytesMax = (flags & hasBytesMax) === 0 ? null : reader.u64();
  return { recordsMax, bytesMax, ageMillisMax: (flags & hasAgeMax) === 0 ? null : reader.u64() };
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
