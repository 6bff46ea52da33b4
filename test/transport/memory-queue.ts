/**
 * The bounded queue of frames of the network in memory, with the overflow rules of the contract.
 */
export class FrameQueue {
  readonly #bytesMax: number;
  readonly #overflow: 'dropOldest' | 'refuse';
  #frames: Uint8Array[] = [];
  #bytes = 0;

  constructor(bytesMax: number, overflow: 'dropOldest' | 'refuse') {
    this.#bytesMax = bytesMax;
    this.#overflow = overflow;
  }

  /** Queues all or nothing; false: refused. One push into an empty queue is always taken. */
  push(frames: readonly Uint8Array[]): boolean {
    let added = 0;
    for (const frame of frames) added += frame.length;
    if (this.#bytes > 0 && this.#bytes + added > this.#bytesMax) {
      if (this.#overflow === 'refuse') return false;
      while (this.#frames.length > 0 && this.#bytes + added > this.#bytesMax) {
        this.#bytes -= (this.#frames.shift() as Uint8Array).length;
      }
    }
    this.#bytes += added;
    // Copies: the receiver owns its bytes, as over a socket.
    for (const frame of frames) this.#frames.push(frame.slice());
    return true;
  }

  /** Takes everything. */
  take(): readonly Uint8Array[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    return frames;
  }
}
