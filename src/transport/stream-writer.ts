/**
 * The sending half of a channel: a bounded queue of frames and the rules by which it empties into a
 * libp2p stream. Everything queued leaves in few large writes, because each write costs libp2p
 * several allocations and the cipher a call per buffer (docs/libp2p.md, measured). While the stream
 * is full, frames wait here, where the limit counts, and not inside libp2p, where nothing counts.
 *
 * Invariant: `#queuedBytes` is the sum over frames not yet given to the stream.
 * `stream.onDrain()` waits only once (docs/libp2p.md, trap 1), so the `drain` event is used.
 */

import type { Stream } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';
import { assert } from '../base/assert.js';
import { frameHeaderBytes, frameKind, writeFrameHeader } from './framing.js';
import type { Flushable, TurnFlusher } from './turn-flusher.js';

/** Given to the stream in one write, at most (a larger frame goes alone), bytes. */
const writeBytesMax = 256 * 1024;

/** Given to the stream in one turn, at most, so that other streams and timers get their turn. */
const turnBytesMax = 1024 * 1024;

/** From this size on, a frame is passed on as it is: copying it would cost more than a buffer. */
const copyBytesMax = 16 * 1024;

/** How a queue is bounded. */
export interface QueueRules {
  /** Longest payload, bytes. */
  readonly frameBytesMax: number;
  /** Bytes that may wait. One push into an empty queue is always taken. */
  readonly queuedBytesMax: number;
  /** What gives way when it is full: the oldest frames, or the new ones. */
  readonly overflow: 'dropOldest' | 'refuse';
}

/** What a writer tells its owner. */
export interface WriterEvents {
  /** Frames were given to the stream. */
  sent(): void;
  /** After a refusal: at least half of the queue is free. */
  drained(): void;
  /** The stream failed; nothing more will leave. */
  failed(reason: string): void;
}

/** See the head of the file. */
export class StreamWriter implements Flushable {
  readonly #rules: QueueRules;
  readonly #flusher: TurnFlusher;
  readonly #events: WriterEvents;
  #stream: Stream | null = null;
  #frames: Uint8Array[] = [];
  #kinds: number[] = [];
  /** Index of the oldest frame that waits. */
  #head = 0;
  #queuedBytes = 0;
  #scheduled = false;
  #blocked = false;
  #refused = false;
  #closed = false;
  #dropped = 0;

  constructor(rules: QueueRules, flusher: TurnFlusher, events: WriterEvents) {
    this.#rules = rules;
    this.#flusher = flusher;
    this.#events = events;
  }

  /** Frames dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Everything queued was taken by libp2p, which holds no more than it has given to the socket. */
  get isIdle(): boolean {
    return this.#head === this.#frames.length && !this.#blocked;
  }

  /** Gives the writer its stream; what was queued meanwhile leaves. */
  attach(stream: Stream): void {
    this.#stream = stream;
    stream.addEventListener('drain', this.#onDrain);
    if (this.#head < this.#frames.length) this.flush();
  }

  /** Queues data frames, all or none. False: refused by the overflow rule. */
  push(frames: readonly Uint8Array[]): boolean {
    if (this.#closed) return false;
    let bytes = 0;
    for (const frame of frames) {
      assert(frame.length <= this.#rules.frameBytesMax, 'a frame over the limit of its channel');
      bytes += frame.length + frameHeaderBytes;
    }
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#rules.queuedBytesMax) {
      if (this.#rules.overflow === 'refuse') {
        this.#refused = true;
        return false;
      }
      this.#dropOldest(bytes);
    }
    for (const frame of frames) {
      this.#frames.push(frame);
      this.#kinds.push(frameKind.data);
    }
    this.#queuedBytes += bytes;
    this.#schedule();
    return true;
  }

  /** Queues one of the transport's own frames, past every limit: they are few and small. */
  signal(kind: number, payload: Uint8Array): void {
    if (this.#closed) return;
    this.#frames.push(payload);
    this.#kinds.push(kind);
    this.#queuedBytes += payload.length + frameHeaderBytes;
    this.#schedule();
  }

  /** Writes what the stream takes now. */
  flush(): void {
    this.#scheduled = false;
    const stream = this.#stream;
    if (stream === null || this.#blocked || this.#closed) return;
    let turnBytes = 0;
    while (this.#head < this.#frames.length) {
      if (turnBytes >= turnBytesMax) {
        this.#scheduled = true;
        this.#flusher.scheduleLater(this);
        break;
      }
      const data = this.#take();
      turnBytes += data.byteLength;
      if (!this.#give(stream, data)) break;
    }
    if (turnBytes > 0 && !this.#closed) this.#afterSent();
  }

  /** Drops what waits; every later push is refused. */
  close(): void {
    this.#closed = true;
    this.#frames = [];
    this.#kinds = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#blocked = false;
    this.#stream?.removeEventListener('drain', this.#onDrain);
    this.#stream = null;
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#stream === null) return;
    this.#scheduled = true;
    this.#flusher.schedule(this);
  }

  /** Takes up to `writeBytesMax` off the queue, as one buffer where the frames are small. */
  #take(): Uint8Array | Uint8ArrayList {
    const first = this.#head;
    let next = first;
    let bytes = 0;
    let copied = 0;
    while (next < this.#frames.length) {
      const length = (this.#frames[next] as Uint8Array).length;
      if (next > first && bytes + length + frameHeaderBytes > writeBytesMax) break;
      bytes += length + frameHeaderBytes;
      copied += frameHeaderBytes + (length <= copyBytesMax ? length : 0);
      next += 1;
    }
    const target = Buffer.allocUnsafe(copied);
    const data = copied === bytes ? this.#join(target, next) : this.#list(target, next);
    this.#queuedBytes -= bytes;
    this.#head = next;
    if (next === this.#frames.length) {
      this.#frames = [];
      this.#kinds = [];
      this.#head = 0;
    }
    return data;
  }

  #join(target: Uint8Array, next: number): Uint8Array {
    let at = 0;
    for (let i = this.#head; i < next; i++) {
      const frame = this.#frames[i] as Uint8Array;
      writeFrameHeader(target, at, this.#kinds[i] as number, frame.length);
      target.set(frame, at + frameHeaderBytes);
      at += frameHeaderBytes + frame.length;
    }
    return target;
  }

  #list(target: Uint8Array, next: number): Uint8ArrayList {
    const list = new Uint8ArrayList();
    let at = 0;
    let begin = 0;
    for (let i = this.#head; i < next; i++) {
      const frame = this.#frames[i] as Uint8Array;
      writeFrameHeader(target, at, this.#kinds[i] as number, frame.length);
      at += frameHeaderBytes;
      if (frame.length <= copyBytesMax) {
        target.set(frame, at);
        at += frame.length;
        continue;
      }
      list.append(target.subarray(begin, at), frame);
      begin = at;
    }
    if (begin < at) list.append(target.subarray(begin, at));
    return list;
  }

  /** False: nothing more now. */
  #give(stream: Stream, data: Uint8Array | Uint8ArrayList): boolean {
    try {
      if (stream.send(data)) return true;
      this.#blocked = true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.close();
      // Not from within: whoever pushed may stand above us on the stack.
      queueMicrotask(() => this.#events.failed(reason));
    }
    return false;
  }

  #afterSent(): void {
    this.#events.sent();
    if (!this.#refused || this.#queuedBytes * 2 > this.#rules.queuedBytesMax) return;
    this.#refused = false;
    this.#events.drained();
  }

  #dropOldest(bytes: number): void {
    while (
      this.#head < this.#frames.length &&
      this.#queuedBytes + bytes > this.#rules.queuedBytesMax
    ) {
      const length = (this.#frames[this.#head] as Uint8Array).length;
      this.#queuedBytes -= length + frameHeaderBytes;
      this.#head += 1;
      this.#dropped += 1;
    }
    // Half of the arrays is dead: each entry is moved once on average.
    if (this.#head * 2 < this.#frames.length) return;
    this.#frames = this.#frames.slice(this.#head);
    this.#kinds = this.#kinds.slice(this.#head);
    this.#head = 0;
  }

  // libp2p answers its own `drain` event in a microtask queued before this one, so afterwards the
  // stream shows whether it is still full.
  readonly #onDrain = (): void => queueMicrotask(this.#resume);

  readonly #resume = (): void => {
    const stream = this.#stream;
    if (stream === null || !this.#blocked) return;
    if (stream.writableNeedsDrain || stream.writeBufferLength > 0) return;
    this.#blocked = false;
    if (this.#head < this.#frames.length) this.flush();
    else this.#afterSent();
  };
}
