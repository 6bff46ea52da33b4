/**
 * Watches what one peer sends on its gossipsub stream, before gossipsub reads it, which buffers
 * without limit and pays an exception for each message that is garbage. Whoever sends faster than
 * an honest server can have cause to, or a message longer than an honest one, is cut off.
 *
 * It follows the length prefixes (an unsigned varint before each message) without keeping a byte,
 * and counts. The bucket is debited before the verdict, so many streams in turn gain nothing.
 */

import type { Uint8ArrayList } from 'uint8arraylist';
import { type Rate, TokenBucket } from './token-bucket.js';

/** Longest message of gossipsub, bytes: a publication of 32 KiB and its envelope, and room. */
export const rumourFrameBytesMax = 64 * 1024;

/** Digits of a length of at most 2²¹. */
const lengthDigitsMax = 3;

/** Four times what a server passes on at most (rumour-sieve.ts). */
const bytesRate: Rate = { burst: 8 * 1024 * 1024, perSecond: 4 * 1024 * 1024 };

/** As many, and each may be answered by a small one that says it is not wanted twice. */
const framesRate: Rate = { burst: 8000, perSecond: 4000 };

/** What a peer has spent, over all streams of its link. */
export class RumourMeter {
  readonly #bytes = new TokenBucket(bytesRate);
  readonly #frames = new TokenBucket(framesRate);

  /** Nothing more is taken from this peer for now. */
  get isSpent(): boolean {
    return !(this.#bytes.has(0) && this.#frames.has(0));
  }

  spend(bytes: number, frames: number): void {
    this.#bytes.spend(bytes);
    this.#frames.spend(frames);
  }

  elapsed(millis: number): void {
    this.#bytes.elapsed(millis);
    this.#frames.elapsed(millis);
  }
}

/** Follows one stream; see the head of the file. */
export class RumourReader {
  readonly #meter: RumourMeter;
  /** Bytes of the message at hand that are still to come; 0: a length is next. */
  #toCome = 0;
  /** The length read so far, and of how many digits. */
  #length = 0;
  #digits = 0;

  constructor(meter: RumourMeter) {
    this.#meter = meter;
  }

  /** @returns null, or one line on why the stream must end. */
  read(chunk: Uint8Array | Uint8ArrayList): string | null {
    let fault: string | null = null;
    let frames = 0;
    for (const buffer of chunk instanceof Uint8Array ? [chunk] : chunk) {
      let at = 0;
      while (at < buffer.length && fault === null) {
        if (this.#toCome > 0) {
          const taken = Math.min(this.#toCome, buffer.length - at);
          this.#toCome -= taken;
          at += taken;
          continue;
        }
        fault = this.#readDigit(buffer[at] as number);
        at += 1;
        if (this.#digits === 0) frames += 1;
      }
    }
    this.#meter.spend(chunk.byteLength, frames);
    if (fault === null && this.#meter.isSpent) return 'it sends more than any server has cause to';
    return fault;
  }

  #readDigit(digit: number): string | null {
    this.#length += (digit & 0x7f) * 2 ** (7 * this.#digits);
    this.#digits += 1;
    if (digit >= 0x80) {
      return this.#digits < lengthDigitsMax ? null : 'a length of too many digits';
    }
    if (this.#length > rumourFrameBytesMax) {
      return `a message of ${this.#length} bytes, the limit is ${rumourFrameBytesMax}`;
    }
    this.#toCome = this.#length;
    this.#length = 0;
    this.#digits = 0;
    return null;
  }
}
