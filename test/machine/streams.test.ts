/**
 * Streams by name, and what a stream may be called.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { streamNameBytesMax, streamNameFault } from '../../src/machine/stream-name.js';
import { locatedRecordsMax, Streams } from '../../src/machine/streams.js';

test('streams count by themselves', () => {
  const streams = new Streams();
  assert.is(streams.append('a', 2, 3), 1);
  assert.is(streams.append('b', 3, 1), 1);
  assert.is(streams.append('a', 4, 1), 4);
  assert.equal([streams.nextSeq('a'), streams.nextSeq('b'), streams.nextSeq('c')], [5, 2, null]);
  assert.equal(streams.locate('a', 3, 9), [
    { seq: 3, index: 2, offset: 2 },
    { seq: 4, index: 4, offset: 0 },
  ]);
  assert.equal(streams.locate('c', 1, 9), []);
});

test('one question is answered with a bounded list', () => {
  const streams = new Streams();
  for (let index = 1; index <= 3; index++) streams.append('a', index, 9000);
  assert.is(streams.locate('a', 1, 2 ** 53 - 1).length, locatedRecordsMax);
  assert.is(streams.locate('a', 2 ** 53 - 1, 2 ** 53 - 1).length, 0);
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
