/**
 * The bytes of the machine's replies and of refusals, as parts of the frames of client and peer
 * protocol. Codes stand for words by fixed numbers: a new word gets a new number, none is ever used
 * again. Layout, little-endian:
 *
 *     reply    kind u8 · index u64 · term u64 · the numbers of that kind, u64 each, or (kind 8) the
 *              state of a stream (stream-state-codec.ts)
 *     refusal  code u8 · flags u8 (1 leader, 2 retryAfterMillis, 4 expected) · message · those
 */

import { assert, unreachable } from '../base/assert.js';
import type { ErrorCode, ErrorDetails, Refusal } from '../base/errors.js';
import { isOneLine, oneLine } from '../base/one-line.js';
import type { Reply } from '../machine/commands.js';
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { readStreamState, writeStreamState } from './stream-state-codec.js';
import { addressBytesMax, addressesMax, nameBytesMax } from './text-limits.js';
import { WireError } from './wire-error.js';

/** Longest message of a refusal, bytes; a longer one is cut when written. */
export const messageBytesMax = 1024;

const kindCode = {
  session: 1,
  closed: 2,
  appended: 3,
  put: 4,
  deleted: 5,
  refused: 6,
  policySet: 7,
  streamChanged: 8,
} as const;

/** By number; the order is the format. */
const errorCodes: readonly (ErrorCode | null)[] = [
  null,
  'NOT_LEADER',
  'NO_LEADER',
  'OVERLOADED',
  'LEADER_CHANGED',
  'TIMEOUT',
  'DISCONNECTED',
  'STOPPING',
  'NOT_MEMBER',
  'SESSION_EXPIRED',
  'OUT_OF_ORDER',
  'REPLY_FORGOTTEN',
  'TOO_LARGE',
  'BAD_REQUEST',
  'NOT_FOUND',
  'CONFLICT',
  'CHANGE_IN_PROGRESS',
  'CHANGE_REFUSED',
  'WRONG_CLUSTER',
  'DAMAGED',
  'DISK_FAILED',
  'SEALED',
  'FENCED',
  'TRIMMED',
];

const hasLeader = 1;
const hasRetryAfter = 2;
const hasExpected = 4;

/** Writes a reply. @throws WireError when a number is no safe integer. */
export function writeReply(writer: ByteWriter, reply: Reply): void {
  writer.u8(kindCode[reply.kind]);
  writer.u64(reply.index);
  writer.u64(reply.term);
  switch (reply.kind) {
    case 'appended':
      writer.u64(reply.firstSeq);
      writer.u64(reply.lastSeq);
      return;
    case 'put':
      writer.u64(reply.revision);
      writer.u64(reply.createRevision);
      writer.u64(reply.version);
      return;
    case 'deleted':
      writer.u64(reply.revision);
      writer.u64(reply.count);
      return;
    case 'session':
      writer.u64(reply.session);
      return;
    case 'closed':
    case 'policySet':
      return;
    case 'streamChanged':
      writeStreamState(writer, reply.state);
      return;
    case 'refused':
      writeRefusal(writer, reply.refusal);
      return;
    default:
      unreachable(reply);
  }
}

/** Reads a reply. @throws WireError when its bytes are cut or of an unknown kind. */
export function readReply(reader: ByteReader): Reply {
  const kind = reader.u8();
  const index = reader.u64();
  const term = reader.u64();
  switch (kind) {
    case kindCode.appended:
      return { kind: 'appended', firstSeq: reader.u64(), lastSeq: reader.u64(), index, term };
    case kindCode.put: {
      const revision = reader.u64();
      const createRevision = reader.u64();
      return { kind: 'put', revision, createRevision, version: reader.u64(), index, term };
    }
    case kindCode.deleted:
      return { kind: 'deleted', revision: reader.u64(), count: reader.u64(), index, term };
    case kindCode.session:
      return { kind: 'session', session: reader.u64(), index, term };
    case kindCode.closed:
      return { kind: 'closed', index, term };
    case kindCode.policySet:
      return { kind: 'policySet', index, term };
    case kindCode.streamChanged:
      return { kind: 'streamChanged', state: readStreamState(reader), index, term };
    case kindCode.refused:
      return { kind: 'refused', refusal: readRefusal(reader), index, term };
    default:
      throw new WireError(`a reply of unknown kind ${kind}`);
  }
}

/** Writes a refusal; a message or a list of addresses over its limit is cut, never an error. */
export function writeRefusal(writer: ByteWriter, refusal: Refusal): void {
  const code = errorCodes.indexOf(refusal.code);
  assert(code > 0, `every code has its number: ${refusal.code}`);
  const { leader, retryAfterMillis, expected } = refusal;
  writer.u8(code);
  writer.u8(
    (leader === undefined ? 0 : hasLeader) |
      (retryAfterMillis === undefined ? 0 : hasRetryAfter) |
      (expected === undefined ? 0 : hasExpected),
  );
  writer.utf8(oneLine(refusal.message, messageBytesMax), messageBytesMax, 'message');
  if (leader !== undefined) {
    writer.utf8(oneLine(leader.name, nameBytesMax), nameBytesMax, 'leader name');
    writeLines(writer, leader.addresses.slice(0, addressesMax));
  }
  if (retryAfterMillis !== undefined) writer.u64(Math.ceil(retryAfterMillis));
  if (expected !== undefined) writer.u64(expected);
}

/** Reads a refusal. @throws WireError when its bytes are cut, too long or of an unknown code. */
export function readRefusal(reader: ByteReader): Refusal {
  const number = reader.u8();
  const code = errorCodes[number] ?? null;
  if (code === null) throw new WireError(`a refusal of unknown code ${number}`);
  const flags = reader.u8();
  if (flags > 7) throw new WireError(`a refusal with unknown flags ${flags}`);
  const message = readLine(reader, messageBytesMax, 'message');
  const details: { -readonly [Key in keyof ErrorDetails]: ErrorDetails[Key] } = {};
  if ((flags & hasLeader) !== 0) {
    const name = readLine(reader, nameBytesMax, 'leader name');
    details.leader = { name, addresses: readLines(reader, addressesMax) };
  }
  if ((flags & hasRetryAfter) !== 0) details.retryAfterMillis = reader.u64();
  if ((flags & hasExpected) !== 0) details.expected = reader.u64();
  return { code, message, ...details };
}

/** Reads a string that must be one line (one-line.ts). @throws WireError when it is not. */
export function readLine(reader: ByteReader, bytesMax: number, name: string): string {
  const line = reader.utf8(bytesMax, name);
  if (!isOneLine(line)) throw new WireError(`${name} holds control characters`);
  return line;
}

/** Writes a u32 count and as many strings of at most `addressBytesMax` bytes. */
export function writeLines(writer: ByteWriter, lines: readonly string[]): void {
  writer.u32(lines.length);
  for (const line of lines) writer.utf8(line, addressBytesMax, 'address');
}

/** Reads what `writeLines` wrote. */
export function readLines(reader: ByteReader, countMax: number): readonly string[] {
  const count = reader.u32();
  if (count > countMax) throw new WireError(`${count} addresses, more than ${countMax}`);
  const lines: string[] = [];
  for (let i = 0; i < count; i++) lines.push(readLine(reader, addressBytesMax, 'address'));
  return lines;
}
