/**
 * The bytes of the channel `gossip`, by hand: every server sends some ten of these a second for as
 * long as it lives. type u8 · body · rumours (u8 count, each kind u8, sequence u64, subject,
 * accuser) · records (u8 count, each payload and signature). Every list has a limit, and so has the
 * frame.
 */

import { unreachable } from '../base/assert.js';
import { isOneLine } from '../base/one-line.js';
import type { Rumour, SignedRecord } from '../membership/table.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import type { DigestRow, GossipBody, GossipFrame } from './gossip-messages.js';
import { readSignedRecord, writeSignedRecord } from './record-codec.js';
import { peerIdBytesMax } from './text-limits.js';
import { WireError } from './wire-error.js';

/** Largest frame, bytes. */
const gossipBytesMax = 64 * 1024;

/** Most servers in a digest or a want. */
export const digestRowsMax = 256;

/** Most records in one frame: with as many rumours as there may be it stays within the frame. */
export const recordsMax = 8;

const rumoursMax = 32;

const code = { ping: 1, ack: 2, ask: 3, nack: 4, tell: 5, summary: 6, digest: 7, want: 8 } as const;
const rumourKinds: readonly Rumour['kind'][] = ['suspect', 'dead'];

const writer = new ByteWriter();

/** Writes a frame. @throws WireError when a field or a list is over its limit. */
export function encodeGossip({ body, rumours, records }: GossipFrame): Uint8Array {
  writer.discard();
  writer.u8(code[body.type]);
  writeBody(body);
  writeCount(rumours.length, rumoursMax);
  for (const { kind, sequence, subject, accuser } of rumours) {
    writer.u8(rumourKinds.indexOf(kind));
    writer.u64(sequence);
    writePeerId(subject);
    writePeerId(accuser);
  }
  writeCount(records.length, recordsMax);
  for (const record of records) writeSignedRecord(writer, record);
  checkLength(writer.length);
  return writer.finish();
}

/** Reads a frame. @throws WireError when it is not whole. */
export function decodeGossip(bytes: Uint8Array): GossipFrame {
  checkLength(bytes.length);
  const reader = new ByteReader(bytes);
  const body = readBody(reader.u8(), reader);
  const rumours: Rumour[] = [];
  for (let left = readCount(reader, rumoursMax); left > 0; left--) rumours.push(readRumour(reader));
  const records: SignedRecord[] = [];
  for (let left = readCount(reader, recordsMax); left > 0; left--) {
    records.push(readSignedRecord(reader));
  }
  reader.expectEnd('a gossip frame');
  return { body, rumours, records };
}

function writeBody(body: GossipBody): void {
  switch (body.type) {
    case 'ping':
    case 'ack':
      writer.u32(body.nonce);
      return writer.u64(body.sequence);
    case 'ask':
      writer.u32(body.nonce);
      return writePeerId(body.target);
    case 'nack':
      return writer.u32(body.nonce);
    case 'tell':
      return;
    case 'summary':
      return writer.u32(body.hash);
    case 'digest':
      writeListCount(body.rows.length);
      for (const { peerId, sequence, dead } of body.rows) {
        writePeerId(peerId);
        writer.u64(sequence);
        writer.u8(dead ? 1 : 0);
      }
      return;
    case 'want':
      writeListCount(body.peerIds.length);
      for (const peerId of body.peerIds) writePeerId(peerId);
      return;
    default:
      return unreachable(body);
  }
}

function readBody(type: number, reader: ByteReader): GossipBody {
  switch (type) {
    case code.ping:
      return { type: 'ping', nonce: reader.u32(), sequence: reader.u64() };
    case code.ack:
      return { type: 'ack', nonce: reader.u32(), sequence: reader.u64() };
    case code.ask:
      return { type: 'ask', nonce: reader.u32(), target: readPeerId(reader) };
    case code.nack:
      return { type: 'nack', nonce: reader.u32() };
    case code.tell:
      return { type: 'tell' };
    case code.summary:
      return { type: 'summary', hash: reader.u32() };
    case code.digest: {
      const rows: DigestRow[] = [];
      for (let left = readListCount(reader); left > 0; left--) {
        rows.push({ peerId: readPeerId(reader), sequence: reader.u64(), dead: readFlag(reader) });
      }
      return { type: 'digest', rows };
    }
    case code.want: {
      const peerIds: string[] = [];
      for (let left = readListCount(reader); left > 0; left--) peerIds.push(readPeerId(reader));
      return { type: 'want', peerIds };
    }
    default:
      throw new WireError(`a gossip frame of unknown type ${type}`);
  }
}

function readRumour(reader: ByteReader): Rumour {
  const kind = rumourKinds[reader.u8()];
  if (kind === undefined) throw new WireError('a rumour of unknown kind');
  const sequence = reader.u64();
  return { kind, sequence, subject: readPeerId(reader), accuser: readPeerId(reader) };
}

function writePeerId(peerId: string): void {
  writer.utf8(peerId, peerIdBytesMax, 'a peer id');
}

function readPeerId(reader: ByteReader): string {
  const peerId = reader.utf8(peerIdBytesMax, 'a peer id');
  if (peerId.length === 0 || !isOneLine(peerId)) throw new WireError('a peer id is no word');
  return peerId;
}

function readFlag(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw new WireError(`a flag of ${value}`);
  return value === 1;
}

function writeCount(count: number, countMax: number): void {
  if (count > countMax) throw new WireError(`${count} rows, more than the ${countMax} allowed`);
  writer.u8(count);
}

function readCount(reader: ByteReader, countMax: number): number {
  const count = reader.u8();
  if (count > countMax) throw new WireError(`${count} rows, more than the ${countMax} allowed`);
  return count;
}

function writeListCount(count: number): void {
  if (count > digestRowsMax) throw new WireError(`a list of ${count} servers is too long`);
  writer.u16(count);
}

function readListCount(reader: ByteReader): number {
  const count = reader.u16();
  if (count > digestRowsMax) throw new WireError(`a list of ${count} servers is too long`);
  return count;
}

function checkLength(count: number): void {
  if (count > gossipBytesMax) throw new WireError(`a gossip frame of ${count} bytes`);
}
