/**
 * The rows of answers to clients: records, keys, streams. Each table starts with its own numbers
 * and a count of rows; that the rows are there shows as they are read, one by one. Only WireError
 * is thrown.
 */

import {
  batchRecordsMax,
  commandBytesMax,
  frameBytesMax,
  keyBytesMax,
  streamsListedMax,
} from '../base/limits.js';
import type { KeyValue } from '../machine/commands.js';
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import type { ClientReply, NamedStream, StreamRecord } from './client-messages.js';
import { readStreamState, writeStreamState } from './stream-state-codec.js';
import { WireError } from './wire-error.js';

/** Longest name of a stream that is read, bytes; the machine's own limit is lower. */
export const streamBytesMax = 1024;

type Records = Extract<ClientReply, { type: 'records' }>;
type Keys = Extract<ClientReply, { type: 'keys' }>;
type Streams = Extract<ClientReply, { type: 'streams' }>;

/** Next sequence, flag and count before the records; `firstSeq` where it is written. */
const tableHeadBytes = 21;

/** Numbers of a record, and the length of its data. */
const recordHeadBytes = 36;

/** What the records of a reply take, at the most. @throws WireError when that is over a frame. */
export function recordsBytes(records: readonly StreamRecord[]): number {
  let size = tableHeadBytes + records.length * recordHeadBytes;
  for (let i = 0; i < records.length; i++) size += (records[i] as StreamRecord).data.length;
  checkSize(size, frameBytesMax, 'records');
  return size;
}

/** Writes records, but not `firstSeq`. @throws WireError when there are too many. */
export function writeRecords(writer: ByteWriter, reply: Records): void {
  const { records, nextSeq, complete } = reply;
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

/** Reads what `writeRecords` wrote. @throws WireError when it is cut or has too many rows. */
export function readRecords(id: number, firstSeq: number, reader: ByteReader): Records {
  const nextSeq = reader.u64();
  const complete = readFlag(reader);
  const count = readCount(reader, batchRecordsMax);
  const records: StreamRecord[] = [];
  for (let i = 0; i < count; i++) {
    const seq = reader.u64();
    const index = reader.u64();
    const term = reader.u64();
    const timeMillis = reader.u64();
    const data = reader.bytes(commandBytesMax, 'record');
    records.push({ seq, index, term, timeMillis, data });
  }
  return { type: 'records', id, records, nextSeq, firstSeq, complete };
}

/** Writes keys and values. @throws WireError when there are too many, or one is too long. */
export function writeKeys(writer: ByteWriter, { keys, revision, more }: Keys): void {
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

/** Reads what `writeKeys` wrote. @throws WireError when it is cut or has too many rows. */
export function readKeys(id: number, reader: ByteReader): Keys {
  const revision = reader.u64();
  const more = readFlag(reader);
  const count = readCount(reader, batchRecordsMax);
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

/** Writes streams and how they stand. @throws WireError when there are too many. */
export function writeStreams(writer: ByteWriter, { streams, more }: Streams): void {
  checkSize(streams.length, streamsListedMax, 'streams');
  writer.u8(more ? 1 : 0);
  writer.u32(streams.length);
  for (const { name, state } of streams) {
    writer.utf8(name, streamBytesMax, 'stream');
    writeStreamState(writer, state);
  }
}

/** Reads what `writeStreams` wrote. @throws WireError when it is cut or has too many rows. */
export function readStreams(id: number, reader: ByteReader): Streams {
  const more = readFlag(reader);
  const count = readCount(reader, streamsListedMax);
  const streams: NamedStream[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.utf8(streamBytesMax, 'stream');
    streams.push({ name, state: readStreamState(reader) });
  }
  return { type: 'streams', id, streams, more };
}

/** Reads a byte that is 0 or 1. @throws WireError for another. */
export function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new WireError(`a flag of value ${flag}`);
  return flag === 1;
}

/** @throws WireError when `size` is over `max`. */
export function checkSize(size: number, max: number, name: string): void {
  if (size > max) throw new WireError(`${name}: ${size}, more than the ${max} allowed`);
}

function readCount(reader: ByteReader, max: number): number {
  const count = reader.u32();
  if (count > max) throw new WireError(`${count} rows, more than ${max}`);
  return count;
}
