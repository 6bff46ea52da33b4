/**
 * Frames are cut out of a stream however it is chunked, and bad ones are refused.
 */

import { Uint8ArrayList } from 'uint8arraylist';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import {
  FrameReader,
  frameHeaderBytes,
  frameKind,
  writeFrameHeader,
} from '../../src/transport/framing.js';

const test = suite('framing');

type Event = { kind: number; payload: string } | { batch: string[] };

const limit = 300_000;

function encode(kind: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  writeFrameHeader(frame, 0, kind, payload.length);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function newReader(): { reader: FrameReader; events: Event[] } {
  const events: Event[] = [];
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const reader = new FrameReader(limit, {
    frames: (frames) => events.push({ batch: frames.map(hex) }),
    signal: (kind, payload) => events.push({ kind, payload: hex(payload) }),
  });
  return { reader, events };
}

/** All data payloads and signals in order, batches dissolved. */
function flat(events: readonly Event[]): string[] {
  return events.flatMap((event) =>
    'batch' in event ? event.batch.map((one) => `0:${one}`) : [`${event.kind}:${event.payload}`],
  );
}

test('frames of one chunk are handed over together, and are views of it', () => {
  const chunk = join([1, 2, 3].map((n) => encode(frameKind.data, Uint8Array.of(n, n))));
  const got: Uint8Array[][] = [];
  const reader = new FrameReader(limit, {
    frames: (frames) => got.push([...frames]),
    signal: () => assert.unreachable(),
  });
  assert.is(reader.read(chunk), null);
  assert.is(got.length, 1);
  assert.equal(
    (got[0] as Uint8Array[]).map((frame) => [...frame]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
  assert.ok((got[0] as Uint8Array[]).every((frame) => frame.buffer === chunk.buffer));
});

test('every way to cut a stream gives the same frames in the same order', () => {
  const rng = new Rng(7);
  const sizes = [0, 1, 3, 4, 5, 250, 65_535, 65_536, 65_537, 200_000, 0, 12];
  const stream = join(
    sizes.map((size, i) => {
      const payload = new Uint8Array(size).map((_, at) => at * 31 + i);
      return encode(i % 4 === 3 ? frameKind.keeping : frameKind.data, payload);
    }),
  );
  const whole = newReader();
  assert.is(whole.reader.read(stream), null);
  assert.is(flat(whole.events).length, sizes.length);
  for (let round = 0; round < 60; round++) {
    const { reader, events } = newReader();
    const largest = [1, 7, 1000, 70_000][round % 4] as number;
    // One byte at a time only over the first part: the large frames would take too long.
    const end = largest === 1 ? 70_000 : stream.length;
    for (let at = 0; at < end; ) {
      const next = Math.min(end, at + rng.between(1, largest));
      // A copy, as from a socket; every third time as a list of two.
      const piece = stream.slice(at, next);
      const middle = piece.length >> 1;
      const list = new Uint8ArrayList(piece.subarray(0, middle), piece.subarray(middle));
      assert.is(reader.read(round % 3 === 0 ? list : piece), null);
      at = next;
    }
    if (end < stream.length) assert.is(reader.read(stream.slice(end)), null);
    assert.equal(flat(events), flat(whole.events));
    assert.is(reader.isPartial, false);
  }
});

test('a frame in the making is known as such', () => {
  const { reader } = newReader();
  assert.is(reader.isPartial, false);
  reader.read(Uint8Array.of(0, 0));
  assert.is(reader.isPartial, true);
  reader.read(Uint8Array.of(0, 2, 9));
  assert.is(reader.isPartial, true);
  reader.read(Uint8Array.of(9));
  assert.is(reader.isPartial, false);
});

test('data before a signal is handed over before it', () => {
  const { reader, events } = newReader();
  reader.read(
    join([
      encode(frameKind.data, Uint8Array.of(1)),
      encode(frameKind.refused, Uint8Array.of(2)),
      encode(frameKind.data, Uint8Array.of(3)),
    ]),
  );
  assert.equal(events, [
    { batch: ['01'] },
    { kind: frameKind.refused, payload: '02' },
    { batch: ['03'] },
  ]);
});

test('a length over the limit and an unknown kind are refused at the header', () => {
  const rows: [number[], RegExp | null][] = [
    [[0, 0x04, 0x93, 0xe0], null],
    [[0, 0x04, 0x93, 0xe1], /300001 bytes, the limit is 300000/],
    [[0, 0xff, 0xff, 0xff], /16777215/],
    [[10, 0, 0, 0], /kind 10/],
    [[255, 0, 0, 0], /kind 255/],
  ];
  for (const [header, expected] of rows) {
    const { reader, events } = newReader();
    const fault = reader.read(Uint8Array.from(header));
    if (expected === null) assert.is(fault, null);
    else assert.match(fault as string, expected);
    assert.equal(events, []);
  }
});

test('what came before a bad frame is still handed over', () => {
  const { reader, events } = newReader();
  const fault = reader.read(
    join([encode(frameKind.data, Uint8Array.of(1)), Uint8Array.of(99, 0, 0, 0)]),
  );
  assert.match(fault as string, /kind 99/);
  assert.equal(events, [{ batch: ['01'] }]);
});

test('a lying length costs no more memory than twice what was sent', () => {
  const { reader } = newReader();
  reader.read(Uint8Array.of(0, 0x04, 0x93, 0xe0));
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 200 }, () => newReader().reader);
  for (const each of readers) each.read(Uint8Array.of(0, 0x04, 0x93, 0xe0, 1, 2, 3));
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown <= 200 * 64 * 1024 + 1_000_000, `${grown} bytes for 200 liars`);
});

test.run();
