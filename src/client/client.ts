/**
 * The client library: what a program says to a cluster. Writes are done exactly once and in the
 * order of the calls, whatever happens to servers in between; reads are repeated until they are
 * answered. It only translates: `Session`, `Requests` and `Follows` carry the work.
 */

import { QuorateError } from '../base/errors.js';
import { batchRecordsMax, commandBytesMax, keyBytesMax } from '../base/limits.js';
import { utf8Length } from '../base/utf8.js';
import type { KeyValue } from '../machine/commands.js';
import type {
  ClientReply,
  ClusterStatus,
  Consistency,
  MemberStatus,
  StreamRecord,
} from '../wire/client-messages.js';
import type { ClientCore } from './core.js';
import type { Follow } from './follow.js';
import { prefixEnd, toBytes } from './keys.js';
import type { Question, RequestLimits } from './requests.js';
import type { DoneReply, Order } from './session-command.js';

/** Bytes, or text that is sent as UTF-8. Bytes must not be changed before the answer is there. */
export type Data = Uint8Array | string;

/** What every call takes. */
export interface CallOptions {
  /** How long the call may take, milliseconds. @default the client's `timeoutMillis` */
  readonly timeoutMillis?: number;
  /** Gives the call up; a write on its way may still be done. */
  readonly signal?: AbortSignal;
}

/** What calls about a stream take. */
export interface StreamOptions extends CallOptions {
  /** Name of the stream. @default 'log' */
  readonly stream?: string;
}

/** Where a record went. */
export interface AppendResult {
  readonly seq: number;
  readonly index: number;
  readonly term: number;
}

/** Where a batch of records went: all of them, at consecutive sequence numbers. */
export interface BatchResult {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly index: number;
  readonly term: number;
}

/** How a read is made. */
export interface ReadOptions extends StreamOptions {
  /** First sequence wanted; streams count from 1. @default 1 */
  readonly from?: number;
  /** Records wanted at most. @default 1000 */
  readonly limit?: number;
  /** @default 'linearizable' */
  readonly consistency?: Consistency;
}

/** What a read gives. */
export interface ReadResult {
  readonly records: readonly StreamRecord[];
  /** The stream's next sequence when it was read: it holds nextSeq − 1 records. */
  readonly nextSeq: number;
  /** False when a size limit cut the answer short: read on behind the last record. */
  readonly complete: boolean;
}

/** How a stream is followed. */
export interface FollowOptions {
  readonly stream?: string;
  /** First sequence wanted. @default 1 */
  readonly from?: number;
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How a key is written. */
export interface WriteOptions extends CallOptions {
  /** Only if the key's mod revision is this one; 0: only if there is no such key. */
  readonly expectedModRevision?: number;
}

/** What a `put` did. */
export interface PutResult {
  readonly revision: number;
  readonly createRevision: number;
  readonly version: number;
  readonly index: number;
  readonly term: number;
}

/** What a `delete` did. */
export interface DeleteResult {
  /** How many keys went: 0 or 1. */
  readonly count: number;
  readonly revision: number;
  readonly index: number;
  readonly term: number;
}

/** How keys are read. */
export interface GetOptions extends CallOptions {
  /** @default 'linearizable' */
  readonly consistency?: Consistency;
}

/** Which keys to list: all that begin with `prefix`, or from `start` up to but without `end`. */
export interface ListOptions extends GetOptions {
  readonly prefix?: Data;
  readonly start?: Data;
  readonly end?: Data;
  /** @default 1000 */
  readonly limit?: number;
}

/** Keys in order. */
export interface ListResult {
  readonly keys: readonly KeyValue[];
  readonly revision: number;
  /** There are more keys in the range. */
  readonly more: boolean;
}

const empty = new Uint8Array(0);
const streamNameBytesMax = 255;
/** Room for all of a command but its bytes and their lengths. */
const envelopeBytes = 512;
const lengthBytes = 4;

/**
 * A client of one cluster. Every method may reject with a `QuorateError`: a refusal with its
 * code; NO_LEADER when nothing was done because no server served in time; TIMEOUT when the time
 * was up and the outcome of a write is unknown; SESSION_EXPIRED when it is unknown for good.
 */
export class Client {
  readonly #core: ClientCore;

  /** For `connect` and tests; programs call `connect`. */
  constructor(core: ClientCore) {
    this.#core = core;
  }

  /** Address of the server in use. */
  get address(): string {
    return this.#core.link.address;
  }

  /** Appends one record. */
  append(data: Data, options: StreamOptions = {}): Promise<AppendResult> {
    const bytes = toBytes(data);
    const stream = options.stream ?? 'log';
    return this.#write({ op: 'append', stream, records: [bytes] }, options, appended);
  }

  /** Appends records at consecutive sequence numbers, all or none. */
  appendBatch(batch: readonly Data[], options: StreamOptions = {}): Promise<BatchResult> {
    const records = batch.map(toBytes);
    if (records.length === 0) return refuse('BAD_REQUEST', 'a batch needs at least one record');
    if (records.length > batchRecordsMax) {
      return refuse('TOO_LARGE', `a batch has at most ${batchRecordsMax} records: split it`);
    }
    const order: Order = { op: 'append', stream: options.stream ?? 'log', records };
    return this.#write(order, options, appendedBatch);
  }

  /** Reads records of a stream. */
  async read(options: ReadOptions = {}): Promise<ReadResult> {
    const { stream = 'log', from = 1, limit = 1000, consistency = 'linearizable' } = options;
    const question = { type: 'read', stream, fromSeq: from, limit, consistency } as const;
    const reply = await this.#ask(question, options);
    if (reply.type !== 'records') throw strange(reply);
    return { records: reply.records, nextSeq: reply.nextSeq, complete: reply.complete };
  }

  /** Gives the records of a stream, those there are and those to come, until the loop is left. */
  follow(options: FollowOptions = {}): Follow {
    if (this.#core.isEnded) throw closedError();
    this.#core.watch();
    return this.#core.follows.start(options.stream ?? 'log', options.from ?? 1, options.signal);
  }

  /** Reads a key; null when there is none. */
  async get(key: Data, options: GetOptions = {}): Promise<KeyValue | null> {
    const { consistency = 'linearizable' } = options;
    const reply = await this.#ask({ type: 'get', key: toBytes(key), consistency }, options);
    if (reply.type !== 'keys') throw strange(reply);
    return reply.keys[0] ?? null;
  }

  /** Writes a key. Rejects with CONFLICT when the condition does not hold. */
  put(key: Data, value: Data, options: WriteOptions = {}): Promise<PutResult> {
    const order: Order = {
      op: 'put',
      key: toBytes(key),
      value: toBytes(value),
      expectedModRevision: options.expectedModRevision ?? null,
    };
    return this.#write(order, options, wasPut);
  }

  /** Deletes a key; one that does not exist counts 0. */
  delete(key: Data, options: WriteOptions = {}): Promise<DeleteResult> {
    const expectedModRevision = options.expectedModRevision ?? null;
    const order: Order = { op: 'delete', key: toBytes(key), expectedModRevision };
    return this.#write(order, options, wasDeleted);
  }

  /** Lists keys in order. */
  async list(options: ListOptions = {}): Promise<ListResult> {
    const { limit = 1000, consistency = 'linearizable' } = options;
    const start = toBytes(options.prefix ?? options.start ?? empty);
    const end = options.prefix === undefined ? toBytes(options.end ?? empty) : prefixEnd(start);
    const reply = await this.#ask({ type: 'list', start, end, limit, consistency }, options);
    if (reply.type !== 'keys') throw strange(reply);
    return { keys: reply.keys, revision: reply.revision, more: reply.more };
  }

  /** How the cluster stands, as the server in use sees it. Works without a leader. */
  async status(options: CallOptions = {}): Promise<ClusterStatus> {
    const reply = await this.#ask({ type: 'status' }, options);
    if (reply.type !== 'status') throw strange(reply);
    return reply.status;
  }

  /** The members, as the server in use sees them. */
  async members(options: CallOptions = {}): Promise<readonly MemberStatus[]> {
    return (await this.status(options)).members;
  }

  /** Hands the leadership to the named member, or to the best follower. Resolves with one line. */
  async transferLeader(name = '', options: CallOptions = {}): Promise<string> {
    return this.#done({ type: 'transferLeader', to: name }, options);
  }

  /** Takes a member out of the cluster. Resolves with one line once that is committed. */
  async removeMember(name: string, options: CallOptions = {}): Promise<string> {
    return this.#done({ type: 'removeMember', name }, options);
  }

  /** Ends the client; what is still open rejects with DISCONNECTED. */
  async close(): Promise<void> {
    await this.#core.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #done(question: Question, options: CallOptions): Promise<string> {
    const reply = await this.#ask(question, options);
    if (reply.type !== 'done') throw strange(reply);
    return reply.message;
  }

  #ask(question: Question, options: CallOptions): Promise<ClientReply> {
    if (this.#core.isEnded) return Promise.reject(closedError());
    this.#core.watch();
    return this.#core.requests.ask(question, this.#limits(options));
  }

  #write<T>(
    order: Order,
    options: CallOptions,
    result: (reply: DoneReply, place: number) => T | null,
  ): Promise<T> {
    if (this.#core.isEnded) return Promise.reject(closedError());
    const bytes = orderBytes(order);
    const fault = orderFault(order, bytes);
    if (fault) return Promise.reject(fault);
    this.#core.watch();
    return new Promise((resolve, reject) => {
      const waiter = {
        resolve: (reply: DoneReply, place: number) => {
          const made = result(reply, place);
          if (made === null) reject(strange(reply));
          else resolve(made);
        },
        reject,
        watch: null,
      };
      const mayShare = result === (appended as unknown);
      this.#core.session.submit(order, { waiter, limits: this.#limits(options), bytes, mayShare });
    });
  }

  #limits(options: CallOptions): RequestLimits {
    const timeoutMillis = options.timeoutMillis ?? this.#core.settings.timeoutMillis;
    const deadlineMillis = this.#core.clock.monotonicMillis() + timeoutMillis;
    return { deadlineMillis, signal: options.signal };
  }
}

function orderBytes(order: Order): number {
  if (order.op === 'put') return order.key.length + order.value.length;
  if (order.op === 'delete') return order.key.length;
  let bytes = 0;
  for (const record of order.records) bytes += record.length;
  return bytes;
}

/** What would keep the command from being encoded once it has its place among others; or null. */
function orderFault(order: Order, bytes: number): QuorateError | null {
  const records = order.op === 'append' ? order.records.length : 1;
  if (bytes + records * lengthBytes + envelopeBytes > commandBytesMax) {
    const message = `a write has at most ${commandBytesMax} bytes with its lengths, not ${bytes}`;
    return new QuorateError('TOO_LARGE', message);
  }
  if (order.op === 'append') {
    if (order.stream.length > 0 && utf8Length(order.stream) <= streamNameBytesMax) return null;
    const message = `the name of a stream has 1 to ${streamNameBytesMax} bytes`;
    return new QuorateError('BAD_REQUEST', message);
  }
  if (order.key.length === 0 || order.key.length > keyBytesMax) {
    return new QuorateError('BAD_REQUEST', `a key has 1 to ${keyBytesMax} bytes`);
  }
  const revision = order.expectedModRevision;
  if (revision === null || (Number.isSafeInteger(revision) && revision >= 0)) return null;
  return new QuorateError('BAD_REQUEST', 'expectedModRevision is a whole number from 0 on');
}

function appended(reply: DoneReply, place: number): AppendResult | null {
  if (reply.kind !== 'appended') return null;
  return { seq: reply.firstSeq + place, index: reply.index, term: reply.term };
}

function appendedBatch(reply: DoneReply): BatchResult | null {
  if (reply.kind !== 'appended') return null;
  const { firstSeq, lastSeq, index, term } = reply;
  return { firstSeq, lastSeq, index, term };
}

function wasPut(reply: DoneReply): PutResult | null {
  if (reply.kind !== 'put') return null;
  const { revision, createRevision, version, index, term } = reply;
  return { revision, createRevision, version, index, term };
}

function wasDeleted(reply: DoneReply): DeleteResult | null {
  if (reply.kind !== 'deleted') return null;
  const { count, revision, index, term } = reply;
  return { count, revision, index, term };
}

function refuse(code: 'BAD_REQUEST' | 'TOO_LARGE', message: string): Promise<never> {
  return Promise.reject(new QuorateError(code, message));
}

function closedError(): QuorateError {
  return new QuorateError('DISCONNECTED', 'this client was closed: connect again');
}

function strange(reply: ClientReply | DoneReply): QuorateError {
  const what = 'type' in reply ? reply.type : reply.kind;
  const message = `the server answered with "${what}", which is no answer to the request`;
  return new QuorateError('BAD_REQUEST', message);
}
