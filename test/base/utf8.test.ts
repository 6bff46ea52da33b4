/**
 * UTF-8 by hand against the platform's encoder.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { decodeUtf8, utf8Bytes, utf8Length } from '../../src/base/utf8.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

test('strings of all lengths of sequence are encoded as the platform does', () => {
  const lone = ['\ud800', 'a\udc00b', '\udfff\ud800', 'x\ud83d'];
  const rows = [
    '',
    'plain',
    'é',
    'ß€',
    '😀',
    'a😀b€c',
    '\u0000\u007f\u0080\u07ff\u0800\uffff',
    ...lone,
  ];
  for (const text of rows) {
    const expected = encoder.encode(text);
    assert.equal([...utf8Bytes(text)], [...expected], JSON.stringify(text));
    assert.is(utf8Length(text), expected.length);
    assert.is(decodeUtf8(expected), decoder.decode(expected));
  }
  const long = 'abc€😀'.repeat(5000);
  assert.is(decodeUtf8(utf8Bytes(long)), long);
});

test('random bytes are read as the platform reads them, or refused as it refuses them', () => {
  const rng = new Rng(3);
  let refused = 0;
  for (let i = 0; i < 50_000; i++) {
    const bytes = new Uint8Array(1 + rng.below(6));
    for (let k = 0; k < bytes.length; k++) {
      bytes[k] = rng.below(3) === 0 ? rng.below(128) : 128 + rng.below(128);
    }
    let expected: string | null = null;
    try {
      expected = decoder.decode(bytes);
    } catch {
      refused++;
    }
    assert.is(decodeUtf8(bytes), expected, [...bytes].join());
  }
  assert.ok(refused > 1000 && refused < 49_900);
});

test('only the bytes asked for are read', () => {
  assert.is(decodeUtf8(utf8Bytes('a€b'), 1, 4), '€');
  assert.is(decodeUtf8(utf8Bytes('a€b'), 1, 3), null);
});

test.run();
