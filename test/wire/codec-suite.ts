/**
 * The tests that every codec passes: round trip, no sharing, one byte more, fuzz.
 */

import * as fc from 'fast-check';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { WireError } from '../../src/wire/wire-error.js';
import { type FuzzTarget, fuzz } from './fuzz.js';

/** What to test, and how values are compared. */
export interface CodecSuite<Value> extends FuzzTarget<Value> {
  readonly name: string;
  /** The value as it is compared: without caches and without the class of byte arrays. */
  plain?(value: Value): unknown;
}

/** Adds the tests to the file's own. */
export function codecSuite<Value>(test: Test, suite: CodecSuite<Value>): void {
  const { name, values, encode, decode } = suite;
  const plain = suite.plain ?? ((value: Value): unknown => value);

  test(`${name}: what is written is read back, from any place in a buffer`, () => {
    fc.assert(
      fc.property(values, fc.nat(9), (value, shift) => {
        const bytes = encode(value);
        const frame = Buffer.alloc(shift + bytes.length + 3, 0xee);
        frame.set(bytes, shift);
        const moved = frame.subarray(shift, shift + bytes.length);
        assert.equal(bare(plain(decode(bytes))), bare(plain(value)));
        assert.equal(bare(plain(decode(moved))), bare(plain(value)));
      }),
      { numRuns: 1000 },
    );
  });

  test(`${name}: a message handed out is not written over by the next`, () => {
    const samples = fc.sample(values, { numRuns: 200, seed: 3 });
    const written = samples.map((value) => encode(value));
    const copies = written.map((bytes) => bytes.slice());
    for (const value of samples) encode(value);
    assert.equal(written.map(hex), copies.map(hex));
  });

  test(`${name}: one byte more is refused`, () => {
    for (const value of fc.sample(values, { numRuns: 100, seed: 5 })) {
      const bytes = encode(value);
      const longer = new Uint8Array(bytes.length + 1);
      longer.set(bytes);
      let again: Value;
      try {
        again = decode(longer);
      } catch (error) {
        assert.instance(error, WireError);
        continue;
      }
      // Only where the last field is bytes that end the frame may the byte belong to the value.
      assert.is(hex(encode(again)), hex(longer));
    }
  });

  test(`${name}: damaged and random bytes give a WireError or a value, nothing else`, () => {
    fuzz(suite);
  });
}

/** For printing and comparing bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Byte arrays as hex, so that a Buffer equals a Uint8Array of the same bytes. */
function bare(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, key: string, each: unknown) {
      // A Buffer has turned itself into JSON before it gets here: look at what was there.
      const raw = this[key];
      return raw instanceof Uint8Array ? `0x${hex(raw)}` : each;
    }),
  );
}
