/**
 * A client stream over libp2p, the same for both ends: frames both ways, a bounded queue for
 * sending, and a word now and then by which each end knows that the other lives. The connection
 * below belongs to whoever made the stream.
 */

import type { Stream } from '@libp2p/interface';
import { frameBytesMax } from '../base/limits.js';
import { FrameReader, frameKind } from './framing.js';
import { Liveness } from './liveness.js';
import { StreamWriter } from './stream-writer.js';
import type { ClientStream, PeerId } from './transport.js';
import { clientSpeakMillis } from './transport-options.js';
import type { TurnFlusher } from './turn-flusher.js';

const nothing = new Uint8Array(0);

/** A frame whose rest does not come for this long ends the stream, milliseconds. */
const partialMillisMax = 10_000;

/** A closing stream that does not empty is cut off after this, milliseconds. */
const closeMillisMax = 5000;

/** What a stream is made of. */
export interface ClientStreamInit {
  readonly stream: Stream;
  readonly remotePeer: PeerId;
  readonly remoteAddress: string;
  readonly flusher: TurnFlusher;
  /** Bytes that may wait to be sent. */
  readonly queueBytesMax: number;
  /** The other end is given up after this silence, milliseconds. */
  readonly silenceMillisMax: number;
  /** Called once when it is over, before the owner's `onClose`. */
  ended(stream: LibP2pClientStream): void;
}

/** See the head of the file. */
export class LibP2pClientStream implements ClientStream {
  readonly remotePeer: PeerId;
  readonly remoteAddress: string;
  readonly #init: ClientStreamInit;
  readonly #stream: Stream;
  readonly #writer: StreamWriter;
  readonly #liveness: Liveness;
  #reader: FrameReader | null = null;
  #stuckMillis = 0;
  #closingMillis = 0;
  #closing = false;
  #endReason: string | null = null;
  #onDrain: (() => void) | null = null;
  #onClose: ((reason: string) => void) | null = null;

  constructor(init: ClientStreamInit) {
    this.#init = init;
    this.#stream = init.stream;
    this.remotePeer = init.remotePeer;
    this.remoteAddress = init.remoteAddress;
    this.#liveness = new Liveness(clientSpeakMillis, init.silenceMillisMax);
    const rules = {
      frameBytesMax,
      queuedBytesMax: init.queueBytesMax,
      overflow: 'refuse',
    } as const;
    this.#writer = new StreamWriter(rules, init.flusher, {
      sent: () => this.#onSent(),
      drained: () => this.#onDrain?.(),
      failed: (reason) => this.#end(reason),
    });
    this.#writer.attach(init.stream);
    init.stream.addEventListener('close', (event) =>
      this.#end(event.error?.message ?? 'the other side closed the stream'),
    );
    init.stream.addEventListener('remoteCloseWrite', () =>
      this.#end('the other side closed the stream'),
    );
  }

  /** Everything sent was given to the socket. */
  get isIdle(): boolean {
    return this.#endReason !== null || this.#writer.isIdle;
  }

  send(frames: readonly Uint8Array[]): boolean {
    return !this.#closing && this.#writer.push(frames);
  }

  onFrames(handler: (frames: readonly Uint8Array[]) => void): void {
    const isFirst = this.#reader === null;
    this.#reader = new FrameReader(frameBytesMax, {
      frames: handler,
      signal: (kind) => {
        if (kind !== frameKind.alive) this.#end(`a frame of kind ${kind}`);
      },
    });
    // Until now libp2p has kept what came; adding the listener hands it over in a microtask.
    if (isFirst) this.#stream.addEventListener('message', (event) => this.#onMessage(event.data));
  }

  onDrain(handler: () => void): void {
    this.#onDrain = handler;
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    const reason = this.#endReason;
    if (reason !== null) queueMicrotask(() => handler(reason));
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#writer.flush();
    this.#maybeClose();
  }

  /** Once for each tick of the owner. */
  tick(elapsedMillis: number): void {
    if (this.#endReason !== null) return;
    if (this.#closing) {
      this.#closingMillis += elapsedMillis;
      if (this.#closingMillis >= closeMillisMax) this.#end('the stream did not empty in time');
      return;
    }
    const verdict = this.#liveness.tick(elapsedMillis);
    if (verdict === 'dead') {
      this.#end(`nothing was heard for ${this.#init.silenceMillisMax} ms`);
      return;
    }
    if (verdict === 'speak') this.#writer.signal(frameKind.alive, nothing);
    if (this.#reader?.isPartial !== true) return;
    this.#stuckMillis += elapsedMillis;
    if (this.#stuckMillis >= partialMillisMax) this.#end('a frame did not end');
  }

  #onMessage(data: Parameters<FrameReader['read']>[0]): void {
    if (this.#endReason !== null) return;
    this.#liveness.heard();
    this.#stuckMillis = 0;
    const fault = this.#reader?.read(data) ?? null;
    if (fault !== null) this.#end(fault);
  }

  #onSent(): void {
    this.#liveness.spoke();
    if (this.#closing) this.#maybeClose();
  }

  #maybeClose(): void {
    if (!this.#writer.isIdle || this.#endReason !== null) return;
    // libp2p sends what it still holds before the end of the stream.
    this.#stream.close({ signal: AbortSignal.timeout(closeMillisMax) }).then(
      () => this.#end('the stream was closed here'),
      (error: Error) => this.#end(error.message),
    );
  }

  #end(reason: string): void {
    if (this.#endReason !== null) return;
    this.#endReason = reason;
    this.#closing = true;
    this.#writer.close();
    if (this.#stream.status === 'open' && this.#stream.writeStatus !== 'closed') {
      this.#stream.abort(new Error(reason));
    }
    // Not from within: the owner may stand above us on the stack.
    queueMicrotask(() => {
      this.#init.ended(this);
      this.#onClose?.(reason);
    });
  }
}
