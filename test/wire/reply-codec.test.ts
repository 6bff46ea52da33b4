/**
 * Replies and refusals: round trips, the numbers of the codes, limits.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ErrorCode, errorTable } from '../../src/base/errors.js';
import type { StreamState } from '../../src/machine/commands.js';
import { ByteReader } from '../../src/wire/byte-reader.js';
import { ByteWriter } from '../../src/wire/byte-writer.js';
import { readRefusal, readReply, writeRefusal, writeReply } from '../../src/wire/reply-codec.js';
import { WireError } from '../../src/wire/wire-error.js';
import { refusal, reply } from './arbitraries.js';
import { codecSuite, hex } from './codec-suite.js';

const writer = new ByteWriter();

codecSuite(test, {
  name: 'reply',
  values: reply,
  encode: (value) => finished(() => writeReply(writer, value)),
  decode: (bytes) => whole(bytes, readReply),
  canonical: true,
});

codecSuite(test, {
  name: 'refusal',
  values: refusal,
  encode: (value) => finished(() => writeRefusal(writer, value)),
  decode: (bytes) => whole(bytes, readRefusal),
  canonical: true,
});

/** The numbers are the format: a line may be added, none changed. */
const codes: [ErrorCode, number][] = [
  ['NOT_LEADER', 1],
  ['NO_LEADER', 2],
  ['OVERLOADED', 3],
  ['LEADER_CHANGED', 4],
  ['TIMEOUT', 5],
  ['DISCONNECTED', 6],
  ['STOPPING', 7],
  ['NOT_MEMBER', 8],
  ['SESSION_EXPIRED', 9],
  ['OUT_OF_ORDER', 10],
  ['REPLY_FORGOTTEN', 11],
  ['TOO_LARGE', 12],
  ['BAD_REQUEST', 13],
  ['NOT_FOUND', 14],
  ['CONFLICT', 15],
  ['CHANGE_IN_PROGRESS', 16],
  ['CHANGE_REFUSED', 17],
  ['WRONG_CLUSTER', 18],
  ['DAMAGED', 19],
  ['DISK_FAILED', 20],
  ['SEALED', 21],
  ['FENCED', 22],
  ['TRIMMED', 23],
];

test('every error code has its number for ever', () => {
  for (const [code, number] of codes) {
    const bytes = finished(() => writeRefusal(writer, { code, message: '' }));
    assert.is(bytes[0], number, code);
  }
  assert.equal(codes.map(([code]) => code).toSorted(), Object.keys(errorTable).toSorted());
});

test('golden bytes: a refusal with everything', () => {
  const leader = { name: 'n', addresses: ['a:1'] };
  const value = {
    code: 'NOT_LEADER',
    message: 'm',
    leader,
    retryAfterMillis: 5,
    expected: 6,
  } as const;
  assert.is(
    hex(finished(() => writeRefusal(writer, value))),
    '0107' +
      '010000006d' +
      '010000006e' +
      '0100000003000000613a31' +
      '0500000000000000' +
      '0600000000000000',
  );
});

test('golden bytes: a stream that was changed', () => {
  const state: StreamState = {
    firstSeq: 3,
    nextSeq: 9,
    bytes: 600,
    fence: 4,
    views: [
      { view: 1, firstSeq: 1, endSeq: 5 },
      { view: 2, firstSeq: 5, endSeq: null },
    ],
    retention: { recordsMax: 6, bytesMax: null, ageMillisMax: null },
  };
  const number = (value: number): string => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes.toString('hex');
  };
  const numbers = (...values: number[]): string => values.map(number).join('');
  assert.is(
    hex(finished(() => writeReply(writer, { kind: 'streamChanged', state, index: 8, term: 7 }))),
    `08${numbers(8, 7)}${numbers(3, 9, 600, 4, 6, 0, 0)}02${numbers(1, 1, 5, 2, 5, 0)}`,
  );
});

test('unknown codes, kinds and flags are refused', () => {
  const bytes = finished(() => writeRefusal(writer, { code: 'TIMEOUT', message: '' }));
  for (const [at, value] of [
    [0, 0],
    [0, 24],
    [0, 255],
    [1, 8],
    [1, 128],
  ] as const) {
    const wrong = bytes.slice();
    wrong[at] = value;
    assert.throws(() => whole(wrong, readRefusal), isWireError);
  }
  for (const kind of [0, 9, 255]) {
    const wrong = new Uint8Array(17);
    wrong[0] = kind;
    assert.throws(() => whole(wrong, readReply), isWireError);
  }
});

test('a message over its limit is refused when read', () => {
  const bytes = Buffer.alloc(6 + 1025, 0x61);
  bytes.set([1, 0]);
  for (const [count, fits] of [
    [1024, true],
    [1025, false],
    [2 ** 31, false],
    [2 ** 32 - 1, false],
  ] as const) {
    bytes.writeUInt32LE(count, 2);
    const frame = bytes.subarray(0, Math.min(bytes.length, 6 + count));
    if (fits) assert.is(whole(frame, readRefusal).message.length, count);
    else assert.throws(() => whole(frame, readRefusal), isWireError);
  }
});

function finished(write: () => void): Uint8Array {
  writer.discard();
  write();
  return writer.finish();
}

function whole<Value>(bytes: Uint8Array, read: (reader: ByteReader) => Value): Value {
  const reader = new ByteReader(bytes);
  const value = read(reader);
  reader.expectEnd('it');
  return value;
}

function isWireError(error: unknown): boolean {
  return error instanceof WireError;
}

test.run();
