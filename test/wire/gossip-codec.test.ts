/**
 * Frames of gossip and signed records: what is written is read, what is damaged is refused, and
 * every list and field has an end.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type MemberRecord,
  type Rumour,
  type SignedRecord,
  standbysMax,
} from '../../src/membership/table.js';
import {
  decodeGossip,
  digestRowsMax,
  encodeGossip,
  recordsMax,
} from '../../src/wire/gossip-codec.js';
import type { GossipBody, GossipFrame } from '../../src/wire/gossip-messages.js';
import {
  decodeRecord,
  decodeSignedRecord,
  encodeRecord,
  encodeSignedRecord,
  recordBytesMax,
  signedBytes,
} from '../../src/wire/record-codec.js';
import { WireError } from '../../src/wire/wire-error.js';
import { hello } from './arbitraries.js';
import { codecSuite } from './codec-suite.js';

const counter = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 32), fc.maxSafeNat());
const sequence = fc.oneof(fc.integer({ min: 1 }), fc.constantFrom(1, 1_700_000_000_000));
const peerId = fc
  .string({ minLength: 1, maxLength: 52 })
  .map((text) => `p${text.replace(/\p{Cc}/gu, '')}`);
const nonce = fc.nat(0xffff_ffff);

const record: fc.Arbitrary<MemberRecord> = fc
  .record({
    greeting: hello,
    peerId,
    sequence,
    zone: fc.option(fc.constantFrom('eu-1', '')),
    loopDelayMillis: fc.nat(3_600_000),
    ownHealth: fc.nat(8),
    disk: fc.constantFrom('well' as const, 'slow' as const, 'full' as const, 'failed' as const),
    standbys: fc.option(
      fc.record({
        term: fc.integer({ min: 1 }),
        ids: fc.array(fc.integer({ min: 1 }), { maxLength: 4 }),
      }),
    ),
    leaving: fc.boolean(),
  })
  .map(({ greeting: { protocol: _, life: __, ...who }, ...rest }) => ({ ...who, ...rest }));

const signed: fc.Arbitrary<SignedRecord> = fc
  .record({ record, signature: fc.uint8Array({ minLength: 64, maxLength: 64 }) })
  .map((given) => ({ ...given, payload: encodeRecord(given.record) }));

const rumour: fc.Arbitrary<Rumour> = fc.record({
  kind: fc.constantFrom('suspect' as const, 'dead' as const),
  subject: peerId,
  sequence: counter,
  accuser: peerId,
});

const body: fc.Arbitrary<GossipBody> = fc.oneof(
  fc.record({ type: fc.constantFrom('ping' as const, 'ack' as const), nonce, sequence: counter }),
  fc.record({ type: fc.constant('ask' as const), nonce, target: peerId }),
  fc.record({ type: fc.constant('nack' as const), nonce }),
  fc.constant({ type: 'tell' as const }),
  fc.record({ type: fc.constant('summary' as const), hash: nonce }),
  fc.record({
    type: fc.constant('digest' as const),
    rows: fc.array(fc.record({ peerId, sequence: counter, dead: fc.boolean() }), { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant('want' as const), peerIds: fc.array(peerId, { maxLength: 5 }) }),
);

const frame: fc.Arbitrary<GossipFrame> = fc.record({
  body,
  rumours: fc.array(rumour, { maxLength: 4 }),
  records: fc.array(signed, { maxLength: 2 }),
});

codecSuite(test, {
  name: 'gossip',
  values: frame,
  encode: encodeGossip,
  decode: decodeGossip,
  canonical: true,
});

codecSuite(test, {
  name: 'published record',
  values: signed,
  encode: encodeSignedRecord,
  decode: decodeSignedRecord,
  canonical: true,
});

const sample = fc.sample(record, { numRuns: 1, seed: 1 })[0] as MemberRecord;
const isWireError = (error: unknown): boolean => error instanceof WireError;

test('a list over its limit is neither written nor read', () => {
  const rows = Array.from({ length: digestRowsMax + 1 }, (_, i) => `p${i}`);
  const want: GossipFrame = { body: { type: 'want', peerIds: rows }, rumours: [], records: [] };
  assert.throws(() => encodeGossip(want), isWireError);
  const long = Buffer.from([8, 0xff, 0xff, 0, 0]);
  assert.throws(() => decodeGossip(long), isWireError);
  const payload = encodeRecord(sample);
  const one = { record: sample, payload, signature: new Uint8Array(64) };
  const records = Array<SignedRecord>(recordsMax + 1).fill(one);
  assert.throws(() => encodeGossip({ body: { type: 'tell' }, rumours: [], records }), isWireError);
});

test('addresses that do not fit are left out of a record, the last first', () => {
  const addresses = Array.from({ length: 40 }, (_, i) => `${`h${i}`.padEnd(250, 'x')}:1`);
  const payload = encodeRecord({ ...sample, addresses });
  assert.ok(payload.length <= recordBytesMax);
  const read = decodeRecord(payload).addresses;
  assert.ok(read.length >= 10);
  assert.equal(read, addresses.slice(0, read.length));
});

test('what a record says is bounded, whoever signed it', () => {
  const text = (given: object): Uint8Array => Buffer.from(JSON.stringify({ ...sample, ...given }));
  assert.is(decodeRecord(text({ ownHealth: 1e9 })).ownHealth, 8);
  assert.is(decodeRecord(text({ loopDelayMillis: 2 ** 52 })).loopDelayMillis, 3_600_000);
  assert.not.ok('x' in decodeRecord(text({ x: 1 })), 'a field of a newer version');
  // A number that could be raised no more would silence its server for ever.
  for (const wrong of [0, -1, 1.5, Number.MAX_SAFE_INTEGER, '7']) {
    assert.throws(() => decodeRecord(text({ sequence: wrong })), isWireError, `${wrong}`);
  }
  const ids = Array.from({ length: standbysMax + 1 }, (_, i) => i + 1);
  for (const wrong of [
    { peerId: '' },
    { peerId: 'a\nb' },
    { disk: 'odd' },
    { leaving: 1 },
    { standbys: { term: 1, ids } },
    { standbys: { term: 1, ids: ['7'] } },
    { standbys: { ids: [7] } },
  ]) {
    assert.throws(() => decodeRecord(text(wrong)), isWireError, JSON.stringify(wrong));
  }
});

test('a record of an older server names no stand-bys', () => {
  const { standbys: _, ...old } = { ...sample, standbys: { term: 2, ids: [7] } };
  assert.is(decodeRecord(Buffer.from(JSON.stringify(old))).standbys, null);
});

test('a signature covers the payload and what it is for', () => {
  const covered = Buffer.from(signedBytes(encodeRecord(sample)));
  assert.match(covered.toString(), /^quorate member record 1\n\{"peerId"/);
});

test.run();
