/**
 * The bounds on what comes in by gossipsub, each by itself: the rate, the reader of lengths before
 * gossipsub sees a byte, and the sieve before it keeps anything.
 */

import type { RPC } from '@chainsafe/libp2p-gossipsub/message';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import {
  RumourMeter,
  RumourReader,
  rumourFrameBytesMax,
} from '../../src/transport/rumour-meter.js';
import {
  pruneSecondsMax,
  RumourAllowance,
  rumourBytesMax,
  rumourNonceBytes,
  siftRumours,
} from '../../src/transport/rumour-sieve.js';
import { TokenBucket } from '../../src/transport/token-bucket.js';

const test = suite('bounds on rumours');

test('a bucket gives its burst at once, its rate after, and debts are paid first', () => {
  const bucket = new TokenBucket({ burst: 10, perSecond: 4 });
  assert.ok(bucket.has(10) && !bucket.has(11));
  bucket.spend(10);
  assert.ok(bucket.has(0) && !bucket.has(1));
  bucket.elapsed(500);
  assert.ok(bucket.has(2) && !bucket.has(3));
  bucket.spend(12);
  bucket.elapsed(1000);
  assert.not.ok(bucket.has(0), 'it has been paid for 4 of 10');
  bucket.elapsed(1_000_000);
  assert.ok(bucket.has(10) && !bucket.has(11), 'never more than the burst');
});

/** A message of gossipsub as it goes over the wire. */
function framed(length: number): Uint8Array {
  const digits: number[] = [];
  let rest = length;
  do {
    const more = rest >= 0x80 ? 0x80 : 0;
    digits.push((rest & 0x7f) | more);
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Uint8Array.from(digits), new Uint8Array(length).fill(0xff)]);
}

test('however it is cut up, an honest stream passes', () => {
  const rng = new Rng(3);
  const lengths = [0, 1, 127, 128, 300, 16_383, 16_384, rumourFrameBytesMax, 5];
  const all = Buffer.concat(lengths.map(framed));
  for (let round = 0; round < 20; round++) {
    const reader = new RumourReader(new RumourMeter());
    for (let at = 0; at < all.length; ) {
      const end = Math.min(all.length, at + rng.between(1, round < 3 ? 2 : 40_000));
      assert.is(reader.read(all.subarray(at, end)), null);
      at = end;
    }
  }
});

test('a message over the limit, and a length without end, are faults at once', () => {
  const rows: [Uint8Array, RegExp][] = [
    [framed(rumourFrameBytesMax + 1).subarray(0, 3), /a message of 65537 bytes/],
    [Uint8Array.of(0xff, 0xff, 0x7f), /a message of 2097151 bytes/],
    [Uint8Array.of(0x80, 0x80, 0x80), /too many digits/],
    [new Uint8Array(1000).fill(0xff), /too many digits/],
  ];
  for (const [bytes, expected] of rows) {
    const whole = new RumourReader(new RumourMeter()).read(bytes);
    assert.match(whole ?? '', expected);
    const reader = new RumourReader(new RumourMeter());
    const apart = [...bytes].map((byte) => reader.read(Uint8Array.of(byte)));
    assert.match(apart.find((fault) => fault !== null) ?? '', expected);
  }
});

test('many small messages are cut off, over all streams of a peer, and time forgives', () => {
  const meter = new RumourMeter();
  const tiny = Buffer.concat(Array.from({ length: 3000 }, () => framed(1)));
  assert.is(new RumourReader(meter).read(tiny), null);
  assert.is(new RumourReader(meter).read(tiny), null);
  assert.match(new RumourReader(meter).read(tiny) ?? '', /more than any server/);
  assert.ok(meter.isSpent);
  assert.match(new RumourReader(meter).read(framed(1)) ?? '', /more than any server/);
  meter.elapsed(1000);
  assert.not.ok(meter.isSpent);
  assert.is(new RumourReader(meter).read(framed(1)), null);
});

test('many bytes are cut off', () => {
  const reader = new RumourReader(new RumourMeter());
  const large = framed(60_000);
  let taken = 0;
  while (reader.read(large) === null) taken += large.length;
  assert.ok(taken > 4_000_000 && taken < 9_000_000, `${taken} bytes`);
});

const topic = 'ours';

function rpc(messages: readonly { topic: string; length: number }[]): RPC {
  return {
    subscriptions: [],
    messages: messages.map((of) => ({ topic: of.topic, data: new Uint8Array(of.length) })),
  };
}

test('messages of our topic and of a size that may be published pass, in order', () => {
  const least = rumourNonceBytes + 1;
  const most = rumourNonceBytes + rumourBytesMax;
  const asked = rpc([
    { topic, length: least },
    { topic: 'theirs', length: 100 },
    { topic, length: rumourNonceBytes },
    { topic, length: most },
    { topic, length: most + 1 },
    { topic, length: 0 },
  ]);
  asked.messages.push({ topic });
  assert.is(siftRumours(asked, topic, [RumourAllowance.ofPeer()]), 0);
  assert.equal(
    asked.messages.map((message) => message.data?.length),
    [least, most],
  );
});

/** How many of many small messages of one peer pass. */
function passing(peer: RumourAllowance, all: RumourAllowance, count: number): number {
  let passed = 0;
  for (let i = 0; i < count; i++) {
    const asked = rpc([{ topic, length: 20 }]);
    siftRumours(asked, topic, [peer, all]);
    passed += asked.messages.length;
  }
  return passed;
}

test('one peer that floods takes its own share and leaves the others theirs', () => {
  const all = RumourAllowance.ofAll();
  const flooder = RumourAllowance.ofPeer();
  const first = passing(flooder, all, 100_000);
  assert.ok(first > 100 && first <= 1000, `${first} of the flooder passed`);
  assert.is(passing(RumourAllowance.ofPeer(), all, 100), 100, 'all of an honest one');
  flooder.elapsed(1000);
  all.elapsed(1000);
  const later = passing(flooder, all, 100_000);
  assert.ok(later > 10 && later <= 200, `${later} of the flooder passed in the next second`);
});

test('many peers that flood are bounded together', () => {
  const all = RumourAllowance.ofAll();
  let passed = 0;
  for (let i = 0; i < 50; i++) passed += passing(RumourAllowance.ofPeer(), all, 2000);
  assert.ok(passed > 1000 && passed <= 4000, `${passed} passed`);
});

test('offers, wishes, peers to dial and long waiting times do not pass', () => {
  const ids = [Uint8Array.of(1)];
  const asked: RPC = {
    ...rpc([]),
    control: {
      ihave: [{ topicID: topic, messageIDs: ids }],
      iwant: [{ messageIDs: ids }],
      graft: [{ topicID: topic }],
      prune: [
        { topicID: topic, peers: [{ peerID: Uint8Array.of(2) }], backoff: 1_000_000 },
        { topicID: topic, peers: [] },
      ],
      idontwant: [{ messageIDs: ids }],
    },
  };
  siftRumours(asked, topic, [RumourAllowance.ofPeer()]);
  assert.equal(asked.control, {
    ihave: [],
    iwant: [],
    graft: [{ topicID: topic }],
    prune: [
      { topicID: topic, peers: [], backoff: pruneSecondsMax },
      { topicID: topic, peers: [], backoff: pruneSecondsMax },
    ],
    idontwant: [{ messageIDs: ids }],
  });
});

test.run();
