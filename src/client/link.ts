/**
 * The one stream to the cluster: dials targets in turn, gathers the requests of a turn into one
 * send, hands replies to whoever asked, and leaves a server that stays silent. It repeats nothing:
 * when a stream ends it forgets what was asked on it, and tells its owner, who asks again.
 * The invariant: at most one stream is in use, and no receiver hears of a stream that is gone.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { ClientDialer, ClientStream } from '../transport/transport.js';
import { decodeReply, encodeRequest } from '../wire/client-codec.js';
import type { ClientReply, ClientRequest } from '../wire/client-messages.js';
import type { ClientSettings } from './options.js';
import type { Targets } from './targets.js';

/** Who waits for a reply. */
export interface Receiver {
  /**
   * `request`: one reply is owed. `follow`: many come under one id, and silence is no fault.
   * `probe`: one is owed, but it says nothing about how the requests fare.
   */
  readonly manner: 'request' | 'follow' | 'probe';
  /** A reply under `id`, which may be an older one than the last that was asked under. */
  replied(reply: ClientReply, id: number): void;
}

/** What the link tells its owner. */
export interface LinkHandlers {
  /** A fresh stream: ask everything that is still open again. */
  opened(): void;
  /** The stream is gone, and with it every answer that was to come on it. */
  closed(): void;
  /** The stream takes requests again after its queue was full. */
  drained(): void;
}

/** A connection to whichever server serves. */
export class Link {
  readonly #settings: ClientSettings;
  readonly #clock: Clock;
  readonly #dialer: ClientDialer;
  readonly #targets: Targets;
  readonly #handlers: LinkHandlers;
  #stream: ClientStream | null = null;
  #address = '';
  #dialling: AbortController | null = null;
  #pause: Timer | null = null;
  #receivers = new Map<number, Receiver>();
  #lastId = 0;
  #out: Uint8Array[] = [];
  #flushing = false;
  #blocked = false;
  /** Requests without a reply, follows not counted. */
  #unanswered = 0;
  /** Since when the server owes us a reply; moved on by every reply. */
  #waitingSinceMillis = 0;
  #stallsInVain = 0;
  /** True from the opening of a stream to the first reply that shows that its server serves. */
  #fresh = false;
  #trouble = 'no server was tried yet';
  #ended = false;

  constructor(
    settings: ClientSettings,
    deps: { clock: Clock; dialer: ClientDialer; targets: Targets },
    handlers: LinkHandlers,
  ) {
    this.#settings = settings;
    this.#clock = deps.clock;
    this.#dialer = deps.dialer;
    this.#targets = deps.targets;
    this.#handlers = handlers;
  }

  get isOpen(): boolean {
    return this.#stream !== null;
  }

  /** Whether a request would leave now: there is a stream, and its queue has room. */
  get isWritable(): boolean {
    return this.#stream !== null && !this.#blocked;
  }

  /** The address of the server in use, or of the last one. */
  get address(): string {
    return this.#address;
  }

  /** What went wrong last, one line. */
  get trouble(): string {
    return this.#trouble;
  }

  /** Starts to look for a server, unless one is in use or being looked for. */
  open(): void {
    if (this.#ended || this.#stream || this.#dialling || this.#pause) return;
    const { address, delayMillis } = this.#targets.next();
    if (delayMillis === 0) {
      void this.#dial(address);
      return;
    }
    this.#pause = this.#clock.after(delayMillis, () => {
      this.#pause = null;
      void this.#dial(address);
    });
  }

  /** An id for a request that `receiver` is about to post. */
  expect(receiver: Receiver): number {
    this.#lastId += 1;
    this.#receivers.set(this.#lastId, receiver);
    if (receiver.manner !== 'follow') {
      if (this.#unanswered === 0) this.#waitingSinceMillis = this.#clock.monotonicMillis();
      this.#unanswered += 1;
    }
    return this.#lastId;
  }

  /** Hears no more of `id`. */
  forget(id: number): void {
    const receiver = this.#receivers.get(id);
    if (!receiver) return;
    this.#receivers.delete(id);
    if (receiver.manner !== 'follow') this.#unanswered -= 1;
  }

  /** Queues a request; all of one turn leave together. Without a stream it is dropped. */
  post(request: ClientRequest): void {
    if (!this.#stream) return;
    this.#out.push(encodeRequest(request));
    if (this.#flushing) return;
    this.#flushing = true;
    this.#clock.afterTurn(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** Sends what is queued now, for a caller that knows the turn to be over. */
  flush(): void {
    if (!this.#stream || this.#blocked || this.#out.length === 0) return;
    const frames = this.#out;
    if (this.#stream.send(frames)) this.#out = [];
    else this.#blocked = true;
  }

  /** Leaves the server in use, for `reason`, and looks for another. */
  move(reason: string): void {
    this.#trouble = `${this.#address}: ${reason}`;
    const stream = this.#stream;
    if (stream) {
      this.#lose();
      stream.close();
    }
    this.open();
  }

  /** Takes `stream`, opened by somebody else, in the place of the one in use. */
  adopt(stream: ClientStream, address: string): void {
    if (this.#ended) {
      stream.close();
      return;
    }
    const old = this.#stream;
    if (old) this.#lose();
    this.#take(stream, address);
    old?.close();
  }

  /** Called now and then: leaves a server that has been silent for too long. */
  checkSilence(nowMillis: number): void {
    if (!this.#stream || this.#unanswered === 0) return;
    const doublings = Math.min(Math.floor(this.#stallsInVain / this.#targets.given.length), 3);
    const patienceMillis = this.#settings.attemptTimeoutMillis * 2 ** doublings;
    if (nowMillis - this.#waitingSinceMillis < patienceMillis) return;
    this.#stallsInVain += 1;
    this.move(`no reply for ${Math.round(patienceMillis)} ms`);
  }

  /** A reply that shows that the server at hand serves: searches start afresh after it. */
  served(): void {
    if (this.#stallsInVain === 0 && !this.#fresh) return;
    this.#fresh = false;
    this.#stallsInVain = 0;
    this.#targets.succeeded(this.#address);
  }

  /** Sends what is queued, then closes, for good. */
  end(): void {
    this.#ended = true;
    this.#pause?.cancel();
    this.#pause = null;
    this.#dialling?.abort();
    const stream = this.#stream;
    if (!stream) return;
    this.flush();
    this.#lose();
    stream.close();
  }

  async #dial(address: string): Promise<void> {
    const attempt = new AbortController();
    this.#dialling = attempt;
    const timer = this.#clock.after(this.#settings.dialTimeoutMillis, () => attempt.abort());
    try {
      const stream = await this.#dialer.dial(address, attempt.signal);
      if (this.#ended || this.#stream) stream.close();
      else this.#take(stream, address);
    } catch (error) {
      this.#trouble = attempt.signal.aborted
        ? `${address}: no answer within ${this.#settings.dialTimeoutMillis} ms`
        : describe(address, error);
    } finally {
      timer.cancel();
      this.#dialling = null;
    }
    // A stream that was closed within this call, or a dial in vain: on to the next target.
    if (!this.#ended && !this.#stream) this.open();
  }

  #take(stream: ClientStream, address: string): void {
    this.#pause?.cancel();
    this.#pause = null;
    this.#stream = stream;
    this.#address = address;
    this.#fresh = true;
    this.#blocked = false;
    stream.onFrames((frames) => {
      if (this.#stream === stream) this.#receive(frames);
    });
    stream.onDrain(() => {
      if (this.#stream === stream) this.#drain();
    });
    stream.onClose((reason) => {
      if (this.#stream !== stream) return;
      this.#trouble = `${address}: ${reason}`;
      this.#lose();
      this.open();
    });
    this.#handlers.opened();
  }

  #lose(): void {
    this.#stream = null;
    this.#receivers = new Map();
    this.#unanswered = 0;
    this.#out = [];
    this.#blocked = false;
    this.#handlers.closed();
  }

  #drain(): void {
    this.#blocked = false;
    this.flush();
    if (!this.#blocked) this.#handlers.drained();
  }

  #receive(frames: readonly Uint8Array[]): void {
    const stream = this.#stream;
    const nowMillis = this.#clock.monotonicMillis();
    for (const frame of frames) {
      let reply: ClientReply;
      try {
        reply = decodeReply(frame);
      } catch {
        this.move('it answered with bytes that are no Quorate reply');
        return;
      }
      this.#deliver(reply, nowMillis);
      // Somebody may have moved us on because of what the reply said.
      if (this.#stream !== stream) return;
    }
  }

  #deliver(reply: ClientReply, nowMillis: number): void {
    if (reply.type === 'goAway') {
      this.#targets.learn(reply.addresses);
      this.#targets.recommend(reply.addresses);
      this.move('the server asked its clients to go elsewhere');
      return;
    }
    const receiver = this.#receivers.get(reply.id);
    if (!receiver) {
      if (reply.id === 0 && reply.type === 'refused') this.move(reply.refusal.message);
      return;
    }
    if (receiver.manner !== 'probe') this.#waitingSinceMillis = nowMillis;
    if (receiver.manner !== 'follow' || reply.type === 'refused') this.forget(reply.id);
    receiver.replied(reply, reply.id);
  }
}

function describe(address: string, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.split('\n', 1)[0] ?? '';
  return line.includes(address) ? line : `${address}: ${line}`;
}
