/**
 * One line for people: what is replaced, where it is cut, what is left alone.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isOneLine, oneLine } from '../../src/base/one-line.js';
import { utf8Length } from '../../src/base/utf8.js';

const rows: [string, number, string][] = [
  ['', 5, ''],
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc'],
  ['a\r\nb', 9, 'a  b'],
  ['\u0000\u007f\u0085\u2028', 9, '    '],
  ['ää', 3, 'ä'],
  ['a😀', 4, 'a'],
  ['a😀', 5, 'a😀'],
  ['a\ud800b', 9, 'a\ufffdb'],
];

for (const [text, bytesMax, expected] of rows) {
  test(`${JSON.stringify(text)} in ${bytesMax} bytes`, () => {
    assert.is(oneLine(text, bytesMax), expected);
  });
}

test('whatever comes in, one line that fits comes out, and what fits is left alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, bytesMax) => {
      const line = oneLine(text, bytesMax);
      assert.ok(isOneLine(line) && utf8Length(line) <= bytesMax);
      if (isOneLine(text) && utf8Length(text) <= bytesMax) assert.is(line, text);
    }),
    { numRuns: 3000 },
  );
});

test.run();
