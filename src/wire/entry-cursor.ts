/**
 * Walks encoded entries without making objects of them: what recovery and reads in the middle of a
 * batch need is index, term and kind, and where the next entry starts. Bounds are checked at every
 * step; the payload is not looked at.
 */

import { commandBytesMax } from '../base/limits.js';
import { entryHeaderBytes } from './entry-codec.js';
import { WireError } from './wire-error.js';

const two32 = 0x1_0000_0000;
const kindConfiguration = 3;

/** A place in a run of encoded entries. */
export class EntryCursor {
  readonly #view: DataView;
  readonly #end: number;
  /** Offset of the entry under the cursor, bytes. */
  start: number;
  /** Offset after the entry under the cursor; equals `start` before the first `next`. */
  end: number;

  /** @param bytes holds whole entries in start … end−1. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = end;
    this.start = start;
    this.end = start;
  }

  /**
   * Steps to the next entry. @returns false at the end.
   * @throws WireError when the bytes are cut within an entry.
   */
  next(): boolean {
    const at = this.end;
    if (at >= this.#end) return false;
    if (this.#end - at < entryHeaderBytes) throw new WireError(`an entry is cut at byte ${at}`);
    const payloadBytes = this.#view.getUint32(at, true);
    const end = at + entryHeaderBytes + payloadBytes;
    if (payloadBytes > commandBytesMax || end > this.#end) {
      throw new WireError(`an entry at byte ${at} claims ${payloadBytes} bytes`);
    }
    this.start = at;
    this.end = end;
    return true;
  }

  get isConfiguration(): boolean {
    return this.#view.getUint8(this.start + 4) === kindConfiguration;
  }

  get index(): number {
    return this.#counterAt(this.start + 5);
  }

  get term(): number {
    return this.#counterAt(this.start + 13);
  }

  #counterAt(at: number): number {
    return this.#view.getUint32(at + 4, true) * two32 + this.#view.getUint32(at, true);
  }
}
