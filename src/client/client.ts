/**
 * The client library: what a program says to a cluster. Writes are done exactly once and in the
 * order of the calls, whatever happens to servers in between; reads are repeated until they are
 * answered. It only translates: `Session`, `Requests` and `Follows` carry the work.
 */

import { QuorateError } from '../base/errors.js';
import { batchRecordsMax } from '../base/limits.js';
import type { KeyValue, StreamChange, StreamState } from '../machine/commands.js';
import type {
  ClientReply,
  ClusterStatus,
  HistoryRow,
  MemberStatus,
  PlanReport,
  PolicyReport,
  WhyReport,
} from '../wire/client-messages.js';
import type {
  AppendOptions,
  AppendResult,
  BatchResult,
  CallOptions,
  Data,
  DeleteResult,
  FollowOptions,
  GetOptions,
  ListOptions,
  ListResult,
  PutResult,
  ReadOptions,
  ReadResult,
  RemoveOptions,
  RetentionLimits,
  SealOptions,
  StreamChanged,
  StreamOptions,
  StreamReadOptions,
  StreamsOptions,
  StreamsResult,
  WriteOptions,
} from './calls.js';
import type { ClientCore } from './core.js';
import type { Follow } from './follow.js';
import { prefixEnd, toBytes } from './keys.js';
import {
  appended,
  appendedBatch,
  appendOrder,
  orderBytes,
  orderFault,
  streamChanged,
  wasDeleted,
  wasPut,
} from './orders.js';
import { rangeOf } from './read-range.js';
import type { Question, RequestLimits } from './requests.js';
import type { DoneReply, Order } from './session-command.js';

const empty = new Uint8Array(0);

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

  /** Appends one record. Rejects with CONFLICT, FENCED or SEALED when a condition does not hold. */
  append(data: Data, options: AppendOptions = {}): Promise<AppendResult> {
    return this.#write(appendOrder([toBytes(data)], options), options, appended);
  }

  /** Appends records at consecutive sequence numbers, all or none, under conditions as `append`. */
  appendBatch(batch: readonly Data[], options: AppendOptions = {}): Promise<BatchResult> {
    const records = batch.map(toBytes);
    if (records.length === 0) return refuse('BAD_REQUEST', 'a batch needs at least one record');
    if (records.length > batchRecordsMax) {
      return refuse('TOO_LARGE', `a batch has at most ${batchRecordsMax} records: split it`);
    }
    return this.#write(appendOrder(records, options), options, appendedBatch);
  }

  /** Reads records of a stream; one that does not exist has none. Rejects with TRIMMED when the
   * record to begin with is trimmed away. */
  async read(options: ReadOptions = {}): Promise<ReadResult> {
    const { stream = 'log', consistency = 'linearizable' } = options;
    const question = { type: 'read', stream, range: rangeOf(options), consistency } as const;
    const reply = await this.#ask(question, options);
    if (reply.type !== 'records') throw strange(reply);
    const { records, nextSeq, firstSeq, complete } = reply;
    return { records, nextSeq, firstSeq, complete };
  }

  /** Gives the records of a stream, those there are and those to come, until the loop is left.
   * Throws TRIMMED when the place it has come to is trimmed away: it leaves none out in silence. */
  follow(options: FollowOptions = {}): Follow {
    if (this.#core.isEnded) throw closedError();
    this.#core.watch();
    return this.#core.follows.start(options.stream ?? 'log', options.from ?? 0, options.signal);
  }

  /** How a stream stands: its ends, views, fence and retention. Rejects with NOT_FOUND. */
  async tail(options: StreamReadOptions = {}): Promise<StreamState> {
    const { stream = 'log', consistency = 'linearizable' } = options;
    const reply = await this.#ask({ type: 'tail', stream, consistency }, options);
    if (reply.type !== 'tail') throw strange(reply);
    return reply.state;
  }

  /** Lists streams by name, and how each stands. */
  async streams(options: StreamsOptions = {}): Promise<StreamsResult> {
    const { prefix = '', after = '', limit = 1000, consistency = 'linearizable' } = options;
    const question = { type: 'streams', prefix, after, limit, consistency } as const;
    const reply = await this.#ask(question, options);
    if (reply.type !== 'streams') throw strange(reply);
    return { streams: reply.streams, more: reply.more };
  }

  /** Closes the newest view of a stream for ever: it takes no record any more, whoever writes.
   * Sealed already is done. A stream that does not exist is made, empty and sealed. */
  seal(options: SealOptions = {}): Promise<StreamChanged> {
    return this.#change({ kind: 'seal', view: options.view ?? null }, options);
  }

  /** Opens view `after` + 1, where view `after` ended. Rejects with CONFLICT unless `after` is the
   * newest view and sealed: of several who open the next one, one does. */
  openView(after: number, options: StreamOptions = {}): Promise<StreamChanged> {
    return this.#change({ kind: 'openView', after }, options);
  }

  /** Forgets the records below `beforeSeq`, at most all there are. Done twice it is done once. */
  trim(beforeSeq: number, options: StreamOptions = {}): Promise<StreamChanged> {
    return this.#change({ kind: 'trim', beforeSeq }, options);
  }

  /** Sets what a stream keeps, in the place of what was set before. */
  setRetention(limits: RetentionLimits, options: StreamOptions = {}): Promise<StreamChanged> {
    const { recordsMax = null, bytesMax = null, ageMillisMax = null } = limits;
    return this.#change({ kind: 'setRetention', recordsMax, bytesMax, ageMillisMax }, options);
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

  /** Takes a member out of the cluster. Resolves with one line once that is committed. Rejects with
   * CHANGE_REFUSED and the rule when it would leave the cluster too weak. */
  async removeMember(name: string, options: RemoveOptions = {}): Promise<string> {
    return this.#done({ type: 'removeMember', name, force: options.force === true }, options);
  }

  /** Lets a member leave in order: its leadership goes first, its vote next, it itself last.
   * Resolves with one line once that is committed. */
  async leave(name: string, options: CallOptions = {}): Promise<string> {
    return this.#done({ type: 'leave', name }, options);
  }

  /** What the leader would change in the membership now, or the rule that keeps it from it. */
  async plan(options: CallOptions = {}): Promise<PlanReport> {
    const reply = await this.#ask({ type: 'plan' }, options);
    if (reply.type !== 'plan') throw strange(reply);
    return reply.plan;
  }

  /** How one server stands and what it waits for. @param name its name, or its member id */
  async why(name: string, options: CallOptions = {}): Promise<WhyReport> {
    const reply = await this.#ask({ type: 'why', name }, options);
    if (reply.type !== 'why') throw strange(reply);
    return reply.why;
  }

  /** The last 256 configurations, the oldest first, as the server in use has applied them. Works
   * without a leader. */
  async history(options: CallOptions = {}): Promise<readonly HistoryRow[]> {
    const reply = await this.#ask({ type: 'history' }, options);
    if (reply.type !== 'history') throw strange(reply);
    return reply.rows;
  }

  /** The policy of membership: every word in force, and where it comes from. Works without a
   * leader, as the server in use knows it. */
  async policy(options: CallOptions = {}): Promise<PolicyReport> {
    const reply = await this.#ask({ type: 'policy' }, options);
    if (reply.type !== 'policy') throw strange(reply);
    return reply.policy;
  }

  /**
   * Sets words of the policy, such as `voters=5 dead-after=10s`; `voters=default` takes one back.
   * Resolves with one line once it is committed. Rejects with BAD_REQUEST and every fault.
   */
  async setPolicy(text: string, options: CallOptions = {}): Promise<string> {
    return this.#done({ type: 'setPolicy', text }, options);
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

  #change(change: StreamChange, options: StreamOptions): Promise<StreamChanged> {
    const order: Order = { op: 'changeStream', stream: options.stream ?? 'log', change };
    return this.#write(order, options, streamChanged);
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
      // Alone an append with conditions meets no fate but its own.
      const isPlain = order.op === 'append' && order.conditions === undefined;
      const mayShare = isPlain && result === (appended as unknown);
      this.#core.session.submit(order, { waiter, limits: this.#limits(options), bytes, mayShare });
    });
  }

  #limits(options: CallOptions): RequestLimits {
    const timeoutMillis = options.timeoutMillis ?? this.#core.settings.timeoutMillis;
    const deadlineMillis = this.#core.clock.monotonicMillis() + timeoutMillis;
    return { deadlineMillis, signal: options.signal };
  }
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
