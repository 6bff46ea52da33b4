/**
 * Streams by name, how they are listed, what they keep, and what a stream may be called.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stretchMillis } from '../../src/machine/marks.js';
import { streamNameBytesMax, streamNameFault } from '../../src/machine/stream-name.js';
import { streamViewsMax } from '../../src/machine/stream-views.js';
import { locatedRecordsMax, Streams } from '../../src/machine/streams.js';
import { StreamBench, word } from './stream-bench.js';

test('streams count by themselves', () => {
  const streams = new Streams();
  const a = streams.make('a');
  const b = streams.make('b');
  assert.is(a.append(2, 0, 3, 3), 1);
  assert.is(b.append(3, 0, 1, 1), 1);
  assert.is(a.append(4, 0, 1, 1), 4);
  assert.equal([streams.find('a'), streams.find('b'), streams.find('c')], [a, b, undefined]);
  assert.equal([a.nextSeq, b.nextSeq], [5, 2]);
  assert.equal(streams.locate('a', 3, 9), [
    { seq: 3, index: 2, offset: 2 },
    { seq: 4, index: 4, offset: 0 },
  ]);
  assert.equal(streams.locate('c', 1, 9), []);
});

test('one question is answered with a bounded list', () => {
  const streams = new Streams();
  const a = streams.make('a');
  for (let index = 1; index <= 3; index++) a.append(index, 0, 9000, 9000);
  assert.is(streams.locate('a', 1, 2 ** 53 - 1).length, locatedRecordsMax);
  assert.is(streams.locate('a', 2 ** 53 - 1, 2 ** 53 - 1).length, 0);
});

const named = ['a', 'a/1', 'a/2', 'ab', 'b', 'log', 'é', '\uffee', '😀'].sort();
const pages: [string, string, number, readonly string[], boolean][] = [
  ['', '', 99, named, false],
  ['', '', 2, named.slice(0, 2), true],
  ['', 'a/1', 2, ['a/2', 'ab'], true],
  ['', 'a/15', 1, ['a/2'], true],
  ['', named.at(-1) as string, 9, [], false],
  ['a', '', 9, ['a', 'a/1', 'a/2', 'ab'], false],
  ['a', '', 4, ['a', 'a/1', 'a/2', 'ab'], false],
  ['a', 'a', 9, ['a/1', 'a/2', 'ab'], false],
  ['a/', 'a/1', 9, ['a/2'], false],
  ['b', 'a', 9, ['b'], false],
  ['a', 'b', 9, [], false],
  ['x', '', 9, [], false],
];

for (const [prefix, after, limit, names, more] of pages) {
  test(`streams "${prefix}…" behind "${after}", at most ${limit}`, () => {
    const streams = new Streams();
    for (const name of [...named].reverse()) streams.make(name);
    const page = streams.list({ prefix, after, limit });
    assert.equal(
      page.streams.map(({ name }) => name),
      names,
    );
    assert.is(page.more, more);
  });
}

test('a trim never goes back, and never beyond the end', () => {
  const bench = new StreamBench();
  bench.add(5);
  bench.add(5);
  for (const [beforeSeq, firstSeq] of [
    [0, 1],
    [4, 4],
    [4, 4],
    [2, 4],
    [7, 7],
    [99, 11],
    [1, 11],
  ] as const) {
    const reply = bench.trim(beforeSeq);
    assert.is(reply.kind === 'streamChanged' && reply.state.firstSeq, firstSeq);
    assert.equal(bench.bounds, [firstSeq, 11]);
  }
  assert.is(bench.machine.streamState('s')?.bytes, 0);
  assert.equal(bench.machine.locate('s', 0, 99), []);
  bench.add(2);
  assert.equal(
    bench.machine.locate('s', 0, 99).map(({ seq }) => seq),
    [11, 12],
    'sequences go on',
  );
});

test('retention by records keeps the newest, from within a batch too', () => {
  const bench = new StreamBench();
  bench.add(6);
  bench.retain({ recordsMax: 4 });
  assert.equal(bench.bounds, [1, 7], 'what is over goes with the next append');
  bench.add(1);
  assert.equal(bench.bounds, [4, 8]);
  bench.add(9);
  assert.equal(bench.bounds, [13, 17]);
  bench.retain({});
  bench.add(9);
  assert.equal(bench.bounds, [13, 26], 'without a limit everything is kept');
});

test('retention by bytes goes by whole stretches and keeps the last', () => {
  const bench = new StreamBench();
  bench.retain({ bytesMax: 200_000 });
  for (let i = 0; i < 50; i++) {
    bench.add(1, null, { bytes: 10_000 });
    const { bytes = 0, firstSeq = 0, nextSeq = 0 } = bench.machine.streamState('s') ?? {};
    assert.ok(bytes <= 200_000, `${bytes}`);
    assert.ok(bytes >= (nextSeq - firstSeq) * 10_000, 'no record kept is left out');
    if (i > 20) assert.ok(nextSeq - firstSeq >= 13, 'no more goes than one stretch');
  }
  bench.retain({ bytesMax: 1 });
  bench.add(1, null, { bytes: 1_000_000 });
  bench.add(1, null, { bytes: 1_000_000 });
  assert.equal(bench.bounds, [52, 53], 'the newest record stays however large');
});

test('retention by age: none goes too early, each within two seconds, by time alone', () => {
  const bench = new StreamBench();
  bench.retain({ ageMillisMax: 10_000 });
  const times: number[] = [];
  for (let i = 0; i < 300; i++) {
    bench.timeMillis += (i * 37) % 400;
    bench.add(1);
    times.push(bench.timeMillis);
  }
  for (let i = 0; i < 300; i++) {
    const [firstSeq = 0, nextSeq = 0] = bench.bounds ?? [];
    const cutoff = bench.timeMillis - 10_000;
    const gone = times[firstSeq - 2] ?? 0;
    assert.ok(gone <= cutoff, `${gone} went at ${bench.timeMillis}`);
    const first = times[firstSeq - 1] ?? Number.POSITIVE_INFINITY;
    assert.ok(first > cutoff - 2 * stretchMillis, `${first} is here at ${bench.timeMillis}`);
    if (i === 299) assert.is(firstSeq, nextSeq, 'all of it is gone');
    bench.pass((i * 13) % 180);
  }
});

test('streams without an age limit are not touched by time', () => {
  const bench = new StreamBench();
  bench.add(3);
  bench.retain({ recordsMax: 2 });
  bench.pass(2 ** 40);
  assert.equal(bench.bounds, [1, 4]);
  bench.retain({ ageMillisMax: 1000 });
  bench.retain({});
  bench.pass(2 ** 40);
  assert.equal(bench.bounds, [1, 4], 'nor where it was taken back');
});

test('a stream has ten thousand views at most, and more once the oldest are trimmed away', () => {
  const bench = new StreamBench();
  for (let view = 1; view < streamViewsMax; view++) {
    bench.add(1);
    bench.seal();
    assert.is(word(bench.openView(view)), 'streamChanged');
  }
  bench.seal();
  assert.is(word(bench.openView(streamViewsMax)), 'TOO_LARGE');
  const { views = [] } = bench.machine.streamState('s') ?? {};
  assert.is(views.length, 100, 'its state tells the newest');
  assert.is(views.at(-1)?.view, streamViewsMax);
  bench.trim(2);
  assert.is(word(bench.openView(streamViewsMax)), 'streamChanged');
  assert.is(word(bench.add(1, { view: streamViewsMax + 1 })), 'appended');
});

test('ten million records take less than 120 MB of index, alone and in turns', () => {
  const alone = new Streams().make('a');
  const inTurns = new Streams().make('b');
  const records = 10_000_000;
  for (let i = 1; i <= records; i++) {
    const timeMillis = Math.floor(i / 75);
    alone.append(i, timeMillis, 1, 256);
    inTurns.append(i * 2, timeMillis, 1, 256);
  }
  assert.ok(alone.heldBytes < 1_000_000, `${alone.heldBytes}`);
  assert.ok(inTurns.heldBytes < 120_000_000, `${inTurns.heldBytes}`);
  for (const stream of [alone, inTurns]) {
    stream.trim(records - 100);
    assert.ok(stream.heldBytes < 30_000, `${stream.heldBytes} once trimmed`);
    stream.trim(records + 1);
    assert.is(stream.heldBytes, 0);
  }
});

test('a stream that keeps few records keeps little, however many go through it', () => {
  const stream = new Streams().make('a');
  stream.setRetention({ recordsMax: 10, bytesMax: null, ageMillisMax: null });
  for (let i = 1; i <= 100_000; i++) stream.append(i * 2, i * 500, 1, 1000);
  assert.ok(stream.heldBytes < 1500, `${stream.heldBytes}`);
});

const good = ['log', 'a b', 'ä/ö', '😀', '__proto__', 'x'.repeat(255), '😀'.repeat(63)];
const bad = ['', 'x'.repeat(256), '😀'.repeat(64), 'a\n', '\u0000', '\u007f', '\u0085', '\u2028'];
const broken = ['\ud800', 'a\udc00', '\ud83d', '\udc00\ud800'];

for (const name of good) {
  test(`${JSON.stringify(name.slice(0, 20))} of ${name.length} names a stream`, () => {
    assert.is(streamNameFault(name), null);
  });
}

for (const name of [...bad, ...broken]) {
  test(`${JSON.stringify(name.slice(0, 20))} of ${name.length} names no stream`, () => {
    assert.type(streamNameFault(name), 'string');
  });
}

test('the limit is in bytes, not in characters', () => {
  assert.is(streamNameFault('ä'.repeat(Math.floor(streamNameBytesMax / 2))), null);
  assert.type(streamNameFault('ä'.repeat(Math.ceil(streamNameBytesMax / 2))), 'string');
});

test.run();
