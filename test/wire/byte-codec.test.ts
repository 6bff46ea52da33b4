/**
 * ByteWriter and ByteReader: what is written is read; what is not right is refused by WireError.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteReader } from '../../src/wire/byte-reader.js';
import { ByteWriter } from '../../src/wire/byte-writer.js';
import { WireError } from '../../src/wire/wire-error.js';

function isWireError(error: unknown): boolean {
  return error instanceof WireError && !error.message.includes('\n');
}

test('every kind of field comes back as it went in, in slabs of any size', () => {
  for (const slab of [1, 7, 64, 4096]) {
    const writer = new ByteWriter(slab);
    for (let round = 0; round < 3; round++) {
      const place = writer.reserveU32();
      writer.u8(255);
      writer.u16(65_535);
      writer.u32(4_294_967_295);
      writer.u64(Number.MAX_SAFE_INTEGER);
      writer.u64(0);
      writer.bytes(Uint8Array.of(1, 2, 3), 3, 'few');
      writer.bytes(new Uint8Array(100).fill(9), 100, 'many');
      writer.utf8('grün 😀', 100, 'text');
      writer.raw(Uint8Array.of(7, 8));
      writer.patchU32(place, writer.length);
      const bytes = writer.finish();
      writer.u32(1);
      writer.discard();
      const reader = new ByteReader(bytes);
      assert.is(reader.u32(), bytes.length);
      assert.is(reader.u8(), 255);
      assert.is(reader.u16(), 65_535);
      assert.is(reader.u32(), 4_294_967_295);
      assert.is(reader.u64(), Number.MAX_SAFE_INTEGER);
      assert.is(reader.u64(), 0);
      assert.equal([...reader.bytes(3, 'few')], [1, 2, 3]);
      reader.skip(4 + 99);
      assert.is(reader.u8(), 9);
      assert.is(reader.utf8(100, 'text'), 'grün 😀');
      assert.is(reader.remaining, 2);
      assert.throws(() => reader.expectEnd('message'), isWireError);
      assert.equal([...reader.raw(2)], [7, 8]);
      reader.expectEnd('message');
    }
  }
});

test('finished messages lie one behind the other and never change', () => {
  const writer = new ByteWriter(1024);
  writer.u32(1);
  const first = writer.finish();
  writer.u32(2);
  const second = writer.finish();
  assert.is(first.buffer, second.buffer);
  assert.is(first.byteOffset + first.length, second.byteOffset);
  writer.raw(new Uint8Array(5000).fill(3));
  writer.finish();
  assert.equal([...first, ...second], [1, 0, 0, 0, 2, 0, 0, 0]);
});

test('numbers that do not fit are refused on the way out', () => {
  const writer = new ByteWriter();
  const rows: [() => void][] = [
    [() => writer.u8(256)],
    [() => writer.u16(-1)],
    [() => writer.u32(2 ** 32)],
    [() => writer.u64(2 ** 53)],
    [() => writer.u64(1.5)],
    [() => writer.u64(Number.NaN)],
    [() => writer.bytes(new Uint8Array(5), 4, 'x')],
    [() => writer.utf8('€€', 5, 'x')],
  ];
  for (const [write] of rows) assert.throws(write, isWireError);
});

test('short, long and hostile bytes are refused on the way in', () => {
  const ff = new Uint8Array(16).fill(0xff);
  const rows: [string, (reader: ByteReader) => unknown, Uint8Array][] = [
    ['u8 at the end', (r) => r.u8(), new Uint8Array(0)],
    ['u16 cut', (r) => r.u16(), new Uint8Array(1)],
    ['u32 cut', (r) => r.u32(), new Uint8Array(3)],
    ['u64 cut', (r) => r.u64(), new Uint8Array(7)],
    ['u64 of all ones', (r) => r.u64(), ff],
    ['u64 of 2^53', (r) => r.u64(), Uint8Array.of(0, 0, 0, 0, 0, 0, 0x20, 0)],
    ['a length over the limit', (r) => r.bytes(10, 'x'), Uint8Array.of(11, 0, 0, 0)],
    ['a length beyond the end', (r) => r.bytes(1e9, 'x'), Uint8Array.of(9, 0, 0, 0, 1)],
    ['a huge length', (r) => r.bytes(2 ** 32, 'x'), ff],
    ['bad UTF-8', (r) => r.utf8(9, 'x'), Uint8Array.of(1, 0, 0, 0, 0xff)],
    ['a skip too far', (r) => r.skip(17), ff],
    ['a negative skip', (r) => r.skip(-1), ff],
    ['a skip by no number', (r) => r.skip(Number.NaN), ff],
  ];
  for (const [name, read, bytes] of rows) {
    assert.throws(() => read(new ByteReader(bytes)), isWireError, name);
  }
  assert.throws(() => new ByteReader(ff, 3, 99), isWireError);
});

test('a reader of a part of an array stays within it', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8).subarray(1);
  const reader = new ByteReader(bytes, 1, 4);
  assert.is(reader.u16(), 0x0403);
  assert.is(reader.position, 3);
  assert.throws(() => reader.u16(), isWireError);
  assert.is(reader.u8(), 5);
});

test.run();
