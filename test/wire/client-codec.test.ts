/**
 * The native client protocol: round trips, golden bytes, limits, lies.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { batchRecordsMax, commandBytesMax, frameBytesMax } from '../../src/base/limits.js';
import type { StreamState } from '../../src/machine/commands.js';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../src/wire/client-codec.js';
import type {
  ClientReply,
  ClientRequest,
  PlanReport,
  ReadRange,
} from '../../src/wire/client-messages.js';
import { WireError } from '../../src/wire/wire-error.js';
import { clientReply, request } from './client-arbitraries.js';
import { codecSuite, hex } from './codec-suite.js';

codecSuite(test, {
  name: 'request',
  values: request,
  encode: encodeRequest,
  decode: decodeRequest,
  canonical: true,
});

codecSuite(test, {
  name: 'client reply',
  values: clientReply,
  encode: encodeReply,
  decode: decodeReply,
  // The status is JSON, which has many spellings.
  canonical: false,
});

const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.toString('hex');
};

function read(range: ReadRange): ClientRequest {
  return { type: 'read', id: 1, stream: 's', range, consistency: 'linearizable' };
}

const state: StreamState = {
  firstSeq: 2,
  nextSeq: 6,
  bytes: 7,
  fence: 8,
  views: [
    { view: 1, firstSeq: 1, endSeq: 4 },
    { view: 2, firstSeq: 4, endSeq: null },
  ],
  retention: { recordsMax: 9, bytesMax: null, ageMillisMax: 10 },
};

const stateBytes = [
  [2, 6, 7, 8, 9, 0, 10].map(u64).join(''),
  `02${[1, 1, 4, 2, 4, 0].map(u64).join('')}`,
].join('');

const requests: [ClientRequest, string][] = [
  [{ type: 'command', id: 7, command: new Uint8Array([1, 2]) }, `01${u64(7)}0102`],
  [
    read({ from: { seq: 2 }, backwards: false, limit: 3, bytesMax: 0 }),
    `02${u64(1)}0100000073${u64(2)}${u64(3)}01`,
  ],
  [
    read({ from: { seq: 0 }, backwards: false, limit: 3, bytesMax: 0 }),
    `02${u64(1)}0100000073${u64(0)}${u64(3)}01`,
  ],
  [
    read({ from: { seq: 2 }, backwards: false, limit: 3, bytesMax: 4 }),
    `12${u64(1)}010000007300${u64(2)}${u64(3)}${u64(4)}01`,
  ],
  [
    read({ from: { seq: 0 }, backwards: true, limit: 3, bytesMax: 0 }),
    `12${u64(1)}010000007301${u64(0)}${u64(3)}${u64(0)}01`,
  ],
  [
    read({ from: { timeMillis: 5 }, backwards: false, limit: 3, bytesMax: 0 }),
    `12${u64(1)}010000007302${u64(5)}${u64(3)}${u64(0)}01`,
  ],
  [
    { type: 'follow', id: 1, stream: 's', fromSeq: 0, credit: 9 },
    `03${u64(1)}0100000073${u64(0)}${u64(9)}`,
  ],
  [{ type: 'tail', id: 1, stream: 's', consistency: 'stale' }, `13${u64(1)}010000007300`],
  [
    { type: 'streams', id: 1, prefix: 'p', after: '', limit: 3, consistency: 'linearizable' },
    `14${u64(1)}010000007000000000${u64(3)}01`,
  ],
  [{ type: 'cancel', id: 1 }, `05${u64(1)}`],
  [{ type: 'removeMember', id: 1, name: 'n', force: false }, `0a${u64(1)}010000006e`],
  [{ type: 'removeMember', id: 1, name: 'n', force: true }, `11${u64(1)}010000006e`],
  [{ type: 'plan', id: 1 }, `0b${u64(1)}`],
  [{ type: 'setPolicy', id: 1, text: 'a=1' }, `0f${u64(1)}03000000613d31`],
];

for (const [value, bytes] of requests) {
  test(`golden bytes: ${value.type}`, () => {
    assert.is(hex(encodeRequest(value)), bytes);
  });
}

const replies: [ClientReply, string][] = [
  [
    {
      type: 'commandReply',
      id: 9,
      reply: { kind: 'appended', firstSeq: 4, lastSeq: 5, index: 6, term: 7 },
    },
    `02${u64(9)}03${u64(6)}${u64(7)}${u64(4)}${u64(5)}`,
  ],
  [
    {
      type: 'records',
      id: 1,
      records: [{ seq: 2, index: 3, term: 4, timeMillis: 5, data: new Uint8Array([0xab]) }],
      nextSeq: 6,
      firstSeq: 1,
      complete: true,
    },
    `03${u64(1)}${u64(6)}0101000000${u64(2)}${u64(3)}${u64(4)}${u64(5)}01000000ab`,
  ],
  [
    { type: 'records', id: 1, records: [], nextSeq: 6, firstSeq: 4, complete: false },
    `0c${u64(1)}${u64(4)}${u64(6)}0000000000`,
  ],
  [{ type: 'tail', id: 1, state }, `0d${u64(1)}${stateBytes}`],
  [
    { type: 'streams', id: 1, streams: [{ name: 's', state }], more: true },
    `0e${u64(1)}01010000000100000073${stateBytes}`,
  ],
  [
    { type: 'refused', id: 1, refusal: { code: 'OUT_OF_ORDER', message: 'm', expected: 8 } },
    `01${u64(1)}0a04010000006d${u64(8)}`,
  ],
];

for (const [value, bytes] of replies) {
  test(`golden bytes: ${value.type}`, () => {
    assert.is(hex(encodeReply(value)), bytes);
  });
}

test('a command of the limit passes, one byte more is refused on both sides', () => {
  const make = (count: number): ClientRequest => {
    return { type: 'command', id: 1, command: new Uint8Array(count) };
  };
  decodeRequest(encodeRequest(make(commandBytesMax)));
  assert.throws(() => encodeRequest(make(commandBytesMax + 1)), isWireError);
  const bytes = new Uint8Array(9 + commandBytesMax + 1);
  bytes[0] = 1;
  assert.throws(() => decodeRequest(bytes), isWireError);
});

test('a reply over the size of a frame, or of too many rows, is refused', () => {
  const data = new Uint8Array(commandBytesMax);
  const record = { seq: 1, index: 1, term: 1, timeMillis: 1, data };
  const tiny = { ...record, data: new Uint8Array(0) };
  const make = (records: readonly (typeof record)[]): ClientReply => {
    return { type: 'records', id: 1, records, nextSeq: 9, firstSeq: 1, complete: false };
  };
  assert.throws(() => encodeReply(make([record, record])), isWireError);
  decodeReply(encodeReply(make(Array(batchRecordsMax).fill(tiny))));
  assert.throws(() => encodeReply(make(Array(batchRecordsMax + 1).fill(tiny))), isWireError);
  assert.throws(() => decodeReply(new Uint8Array(frameBytesMax + 1)), isWireError);
});

const noRecords: ClientReply = {
  type: 'records',
  id: 1,
  records: [],
  nextSeq: 1,
  firstSeq: 1,
  complete: true,
};

test('counts that lie are refused', () => {
  const records = encodeReply(noRecords);
  const keys = encodeReply({ type: 'keys', id: 1, revision: 1, keys: [], more: false });
  const streams = encodeReply({ type: 'streams', id: 1, streams: [], more: false });
  for (const whole of [records, keys, streams]) {
    for (const count of [1, batchRecordsMax, batchRecordsMax + 1, 2 ** 31, 2 ** 32 - 1]) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt32LE(count, bytes.length - 4);
      assert.throws(() => decodeReply(bytes), isWireError, `${count}`);
    }
  }
});

test('more rows than the limit are refused though they are there', () => {
  const head = encodeReply(noRecords);
  const bytes = Buffer.alloc(head.length + 36 * (batchRecordsMax + 1));
  bytes.set(head);
  for (const [count, fits] of [
    [batchRecordsMax, true],
    [batchRecordsMax + 1, false],
  ] as const) {
    bytes.writeUInt32LE(count, head.length - 4);
    const frame = bytes.subarray(0, head.length + 36 * count);
    if (fits) decodeReply(frame);
    else assert.throws(() => decodeReply(frame), isWireError);
  }
});

test('a range has one form only, and no unknown flags', () => {
  const other = read({ from: { seq: 2 }, backwards: true, limit: 3, bytesMax: 0 });
  const bytes = Buffer.from(encodeRequest(other));
  const flagsAt = 9 + 4 + 1;
  assert.is(bytes[flagsAt], 1);
  for (const flags of [0, 4, 255]) {
    bytes[flagsAt] = flags;
    assert.throws(() => decodeRequest(bytes), isWireError, `${flags}`);
  }
  const trimmed = Buffer.from(encodeReply({ ...noRecords, firstSeq: 2 } as ClientReply));
  trimmed.writeBigUInt64LE(1n, 9);
  assert.throws(() => decodeReply(trimmed), isWireError);
});

test('a stream of more views than are told, a limit of 0, and too many streams are refused', () => {
  const views = Array(101).fill({ view: 1, firstSeq: 1, endSeq: null });
  const tail = (more: Partial<StreamState>): ClientReply => {
    return { type: 'tail', id: 1, state: { ...state, ...more } };
  };
  assert.throws(() => encodeReply(tail({ views })), isWireError);
  const whole = Buffer.from(encodeReply(tail({ views: views.slice(1) })));
  decodeReply(whole);
  whole[9 + 7 * 8] = 101;
  const longer = Buffer.concat([whole, whole.subarray(-24)]);
  assert.throws(() => decodeReply(longer), isWireError);
  const retention = { ...state.retention, recordsMax: 0 };
  assert.throws(() => encodeReply(tail({ retention })), isWireError);
  const streams = Array(1001).fill({ name: 's', state });
  const listing = (count: number): ClientReply => {
    return { type: 'streams', id: 1, streams: streams.slice(0, count), more: true };
  };
  decodeReply(encodeReply(listing(1000)));
  assert.throws(() => encodeReply(listing(1001)), isWireError);
});

test('a goAway answers no request and names a bounded number of others', () => {
  const addresses = Array<string>(300).fill('a:1');
  const bytes = Buffer.from(encodeReply({ type: 'goAway', id: 0, addresses }));
  const read = decodeReply(bytes);
  assert.is(read.type === 'goAway' && read.addresses.length, 256);
  const longer = Buffer.concat([bytes, bytes.subarray(13, 20)]);
  longer.writeUInt32LE(257, 9);
  assert.throws(() => decodeReply(longer), isWireError);
  bytes[1] = 1;
  assert.throws(() => decodeReply(bytes), isWireError);
});

test('a listing over the size of a frame is refused', () => {
  const value = new Uint8Array(commandBytesMax);
  const pair = { key: value.subarray(0, 1), value, createRevision: 1, modRevision: 1, version: 1 };
  const keys = [pair, pair, pair];
  const reply: ClientReply = { type: 'keys', id: 1, revision: 1, keys, more: false };
  assert.throws(() => encodeReply(reply), isWireError);
});

test('texts for people are made to fit rather than refused', () => {
  const message = `one\ntwo\u001b[31m ${'ä'.repeat(2000)}`;
  const reply = decodeReply(encodeReply({ type: 'done', id: 1, message }));
  assert.ok(reply.type === 'done' && /^one two \[31m ä+$/.test(reply.message));
  const refused = decodeReply(
    encodeReply({
      type: 'refused',
      id: 1,
      refusal: {
        code: 'OVERLOADED',
        message,
        retryAfterMillis: 0.5,
        leader: { name: 'n'.repeat(500), addresses: Array(100).fill('a:1') },
      },
    }),
  );
  assert.ok(refused.type === 'refused');
  assert.is(refused.refusal.retryAfterMillis, 1);
  assert.is(refused.refusal.leader?.addresses.length, 32);
});

test('reports are made to fit rather than refused, and read in no other form', () => {
  const voters = Array<string>(100).fill(`${'v'.repeat(200)}\n`);
  const quorum = { voters, alive: voters, majority: 51, tolerates: -3 };
  const why = 'one\ntwo';
  const plan: PlanReport = {
    leader: 'a',
    term: 1,
    configurationIndex: 2,
    outcome: 'change',
    reason: 'r'.repeat(3000),
    evidence: Array<string>(100).fill(why),
    changes: [why],
    now: quorum,
    during: { old: quorum, next: quorum },
    after: quorum,
  };
  const read = decodeReply(encodeReply({ type: 'plan', id: 1, plan }));
  assert.ok(read.type === 'plan');
  const told = read.type === 'plan' ? read.plan : plan;
  assert.is(told.reason.length, 1024);
  assert.equal([told.evidence.length, told.evidence[0]], [64, 'one two']);
  assert.equal([told.now.voters.length, told.now.voters[0]?.length], [64, 128]);
  assert.is(told.now.tolerates, -3);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(9)).toString();
  const whole = encodeReply({ type: 'plan', id: 1, plan: { ...plan, during: null, after: null } });
  for (const [from, to] of [
    ['"change"', '"other"'],
    ['"term":1', '"term":-1'],
    ['"tolerates":-3', '"tolerates":"-3"'],
    ['"during":null,', ''],
    ['"one two"', '"one\\u000atwo"'],
  ] as const) {
    assert.ok(text(whole).includes(from), from);
    const body = Buffer.from(text(whole).replace(from, to));
    const frame = Buffer.concat([whole.subarray(0, 9), body]);
    assert.throws(() => decodeReply(frame), isWireError, from);
  }
});

test('a status of an older server lacks the newer fields, and is read', () => {
  const roles = { role: 'voter', health: 'alive' };
  const member = { name: 's', memberId: 1, peerId: 'p', ...roles, addresses: [], matchIndex: 1 };
  const old = {
    cluster: 'c',
    clusterId: null,
    version: '0.1.0',
    term: 1,
    leader: null,
    commitIndex: 1,
    appliedIndex: 1,
    lastIndex: 1,
    faultTolerance: 0,
    joint: false,
    members: [member],
    self: { name: 's', memberId: null, peerId: 'p', role: 'joining', waitingFor: null },
  };
  const head = encodeReply({ type: 'goAway', id: 0, addresses: [] }).subarray(1, 9);
  const frame = Buffer.concat([Buffer.of(5), head, Buffer.from(JSON.stringify(old))]);
  const read = decodeReply(frame);
  assert.ok(read.type === 'status');
  assert.is(read.type === 'status' && read.status.configurationIndex, 0);
  assert.is(read.type === 'status' && read.status.lastTerm, 1);
  assert.is(read.type === 'status' && read.status.self.leaderless, null);
  assert.is(read.type === 'status' && read.status.self.alarm, null);
  assert.is(read.type === 'status' && read.status.self.gossipSent, null);
  const [first] = read.type === 'status' ? read.status.members : [];
  assert.equal(read.type === 'status' && read.status.otherClusters, []);
  assert.equal([first?.silentMillis, first?.zone, first?.disk], [null, null, null]);
});

test('control characters from a peer are refused', () => {
  const bytes = Buffer.from(encodeReply({ type: 'done', id: 1, message: 'ab' }));
  bytes[bytes.length - 1] = 0x1b;
  assert.throws(() => decodeReply(bytes), isWireError);
});

function isWireError(error: unknown): boolean {
  return error instanceof WireError;
}

test.run();
