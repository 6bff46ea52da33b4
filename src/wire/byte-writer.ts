/**
 * Writes numbers, bytes and strings one after the other into a slab. `finish` hands out what was
 * written as a view and goes on behind it in the same slab, so a run of small messages costs one
 * allocation and no copy, and lies contiguous in memory. Bytes handed out are never written again.
 * All numbers are little-endian. Counters travel as u64 and must be safe integers
 * (docs/storage.md).
 */

import { encodeUtf8, utf8Length } from '../base/utf8.js';
import { WireError } from './wire-error.js';

const two32 = 0x1_0000_0000;

/** Default slab: large enough that a busy turn of the loop allocates once. */
const slabBytesDefault = 64 * 1024;

/** Below this a loop copies faster than `Uint8Array.set` can be called. */
const shortCopyBytes = 32;

/** A growing writer over slabs. */
export class ByteWriter {
  readonly #slabBytes: number;
  #bytes: Uint8Array;
  #view: DataView;
  /** Where the unfinished message starts. */
  #start = 0;
  /** Where the next byte goes. */
  #at = 0;

  /**
   * @param slabBytes how much to allocate at a time, bytes; a larger message gets a larger slab.
   */
  constructor(slabBytes: number = slabBytesDefault) {
    this.#slabBytes = slabBytes;
    this.#bytes = new Uint8Array(slabBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written since the last `finish`. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** Hands out everything since the last `finish`, as a view that stays valid for ever. */
  finish(): Uint8Array {
    const done = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return done;
  }

  /** Forgets everything since the last `finish`. */
  discard(): void {
    this.#at = this.#start;
  }

  /** Makes sure that `count` more bytes fit: what is written next lies in one slab with them. */
  ensure(count: number): void {
    if (this.#at + count > this.#bytes.length) this.#grow(count);
  }

  u8(value: number): void {
    checkRange(value, 0xff);
    this.ensure(1);
    this.#bytes[this.#at++] = value;
  }

  u16(value: number): void {
    checkRange(value, 0xffff);
    this.ensure(2);
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  u32(value: number): void {
    checkRange(value, 0xffff_ffff);
    this.ensure(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** @throws WireError unless `value` is a whole number in 0 … 2⁵³−1. */
  u64(value: number): void {
    checkRange(value, Number.MAX_SAFE_INTEGER);
    this.ensure(8);
    this.#view.setUint32(this.#at, value % two32, true);
    this.#view.setUint32(this.#at + 4, Math.floor(value / two32), true);
    this.#at += 8;
  }

  /** Bytes without a length: the reader knows how many. */
  raw(value: Uint8Array): void {
    const count = value.length;
    this.ensure(count);
    if (count < shortCopyBytes) {
      const into = this.#bytes;
      const at = this.#at;
      for (let i = 0; i < count; i++) into[at + i] = value[i] as number;
    } else {
      this.#bytes.set(value, this.#at);
    }
    this.#at += count;
  }

  /**
   * A u32 length, then the bytes.
   * @param name what they are, for the error.
   * @throws WireError when there are more than `bytesMax`.
   */
  bytes(value: Uint8Array, bytesMax: number, name: string): void {
    if (value.length > bytesMax) throw tooLong(name, value.length, bytesMax);
    this.u32(value.length);
    this.raw(value);
  }

  /**
   * A u32 length in bytes, then the string as UTF-8.
   * @param name what it is, for the error.
   * @throws WireError when it takes more than `bytesMax` bytes.
   */
  utf8(value: string, bytesMax: number, name: string): void {
    const count = utf8Length(value);
    if (count > bytesMax) throw tooLong(name, count, bytesMax);
    this.u32(count);
    this.ensure(count);
    this.#at = encodeUtf8(value, this.#bytes, this.#at);
  }

  /** Leaves room for a u32 that is known later. @returns its place, for `patchU32`. */
  reserveU32(): number {
    const place = this.length;
    this.u32(0);
    return place;
  }

  /** Fills a place left by `reserveU32` in the message that is not finished yet. */
  patchU32(place: number, value: number): void {
    checkRange(value, 0xffff_ffff);
    this.#view.setUint32(this.#start + place, value, true);
  }

  #grow(count: number): void {
    const unfinished = this.length;
    // Doubling keeps a message that grows byte by byte linear in its length.
    const room = Math.max(this.#slabBytes, (unfinished + count) * (unfinished > 0 ? 2 : 1));
    const next = new Uint8Array(room);
    next.set(this.#bytes.subarray(this.#start, this.#at));
    this.#bytes = next;
    this.#view = new DataView(next.buffer);
    this.#start = 0;
    this.#at = unfinished;
  }
}

function checkRange(value: number, max: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0 && value <= max)) {
    throw new WireError(`${value} is not a whole number in 0 … ${max}`);
  }
}

function tooLong(name: string, count: number, bytesMax: number): WireError {
  return new WireError(`${name} has ${count} bytes, more than the ${bytesMax} allowed`);
}
