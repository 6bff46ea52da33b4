/**
 * The bytes of the native client protocol: one frame, one request or reply. Every frame starts with
 * type u8 · id u64; the numbers are fixed for ever, a new message gets a new one. Bytes that end a
 * frame have no length of their own. Commands travel as they will stand in the log, so a server
 * passes them on without a look inside. Only WireError is thrown.
 */

import { unreachable } from '../base/assert.js';
import { batchRecordsMax, commandBytesMax, frameBytesMax, keyBytesMax } from '../base/limits.js';
import { oneLine } from '../base/one-line.js';
import type { KeyValue } from '../machine/commands.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import type { ClientReply, ClientRequest, Consistency, StreamRecord } from './client-messages.js';
import { decodeStatus, encodeStatus } from './cluster-status-codec.js';
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
import { addressesMax, nameBytesMax } from './text-limits.js';
import { WireError } from './wire-error.js';

/** Most addresses in a `goAway`. */
const goAwayAddressesMax = 8 * addressesMax;

/** Longest name of a stream that is read, bytes; the machine's own limit is lower. */
const streamBytesMax = 1024;

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
} as const;

/** `removeMember` with `force`: the older message has no room for the word. */
const forcedRemovalCode = 17;

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
} as const;

const headBytes = 9;

/** Numbers of a record, and the length of its data. */
const recordHeadBytes = 36;

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
      writer.utf8(request.stream, streamBytesMax, 'stream');
      writer.u64(request.fromSeq);
      writer.u64(request.limit);
      writeConsistency(request.consistency);
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
    case 'get':
      writer.bytes(request.key, keyBytesMax, 'key');
      writeConsistency(request.consistency);
      break;
    case 'list':
      writer.bytes(request.start, keyBytesMax, 'start');
      writer.bytes(request.end, keyBytesMax, 'end');
      writer.u64(request.limit);
      writeConsistency(request.consistency);
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

function codeOf(request: ClientRequest): number {
  const isForced = request.type === 'removeMember' && request.force;
  return isForced ? forcedRemovalCode : requestCode[request.type];
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
  if (reply.type === 'records') writer.ensure(sizeOfRecords(reply.records));
  writer.u8(replyCode[reply.type]);
  writer.u64(reply.id);
  switch (reply.type) {
    case 'commandReply':
      writeReply(writer, reply.reply);
      break;
    case 'records':
      writeRecords(reply.records, reply.nextSeq, reply.complete);
      break;
    case 'refused':
      writeRefusal(writer, reply.refusal);
      break;
    case 'keys':
      writeKeys(reply.keys, reply.revision, reply.more);
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
    case requestCode.read: {
      const stream = reader.utf8(streamBytesMax, 'stream');
      const fromSeq = reader.u64();
      const limit = reader.u64();
      return { type: 'read', id, stream, fromSeq, limit, consistency: readConsistency(reader) };
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
      return readRecords(id, reader);
    case replyCode.refused:
      return { type: 'refused', id, refusal: readRefusal(reader) };
    case replyCode.keys:
      return readKeys(id, reader);
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

function sizeOfRecords(records: readonly StreamRecord[]): number {
  let size = headBytes + 13 + records.length * recordHeadBytes;
  for (let i = 0; i < records.length; i++) size += (records[i] as StreamRecord).data.length;
  checkSize(size, frameBytesMax, 'records');
  return size;
}

function writeRecords(records: readonly StreamRecord[], nextSeq: number, complete: boolean): void {
  checkSize(records.length, batchRecordsMax, 'records');
  writer.u64(nextSeq);
  writer.u8(complete ? 1 : 0);
  writer.u32(records.length);
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as StreamRecord;
    writer.u64(record.seq);
    writer.u64(record.index);
    writer.u64(record.term);
    writer.u64(record.timeMillis);
    writer.bytes(record.data, commandBytesMax, 'record');
  }
}

function readRecords(id: number, reader: ByteReader): ClientReply {
  const nextSeq = reader.u64();
  const complete = readFlag(reader);
  const count = readCount(reader);
  const records: StreamRecord[] = [];
  for (let i = 0; i < count; i++) {
    const seq = reader.u64();
    const index = reader.u64();
    const term = reader.u64();
    const timeMillis = reader.u64();
    const data = reader.bytes(commandBytesMax, 'record');
    records.push({ seq, index, term, timeMillis, data });
  }
  return { type: 'records', id, records, nextSeq, complete };
}

function writeKeys(keys: readonly KeyValue[], revision: number, more: boolean): void {
  checkSize(keys.length, batchRecordsMax, 'keys');
  writer.u64(revision);
  writer.u8(more ? 1 : 0);
  writer.u32(keys.length);
  for (const pair of keys) {
    writer.bytes(pair.key, keyBytesMax, 'key');
    writer.bytes(pair.value, commandBytesMax, 'value');
    writer.u64(pair.createRevision);
    writer.u64(pair.modRevision);
    writer.u64(pair.version);
  }
}

function readKeys(id: number, reader: ByteReader): ClientReply {
  const revision = reader.u64();
  const more = readFlag(reader);
  const count = readCount(reader);
  const keys: KeyValue[] = [];
  for (let i = 0; i < count; i++) {
    const key = reader.bytes(keyBytesMax, 'key');
    const value = reader.bytes(commandBytesMax, 'value');
    const createRevision = reader.u64();
    const modRevision = reader.u64();
    keys.push({ key, value, createRevision, modRevision, version: reader.u64() });
  }
  return { type: 'keys', id, revision, keys, more };
}

/** A count of rows. That they are there shows as they are read, one by one. */
function readCount(reader: ByteReader): number {
  const count = reader.u32();
  if (count > batchRecordsMax) throw new WireError(`${count} rows, more than ${batchRecordsMax}`);
  return count;
}

function writeConsistency(consistency: Consistency): void {
  writer.u8(consistency === 'linearizable' ? 1 : 0);
}

function readConsistency(reader: ByteReader): Consistency {
  return readFlag(reader) ? 'linearizable' : 'stale';
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new WireError(`a flag of value ${flag}`);
  return flag === 1;
}

function checkSize(size: number, max: number, name: string): void {
  if (size > max) throw new WireError(`${name}: ${size}, more than the ${max} allowed`);
}
