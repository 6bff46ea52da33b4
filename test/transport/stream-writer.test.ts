/**
 * The sending queue of a channel: what leaves together, what waits, what gives way.
 */

import type { Stream } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameReader, frameKind } from '../../src/transport/framing.js';
import { type QueueRules, StreamWriter } from '../../src/transport/stream-writer.js';
import { TurnFlusher } from '../../src/transport/turn-flusher.js';
import { bytes, realClock, text } from './transport-world.js';

const test = suite('stream writer');

/** Takes writes as libp2p does: when full it still takes, and says false until a `drain`. */
class FakeStream extends EventTarget {
  readonly writes: (Uint8Array | Uint8ArrayList)[] = [];
  writableNeedsDrain = false;
  writeBufferLength = 0;
  /** Bytes taken before it is full. */
  room = Number.POSITIVE_INFINITY;
  fault: Error | null = null;

  send(data: Uint8Array | Uint8ArrayList): boolean {
    if (this.fault !== null) throw this.fault;
    this.writes.push(data);
    this.room -= data.byteLength;
    this.writableNeedsDrain = this.room <= 0;
    return !this.writableNeedsDrain;
  }

  drain(room: number): void {
    this.room = room;
    this.writableNeedsDrain = room <= 0;
    this.dispatchEvent(new Event('drain'));
  }

  /** Payloads of all data frames written, in order. */
  texts(): string[] {
    const found: string[] = [];
    const reader = new FrameReader(16_000_000, {
      frames: (frames) => found.push(...frames.map(text)),
      signal: (kind) => found.push(`kind ${kind}`),
    });
    for (const data of this.writes) assert.is(reader.read(data.slice()), null);
    return found;
  }
}

interface World {
  readonly writer: StreamWriter;
  readonly stream: FakeStream;
  readonly events: string[];
}

function create(rules: Partial<QueueRules> = {}, attach = true): World {
  const events: string[] = [];
  const all: QueueRules = {
    frameBytesMax: 8_000_000,
    queuedBytesMax: 1000,
    overflow: 'refuse',
    ...rules,
  };
  const writer = new StreamWriter(all, new TurnFlusher(realClock), {
    sent: () => undefined,
    drained: () => events.push('drained'),
    failed: (reason) => events.push(`failed ${reason}`),
  });
  const stream = new FakeStream();
  if (attach) writer.attach(stream as unknown as Stream);
  return { writer, stream, events };
}

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('everything one callback sends is one write of one buffer', async () => {
  const { writer, stream } = create();
  for (const word of ['a', 'b', 'c']) writer.push([bytes(word), bytes(`${word}2`)]);
  writer.signal(frameKind.alive, bytes(''));
  assert.is(stream.writes.length, 0, 'not from within the call');
  await turn();
  assert.is(stream.writes.length, 1);
  assert.instance(stream.writes[0], Uint8Array);
  assert.equal(stream.texts(), ['a', 'a2', 'b', 'b2', 'c', 'c2', `kind ${frameKind.alive}`]);
  assert.ok(writer.isIdle);
});

test('what is sent before the stream is open leaves when it opens', async () => {
  const { writer, stream } = create({}, false);
  writer.push([bytes('early')]);
  await turn();
  assert.not.ok(writer.isIdle);
  writer.attach(stream as unknown as Stream);
  assert.equal(stream.texts(), ['early']);
});

test('large frames are passed on uncopied, between the small ones', async () => {
  const { writer, stream } = create({ queuedBytesMax: 10_000_000 });
  const large = new Uint8Array(100_000).fill(97);
  writer.push([bytes('before'), large, bytes('after'), large]);
  await turn();
  assert.is(stream.writes.length, 1);
  const list = stream.writes[0] as Uint8ArrayList;
  assert.instance(list, Uint8ArrayList);
  assert.is([...list].filter((buffer) => buffer === large).length, 2);
  assert.equal(
    stream.texts().map((word) => word.length),
    [6, 100_000, 5, 100_000],
  );
});

test('a full stream gets nothing more until it has drained, again and again', async () => {
  const { writer, stream } = create({ queuedBytesMax: 1_000_000 });
  const words = Array.from({ length: 60 }, (_, i) => `word ${i}`);
  stream.room = 1;
  for (const word of words) {
    writer.push([bytes(word)]);
    await turn();
  }
  assert.is(stream.writes.length, 1);
  for (let round = 2; round < 20; round++) {
    // One write fits, then it is full once more: trap 1 is a drain that is waited for only once.
    stream.drain(1);
    await turn();
    assert.is(stream.writes.length, 2, `round ${round}`);
    assert.not.ok(round === 2 && writer.isIdle);
    stream.drain(0);
    await turn();
    assert.is(stream.writes.length, 2);
    writer.push([bytes(`late ${round}`)]);
    await turn();
    stream.writes.length = 1;
  }
  stream.drain(1_000_000);
  await turn();
  assert.ok(writer.isIdle);
});

test('a drain while libp2p itself still holds bytes is no room', async () => {
  const { writer, stream } = create();
  stream.room = 1;
  writer.push([bytes('a')]);
  await turn();
  writer.push([bytes('b')]);
  stream.writeBufferLength = 10;
  stream.drain(1000);
  await turn();
  assert.is(stream.writes.length, 1);
  stream.writeBufferLength = 0;
  stream.drain(1000);
  await turn();
  assert.equal(stream.texts(), ['a', 'b']);
});

test('a full queue refuses all of a push, and tells when half is free', async () => {
  const { writer, stream, events } = create();
  stream.room = 0;
  stream.writableNeedsDrain = true;
  writer.push([bytes('first')]);
  await turn();
  const kibi = new Uint8Array(96);
  for (let i = 0; i < 10; i++) assert.is(writer.push([kibi]), true);
  assert.is(writer.push([kibi, kibi]), false);
  assert.equal(events, []);
  stream.drain(1_000_000);
  await turn();
  assert.equal(events, ['drained']);
  assert.is(stream.texts().length, 11);
  assert.is(writer.push([kibi]), true);
  await turn();
  assert.equal(events, ['drained'], 'told once');
});

test('an empty queue takes a push of any size', () => {
  for (const overflow of ['refuse', 'dropOldest'] as const) {
    assert.is(create({ overflow }).writer.push([new Uint8Array(5000)]), true);
  }
});

test('where the oldest give way, the newest arrive and the lost are counted', async () => {
  const { writer, stream } = create({ overflow: 'dropOldest' });
  stream.room = 0;
  writer.push([bytes('first')]);
  await turn();
  for (let i = 0; i < 500; i++) assert.ok(writer.push([bytes(String(i).padStart(96))]));
  assert.is(writer.dropped, 490);
  stream.drain(1_000_000);
  await turn();
  assert.equal(
    stream.texts().slice(1).map(Number),
    [490, 491, 492, 493, 494, 495, 496, 497, 498, 499],
  );
});

test('one turn writes no more than its share', async () => {
  const { writer, stream } = create({ queuedBytesMax: 100_000_000 });
  writer.push(Array.from({ length: 4000 }, () => new Uint8Array(1020)));
  await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
  const first = stream.writes.reduce((sum, data) => sum + data.byteLength, 0);
  assert.ok(first >= 1_000_000 && first <= 1_400_000, `${first} bytes`);
  for (let i = 0; i < 8; i++) await turn();
  assert.is(stream.texts().length, 4000);
});

test('a stream that throws is told once, and not from within the call', async () => {
  const { writer, stream, events } = create();
  stream.fault = new Error('it is gone');
  writer.push([bytes('x')]);
  writer.flush();
  assert.equal(events, []);
  await turn();
  assert.equal(events, ['failed it is gone']);
  assert.is(writer.push([bytes('y')]), false);
});

test('a frame over the limit of its channel is our own mistake', () => {
  assert.throws(
    () => create({ frameBytesMax: 10 }).writer.push([new Uint8Array(11)]),
    /over the limit/,
  );
});

test.run();
