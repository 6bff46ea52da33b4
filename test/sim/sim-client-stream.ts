/**
 * One end of a client's stream in the false network: frames in order, a bounded queue, an end. The
 * rules are those of the port (src/transport/transport.ts); how frames travel is the network's
 * affair, and what is on its way when the connection breaks is lost.
 */

import type { ClientStream } from '../../src/transport/transport.js';
import type { ConnectionEnd, EndEvents, Packet } from './connection.js';
import type { Network } from './network.js';

/** What a stream is made with. */
export interface StreamOptions {
  /** Bytes that may be under way before `send` refuses. */
  readonly bytesMax: number;
  readonly network: Network;
}

/** See the head of the file. */
export class SimClientStream implements ClientStream, EndEvents {
  readonly remotePeer: string;
  readonly remoteAddress: string;
  readonly #end: ConnectionEnd;
  readonly #options: StreamOptions;
  #underWayBytes = 0;
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #isFlushing = false;
  #isRefusing = false;
  #isClosing = false;
  #over: string | null = null;
  #early: Uint8Array[] = [];
  #onFrames: ((frames: readonly Uint8Array[]) => void) | null = null;
  #onDrain: () => void = () => {};
  #onClose: ((reason: string) => void) | null = null;

  constructor(
    end: ConnectionEnd,
    remote: { readonly peer: string; readonly address: string },
    options: StreamOptions,
  ) {
    this.#end = end;
    this.remotePeer = remote.peer;
    this.remoteAddress = remote.address;
    this.#options = options;
    end.events = this;
  }

  send(frames: readonly Uint8Array[]): boolean {
    if (this.#isClosing || this.#over !== null) return false;
    let bytes = 0;
    for (const frame of frames) bytes += frame.length;
    const waiting = this.#underWayBytes + this.#outBytes;
    if (waiting > 0 && waiting + bytes > this.#options.bytesMax) {
      this.#isRefusing = true;
      return false;
    }
    for (const frame of frames) this.#out.push(frame);
    this.#outBytes += bytes;
    if (this.#isFlushing) return true;
    this.#isFlushing = true;
    this.#end.process.afterTurn(() => this.#flush());
    return true;
  }

  onFrames(handler: (frames: readonly Uint8Array[]) => void): void {
    this.#onFrames = handler;
    if (this.#early.length === 0) return;
    this.#end.process.afterTurn(() => {
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
    const reason = this.#over;
    if (reason !== null) this.#end.process.afterTurn(() => handler(reason));
  }

  close(): void {
    if (this.#isClosing || this.#over !== null) return;
    this.#isClosing = true;
    this.#flush();
    this.#options.network.close(this.#end, 'the other side closed the stream');
    this.#end.process.afterTurn(() => this.closed('the stream was closed here'));
  }

  packet(packet: Packet): void {
    if (packet.kind !== 'frames' || this.#over !== null) return;
    const sender = this.#end.other.events;
    if (sender instanceof SimClientStream) sender.#arrived(packet.bytes);
    if (this.#onFrames === null || this.#early.length > 0) this.#early.push(...packet.frames);
    else this.#onFrames(packet.frames);
  }

  closed(reason: string): void {
    if (this.#over !== null) return;
    this.#over = reason;
    this.#onClose?.(reason);
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#out.length === 0) return;
    const frames = this.#out;
    const bytes = this.#outBytes;
    this.#out = [];
    this.#outBytes = 0;
    this.#underWayBytes += bytes;
    this.#options.network.transmit(this.#end, { kind: 'frames', channel: 'client', frames, bytes });
  }

  /** The other side has so many bytes: there is room again. */
  #arrived(bytes: number): void {
    this.#underWayBytes -= bytes;
    if (!this.#isRefusing || this.#underWayBytes * 2 > this.#options.bytesMax) return;
    this.#isRefusing = false;
    this.#end.process.after(this.#options.network.latency(), () => {
      if (this.#over === null) this.#onDrain();
    });
  }
}
