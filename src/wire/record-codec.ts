/**
 * The bytes of signed records. What is signed is the payload: JSON, so that older servers can read
 * the records of newer ones and leave out what they do not know. A payload is passed on byte for
 * byte as it came; nobody but its author writes it. What comes out of `decodeRecord` has every
 * field within its limit; whether the signature is right is the asker's to check.
 */

import {
  diskFitnesses,
  type MemberRecord,
  ownHealthMax,
  type SignedRecord,
  type Standbys,
  standbysMax,
} from '../membership/table.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { decodeJson, encodeJson, type JsonFields } from './json-fields.js';
import {
  addressBytesMax,
  addressesMax,
  hexIdDigits,
  nameBytesMax,
  peerIdBytesMax,
  zoneBytesMax,
} from './text-limits.js';
import { WireError } from './wire-error.js';

/** Largest payload, bytes. */
export const recordBytesMax = 4096;

/** Largest signature, bytes: Ed25519 has 64. */
const signatureBytesMax = 128;

const versionBytesMax = 64;
const loopDelayMillisMax = 3_600_000;

/** Beyond it a sequence could soon be raised no more: no clock gets there for 280,000 years. */
const sequenceMax = Number.MAX_SAFE_INTEGER - 2 ** 32;

/** Goes before the payload where it is signed, so that no other signature of the same key fits. */
const signedPrefix = 'quorate member record 1\n';

const writer = new ByteWriter(8192);

/** Writes what is signed. Addresses that do not fit are left out, the last first. @throws WireError
 * when another field is outside its limits. */
export function encodeRecord(record: MemberRecord): Uint8Array {
  const { peerId, incarnation, sequence, clusterName, clusterId, memberId } = record;
  const { name, version, zone, loopDelayMillis, ownHealth, disk, standbys, leaving } = record;
  const who = { peerId, incarnation, sequence, clusterName, clusterId, memberId, name, version };
  const how = { zone, loopDelayMillis, ownHealth, disk, standbys, leaving };
  const addresses = record.addresses.slice(0, addressesMax);
  for (;;) {
    const value = { ...who, addresses, ...how };
    const payload = encodeJson(value, Number.MAX_SAFE_INTEGER, 'a record');
    if (payload.length <= recordBytesMax) {
      // What this side may not read it must not send: the fault shows here, where it was made.
      decodeRecord(payload);
      return payload;
    }
    if (addresses.pop() === undefined) throw new WireError('a record is too large to send');
  }
}

/** Reads what was signed. @throws WireError when it is malformed or has a field out of bounds. */
export function decodeRecord(payload: Uint8Array): MemberRecord {
  const fields = decodeJson(payload, recordBytesMax, 'record');
  const sequence = fields.counter('sequence', 1);
  if (sequence > sequenceMax) throw new WireError('record.sequence is beyond all clocks');
  return {
    peerId: fields.label('peerId', peerIdBytesMax),
    incarnation: fields.hex('incarnation', hexIdDigits.min, hexIdDigits.max),
    sequence,
    clusterName: fields.label('clusterName', nameBytesMax),
    clusterId: fields.hexOrNull('clusterId', hexIdDigits.min, hexIdDigits.max),
    memberId: fields.counterOrNull('memberId', 1),
    name: fields.label('name', nameBytesMax),
    version: fields.label('version', versionBytesMax),
    addresses: fields.lines('addresses', addressesMax, addressBytesMax),
    zone: fields.lineOrNull('zone', zoneBytesMax),
    loopDelayMillis: Math.min(fields.counter('loopDelayMillis'), loopDelayMillisMax),
    ownHealth: Math.min(fields.counter('ownHealth'), ownHealthMax),
    disk: fields.oneOf('disk', diskFitnesses),
    standbys: fields.has('standbys') ? standbysFrom(fields.objectOrNull('standbys')) : null,
    leaving: fields.flag('leaving'),
  };
}

function standbysFrom(fields: JsonFields | null): Standbys | null {
  if (fields === null) return null;
  return { term: fields.counter('term', 1), ids: fields.counters('ids', standbysMax, 1) };
}

/** The bytes that a signature of `payload` covers. */
export function signedBytes(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(signedPrefix.length + payload.length);
  for (let i = 0; i < signedPrefix.length; i++) bytes[i] = signedPrefix.charCodeAt(i);
  bytes.set(payload, signedPrefix.length);
  return bytes;
}

/** Writes a record as it is published: by itself. */
export function encodeSignedRecord(signed: SignedRecord): Uint8Array {
  writer.discard();
  writeSignedRecord(writer, signed);
  return writer.finish();
}

/** Reads a published record. @throws WireError when it is not whole. */
export function decodeSignedRecord(bytes: Uint8Array): SignedRecord {
  const reader = new ByteReader(bytes);
  const signed = readSignedRecord(reader);
  reader.expectEnd('a record');
  return signed;
}

/** Payload, then signature. */
export function writeSignedRecord(into: ByteWriter, { payload, signature }: SignedRecord): void {
  into.bytes(payload, recordBytesMax, 'a record');
  into.bytes(signature, signatureBytesMax, 'a signature');
}

/** What `writeSignedRecord` wrote, in copies: it outlives the frame that brought it. */
export function readSignedRecord(reader: ByteReader): SignedRecord {
  const payload = reader.bytes(recordBytesMax, 'a record').slice();
  const signature = reader.bytes(signatureBytesMax, 'a signature').slice();
  return { record: decodeRecord(payload), payload, signature };
}
