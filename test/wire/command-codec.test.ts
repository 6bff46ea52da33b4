/**
 * Machine commands: round trips, golden bytes, single records, limits, lies.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { batchRecordsMax, commandBytesMax } from '../../src/base/limits.js';
import type { Command } from '../../src/machine/commands.js';
import { peekRecord } from '../../src/wire/append-codec.js';
import { decodeCommand, encodeCommand } from '../../src/wire/command-codec.js';
import { WireError } from '../../src/wire/wire-error.js';
import { command } from './arbitraries.js';
import { codecSuite, hex } from './codec-suite.js';

const tag = { session: 0x0102, sequence: 3, acknowledgedBelow: 2 };
const text = (value: string) => new Uint8Array(Buffer.from(value));

codecSuite(test, {
  name: 'command',
  values: command,
  encode: encodeCommand,
  decode: decodeCommand,
  canonical: true,
});

const golden: [string, Command, string][] = [
  ['registerSession', { op: 'registerSession' }, '0101'],
  ['closeSession', { op: 'closeSession', session: 258 }, '02010201000000000000'],
  [
    'append of two in a session',
    { op: 'append', tag, stream: 'log', records: [text('ab'), text('c')] },
    `030101${'0201000000000000'}${'0300000000000000'}${'0200000000000000'}` +
      `03000000${'6c6f67'}${'02000000'}${'02000000'}${'03000000'}${'616263'}`,
  ],
  [
    'append without a session',
    { op: 'append', tag: null, stream: 'é', records: [text('')] },
    '030100' + '02000000' + 'c3a9' + '01000000' + '00000000',
  ],
  [
    'conditional put',
    { op: 'put', tag: null, key: text('k'), value: text('v'), expectedModRevision: 2 ** 53 - 1 },
    '040100' + '01ffffffffffff1f00' + '01000000' + '6b' + '76',
  ],
  [
    'delete',
    { op: 'delete', tag: null, key: text('k'), expectedModRevision: null },
    '050100' + '00' + '6b',
  ],
  [
    'conditional setPolicy',
    { op: 'setPolicy', words: [{ name: 'voters', value: '5' }], expectedIndex: 7 },
    `060101${'0700000000000000'}01000000${'06000000'}${'766f74657273'}${'01000000'}35`,
  ],
  [
    'append under every condition, in a session',
    {
      op: 'append',
      tag,
      stream: 'log',
      records: [text('ab'), text('c')],
      conditions: { expectSeq: 4, fence: 5, view: 6 },
    },
    `070101${'0201000000000000'}${'0300000000000000'}${'0200000000000000'}` +
      `07${'0400000000000000'}${'0500000000000000'}${'0600000000000000'}` +
      `03000000${'6c6f67'}${'02000000'}${'02000000'}${'03000000'}${'616263'}`,
  ],
  [
    'append under a fence',
    {
      op: 'append',
      tag: null,
      stream: 's',
      records: [text('')],
      conditions: { expectSeq: null, fence: 5, view: null },
    },
    `07010002${'0500000000000000'}01000000${'73'}${'01000000'}${'00000000'}`,
  ],
  [
    'seal of whatever view',
    { op: 'changeStream', tag: null, stream: 's', change: { kind: 'seal', view: null } },
    '08010001' + '0100000073' + '00',
  ],
  [
    'seal of one view, in a session',
    { op: 'changeStream', tag, stream: 's', change: { kind: 'seal', view: 2 } },
    `080101${'0201000000000000'}${'0300000000000000'}${'0200000000000000'}` +
      '01' +
      '0100000073' +
      '010200000000000000',
  ],
  [
    'openView',
    { op: 'changeStream', tag: null, stream: 's', change: { kind: 'openView', after: 2 } },
    '08010002' + '0100000073' + '0200000000000000',
  ],
  [
    'trim',
    { op: 'changeStream', tag: null, stream: 's', change: { kind: 'trim', beforeSeq: 9 } },
    '08010003' + '0100000073' + '0900000000000000',
  ],
  [
    'setRetention',
    {
      op: 'changeStream',
      tag: null,
      stream: 's',
      change: { kind: 'setRetention', recordsMax: 1, bytesMax: null, ageMillisMax: 3 },
    },
    `08010004${'0100000073'}05${'0100000000000000'}${'0300000000000000'}`,
  ],
];

for (const [name, value, bytes] of golden) {
  test(`golden bytes: ${name}`, () => {
    assert.is(hex(encodeCommand(value)), bytes);
    assert.is(hex(encodeCommand(decodeCommand(Buffer.from(bytes, 'hex')))), bytes);
  });
}

test('conditions that ask for nothing are a plain append, byte for byte', () => {
  const plain = { op: 'append', tag, stream: 'log', records: [text('a')] } as const;
  const none = { expectSeq: null, fence: null, view: null };
  assert.is(hex(encodeCommand({ ...plain, conditions: none })), hex(encodeCommand(plain)));
  assert.not.ok('conditions' in decodeCommand(encodeCommand(plain)));
});

test('records are views of the command, not copies', () => {
  const bytes = encodeCommand({ op: 'append', tag, stream: 'log', records: [text('abc')] });
  const decoded = decodeCommand(bytes);
  assert.ok(decoded.op === 'append' && decoded.records[0]?.buffer === bytes.buffer);
  assert.ok(peekRecord(bytes, 0).buffer === bytes.buffer);
});

test('any one record is found without the others', () => {
  const records = Array.from({ length: 500 }, (_, i) => text('x'.repeat(i % 7) + i));
  const conditions = { expectSeq: 1, fence: null, view: 2 };
  for (const more of [{ tag }, { tag: null }, { tag, conditions }, { tag: null, conditions }]) {
    const bytes = encodeCommand({ op: 'append', stream: 'log', records, ...more });
    for (const [i, record] of records.entries()) {
      assert.is(hex(peekRecord(bytes, i)), hex(record));
    }
    for (const offset of [-1, 500, 2 ** 32, Number.NaN]) {
      assert.throws(() => peekRecord(bytes, offset), isWireError);
    }
  }
});

test('streams that follow each other keep their own names', () => {
  const name = (stream: string) => {
    const bytes = encodeCommand({ op: 'append', tag: null, stream, records: [text('1')] });
    const decoded = decodeCommand(bytes);
    return decoded.op === 'append' ? decoded.stream : '';
  };
  for (const stream of ['a', 'a', 'b', 'ab', 'ba', 'ab', '', 'ü', 'a']) {
    assert.is(name(stream), stream);
  }
});

test('a name that was kept does not change when its frame does', () => {
  const bytes = encodeCommand({ op: 'append', tag: null, stream: 'one', records: [] });
  decodeCommand(bytes);
  bytes.set(text('two'), 7);
  const decoded = decodeCommand(bytes);
  assert.is(decoded.op === 'append' && decoded.stream, 'two');
});

test('unknown kinds, versions and flags are refused (trap 46)', () => {
  const rows = [
    '',
    '03',
    '0001',
    '0901',
    'ff01',
    '0302',
    '0300',
    '030102',
    '050102',
    '05010002',
  ].concat(
    // Conditions: cut, none, too many; changes: cut, of no kind.
    ['0701', '070100', '07010000', `07010008${'00'.repeat(40)}`, '070102', '0702'],
    ['0801', '080100', '080102', '080100000000000000', `08010005${'00'.repeat(12)}`],
    [`0801000400000000${'08'}${'00'.repeat(24)}`, '08010001000000000200'],
  );
  for (const row of rows) assert.throws(() => decodeCommand(Buffer.from(row, 'hex')), isWireError);
});

test('a command of the limit is written and read, one byte more is not', () => {
  const put = (valueBytes: number): Command => ({
    op: 'put',
    tag: null,
    key: text('k'),
    value: new Uint8Array(valueBytes),
    expectedModRevision: null,
  });
  const room = commandBytesMax - encodeCommand(put(0)).length;
  assert.is(encodeCommand(put(room)).length, commandBytesMax);
  decodeCommand(encodeCommand(put(room)));
  assert.throws(() => encodeCommand(put(room + 1)), isWireError);
  assert.throws(
    () => decodeCommand(new Uint8Array(commandBytesMax + 1).fill(4, 0, 1)),
    isWireError,
  );
});

test('a batch of the limit is written and read, one record more is not', () => {
  const batch = (count: number): Command => {
    return { op: 'append', tag, stream: 'log', records: Array(count).fill(text('')) };
  };
  decodeCommand(encodeCommand(batch(batchRecordsMax)));
  assert.throws(() => encodeCommand(batch(batchRecordsMax + 1)), isWireError);
  const bytes = Buffer.alloc(11 + 4 * (batchRecordsMax + 1));
  bytes.set([3, 1, 0]);
  bytes.writeUInt32LE(0, 3);
  bytes.writeUInt32LE(batchRecordsMax + 1, 7);
  assert.throws(() => decodeCommand(bytes), isWireError);
});

test('lengths that lie are refused before anything is allocated (CHECKS 45)', () => {
  const whole = encodeCommand({
    op: 'append',
    tag,
    stream: 'log',
    records: [text('a'), text('bc')],
  });
  const lies = [commandBytesMax, commandBytesMax + 1, 2 ** 31, 2 ** 32 - 1, 0x7fff_ffff];
  const before = process.memoryUsage().arrayBuffers;
  // Length of the name, count, and both ends.
  for (const at of [27, 34, 38, 42]) {
    for (const lie of lies) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt32LE(lie, at);
      assert.throws(() => decodeCommand(bytes), isWireError, `${lie} at ${at}`);
    }
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024);
});

test('numbers above 2^53 - 1 are refused, never rounded (CHECKS 48)', () => {
  const conditions = { expectSeq: 1, fence: 1, view: 1 };
  const records = [text('a')];
  const whole = encodeCommand({ op: 'append', tag, stream: 'log', records, conditions });
  for (const at of [3, 11, 19, 28, 36, 44]) {
    for (const number of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const bytes = Buffer.from(whole);
      bytes.writeBigUInt64LE(number, at);
      assert.throws(() => decodeCommand(bytes), isWireError);
    }
  }
  assert.throws(() => encodeCommand({ op: 'closeSession', session: 2 ** 53 }), isWireError);
  assert.throws(() => encodeCommand({ op: 'closeSession', session: -1 }), isWireError);
});

test('a command that could not be written leaves nothing behind in the next', () => {
  const bad = { session: 1, sequence: -1, acknowledgedBelow: 0 };
  const key = text('k');
  assert.throws(
    () => encodeCommand({ op: 'delete', tag: bad, key, expectedModRevision: null }),
    isWireError,
  );
  assert.is(hex(encodeCommand({ op: 'registerSession' })), '0101');
});

function isWireError(error: unknown): boolean {
  return error instanceof WireError;
}

test.run();
