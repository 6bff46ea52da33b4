/**
 * Frames on a stream: four bytes, then the payload. The upper byte of the (big-endian) header is
 * the frame's kind, the lower three its length: every limit is below 2²⁴. `data` frames belong to
 * the owner; the other kinds are the transport's own and never leave this folder.
 *
 * The reader takes chunks as they come. Payloads inside one chunk are views of it; one that spans
 * chunks grows with the bytes that really came, so a lying length costs its sender, not us.
 */

import type { Uint8ArrayList } from 'uint8arraylist';

/** Bytes before each payload. */
export const frameHeaderBytes = 4;

/** What a frame is for. */
export const frameKind = {
  /** The owner's bytes. */
  data: 0,
  /** A greeting (wire/hello-codec); first on `control`, and again when it changed. */
  hello: 1,
  /** The greeting was accepted; no payload. */
  accepted: 2,
  /** The greeting was refused; the reason in UTF-8. The link closes. */
  refused: 3,
  /** One byte: 1 when the sender keeps the link, 0 when it may be closed for its part. */
  keeping: 4,
  /** The sender stops sending on this connection because another to the same peer is open. */
  retiring: 5,
  /** The sender lives and has nothing to say; no payload. */
  alive: 6,
  /** A question whose answer shows that the receiver lives; four bytes, its number. Only to who has
   * told its life, as the next two. */
  ask: 7,
  /** The answer: the payload of the question. */
  answer: 8,
  /** The receiver's data folder runs twice (clone-watch.ts). One byte: 1 when the other process was
   * refused, 0 when the receiver is, and the link closes. Then the reason in UTF-8. */
  clone: 9,
} as const;

/** The largest number in `frameKind`. */
const frameKindMax = frameKind.clone;

/** Below this, a payload that spans chunks is allocated whole at once, bytes. */
const eagerBytesMax = 64 * 1024;

/** Takes what a `FrameReader` reads, in the order of the stream. */
export interface FrameSink {
  /** Data frames of one chunk. */
  frames(frames: readonly Uint8Array[]): void;
  /** A frame of another kind. */
  signal(kind: number, payload: Uint8Array): void;
}

/** Writes the header of a frame at `at`. */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  kind: number,
  length: number,
): void {
  target[at] = kind;
  target[at + 1] = length >>> 16;
  target[at + 2] = length >>> 8;
  target[at + 3] = length;
}

/** Cuts the bytes of one stream into frames. */
export class FrameReader {
  readonly #frameBytesMax: number;
  readonly #sink: FrameSink;
  /** Header bytes gathered so far, and how many. */
  #header = 0;
  #headerCount = 0;
  /** A payload that spans chunks: its bytes so far, their number, and how many there will be. */
  #body: Uint8Array | null = null;
  #bodyCount = 0;
  #bodyLength = 0;
  /** Data frames of the chunk at hand; null when there are none yet. */
  #batch: Uint8Array[] | null = null;

  /** @param frameBytesMax the longest payload taken, bytes. */
  constructor(frameBytesMax: number, sink: FrameSink) {
    this.#frameBytesMax = frameBytesMax;
    this.#sink = sink;
  }

  /** A frame has begun and not ended. */
  get isPartial(): boolean {
    return this.#headerCount > 0 || this.#body !== null;
  }

  /**
   * Takes the next bytes. The frames are views of them, so they must not be used again.
   * @returns null, or one line on what is wrong; then the stream is of no more use.
   */
  read(chunk: Uint8Array | Uint8ArrayList): string | null {
    let fault: string | null = null;
    if (chunk instanceof Uint8Array) {
      fault = this.#readBuffer(chunk);
    } else {
      for (const buffer of chunk) {
        fault = this.#readBuffer(buffer);
        if (fault !== null) break;
      }
    }
    this.#handOver();
    return fault;
  }

  #readBuffer(buffer: Uint8Array): string | null {
    const end = buffer.length;
    let at = 0;
    while (at < end) {
      if (this.#body !== null) {
        at = this.#fillBody(buffer, at);
        continue;
      }
      if (this.#headerCount === 0 && end - at >= frameHeaderBytes) {
        this.#header =
          ((buffer[at] as number) << 24) |
          ((buffer[at + 1] as number) << 16) |
          ((buffer[at + 2] as number) << 8) |
          (buffer[at + 3] as number);
        at += frameHeaderBytes;
      } else {
        this.#header = (this.#header << 8) | (buffer[at] as number);
        at += 1;
        this.#headerCount += 1;
        if (this.#headerCount < frameHeaderBytes) continue;
      }
      this.#headerCount = 0;
      const length = this.#header & 0xff_ffff;
      if (length > this.#frameBytesMax) {
        return `a frame of ${length} bytes, the limit is ${this.#frameBytesMax}`;
      }
      if (this.#header >>> 24 > frameKindMax) {
        return `a frame of unknown kind ${this.#header >>> 24}`;
      }
      if (end - at >= length) {
        this.#complete(buffer.subarray(at, at + length));
        at += length;
      } else {
        this.#beginBody(length);
      }
    }
    return null;
  }

  #beginBody(length: number): void {
    this.#body = new Uint8Array(Math.min(length, eagerBytesMax));
    this.#bodyCount = 0;
    this.#bodyLength = length;
  }

  /** Copies what belongs to the payload at hand; returns where the rest of the buffer begins. */
  #fillBody(buffer: Uint8Array, at: number): number {
    let body = this.#body as Uint8Array;
    const taken = Math.min(buffer.length - at, this.#bodyLength - this.#bodyCount);
    const filled = this.#bodyCount + taken;
    if (filled > body.length) {
      // Doubling: at most twice the bytes received are held, and each is copied at most twice.
      const grown = new Uint8Array(Math.min(this.#bodyLength, Math.max(filled, body.length * 2)));
      grown.set(body.subarray(0, this.#bodyCount));
      body = grown;
      this.#body = grown;
    }
    body.set(buffer.subarray(at, at + taken), this.#bodyCount);
    this.#bodyCount = filled;
    if (filled === this.#bodyLength) {
      this.#body = null;
      this.#complete(body);
    }
    return at + taken;
  }

  #complete(payload: Uint8Array): void {
    const kind = this.#header >>> 24;
    if (kind === frameKind.data) {
      if (this.#batch === null) this.#batch = [payload];
      else this.#batch.push(payload);
      return;
    }
    this.#handOver();
    this.#sink.signal(kind, payload);
  }

  #handOver(): void {
    const batch = this.#batch;
    if (batch === null) return;
    this.#batch = null;
    this.#sink.frames(batch);
  }
}
