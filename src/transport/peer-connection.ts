/**
 * One libp2p connection between two servers: its greeting, its streams, its end. Each side writes
 * on streams that it opened and reads those that the other opened, so no stream is opened twice.
 *
 *  1. Both sides open `control` and send `hello` as its first frame.
 *  2. Each judges the other's hello, at once or when its life is let in (clone-watch.ts):
 *     `accepted`, or `refused` with the reason and the end.
 *  3. Whoever accepted opens the other channels. A side that has accepted and was accepted is
 *     up: from then on, and not before, frames of the owner pass in both directions.
 *
 * Which of two connections to one peer is used, and who dials, is peer-link.ts and dialler.ts.
 * Invariant: after `end()` or the connection's close no event is told but one `ended`.
 */

import type { Connection, Stream } from '@libp2p/interface';
import type { Clock } from '../base/clock.js';
import { decodeHello, encodeHello } from '../wire/hello-codec.js';
import { ChannelReader } from './channel-reader.js';
import { type ChannelWriters, channelWriters } from './channel-writers.js';
import type { Claimant } from './clone-watch.js';
import { dialFault } from './dial-fault.js';
import { frameKind } from './framing.js';
import { Liveness } from './liveness.js';
import {
  decodeClone,
  decodeQuestion,
  decodeReason,
  encodeClone,
  encodeQuestion,
  encodeReason,
} from './signals.js';
import type { Channel, CloneNotice, Hello, PeerId } from './transport.js';
import { type CompleteOptions, channelProtocols, tickMillis } from './transport-options.js';
import type { TurnFlusher } from './turn-flusher.js';

const nothing = new Uint8Array(0);

/** What a connection asks of and tells its link. */
export interface PeerConnectionEvents {
  /** The greeting to send. */
  hello(): Hello;
  /** The first greeting came. False: it is not judged before `letIn`. */
  arrived(connection: PeerConnection): boolean;
  /** Null accepts, a line refuses. */
  greeted(connection: PeerConnection, hello: Hello): string | null;
  up(connection: PeerConnection): void;
  refused(connection: PeerConnection, reason: string): void;
  /** The other side answered a question. */
  answered(connection: PeerConnection, question: number): void;
  /** The other side says that this server's data folder runs twice. */
  cloned(connection: PeerConnection, notice: CloneNotice): void;
  frames(connection: PeerConnection, channel: Channel, frames: readonly Uint8Array[]): void;
  /** The other side says anew whether it keeps the link, or that it leaves this connection. */
  changed(connection: PeerConnection): void;
  /** Told once. `reason` is one line. */
  ended(connection: PeerConnection, reason: string): void;
}

/** What a connection needs of the transport. */
export interface PeerConnectionDeps {
  readonly clock: Clock;
  readonly options: CompleteOptions;
  readonly flusher: TurnFlusher;
  readonly events: PeerConnectionEvents;
}

/** How a connection came about. */
export interface PeerConnectionOrigin {
  readonly dialledByUs: boolean;
  /** `host:port` of the other end. */
  readonly remoteAddress: string;
}

/** See the head of the file. */
export class PeerConnection implements Claimant {
  readonly peer: PeerId;
  readonly origin: PeerConnectionOrigin;
  readonly #connection: Connection;
  readonly #events: PeerConnectionEvents;
  readonly #options: CompleteOptions;
  readonly #clock: Clock;
  readonly #writers: ChannelWriters;
  readonly #readers: ChannelReader[] = [];
  /** Inbound streams whose bytes wait inside libp2p until the connection is up. */
  #waiting: { readonly channel: Channel; readonly stream: Stream }[] = [];
  readonly #liveness: Liveness;
  #ageMillis = 0;
  #remoteHello: Hello | null = null;
  /** Its greetings are judged. */
  #isLetIn = false;
  #weAccepted = false;
  #theyAccepted = false;
  #remoteKeeps = false;
  #weRetired = false;
  #theyRetired = false;
  /** Why we refused the other side; it closes once that is said. */
  #refusal: string | null = null;
  #ended = false;
  #endReason = 'the connection closed';

  constructor(connection: Connection, origin: PeerConnectionOrigin, deps: PeerConnectionDeps) {
    this.#connection = connection;
    this.peer = connection.remotePeer.toString();
    this.origin = origin;
    this.#events = deps.events;
    this.#options = deps.options;
    this.#clock = deps.clock;
    // At every tick, so that a stall of ours must last for most of a second to look like death.
    this.#liveness = new Liveness(0, deps.options.peerSilenceMillisMax);
    this.#writers = channelWriters(deps.options, deps.flusher, {
      sent: () => this.#liveness.spoke(),
      drained: () => undefined,
      failed: (reason) => this.end(reason),
    });
    connection.addEventListener('close', () => this.#onClose());
    this.#writers.control.signal(frameKind.hello, encodeHello(deps.events.hello()));
    this.#open('control');
  }

  /** Frames of the owner pass. */
  get isUp(): boolean {
    return this.#weAccepted && this.#theyAccepted && !this.#ended;
  }

  /** The connection may be chosen for sending: up, and neither side has left it. */
  get isUsable(): boolean {
    return this.isUp && !this.#weRetired && !this.#theyRetired;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  get remoteKeeps(): boolean {
    return this.#remoteKeeps;
  }

  /** The other side's latest greeting. */
  get remoteHello(): Hello | null {
    return this.#remoteHello;
  }

  /** Nothing was heard for more than a tick or two. */
  get isSilent(): boolean {
    return this.#liveness.silentMillis >= 2 * tickMillis;
  }

  /** Everything sent was given to the socket. */
  get isIdle(): boolean {
    return this.#ended || Object.values(this.#writers).every((writer) => writer.isIdle);
  }

  /** Frames of `consensus` dropped because its queue was full. */
  get dropped(): number {
    return this.#writers.consensus.dropped;
  }

  /** The other side opened a stream of a channel. */
  accept(channel: Channel, stream: Stream): void {
    if (this.#ended) {
      stream.abort(new Error('the connection ends'));
      return;
    }
    stream.addEventListener('close', () => this.end(`the other side closed ${channel}`));
    stream.addEventListener('remoteCloseWrite', () => this.end(`the other side closed ${channel}`));
    if (channel === 'control' || this.isUp) this.#attach(channel, stream);
    else this.#waiting.push({ channel, stream });
  }

  /** Queues frames of the owner. False: refused by the overflow rule, or the connection ended. */
  send(channel: Channel, frames: readonly Uint8Array[]): boolean {
    return !this.#ended && this.#writers[channel].push(frames);
  }

  /** Says the greeting again. */
  greetAgain(): void {
    if (this.#ended) return;
    this.#writers.control.signal(frameKind.hello, encodeHello(this.#events.hello()));
  }

  /** Says whether we keep the link. */
  sayKeeping(keeps: boolean): void {
    if (!this.isUp) return;
    this.#writers.control.signal(frameKind.keeping, Uint8Array.of(keeps ? 1 : 0));
  }

  /** Leaves this connection for another to the same peer; what is on its way still arrives. */
  retire(): void {
    if (this.#weRetired) return;
    this.#weRetired = true;
    this.#writers.control.signal(frameKind.retiring, nothing);
  }

  /** Asks the process at the other end for an answer. */
  ask(question: number): void {
    this.#writers.control.signal(frameKind.ask, encodeQuestion(question));
  }

  /** The greeting that waited is judged. */
  letIn(): void {
    if (this.#ended || this.#isLetIn) return;
    this.#isLetIn = true;
    this.#judge(this.#remoteHello as Hello);
  }

  /** Tells the other side that its data folder runs twice, and closes. */
  refuseClone(reason: string): void {
    if (this.#ended) return;
    this.#isLetIn = false;
    this.#refuse(reason, frameKind.clone, encodeClone({ isRefused: true, reason }));
  }

  /** Tells the other side that another process of its data folder was refused. */
  warnOfClone(reason: string): void {
    this.#writers.control.signal(frameKind.clone, encodeClone({ isRefused: false, reason }));
  }

  /** Once for each tick of the transport. */
  tick(elapsedMillis: number): void {
    if (this.#ended) return;
    this.#ageMillis += elapsedMillis;
    if (!this.isUp && this.#ageMillis >= this.#options.handshakeMillisMax) {
      this.end('no greeting came in time');
      return;
    }
    const verdict = this.#liveness.tick(elapsedMillis);
    if (verdict === 'dead' && this.isUp) {
      this.end(`nothing was heard for ${this.#options.peerSilenceMillisMax} ms`);
      return;
    }
    if (verdict === 'speak') this.#writers.control.signal(frameKind.alive, nothing);
    for (const reader of this.#readers) {
      const fault = reader.tick(elapsedMillis);
      if (fault !== null) return this.end(fault);
    }
  }

  /** Sends what is queued, as far as the socket takes it, and closes. */
  close(reason: string): void {
    if (this.#ended) return;
    this.#endReason = reason;
    for (const writer of Object.values(this.#writers)) writer.flush();
    const connection = this.#connection;
    this.#markEnded();
    connection
      .close({ signal: AbortSignal.timeout(this.#options.stopMillisMax) })
      .catch((error: Error) => connection.abort(error));
  }

  /** Cuts the connection off. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#endReason = reason;
    this.#markEnded();
    this.#connection.abort(new Error(reason));
  }

  /**
   * Opens our stream of a channel; its queue leaves when the other side has agreed to it. In a turn
   * of its own: Yamux announces a stream in a microtask that throws, caught by nobody, when the
   * connection was closed in between, as by a greeting and a farewell in one segment.
   */
  #open(channel: Channel): void {
    this.#clock.afterTurn(() => {
      if (this.#ended || this.#connection.status !== 'open') return;
      const signal = AbortSignal.timeout(this.#options.handshakeMillisMax);
      this.#connection.newStream(channelProtocols[channel], { signal }).then(
        (stream) => this.#opened(channel, stream),
        (error: Error) => {
          // A server from before there was gossip: the rest of the link serves it as ever.
          if (channel === 'gossip') this.#writers.gossip.close();
          else this.end(dialFault(error));
        },
      );
    });
  }

  #opened(channel: Channel, stream: Stream): void {
    if (this.#ended) {
      stream.abort(new Error('the connection ended'));
      return;
    }
    stream.addEventListener('close', () => this.end(`${channel} was closed`));
    this.#writers[channel].attach(stream);
    if (channel === 'control') this.#closeIfRefused();
  }

  #attach(channel: Channel, stream: Stream): void {
    const reader = new ChannelReader(channel, {
      frames: (frames) => {
        if (this.isUp) this.#events.frames(this, channel, frames);
        else this.end(`a frame on ${channel} before the greeting`);
      },
      signal: (kind, payload) => this.#onSignal(channel, kind, payload),
    });
    this.#readers.push(reader);
    stream.addEventListener('message', (event) => {
      if (this.#ended) return;
      this.#liveness.heard();
      const fault = reader.read(event.data);
      if (fault !== null) this.end(fault);
    });
  }

  #onSignal(channel: Channel, kind: number, payload: Uint8Array): void {
    if (this.#ended || kind === frameKind.alive) return;
    if (channel !== 'control') {
      this.end(`a frame of kind ${kind} on ${channel}`);
    } else if (kind === frameKind.hello) {
      this.#onHello(payload);
    } else if (kind === frameKind.refused) {
      const reason = decodeReason(payload);
      this.#events.refused(this, reason);
      this.end(`refused: ${reason}`);
    } else if (kind === frameKind.clone) {
      const notice = decodeClone(payload);
      this.#events.cloned(this, notice);
      if (notice.isRefused) this.end(`refused: ${notice.reason}`);
    } else if (this.#remoteHello === null) {
      this.end('its first frame is no greeting');
    } else if (kind === frameKind.accepted) {
      if (this.#theyAccepted) return;
      this.#theyAccepted = true;
      this.#maybeUp();
    } else if (kind === frameKind.ask || kind === frameKind.answer) {
      this.#onQuestion(kind, payload);
    } else {
      if (kind === frameKind.keeping) this.#remoteKeeps = payload[0] === 1;
      else this.#theyRetired = true;
      this.#events.changed(this);
    }
  }

  #onQuestion(kind: number, payload: Uint8Array): void {
    const question = decodeQuestion(payload);
    if (question === null) this.end('a malformed question');
    else if (kind === frameKind.answer) this.#events.answered(this, question);
    else this.#writers.control.signal(frameKind.answer, encodeQuestion(question));
  }

  #onHello(payload: Uint8Array): void {
    let hello: Hello;
    try {
      hello = decodeHello(payload);
    } catch (error) {
      this.#refuse(`bad greeting: ${error instanceof Error ? error.message : 'unreadable'}`);
      return;
    }
    const known = this.#remoteHello;
    if (known !== null && known.life?.word !== hello.life?.word) {
      this.end('its life changed');
      return;
    }
    this.#remoteHello = hello;
    if (known === null) this.#isLetIn = this.#events.arrived(this);
    if (this.#isLetIn) this.#judge(hello);
  }

  #judge(hello: Hello): void {
    const refusal = this.#events.greeted(this, hello);
    if (this.#ended) return;
    if (refusal !== null) {
      this.#refuse(refusal);
      return;
    }
    this.#writers.control.signal(frameKind.accepted, nothing);
    if (this.#weAccepted) return;
    this.#weAccepted = true;
    this.#open('consensus');
    this.#open('forward');
    this.#open('gossip');
    this.#maybeUp();
  }

  /** Says why, then closes. */
  #refuse(reason: string, kind: number = frameKind.refused, payload = encodeReason(reason)): void {
    this.#weAccepted = false;
    this.#refusal = reason;
    this.#writers.control.signal(kind, payload);
    this.#closeIfRefused();
  }

  /** Our stream may still be in negotiation: then this is called again once it is open. */
  #closeIfRefused(): void {
    if (this.#refusal === null) return;
    this.#writers.control.flush();
    if (this.#writers.control.isIdle) this.close(`we refused it: ${this.#refusal}`);
  }

  #maybeUp(): void {
    if (!this.isUp) return;
    this.#events.up(this);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { channel, stream } of waiting) this.#attach(channel, stream);
  }

  #markEnded(): void {
    this.#ended = true;
    for (const writer of Object.values(this.#writers)) writer.close();
    this.#waiting = [];
    // Not from within: the owner may stand above us on the stack.
    queueMicrotask(() => this.#events.ended(this, this.#endReason));
  }

  #onClose(): void {
    if (!this.#ended) this.#markEnded();
  }
}
