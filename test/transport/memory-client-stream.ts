/**
 * The two ends of a client stream in the network in memory.
 */

import type { ClientStream, PeerId } from '../../src/transport/transport.js';
import { FrameQueue } from './memory-queue.js';
import type { MemoryNetwork } from './memory-transport.js';

/** Who talks with whom. */
interface Names {
  readonly client: PeerId;
  readonly server: PeerId;
  readonly address: string;
}

/** Makes both ends of a stream. */
export function memoryStreamPair(
  network: MemoryNetwork,
  names: Names,
): { client: ClientStream; server: ClientStream } {
  const client = new MemoryClientStream(network, names.server, names.address);
  const server = new MemoryClientStream(network, names.client, names.client);
  client.other = server;
  server.other = client;
  return { client, server };
}

class MemoryClientStream implements ClientStream {
  readonly remotePeer: PeerId;
  readonly remoteAddress: string;
  other: MemoryClientStream | null = null;
  readonly #network: MemoryNetwork;
  readonly #queue: FrameQueue;
  #flushing = false;
  #refused = false;
  #closed = false;
  #reason: string | null = null;
  /** Frames that came before somebody wanted them. */
  #early: Uint8Array[] = [];
  #onFrames: ((frames: readonly Uint8Array[]) => void) | null = null;
  #onDrain: (() => void) | null = null;
  #onClose: ((reason: string) => void) | null = null;

  constructor(network: MemoryNetwork, remotePeer: PeerId, remoteAddress: string) {
    this.#network = network;
    this.remotePeer = remotePeer;
    this.remoteAddress = remoteAddress;
    this.#queue = new FrameQueue(network.options.queueBytesMax, 'refuse');
  }

  send(frames: readonly Uint8Array[]): boolean {
    if (this.#closed) return false;
    if (!this.#queue.push(frames)) {
      this.#refused = true;
      return false;
    }
    if (this.#flushing) return true;
    this.#flushing = true;
    this.#network.options.clock.afterTurn(() => this.#flush());
    return true;
  }

  onFrames(handler: (frames: readonly Uint8Array[]) => void): void {
    this.#onFrames = handler;
    if (this.#early.length === 0) return;
    this.#network.options.clock.afterTurn(() => {
      const early = this.#early;
      this.#early = [];
      if (early.length > 0) this.#onFrames?.(early);
    });
  }

  onDrain(handler: () => void): void {
    this.#onDrain = handler;
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    const reason = this.#reason;
    if (reason !== null) this.#network.options.clock.afterTurn(() => handler(reason));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flush();
    this.#network.later(() => {
      this.other?.end('the other side closed the stream');
      this.end('the stream was closed here');
    });
  }

  /** The stream is over. */
  end(reason: string): void {
    if (this.#reason !== null) return;
    this.#closed = true;
    this.#reason = reason;
    this.#onClose?.(reason);
  }

  #flush(): void {
    this.#flushing = false;
    const frames = this.#queue.take();
    if (frames.length > 0) this.#network.later(() => this.other?.deliver(frames));
    if (!this.#refused) return;
    this.#refused = false;
    this.#onDrain?.();
  }

  /** Frames arrived. */
  deliver(frames: readonly Uint8Array[]): void {
    if (this.#reason !== null) return;
    if (this.#onFrames === null || this.#early.length > 0) this.#early.push(...frames);
    else this.#onFrames(frames);
  }
}
