/**
 * The bytes of a machine's state in a snapshot: rows (machine/state-rows.ts) one after the other,
 * cut into chunks between rows, so that every chunk can be read by itself and making one is a
 * bounded piece of work. Kinds of row have fixed numbers; a new one gets a new number, none is ever
 * used again, and an unknown one is never skipped. Layout, little-endian; strings and bytes with
 * their u32 length:
 *
 *     1 policy     index u64 · count u16 · name and value of each word
 *     2 tombstone  id u64 · peer id · name · removed-at index u64 · may rejoin u8
 *     3 history    index u64 · term u64 · time u64 · reason · 4 sets, each a u16 count and u64s
 *     4 keys       revision u64 · count u64
 *     5 pair       key · create, mod revision, version u64 · value's length u32 · its beginning
 *     6 value part bytes
 *     7 session    id u64 · next sequence u64 · first kept u64
 *     8 reply      as in wire/reply-codec
 *     9 stream     name · first seq, next seq, fence, total bytes u64 · limits of records, bytes
 *                  and age u64, each 0: none
 *    10 views      count u16 · number, first seq, end seq u64 (0: open) of each
 *    11 marks      seq, time, bytes u64 · count u16 · three offsets u32 of each
 *    12 runs       seq, index u64 · count u16 · two offsets u32 and records u16 of each
 */

import { unreachable } from '../base/assert.js';
import { keyBytesMax } from '../base/limits.js';
import { type StateRow, valuePartBytesMax } from '../machine/state-rows.js';
import type { MemberId } from '../raft/types.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { readReply, writeReply } from './reply-codec.js';
import {
  readMarks,
  readRuns,
  readStream,
  readViews,
  writeMarks,
  writeRuns,
  writeStream,
  writeViews,
} from './stream-rows-codec.js';
import { WireError } from './wire-error.js';

/** A chunk is closed when it has so many bytes; the last row may reach beyond. */
const chunkBytes = 64 * 1024;

/** The most bytes of a chunk; a row of this version is far smaller. */
export const chunkBytesMax = 1024 * 1024;

const kindCode = {
  policy: 1,
  tombstone: 2,
  history: 3,
  keys: 4,
  pair: 5,
  valuePart: 6,
  session: 7,
  reply: 8,
  stream: 9,
  views: 10,
  marks: 11,
  runs: 12,
} as const;

/** Longest text of a row: that of a configuration (configuration-codec.ts) in UTF-8. */
const textBytesMax = 16 * 1024;

/** Makes chunks of rows. */
export class StateChunks {
  readonly #rows: Iterator<StateRow>;
  readonly #writer = new ByteWriter(2 * chunkBytes);
  #count = 0;

  constructor(rows: Iterator<StateRow>) {
    this.#rows = rows;
  }

  /** Rows in the chunks made so far. */
  get count(): number {
    return this.#count;
  }

  /** The next chunk, or null when there are no more rows. Stays valid for ever. */
  next(): Uint8Array | null {
    const writer = this.#writer;
    while (writer.length < chunkBytes) {
      const step = this.#rows.next();
      if (step.done === true) break;
      writeRow(writer, step.value);
      this.#count += 1;
    }
    return writer.length === 0 ? null : writer.finish();
  }
}

/**
 * Hands the rows of a chunk to `take`; their bytes are views of the chunk. @returns how many.
 * @throws WireError when the chunk holds anything but whole rows of known kinds.
 */
export function decodeRows(chunk: Uint8Array, take: (row: StateRow) => void): number {
  const reader = new ByteReader(chunk);
  let count = 0;
  for (; reader.remaining > 0; count++) take(readRow(reader));
  return count;
}

function writeRow(writer: ByteWriter, row: StateRow): void {
  writer.u8(kindCode[row.kind]);
  switch (row.kind) {
    case 'policy':
      writer.u64(row.index);
      writer.u16(row.words.length);
      for (const { name, value } of row.words) {
        writer.utf8(name, textBytesMax, 'policy word');
        writer.utf8(value, textBytesMax, 'policy value');
      }
      return;
    case 'tombstone':
      writer.u64(row.id);
      writer.utf8(row.peerId, textBytesMax, 'peer id');
      writer.utf8(row.name, textBytesMax, 'name');
      writer.u64(row.removedAtIndex);
      writer.u8(row.mayRejoin ? 1 : 0);
      return;
    case 'history':
      writer.u64(row.index);
      writer.u64(row.term);
      writer.u64(row.timeMillis);
      writer.utf8(row.reason, textBytesMax, 'reason');
      for (const set of [row.voters, row.votersOutgoing, row.learners, row.learnersNext]) {
        writer.u16(set.length);
        for (const id of set) writer.u64(id);
      }
      return;
    case 'keys':
      writer.u64(row.revision);
      writer.u64(row.count);
      return;
    case 'pair':
      writer.bytes(row.key, keyBytesMax, 'key');
      writer.u64(row.createRevision);
      writer.u64(row.modRevision);
      writer.u64(row.version);
      writer.u32(row.valueBytes);
      writer.bytes(row.part, valuePartBytesMax, 'value part');
      return;
    case 'valuePart':
      writer.bytes(row.part, valuePartBytesMax, 'value part');
      return;
    case 'session':
      writer.u64(row.id);
      writer.u64(row.nextSequence);
      writer.u64(row.firstKept);
      return;
    case 'reply':
      writeReply(writer, row.reply);
      return;
    case 'stream':
      return writeStream(writer, row);
    case 'views':
      return writeViews(writer, row);
    case 'marks':
      return writeMarks(writer, row);
    case 'runs':
      return writeRuns(writer, row);
    default:
      unreachable(row);
  }
}

function readRow(reader: ByteReader): StateRow {
  const kind = reader.u8();
  switch (kind) {
    case kindCode.policy:
      return readPolicy(reader);
    case kindCode.tombstone: {
      const id = reader.u64();
      const peerId = reader.utf8(textBytesMax, 'peer id');
      const name = reader.utf8(textBytesMax, 'name');
      const removedAtIndex = reader.u64();
      return { kind: 'tombstone', id, peerId, name, removedAtIndex, mayRejoin: readFlag(reader) };
    }
    case kindCode.history:
      return readHistory(reader);
    case kindCode.keys:
      return { kind: 'keys', revision: reader.u64(), count: reader.u64() };
    case kindCode.pair: {
      const key = reader.bytes(keyBytesMax, 'key');
      const createRevision = reader.u64();
      const modRevision = reader.u64();
      const version = reader.u64();
      const valueBytes = reader.u32();
      const part = reader.bytes(valuePartBytesMax, 'value part');
      return { kind: 'pair', key, createRevision, modRevision, version, valueBytes, part };
    }
    case kindCode.valuePart:
      return { kind: 'valuePart', part: reader.bytes(valuePartBytesMax, 'value part') };
    case kindCode.session: {
      const id = reader.u64();
      const nextSequence = reader.u64();
      return { kind: 'session', id, nextSequence, firstKept: reader.u64() };
    }
    case kindCode.reply:
      return { kind: 'reply', reply: readReply(reader) };
    case kindCode.stream:
      return readStream(reader);
    case kindCode.views:
      return readViews(reader);
    case kindCode.marks:
      return readMarks(reader);
    case kindCode.runs:
      return readRuns(reader);
    default:
      throw new WireError(`a row of unknown kind ${kind}`);
  }
}

function readPolicy(reader: ByteReader): StateRow {
  const index = reader.u64();
  const count = readCount(reader);
  const words: { name: string; value: string }[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.utf8(textBytesMax, 'policy word');
    words.push({ name, value: reader.utf8(textBytesMax, 'policy value') });
  }
  return { kind: 'policy', index, words };
}

function readHistory(reader: ByteReader): StateRow {
  const index = reader.u64();
  const term = reader.u64();
  const timeMillis = reader.u64();
  const reason = reader.utf8(textBytesMax, 'reason');
  const voters = readIds(reader);
  const votersOutgoing = readIds(reader);
  const learners = readIds(reader);
  const learnersNext = readIds(reader);
  return {
    kind: 'history',
    index,
    term,
    timeMillis,
    reason,
    voters,
    votersOutgoing,
    learners,
    learnersNext,
  };
}

function readIds(reader: ByteReader): readonly MemberId[] {
  const count = readCount(reader);
  const ids: MemberId[] = [];
  for (let i = 0; i < count; i++) ids.push(reader.u64());
  return ids;
}

/** A u16 count of things that take at least a byte each. */
function readCount(reader: ByteReader): number {
  const count = reader.u16();
  if (count > reader.remaining) {
    throw new WireError(`${count} things where ${reader.remaining} bytes are left`);
  }
  return count;
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new WireError(`${flag} is neither yes nor no`);
  return flag === 1;
}
