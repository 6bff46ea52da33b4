/**
 * The bytes of Raft's messages: type u8 · from u64 · to u64 · term u64 · body, little-endian. An
 * append carries its entries as the bytes they have in the log (entry-codec), so sending one costs
 * a header and copies, and what arrives is written to disk as it came. Beyond the bytes, what no
 * right leader sends is refused: entries with gaps, terms that fall or exceed the message's.
 */

import { unreachable } from '../base/assert.js';
import { frameBytesMax } from '../base/limits.js';
import type { Append, Message } from '../raft/messages.js';
import type { Entry } from '../raft/types.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { decodeEntries, encodeEntry, entryHeaderBytes } from './entry-codec.js';
import { WireError } from './wire-error.js';

/** Most entries in one append: what a leader may send and a follower will decode at once. */
export const appendEntriesMax = 16_384;

const typeCode = {
  voteRequest: 1,
  voteReply: 2,
  append: 3,
  appendReply: 4,
  heartbeat: 5,
  heartbeatReply: 6,
  readRequest: 7,
  readReply: 8,
  timeoutNow: 9,
  snapshotReply: 10,
} as const;

/** Type, from, to, term; then of an append sequence, prevIndex, prevTerm, commit and count. */
const headBytes = 25;
const appendHeadBytes = headBytes + 36;

const writer = new ByteWriter();

/**
 * Writes a message. Entries are encoded on the way, if nobody did before.
 * @throws WireError when it does not fit a frame or a number is no safe integer.
 */
export function encodeMessage(message: Message): Uint8Array {
  // A message that failed half-way may have left its bytes.
  writer.discard();
  if (message.type === 'append') return encodeAppend(message);
  writeHead(message);
  switch (message.type) {
    case 'voteRequest':
      writer.u8((message.preVote ? 1 : 0) | (message.transfer ? 2 : 0));
      writer.u64(message.lastIndex);
      writer.u64(message.lastTerm);
      break;
    case 'voteReply':
      writer.u8((message.preVote ? 1 : 0) | (message.granted ? 2 : 0));
      break;
    case 'appendReply':
      writer.u8(message.ok ? 1 : 0);
      writer.u64(message.sequence);
      writer.u64(message.index);
      writer.u64(message.hintIndex);
      writer.u64(message.hintTerm);
      break;
    case 'heartbeat':
      writer.u64(message.commit);
      writer.u64(message.round);
      break;
    case 'heartbeatReply':
      writer.u64(message.round);
      writer.u64(message.lastIndex);
      break;
    case 'readRequest':
      writer.u64(message.ref);
      break;
    case 'readReply':
      writer.u8(message.ok ? 1 : 0);
      writer.u64(message.ref);
      writer.u64(message.index);
      break;
    case 'timeoutNow':
      break;
    case 'snapshotReply':
      writer.u8(message.ok ? 1 : 0);
      writer.u64(message.index);
      break;
    default:
      return unreachable(message);
  }
  return writer.finish();
}

/**
 * Reads a message. Entries of an append have views of `bytes`, which must not change afterwards.
 * @throws WireError when the bytes are not one whole message that a right peer could send.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length > frameBytesMax) {
    throw new WireError(`a message of ${bytes.length} bytes, more than ${frameBytesMax}`);
  }
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  if (type === typeCode.append) return decodeAppend(bytes, reader);
  const message = readRare(type, reader);
  reader.expectEnd('a message');
  return message;
}

function writeHead(message: Message): void {
  writer.u8(typeCode[message.type]);
  writer.u64(message.from);
  writer.u64(message.to);
  writer.u64(message.term);
}

function encodeAppend(message: Append): Uint8Array {
  const { entries } = message;
  const count = entries.length;
  if (count > appendEntriesMax) throw new WireError(`an append of ${count} entries`);
  let size = appendHeadBytes;
  for (let i = 0; i < count; i++) size += encodeEntry(entries[i] as Entry).length;
  if (size > frameBytesMax) {
    throw new WireError(`an append of ${size} bytes, more than ${frameBytesMax}`);
  }
  writer.ensure(size);
  writeHead(message);
  writer.u64(message.sequence);
  writer.u64(message.prevIndex);
  writer.u64(message.prevTerm);
  writer.u64(message.commit);
  writer.u32(count);
  for (let i = 0; i < count; i++) writer.raw(encodeEntry(entries[i] as Entry));
  return writer.finish();
}

function decodeAppend(bytes: Uint8Array, reader: ByteReader): Append {
  const from = reader.u64();
  const to = reader.u64();
  const term = reader.u64();
  const sequence = reader.u64();
  const prevIndex = reader.u64();
  const prevTerm = reader.u64();
  const commit = reader.u64();
  const count = reader.u32();
  checkEntryCount(bytes, reader, count);
  const entries = decodeEntries(bytes, appendHeadBytes, bytes.length);
  let lastTerm = prevTerm;
  for (let i = 0; i < count; i++) {
    const entry = entries[i] as Entry;
    if (entry.index !== prevIndex + 1 + i) throw new WireError('an append with a gap');
    if (entry.term < lastTerm || entry.term > term) {
      throw new WireError(`an entry of term ${entry.term} after ${lastTerm} in term ${term}`);
    }
    lastTerm = entry.term;
  }
  return { type: 'append', from, to, term, sequence, prevIndex, prevTerm, commit, entries };
}

/** Steps over the entries by their lengths: nothing is made of more, or fewer, than were
 * announced. */
function checkEntryCount(bytes: Uint8Array, reader: ByteReader, count: number): void {
  if (count > appendEntriesMax || count * entryHeaderBytes > bytes.length) {
    throw new WireError(`an append of ${count} entries in ${bytes.length} bytes`);
  }
  for (let i = 0; i < count; i++) {
    const payloadBytes = reader.u32();
    reader.skip(entryHeaderBytes - 4 + payloadBytes);
  }
  reader.expectEnd('an append');
}

function readRare(type: number, reader: ByteReader): Message {
  const from = reader.u64();
  const to = reader.u64();
  const term = reader.u64();
  switch (type) {
    case typeCode.voteRequest: {
      const flags = readFlags(reader, 3);
      const preVote = (flags & 1) !== 0;
      const transfer = (flags & 2) !== 0;
      const lastIndex = reader.u64();
      const lastTerm = reader.u64();
      return { type: 'voteRequest', from, to, term, preVote, lastIndex, lastTerm, transfer };
    }
    case typeCode.voteReply: {
      const flags = readFlags(reader, 3);
      const preVote = (flags & 1) !== 0;
      return { type: 'voteReply', from, to, term, preVote, granted: (flags & 2) !== 0 };
    }
    case typeCode.appendReply: {
      const ok = readFlags(reader, 1) === 1;
      const sequence = reader.u64();
      const index = reader.u64();
      const hintIndex = reader.u64();
      const hintTerm = reader.u64();
      return { type: 'appendReply', from, to, term, sequence, ok, index, hintIndex, hintTerm };
    }
    case typeCode.heartbeat:
      return { type: 'heartbeat', from, to, term, commit: reader.u64(), round: reader.u64() };
    case typeCode.heartbeatReply: {
      const round = reader.u64();
      return { type: 'heartbeatReply', from, to, term, round, lastIndex: reader.u64() };
    }
    case typeCode.readRequest:
      return { type: 'readRequest', from, to, term, ref: reader.u64() };
    case typeCode.readReply: {
      const ok = readFlags(reader, 1) === 1;
      return { type: 'readReply', from, to, term, ref: reader.u64(), ok, index: reader.u64() };
    }
    case typeCode.timeoutNow:
      return { type: 'timeoutNow', from, to, term };
    case typeCode.snapshotReply: {
      const ok = readFlags(reader, 1) === 1;
      return { type: 'snapshotReply', from, to, term, ok, index: reader.u64() };
    }
    default:
      throw new WireError(`a message of unknown type ${type}`);
  }
}

function readFlags(reader: ByteReader, mask: number): number {
  const flags = reader.u8();
  if ((flags & ~mask) !== 0) throw new WireError(`unknown flags ${flags}`);
  return flags;
}
