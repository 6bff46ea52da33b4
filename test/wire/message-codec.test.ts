/**
 * Raft's messages: round trips, golden bytes, what no right leader sends, limits, lies.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBytesMax, frameBytesMax } from '../../src/base/limits.js';
import type { Append, Message } from '../../src/raft/messages.js';
import type { Entry } from '../../src/raft/types.js';
import { appendEntriesMax, decodeMessage, encodeMessage } from '../../src/wire/message-codec.js';
import { WireError } from '../../src/wire/wire-error.js';
import { message } from './arbitraries.js';
import { codecSuite, hex } from './codec-suite.js';

codecSuite(test, {
  name: 'message',
  values: message,
  encode: encodeMessage,
  decode: decodeMessage,
  canonical: true,
  plain: (value) =>
    value.type === 'append'
      ? { ...value, entries: value.entries.map((entry) => ({ ...entry, encoded: null })) }
      : value,
});

const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.toString('hex');
};

function entry(index: number, term: number, data = new Uint8Array([0xcd])): Entry {
  return { index, term, kind: 'command', timeMillis: 9, data, configuration: null, encoded: null };
}

function append(entries: readonly Entry[], change: Partial<Append> = {}): Append {
  return {
    type: 'append',
    from: 1,
    to: 2,
    term: 3,
    sequence: 4,
    prevIndex: 5,
    prevTerm: 2,
    commit: 6,
    entries,
    ...change,
  };
}

const golden: [Message, string][] = [
  [
    append([entry(6, 3)]),
    `03${[1, 2, 3, 4, 5, 2, 6].map(u64).join('')}01000000` +
      `01000000${'02'}${u64(6)}${u64(3)}${u64(9)}cd`,
  ],
  [
    {
      type: 'appendReply',
      from: 1,
      to: 2,
      term: 3,
      sequence: 4,
      ok: true,
      index: 5,
      hintIndex: 6,
      hintTerm: 7,
    },
    `04${[1, 2, 3].map(u64).join('')}01${[4, 5, 6, 7].map(u64).join('')}`,
  ],
  [
    { type: 'heartbeat', from: 1, to: 2, term: 3, commit: 4, round: 5 },
    `05${[1, 2, 3, 4, 5].map(u64).join('')}`,
  ],
  [
    { type: 'heartbeatReply', from: 1, to: 2, term: 3, round: 4, lastIndex: 5 },
    `06${[1, 2, 3, 4, 5].map(u64).join('')}`,
  ],
  [
    {
      type: 'voteRequest',
      from: 1,
      to: 2,
      term: 3,
      preVote: true,
      lastIndex: 4,
      lastTerm: 5,
      transfer: false,
    },
    `01${[1, 2, 3].map(u64).join('')}01${[4, 5].map(u64).join('')}`,
  ],
];

for (const [value, bytes] of golden) {
  test(`golden bytes: ${value.type}`, () => assert.is(hex(encodeMessage(value)), bytes));
}

test('entries keep the bytes they came with, as views', () => {
  const bytes = encodeMessage(append([entry(6, 2), entry(7, 3)]));
  const decoded = decodeMessage(bytes) as Append;
  for (const each of decoded.entries) {
    assert.ok(each.encoded?.buffer === bytes.buffer && each.data.buffer === bytes.buffer);
  }
});

test('an entry that was encoded before is copied as it is', () => {
  const sent = decodeMessage(encodeMessage(append([entry(6, 2)]))) as Append;
  const encoded = (sent.entries[0] as Entry).encoded;
  encodeMessage({ ...sent, to: 9 });
  assert.ok((sent.entries[0] as Entry).encoded === encoded);
});

const wrong: [string, Append][] = [
  ['a gap before the first', append([entry(7, 3)])],
  ['an overlap', append([entry(5, 3)])],
  ['a gap inside', append([entry(6, 3), entry(8, 3)])],
  ['a term that falls', append([entry(6, 3), entry(7, 2)])],
  ['a term before prevTerm', append([entry(6, 1)])],
  ["a term above the leader's", append([entry(6, 4)])],
];

for (const [name, value] of wrong) {
  test(`an append with ${name} is refused`, () => {
    assert.throws(() => decodeMessage(encodeMessage(value)), isWireError);
  });
}

test('counts and lengths that lie are refused (CHECKS 45)', () => {
  const whole = encodeMessage(append([entry(6, 2), entry(7, 3)]));
  const lies = [0, 1, 3, appendEntriesMax, appendEntriesMax + 1, 2 ** 31, 2 ** 32 - 1];
  for (const lie of lies) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(lie, 57);
    assert.throws(() => decodeMessage(bytes), isWireError, `count ${lie}`);
  }
  for (const lie of [0, 2, commandBytesMax, commandBytesMax + 1, 2 ** 31, 2 ** 32 - 1]) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(lie, 61);
    assert.throws(() => decodeMessage(bytes), isWireError, `length ${lie}`);
  }
});

test('numbers above 2^53 - 1 are refused at every place', () => {
  const whole = encodeMessage(append([entry(6, 3)]));
  for (const at of [1, 9, 17, 25, 33, 41, 49, 66, 74, 82]) {
    for (const number of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const bytes = Buffer.from(whole);
      bytes.writeBigUInt64LE(number, at);
      assert.throws(() => decodeMessage(bytes), isWireError, `${number} at ${at}`);
    }
  }
});

test('an append of the largest entry fits; one over the frame is refused', () => {
  const large = entry(6, 3, new Uint8Array(commandBytesMax));
  decodeMessage(encodeMessage(append([large])));
  const second = entry(7, 3, new Uint8Array(commandBytesMax));
  assert.throws(() => encodeMessage(append([large, second])), isWireError);
  const many = Array.from({ length: appendEntriesMax + 1 }, (_, i) => entry(6 + i, 3));
  assert.throws(() => encodeMessage(append(many)), isWireError);
  decodeMessage(encodeMessage(append(many.slice(1), { prevIndex: 6 })));
});

test('a frame over the limit is refused though all in it is right', () => {
  const payload = new Uint8Array(commandBytesMax);
  const first = encodeMessage(append([entry(6, 3, payload)]));
  const second = encodeMessage(append([entry(7, 3, payload)], { prevIndex: 6 })).subarray(61);
  const frame = Buffer.concat([first, second]);
  frame.writeUInt32LE(2, 57);
  assert.ok(frame.length > frameBytesMax);
  assert.throws(() => decodeMessage(frame), isWireError);
});

test('unknown types and flags are refused', () => {
  for (const type of [0, 11, 255]) {
    const bytes = Buffer.alloc(25, 0);
    bytes[0] = type;
    assert.throws(() => decodeMessage(bytes), isWireError);
  }
  const reply = Buffer.from(
    encodeMessage({ type: 'voteReply', from: 1, to: 2, term: 3, preVote: true, granted: true }),
  );
  reply[25] = 4;
  assert.throws(() => decodeMessage(reply), isWireError);
});

function isWireError(error: unknown): boolean {
  return error instanceof WireError;
}

test.run();
