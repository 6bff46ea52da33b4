/**
 * What an agreement on a protocol may look like: each row whole, cut in two at every place, and one
 * byte at a time.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PrologueReader } from '../../src/transport/prologue-reader.js';

const test = suite('prologue reader');

const accepted = ['/noise', '/quorate/client/1'];

/** A text with its length before it. */
function said(text: string): Uint8Array {
  const body = Buffer.from(text, 'latin1');
  const { length } = body;
  const head = length < 128 ? [length] : [(length % 128) + 128, length >> 7];
  return Buffer.concat([Uint8Array.from(head), body]);
}

function all(...texts: readonly string[]): Uint8Array {
  return Buffer.concat(texts.map(said));
}

const begin = '/multistream/1.0.0\n';
const endless = new Uint8Array(100_000).fill(0xff);
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `/other/${i}\n`);

/** Bytes, and what becomes of them: agreed, open, or the fault. */
const rows: readonly [string, Uint8Array, string][] = [
  ['nothing', new Uint8Array(0), 'open'],
  ['the beginning', all(begin), 'open'],
  ['half a text', all(begin, '/noise\n').subarray(0, 24), 'open'],
  ['a protocol of ours', all(begin, '/noise\n'), 'agreed'],
  ['one with what follows it', Buffer.concat([all(begin, '/noise\n'), endless]), 'agreed'],
  ['the second asked for', all(begin, '/other\n', '/quorate/client/1\n'), 'agreed'],
  [
    'a length of two bytes for a short text',
    Uint8Array.of(0x87, 0, ...said('/noise\n').subarray(1)),
    'agreed',
  ],
  ['the longest text', all(begin, `/${'x'.repeat(1022)}\n`), 'open'],
  ['15 others', all(begin, ...many(14)), 'open'],
  ['more than 15 others', all(begin, ...many(15)), 'no protocol of ours in 16 texts'],
  ['a longer text', all(begin, `/${'x'.repeat(1023)}\n`), 'a text of 1025 bytes'],
  ['an empty text', Uint8Array.of(0), 'an empty text'],
  ['no line end', all('/noise'), 'a text without a line end'],
  ['a longer name', all(begin, '/noises\n'), 'open'],
  ['a shorter name', all(begin, '/nois\n'), 'open'],
  ['spaces after the name', all(begin, '/noise \n'), 'open'],
  ['only the low bits of the name', all(begin, '/nois\u00e5\n'), 'open'],
  ['an endless length', endless, 'a length that does not end'],
  ['an endless length later', Buffer.concat([all(begin), endless]), 'a length that does not end'],
  ['a length of three bytes', Uint8Array.of(0x80, 0x80, 1), 'a length that does not end'],
  [
    'random bytes',
    Uint8Array.of(0x16, 3, 1, 0xfc, ...new Array<number>(40).fill(7)),
    'a text without a line end',
  ],
];

function outcome(chunks: readonly Uint8Array[]): string {
  const reader = new PrologueReader(accepted);
  for (const chunk of chunks) {
    if (reader.read(chunk)) return 'agreed';
    if (reader.fault !== null) return reader.fault.replace('no agreement on a protocol: ', '');
  }
  return 'open';
}

for (const [what, bytes, expected] of rows) {
  test(`${what}: ${expected}`, () => {
    assert.is(outcome([bytes]), expected);
    const cuts = Math.min(bytes.length, 60);
    for (let cut = 0; cut <= cuts; cut += 1) {
      assert.is(outcome([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`);
    }
    const single = Array.from(bytes.subarray(0, 2000), (_, i) => bytes.subarray(i, i + 1));
    if (bytes.length <= 2000 || expected !== 'open') assert.is(outcome(single), expected);
  });
}

test('what waits for its end is kept apart from the chunk that it came in', () => {
  const reader = new PrologueReader(accepted);
  const chunk = Buffer.from(all(begin, '/noise\n').subarray(0, 24));
  assert.not(reader.read(chunk));
  chunk.fill(0xff);
  assert.ok(reader.read(all(begin, '/noise\n').subarray(24)));
});

test.run();
