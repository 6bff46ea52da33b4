/**
 * A running digest of the machine's state, so that replicas can be compared by one short string.
 * Four 32-bit lanes, mixed with the multiply-rotate rounds of MurmurHash3 (Austin Appleby, public
 * domain algorithm). It finds accidents, not attackers: nothing may be decided by it.
 */

const two32 = 0x1_0000_0000;

/** Takes in numbers, strings and bytes; the order in which they come counts. */
export class StateDigest {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c = 0xb7e15162;
  #d = 0x3c6ef372;
  #words = 0;

  /** A whole number in 0 … 2⁵³−1. */
  number(value: number): void {
    this.#word(value >>> 0);
    this.#word(Math.floor(value / two32));
  }

  /** Length and content, so that neighbours cannot borrow from each other. */
  bytes(value: Uint8Array): void {
    const count = value.length;
    this.number(count);
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      this.#word(
        (value[i] as number) |
          ((value[i + 1] as number) << 8) |
          ((value[i + 2] as number) << 16) |
          ((value[i + 3] as number) << 24),
      );
    }
    for (; i < count; i++) this.#word(value[i] as number);
  }

  /** Length in UTF-16 units, then the units. */
  text(value: string): void {
    this.number(value.length);
    for (let i = 0; i < value.length; i++) this.#word(value.charCodeAt(i));
  }

  /** 32 hexadecimal digits for everything taken in so far; more may follow. */
  hex(): string {
    // Twice around, since the last word has touched one lane only until here.
    let a = finish(this.#a ^ this.#words);
    let b = finish(this.#b ^ a);
    let c = finish(this.#c ^ b);
    const d = finish(this.#d ^ c);
    a = finish(a ^ d);
    b = finish(b ^ a);
    c = finish(c ^ b);
    return hex32(a) + hex32(b) + hex32(c) + hex32(d);
  }

  #word(word: number): void {
    this.#words = (this.#words + 1) | 0;
    const mixed = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    const next = (Math.imul(rotate(this.#a ^ mixed, 13), 5) + 0xe6546b64) | 0;
    this.#a = this.#b;
    this.#b = this.#c;
    this.#c = this.#d;
    this.#d = (next + this.#c) | 0;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function finish(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hex32(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
