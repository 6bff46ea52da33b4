/**
 * The bytes of the native client protocol: one frame, one request or reply. Every frame starts with
 * type u8 · id u64; the numbers are fixed for ever, a new message gets a new one. Bytes that end a
 * frame have no length of their own. Commands travel as they will stand in the log, so a server
 * passes them on without a look inside. Only WireError is thrown.
 */

import { unreachable } from '../base/assert.js';
import { commandBytesMax, frameBytesMax, keyBytesMax } from '../base/limits.js';
import { oneLine } from '../base/one-line.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import type { ClientReply, ClientRequest, Consistency, ReadRequest } from './client-messages.js';
import {
  checkSize,
  readFlag,
  readKeys,
  readRecords,
  readStreams,
  recordsBytes,
  streamBytesMax,
  writeKeys,
  writeRecords,
  writeStreams,
} from './client-rows-codec.js';
import { decodeStatus, encodeStatus } from './cluster-status-codec.js';
import { isPlainRange, readAnyRange, readPlainRange, writeRange } from './read-range-codec.js';
import {
  messageBytesMax,
  readLine,
  readLines,
  readRefusal,
  readReply,
  writeLines,
  writeRefusal,
  writeReply,
} from './reply-codec.js';
import { decodeReport, encodeReport } from './report-codec.js';
import { readStreamState, writeStreamState } from './stream-state-codec.js';
import { addressesMax, nameBytesMax } from './text-limits.js';
import { WireError } from './wire-error.js';

/** Most addresses in a `goAway`. */
const goAwayAddressesMax = 8 * addressesMax;

/** Longest text that sets a policy, bytes. */
const policyTextBytesMax = 4096;

const requestCode = {
  command: 1,
  read: 2,
  follow: 3,
  credit: 4,
  cancel: 5,
  get: 6,
  list: 7,
  status: 8,
  transferLeader: 9,
  removeMember: 10,
  plan: 11,
  why: 12,
  history: 13,
  policy: 14,
  setPolicy: 15,
  leave: 16,
  tail: 19,
  streams: 20,
} as const;

/** `removeMember` with `force`: the older message has no room for the word. */
const forcedRemovalCode = 17;

/** `read` of a range that is not plain: the older message has no room for its words. */
const anyReadCode = 18;

const replyCode = {
  refused: 1,
  commandReply: 2,
  records: 3,
  keys: 4,
  status: 5,
  done: 6,
  goAway: 7,
  plan: 8,
  why: 9,
  history: 10,
  policy: 11,
  tail: 13,
  streams: 14,
} as const;

/** `records` of a stream whose first record is trimmed away: the older message says no `firstSeq`,
 * it is 1. */
const trimmedRecordsCode = 12;

const headBytes = 9;

const writer = new ByteWriter();

/** Writes a request. @throws WireError when a field is over its limit or no safe integer. */
export function encodeRequest(request: ClientRequest): Uint8Array {
  // A message that failed half-way may have left its bytes.
  writer.discard();
  if (request.type === 'command') writer.ensure(headBytes + request.command.length);
  writer.u8(codeOf(request));
  writer.u64(request.id);
  switch (request.type) {
    case 'command':
      checkSize(request.command.length, commandBytesMax, 'a command');
      writer.raw(request.command);
      break;
    case 'read':
    case 'tail':
    case 'streams':
    case 'get':
    case 'list':
      writeReadRequest(request);
      break;
    case 'follow':
      writer.utf8(request.stream, streamBytesMax, 'stream');
      writer.u64(request.fromSeq);
      writer.u64(request.credit);
      break;
    case 'credit':
      writer.u64(request.records);
      break;
    case 'cancel':
    case 'status':
    case 'plan':
    case 'history':
    case 'policy':
      break;
    case 'transferLeader':
      writer.utf8(request.to, nameBytesMax, 'name');
      break;
    case 'removeMember':
    case 'why':
    case 'leave':
      writer.utf8(request.name, nameBytesMax, 'name');
      break;
    case 'setPolicy':
      writer.utf8(request.text, policyTextBytesMax, 'policy');
      break;
    default:
      return unreachable(request);
  }
  return writer.finish();
}

/** What is answered behind a read barrier; all of them end with how fresh it must be. */
function writeReadRequest(request: ReadRequest): void {
  switch (request.type) {
    case 'read':
      writer.utf8(request.stream, streamBytesMax, 'stream');
      writeRange(writer, request.range);
      break;
    case 'tail':
      writer.utf8(request.stream, streamBytesMax, 'stream');
      break;
    case 'streams':
      writer.utf8(request.prefix, streamBytesMax, 'prefix');
      writer.utf8(request.after, streamBytesMax, 'after');
      writer.u64(request.limit);
      break;
    case 'get':
      writer.bytes(request.key, keyBytesMax, 'key');
      break;
    case 'list':
      writer.bytes(request.start, keyBytesMax, 'start');
      writer.bytes(request.end, keyBytesMax, 'end');
      writer.u64(request.limit);
      break;
    default:
      return unreachable(request);
  }
  writer.u8(request.consistency === 'linearizable' ? 1 : 0);
}

function codeOf(request: ClientRequest): number {
  if (request.type === 'removeMember' && request.force) return forcedRemovalCode;
  if (request.type === 'read' && !isPlainRange(request.range)) return anyReadCode;
  return requestCode[request.type];
}

/** Reads a request; byte fields are views. @throws WireError when the frame is not one whole
 * request. */
export function decodeRequest(bytes: Uint8Array): ClientRequest {
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  const id = reader.u64();
  if (type === requestCode.command) {
    checkSize(reader.remaining, commandBytesMax, 'a command');
    return { type: 'command', id, command: reader.raw(reader.remaining) };
  }
  const request = readRareRequest(type, id, reader);
  reader.expectEnd('a request');
  return request;
}

/** Writes a reply. @throws WireError when it does not fit a frame or a number is no safe
 * integer. */
export function encodeReply(reply: ClientReply): Uint8Array {
  writer.discard();
  if (reply.type === 'records') writer.ensure(headBytes + recordsBytes(reply.records));
  const isTrimmed = reply.type === 'records' && reply.firstSeq !== 1;
  writer.u8(isTrimmed ? trimmedRecordsCode : replyCode[reply.type]);
  writer.u64(reply.id);
  switch (reply.type) {
    case 'commandReply':
      writeReply(writer, reply.reply);
      break;
    case 'records':
      if (isTrimmed) writer.u64(reply.firstSeq);
      writeRecords(writer, reply);
      break;
    case 'refused':
      writeRefusal(writer, reply.refusal);
      break;
    case 'keys':
      writeKeys(writer, reply);
      break;
    case 'tail':
      writeStreamState(writer, reply.state);
      break;
    case 'streams':
      writeStreams(writer, reply);
      break;
    case 'status':
      writer.raw(encodeStatus(reply.status));
      break;
    case 'plan':
    case 'why':
    case 'history':
    case 'policy':
      writer.raw(encodeReport(reply));
      break;
    case 'done':
      writer.utf8(oneLine(reply.message, messageBytesMax), messageBytesMax, 'message');
      break;
    case 'goAway':
      writeLines(writer, reply.addresses.slice(0, goAwayAddressesMax));
      break;
    default:
      return unreachable(reply);
  }
  checkSize(writer.length, frameBytesMax, 'a reply');
  return writer.finish();
}

/** Reads a reply; byte fields are views. @throws WireError when the frame is not one whole
 * reply. */
export function decodeReply(bytes: Uint8Array): ClientReply {
  checkSize(bytes.length, frameBytesMax, 'a reply');
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  const id = reader.u64();
  const reply = readReplyBody(type, id, reader);
  reader.expectEnd('a reply');
  return reply;
}

function readRareRequest(type: number, id: number, reader: ByteReader): ClientRequest {
  switch (type) {
    case requestCode.read:
    case anyReadCode: {
      const stream = reader.utf8(streamBytesMax, 'stream');
      const range = type === anyReadCode ? readAnyRange(reader) : readPlainRange(reader);
      return { type: 'read', id, stream, range, consistency: readConsistency(reader) };
    }
    case requestCode.tail: {
      const stream = reader.utf8(streamBytesMax, 'stream');
      return { type: 'tail', id, stream, consistency: readConsistency(reader) };
    }
    case requestCode.streams: {
      const prefix = reader.utf8(streamBytesMax, 'prefix');
      const after = reader.utf8(streamBytesMax, 'after');
      const limit = reader.u64();
      return { type: 'streams', id, prefix, after, limit, consistency: readConsistency(reader) };
    }
    case requestCode.follow: {
      const stream = reader.utf8(streamBytesMax, 'stream');
      return { type: 'follow', id, stream, fromSeq: reader.u64(), credit: reader.u64() };
    }
    case requestCode.credit:
      return { type: 'credit', id, records: reader.u64() };
    case requestCode.cancel:
      return { type: 'cancel', id };
    case requestCode.get: {
      const key = reader.bytes(keyBytesMax, 'key');
      return { type: 'get', id, key, consistency: readConsistency(reader) };
    }
    case requestCode.list: {
      const start = reader.bytes(keyBytesMax, 'start');
      const end = reader.bytes(keyBytesMax, 'end');
      const limit = reader.u64();
      return { type: 'list', id, start, end, limit, consistency: readConsistency(reader) };
    }
    case requestCode.status:
      return { type: 'status', id };
    case requestCode.transferLeader:
      return { type: 'transferLeader', id, to: reader.utf8(nameBytesMax, 'name') };
    default:
      return readOperatorRequest(type, id, reader);
  }
}

function readOperatorRequest(type: number, id: number, reader: ByteReader): ClientRequest {
  switch (type) {
    case requestCode.removeMember:
    case forcedRemovalCode: {
      const force = type === forcedRemovalCode;
      return { type: 'removeMember', id, name: reader.utf8(nameBytesMax, 'name'), force };
    }
    case requestCode.plan:
      return { type: 'plan', id };
    case requestCode.why:
      return { type: 'why', id, name: reader.utf8(nameBytesMax, 'name') };
    case requestCode.history:
      return { type: 'history', id };
    case requestCode.policy:
      return { type: 'policy', id };
    case requestCode.setPolicy:
      return { type: 'setPolicy', id, text: reader.utf8(policyTextBytesMax, 'policy') };
    case requestCode.leave:
      return { type: 'leave', id, name: reader.utf8(nameBytesMax, 'name') };
    default:
      throw new WireError(`a request of unknown type ${type}`);
  }
}

function readReplyBody(type: number, id: number, reader: ByteReader): ClientReply {
  switch (type) {
    case replyCode.commandReply:
      return { type: 'commandReply', id, reply: readReply(reader) };
    case replyCode.records:
      return readRecords(id, 1, reader);
    case trimmedRecordsCode:
      return readRecords(id, readTrimmedFirst(reader), reader);
    case replyCode.refused:
      return { type: 'refused', id, refusal: readRefusal(reader) };
    case replyCode.keys:
      return readKeys(id, reader);
    case replyCode.tail:
      return { type: 'tail', id, state: readStreamState(reader) };
    case replyCode.streams:
      return readStreams(id, reader);
    case replyCode.status:
      return { type: 'status', id, status: decodeStatus(reader.raw(reader.remaining)) };
    case replyCode.plan:
      return { id, ...decodeReport('plan', reader.raw(reader.remaining)) };
    case replyCode.why:
      return { id, ...decodeReport('why', reader.raw(reader.remaining)) };
    case replyCode.history:
      return { id, ...decodeReport('history', reader.raw(reader.remaining)) };
    case replyCode.policy:
      return { id, ...decodeReport('policy', reader.raw(reader.remaining)) };
    case replyCode.done:
      return { type: 'done', id, message: readLine(reader, messageBytesMax, 'message') };
    case replyCode.goAway:
      if (id !== 0) throw new WireError('a goAway that answers a request');
      return { type: 'goAway', id, addresses: readLines(reader, goAwayAddressesMax) };
    default:
      throw new WireError(`a reply of unknown type ${type}`);
  }
}

function readTrimmedFirst(reader: ByteReader): number {
  const firstSeq = reader.u64();
  if (firstSeq === 1) throw new WireError('records of a whole stream under the code of a trimmed');
  return firstSeq;
}

function readConsistency(reader: ByteReader): Consistency {
  return readFlag(reader) ? 'linearizable' : 'stale';
}
