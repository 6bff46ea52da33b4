/**
 * One client's stream: requests in, replies out by id, all replies of a turn in one send. It
 * bounds what a client can make this server hold: requests under way, follows, and replies it
 * does not take. While replies do not leave, nothing more is begun; what still comes in is held
 * up to a limit and then the stream is closed.
 *
 * The invariant: after the stream has ended no answer is kept for it, and each id is answered once.
 */

import { unreachable } from '../../base/assert.js';
import type { Refusal } from '../../base/errors.js';
import { batchRecordsMax } from '../../base/limits.js';
import type { Reply, StreamState } from '../../machine/commands.js';
import type { KeysRead, Outcome, RecordsRead, StreamsListed } from '../../replica/api.js';
import type { ClientStream } from '../../transport/transport.js';
import { decodeRequest, encodeReply } from '../../wire/client-codec.js';
import type {
  ClientReply,
  ClientRequest,
  OperatorReply,
  ReadRequest,
} from '../../wire/client-messages.js';
import { WireError } from '../../wire/wire-error.js';
import { commandFault } from './command-fault.js';
import { Follow } from './follow.js';
import type { NativeFrontDeps, NativeFrontSettings } from './native-front.js';

const overloadedRetryMillis = 20;

/** What a read weighs that gives many rows; one that gives a single row weighs 1. */
const rowsWeight = 8;

/** Serves one client stream. */
export class NativeConnection {
  readonly #stream: ClientStream;
  readonly #settings: NativeFrontSettings;
  readonly #deps: NativeFrontDeps;
  readonly #follows = new Map<number, Follow>();
  #out: Uint8Array[] = [];
  #flushing = false;
  /** The stream's queue is full: `#out` waits for it to drain. */
  #blocked = false;
  #isClosed = false;
  #inflight = 0;
  #readWeight = 0;
  /** Reads that wait for others to finish, in order. */
  #reads: ReadRequest[] = [];
  /** Frames that came while blocked. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #ended: (reason: string) => void = () => {};

  constructor(stream: ClientStream, settings: NativeFrontSettings, deps: NativeFrontDeps) {
    this.#stream = stream;
    this.#settings = settings;
    this.#deps = deps;
    stream.onClose((reason) => this.#end(reason));
    stream.onDrain(() => this.#drained());
    stream.onFrames((frames) => this.#receive(frames));
  }

  /** Calls `handler` once, when the stream has ended. */
  onEnd(handler: (reason: string) => void): void {
    this.#ended = handler;
  }

  /** Tells the client to go elsewhere; with `close`, for good. */
  goAway(addresses: readonly string[], close: boolean): void {
    if (this.#isClosed) return;
    this.#reply({ type: 'goAway', id: 0, addresses });
    if (close) this.#close('this server stops');
  }

  #receive(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      if (this.#isClosed) return;
      if (this.#blocked) this.#hold(frame);
      else this.#begin(frame);
    }
  }

  #hold(frame: Uint8Array): void {
    this.#heldBytes += frame.length;
    if (this.#heldBytes > this.#settings.heldBytesMax) {
      this.#close('the client asks on and on but does not take its replies');
      return;
    }
    this.#held.push(frame);
  }

  #begin(frame: Uint8Array): void {
    let request: ClientRequest;
    try {
      request = decodeRequest(frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.log.debug({ peer: this.#stream.remotePeer, fault: error.message }, 'bad request');
      this.#refuse(0, { code: 'BAD_REQUEST', message: `not a Quorate request: ${error.message}` });
      this.#close('the client sent bytes that are no request');
      return;
    }
    this.#dispatch(request);
  }

  #dispatch(request: ClientRequest): void {
    switch (request.type) {
      case 'credit':
        this.#follows.get(request.id)?.grant(request.records);
        return;
      case 'cancel':
        this.#cancel(request.id);
        return;
      case 'follow':
        this.#follow(request);
        return;
      case 'status':
        // Answered even when overloaded: it is how people find out why.
        this.#reply({ type: 'status', id: request.id, status: this.#deps.replica.status() });
        return;
      default:
        if (this.#inflight >= this.#settings.inflightRequestsMax) this.#overloaded(request.id);
        else this.#perform(request);
    }
  }

  #perform(request: Exclude<ClientRequest, { type: 'credit' | 'cancel' | 'follow' | 'status' }>) {
    const { replica } = this.#deps;
    switch (request.type) {
      case 'command':
        this.#execute(request.id, request.command);
        return;
      case 'read':
      case 'tail':
      case 'streams':
      case 'get':
      case 'list':
        this.#inflight += 1;
        this.#reads.push(request);
        this.#startReads();
        return;
      default: {
        const { id, ...question } = request;
        this.#inflight += 1;
        replica.operate(question, (outcome) => this.#operated(id, outcome));
      }
    }
  }

  #execute(id: number, command: Uint8Array): void {
    const fault = commandFault(command, this.#settings.recordBytesMax);
    if (fault) {
      this.#refuse(id, fault);
      return;
    }
    this.#inflight += 1;
    this.#deps.replica.execute(command, (outcome) => this.#executed(id, outcome));
  }

  #executed(id: number, outcome: Outcome<Reply>): void {
    this.#inflight -= 1;
    if (outcome.ok) this.#reply({ type: 'commandReply', id, reply: outcome.value });
    else this.#refuse(id, outcome.refusal);
  }

  #operated(id: number, outcome: Outcome<OperatorReply>): void {
    this.#inflight -= 1;
    if (outcome.ok) this.#reply({ ...outcome.value, id });
    else this.#refuse(id, outcome.refusal);
  }

  /** Begins as many waiting reads as may be worked on together. */
  #startReads(): void {
    while (!this.#blocked && this.#readWeight < this.#settings.readWeightMax) {
      const request = this.#reads.shift();
      if (!request) return;
      this.#startRead(request);
    }
  }

  #startRead(request: ReadRequest): void {
    const { replica } = this.#deps;
    const { id, type, consistency } = request;
    const weight = type === 'get' || type === 'tail' ? 1 : rowsWeight;
    this.#readWeight += weight;
    const answer =
      <T>(reply: (value: T) => ClientReply) =>
      (outcome: Outcome<T>) =>
        this.#read(id, weight, outcome.ok ? { ok: true, value: reply(outcome.value) } : outcome);
    switch (type) {
      case 'read': {
        const records = answer<RecordsRead>((read) => ({ type: 'records', id, ...read }));
        return replica.readRecords(request.stream, request.range, consistency, records);
      }
      case 'tail': {
        const tail = answer<StreamState>((state) => ({ type: 'tail', id, state }));
        return replica.tail(request.stream, consistency, tail);
      }
      case 'streams': {
        const streams = answer<StreamsListed>((listed) => ({ type: 'streams', id, ...listed }));
        return replica.streams(request, consistency, streams);
      }
      case 'get':
      case 'list': {
        const keys = answer<KeysRead>((read) => ({ type: 'keys', id, ...read }));
        if (type === 'get') return replica.get(request.key, consistency, keys);
        const limit = Math.min(request.limit, batchRecordsMax);
        return replica.list(request.start, request.end, limit, consistency, keys);
      }
      default:
        return unreachable(request);
    }
  }

  #read(id: number, weight: number, outcome: Outcome<ClientReply>): void {
    this.#inflight -= 1;
    this.#readWeight -= weight;
    if (outcome.ok) this.#reply(outcome.value);
    else this.#refuse(id, outcome.refusal);
    this.#startReads();
  }

  #follow(request: Extract<ClientRequest, { type: 'follow' }>): void {
    const { id } = request;
    if (this.#follows.has(id)) {
      this.#refuse(id, { code: 'BAD_REQUEST', message: `id ${id} follows a stream already` });
      return;
    }
    if (this.#follows.size >= this.#settings.followsMax) {
      this.#overloaded(id);
      return;
    }
    const follow = new Follow(request, this.#deps.replica, {
      mayProduce: () => !this.#blocked && !this.#isClosed,
      produced: (read) => {
        this.#reply({ type: 'records', id, ...read, complete: false });
      },
      failed: (refusal) => {
        this.#follows.delete(id);
        this.#refuse(id, refusal);
      },
    });
    this.#follows.set(id, follow);
    follow.start();
  }

  #cancel(id: number): void {
    const follow = this.#follows.get(id);
    if (!follow) return;
    this.#follows.delete(id);
    follow.stop();
  }

  #overloaded(id: number): void {
    const message = 'too many requests of this client are under way: await some first';
    this.#refuse(id, { code: 'OVERLOADED', message, retryAfterMillis: overloadedRetryMillis });
  }

  #refuse(id: number, refusal: Refusal): void {
    this.#reply({ type: 'refused', id, refusal });
  }

  /** Queues a reply; all of this turn leave together. */
  #reply(reply: ClientReply): void {
    if (this.#isClosed) return;
    this.#out.push(encoded(reply));
    if (this.#flushing || this.#blocked) return;
    this.#flushing = true;
    this.#deps.clock.afterTurn(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isClosed || this.#blocked || this.#out.length === 0) return;
    if (this.#stream.send(this.#out)) this.#out = [];
    else this.#blocked = true;
  }

  #drained(): void {
    if (!this.#blocked || this.#isClosed) return;
    this.#blocked = false;
    this.#flush();
    if (this.#blocked) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#receive(held);
    this.#startReads();
    for (const follow of this.#follows.values()) follow.pump();
  }

  /** Sends what is queued if it can be sent, and closes. */
  #close(reason: string): void {
    this.#flush();
    this.#stream.close();
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const follow of this.#follows.values()) follow.stop();
    this.#follows.clear();
    this.#out = [];
    this.#held = [];
    this.#reads = [];
    this.#ended(reason);
  }
}

/** A reply's bytes; one that does not fit a frame becomes a refusal that says so. */
function encoded(reply: ClientReply): Uint8Array {
  try {
    return encodeReply(reply);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const message = `the answer cannot be sent: ${error.message}; ask for less at a time`;
    return encodeReply({ type: 'refused', id: reply.id, refusal: { code: 'TOO_LARGE', message } });
  }
}
