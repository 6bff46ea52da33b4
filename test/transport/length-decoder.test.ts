/**
 * The decoder of length prefixes gives the same frames, and is never asked about no bytes.
 */

import { LengthPrefixedDecoder } from '@libp2p/utils';
import type { Uint8ArrayList } from 'uint8arraylist';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spareLengthErrors } from '../../src/transport/length-decoder.js';

/** Decodes chunks of two-byte lengths; the frames, and how often the reader saw no bytes at all. */
function decoded(chunks: readonly Uint8Array[]): { frames: number[][]; emptyReads: number } {
  let emptyReads = 0;
  const decoder = new LengthPrefixedDecoder({
    encodingLength: () => 2,
    lengthDecoder: (data: Uint8ArrayList | Uint8Array) => {
      if (data.byteLength === 0) emptyReads += 1;
      if (data.byteLength < 2) throw new RangeError('too short');
      return data instanceof Uint8Array
        ? ((data[0] as number) << 8) | (data[1] as number)
        : data.getUint16(0);
    },
  });
  const frames: number[][] = [];
  for (const chunk of chunks) {
    for (const frame of decoder.decode(chunk)) frames.push([...frame.subarray()]);
  }
  return { frames, emptyReads };
}

test('frames are the same, and the reader is spared the end of every chunk', () => {
  const whole = Uint8Array.from([0, 1, 7, 0, 2, 8, 9]);
  const bytes = [...whole].map((byte) => Uint8Array.of(byte));
  const before = [decoded([whole]), decoded(bytes)];
  spareLengthErrors();
  spareLengthErrors();
  const after = [decoded([whole]), decoded(bytes)];
  for (const { frames } of [...before, ...after]) assert.equal(frames, [[7], [8, 9]]);
  assert.equal(
    before.map(({ emptyReads }) => emptyReads > 0),
    [true, true],
  );
  assert.equal(
    after.map(({ emptyReads }) => emptyReads),
    [0, 0],
  );
});

test('a length over the limit is still refused', () => {
  spareLengthErrors();
  const decoder = new LengthPrefixedDecoder({
    maxDataLength: 3,
    encodingLength: () => 1,
    lengthDecoder: (data: Uint8ArrayList | Uint8Array) =>
      data instanceof Uint8Array ? (data[0] as number) : data.getUint8(0),
  });
  assert.throws(() => [...decoder.decode(Uint8Array.of(4, 0, 0, 0, 0))], /Invalid message length/);
});

test.run();
