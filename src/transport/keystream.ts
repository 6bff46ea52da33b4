/**
 * The endless random-looking bytes that a key and a nonce stand for (XSalsa20), mixed into what
 * passes, piece by piece. Source: libp2p's private networks, PSK v1; the cipher is a library's.
 *
 * Small pieces take their bytes from a stretch made ahead, because a call of the cipher costs as
 * much as some hundred bytes; what is left of a large piece is given to the cipher whole.
 *
 * Invariant: no byte of the stream is used twice; whoever asks `covers` first never meets its end.
 */

import { xsalsa20 } from '@noble/ciphers/salsa.js';
import { assert } from '../base/assert.js';

/** Bytes of a nonce, made anew by chance for each direction of each connection. */
export const nonceBytes = 24;

const blockBytes = 64;

/** Bytes made ahead: a shorter stretch costs more per byte, a longer one memory per connection. */
const stretchBytes = 4096;

/** The library counts blocks in 32 bits: a stream ends after 256 GiB. The last stretch is left out,
 * so that the counter never stands at its end. */
const blocksMax = 2 ** 32 - stretchBytes / blockBytes;

const zeros = new Uint8Array(stretchBytes);

/** See the head of the file. */
export class Keystream {
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #stretch = new Uint8Array(stretchBytes);
  /** Bytes of the stretch that are used. */
  #used = stretchBytes;
  /** The first block after the stretch. */
  #block: number;

  /** @param block where the stream begins, in blocks */
  constructor(key: Uint8Array, nonce: Uint8Array, block = 0) {
    this.#key = key;
    // A copy, and aligned: the cipher copies any other at each call.
    this.#nonce = new Uint8Array(nonce);
    this.#block = block;
  }

  /** Whether the stream is long enough for so many bytes more. */
  covers(byteCount: number): boolean {
    return this.#block + Math.ceil(byteCount / blockBytes) + 1 < blocksMax;
  }

  /** Mixes the next bytes of the stream into `bytes`, in place; twice gives what was before. */
  apply(bytes: Uint8Array): void {
    assert(this.covers(bytes.length), 'the stream is used up');
    let at = this.#mix(bytes, 0);
    const whole = Math.floor((bytes.length - at) / blockBytes);
    if (whole * blockBytes >= stretchBytes) {
      const middle = bytes.subarray(at, at + whole * blockBytes);
      xsalsa20(this.#key, this.#nonce, middle, middle, this.#block);
      this.#block += whole;
      at += middle.length;
    }
    while (at < bytes.length) {
      xsalsa20(this.#key, this.#nonce, zeros, this.#stretch, this.#block);
      this.#block += stretchBytes / blockBytes;
      this.#used = 0;
      at = this.#mix(bytes, at);
    }
  }

  /** Uses what is left of the stretch; gives where it stopped. */
  #mix(bytes: Uint8Array, from: number): number {
    const stretch = this.#stretch;
    const ahead = this.#used - from;
    const end = Math.min(bytes.length, from + stretchBytes - this.#used);
    for (let at = from; at < end; at += 1) {
      bytes[at] = (bytes[at] as number) ^ (stretch[at + ahead] as number);
    }
    this.#used += end - from;
    return end;
  }
}

/** Whether `sealed`, the first bytes of a stream, is `plain` under this key and nonce. */
export function opens(
  { key, nonce }: { readonly key: Uint8Array; readonly nonce: Uint8Array },
  sealed: Uint8Array,
  plain: Uint8Array,
): boolean {
  const opened = xsalsa20(key, nonce, sealed.slice(0, plain.length));
  return plain.every((byte, i) => byte === opened[i]);
}
