/**
 * Reads what `ByteWriter` wrote. Every step is checked against the end of the view and every length
 * against a named limit before anything is allocated, so hostile bytes cost their own size at most.
 * Byte fields come back as views of the input, not copies. It throws WireError and nothing else.
 */

import { decodeUtf8 } from '../base/utf8.js';
import { WireError } from './wire-error.js';

const two32 = 0x1_0000_0000;

/** Largest upper half of a u64 that a double still counts exactly: 2²¹ − 1. */
const highMax = 0x1f_ffff;

/** A reader over bytes start … end−1 of an array. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    if (start < 0 || end > bytes.length || start > end) {
      throw new WireError(`cannot read ${start} … ${end} of ${bytes.length} bytes`);
    }
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  /** Offset of the next byte in the array given to the constructor. */
  get position(): number {
    return this.#at;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#step(1)] as number;
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }

  /** @throws WireError for a number above 2⁵³−1: refused, never rounded. */
  u64(): number {
    const at = this.#step(8);
    const high = this.#view.getUint32(at + 4, true);
    if (high > highMax) throw new WireError(`a number at byte ${at} is above 2^53 - 1`);
    return high * two32 + this.#view.getUint32(at, true);
  }

  /** The next `count` bytes as a view. */
  raw(count: number): Uint8Array {
    const at = this.#step(count);
    return this.#bytes.subarray(at, at + count);
  }

  /**
   * A u32 length and as many bytes, as a view.
   * @throws WireError when the length is above `bytesMax` or beyond the end.
   */
  bytes(bytesMax: number, name: string): Uint8Array {
    return this.raw(this.#length(bytesMax, name));
  }

  /**
   * A u32 length in bytes and a string.
   * @throws WireError when it is too long, beyond the end or not well-formed UTF-8.
   */
  utf8(bytesMax: number, name: string): string {
    const count = this.#length(bytesMax, name);
    const at = this.#step(count);
    const text = decodeUtf8(this.#bytes, at, at + count);
    if (text === null) throw new WireError(`${name} is not well-formed UTF-8`);
    return text;
  }

  /** Steps over `count` bytes. */
  skip(count: number): void {
    this.#step(count);
  }

  /** @throws WireError when bytes are left: a message of another shape, or of a newer version. */
  expectEnd(name: string): void {
    if (this.#at !== this.#end) throw new WireError(`${name} has ${this.remaining} bytes too many`);
  }

  #length(bytesMax: number, name: string): number {
    const count = this.u32();
    if (count > bytesMax) {
      throw new WireError(`${name} has ${count} bytes, more than the ${bytesMax} allowed`);
    }
    return count;
  }

  #step(count: number): number {
    const at = this.#at;
    // Negated, so that a count which is not a number is refused as well.
    if (!(count >= 0 && count <= this.#end - at)) {
      throw new WireError(`${count} bytes wanted at byte ${at}, ${this.remaining} are left`);
    }
    this.#at = at + count;
    return at;
  }
}
