/**
 * Clients: the real client library over the false network, each in a process of its own, asking
 * whatever may be asked without waiting for the answer before, and handing each answer to the
 * judge.
 */

import type { ErrorCode } from '../../src/base/errors.js';
import { Rng } from '../../src/base/rng.js';
import type { CallOptions } from '../../src/client/calls.js';
import { Client } from '../../src/client/client.js';
import { ClientCore } from '../../src/client/core.js';
import { settleOptions } from '../../src/client/options.js';
import type { Index } from '../../src/raft/types.js';
import type { ClientJudge } from './client-judge.js';
import { type Asked, gotReply, type History } from './history.js';
import type { KeyReply } from './key-history.js';
import { textOf } from './machine-model.js';
import type { Marks } from './marks.js';
import type { Network } from './network.js';
import { type Failed, OpenCalls } from './open-calls.js';
import { simDialer } from './sim-dialer.js';
import type { SimProcess } from './sim-process.js';
import { StreamWork } from './stream-work.js';
import type { WorkloadKnobs } from './swarm.js';
import type { Trace } from './trace.js';

/** Calls of one client without an answer. */
const openMax = 16;

const clientQueueBytesMax = 1 << 20;

/** What a client works with. */
export interface WorkloadDeps {
  readonly process: SimProcess;
  readonly host: number;
  readonly network: Network;
  readonly rng: Rng;
  /** For what it does to streams that have rules: a chance of its own. */
  readonly streamRng: Rng;
  readonly judge: ClientJudge;
  readonly marks: Marks;
  readonly trace: Trace;
  readonly history: History;
  readonly targets: readonly string[];
  /** True time, milliseconds. */
  readonly now: () => number;
  /** What is committed now, anywhere. */
  readonly commitMax: () => Index;
  /** Runs a check; what it finds ends the world. */
  readonly check: (work: () => void) => void;
  /** A client has just asked something. */
  readonly asked: (client: SimClient) => void;
}

/** How a read is made, and what was committed when it was asked; null: it may be stale. */
export interface KindOfRead {
  readonly consistency: 'linearizable' | 'stale';
  readonly since: Index | null;
}

/** One client at work. */
export class SimClient {
  readonly name: string;
  readonly #knobs: WorkloadKnobs;
  readonly #deps: WorkloadDeps;
  readonly #client: Client;
  readonly #calls: OpenCalls;
  readonly #streamWork: StreamWork;
  #number = 0;
  #isResting = false;
  /** The last revision seen of each key, for conditions. */
  readonly #revisions = new Map<string, number>();
  #address = '';

  constructor(name: string, knobs: WorkloadKnobs, deps: WorkloadDeps) {
    this.name = name;
    this.#knobs = knobs;
    this.#deps = deps;
    const { timeoutMillis, attemptTimeoutMillis, inflightCommandsMax } = knobs;
    const { groupRecordsMax, preferLeader } = knobs;
    const settings = settleOptions({
      targets: deps.targets,
      timeoutMillis,
      attemptTimeoutMillis,
      inflightCommandsMax,
      groupRecordsMax,
      preferLeader,
    });
    const rng = new Rng(deps.rng.uint32());
    const dialer = simDialer(deps, deps.network, clientQueueBytesMax);
    const core = new ClientCore(settings, { dialer, clock: deps.process, rng });
    this.#client = new Client(core);
    this.#calls = new OpenCalls(name, deps.trace, deps.check);
    const texts = (count: number): string[] => this.#texts(count);
    const kind = (): KindOfRead => this.#kindOfRead();
    const { judge, marks, check, streamRng } = deps;
    const parts = { client: this.#client, calls: this.#calls, judge, marks, check, texts, kind };
    this.#streamWork = new StreamWork(knobs.ruledStreams, streamRng, parts);
  }

  /** Calls without an answer. */
  get open(): number {
    return this.#calls.count;
  }

  /** Whether its writes stand in the order in which it asked. */
  get isOrdered(): boolean {
    return this.#calls.isOrdered;
  }

  start(): void {
    this.#next();
    if (this.#deps.rng.below(3) === 0) this.#follow(this.#stream());
    this.#streamWork.start();
  }

  /** Asks nothing more; what is open ends by itself. */
  rest(): void {
    this.#isResting = true;
  }

  /** The process is gone at once. Nobody will ever know what came of its open calls. */
  die(): void {
    const { process, network } = this.#deps;
    process.end();
    network.processEnded(process, false);
    this.#calls.lose();
  }

  /** Where it is connected, or was last. */
  get address(): string {
    return this.#client.address;
  }

  /** The number of its machine. */
  get host(): number {
    return this.#deps.host;
  }

  /** Appends one record however long it takes; `done` once it is acknowledged. */
  appendAtLast(done: () => void): void {
    this.#append(['last'], 600_000, done);
  }

  /** Reads every stream from its begin to its end. */
  readAll(done: () => void): void {
    const readOn = (number: number, fromSeq: number): void => {
      if (number >= this.#knobs.streams) return done();
      const then = (next: number, end: number): void => {
        if (next < end) readOn(number, next);
        else readOn(number + 1, 1);
      };
      const range = { fromSeq, limit: 500 };
      this.#readFrom(`stream${number}`, range, then, () => readOn(number, fromSeq));
    };
    readOn(0, 1);
  }

  /** An operator's word, given by this client. */
  remove(nameOrId: string): void {
    this.#client.removeMember(nameOrId, { timeoutMillis: 20_000 }).catch(() => {});
  }

  transfer(): void {
    const { marks } = this.#deps;
    this.#client.transferLeader('', { timeoutMillis: 5000 }).then(
      () => marks.hit('leader transferred'),
      () => {},
    );
  }

  #next(): void {
    const { process, rng } = this.#deps;
    const pause = rng.below(2 * this.#knobs.pauseMillis) + 1;
    process.after(pause, () => {
      if (this.#isResting) return;
      for (let burst = rng.below(8) === 0 ? 5 : 1; burst > 0; burst--) {
        if (this.open < openMax) this.#ask();
        if (this.open < openMax) this.#streamWork.ask();
      }
      this.#deps.asked(this);
      this.#next();
    });
  }

  #ask(): void {
    const { rng } = this.#deps;
    const { address } = this.#client;
    if (address !== this.#address && this.#address !== '') {
      this.#deps.marks.hit('client moved to another server');
    }
    this.#address = address;
    switch (rng.below(12)) {
      case 0:
      case 1:
      case 2:
        return this.#append(this.#texts(1));
      case 3:
        return this.#append(this.#texts(rng.between(2, 5)));
      case 4:
      case 5:
        return this.#put();
      case 6:
        return this.#delete();
      case 7:
      case 8:
        return this.#get();
      case 9:
        return this.#list();
      default:
        return this.#read();
    }
  }

  #append(texts: readonly string[], timeoutMillis?: number, done?: () => void): void {
    const named = texts[0] === 'last' ? this.#texts(1) : texts;
    const stream = this.#stream();
    const options = { stream, ...(timeoutMillis === undefined ? {} : { timeoutMillis }) };
    const { judge, history } = this.#deps;
    const asked = history.askStream(this.host, stream, this.#now(), {
      op: 'append',
      records: named,
    });
    const [only] = named;
    const call =
      named.length === 1 && only !== undefined
        ? this.#client.append(only, options).then(({ seq, index }) => ({ firstSeq: seq, index }))
        : this.#client.appendBatch(named, options);
    this.#when(
      call,
      ({ firstSeq, index }) => {
        judge.appended(stream, named, firstSeq, index);
        asked.told(this.#now(), { kind: 'appended', firstSeq });
        this.#deps.trace.number(index);
        done?.();
      },
      (isSure) => {
        for (const text of named) judge.failed(text, isSure);
        if (isSure) asked.refused();
      },
    );
  }

  #put(): void {
    const { judge, history } = this.#deps;
    const key = this.#key();
    const [value = ''] = this.#texts(1);
    const condition = this.#condition(key);
    const expected = condition.expectedModRevision ?? null;
    const asked = history.askKey(this.host, key, this.#now(), { op: 'put', value, expected });
    this.#when(
      this.#client.put(key, value, condition),
      (result) => {
        judge.put(key, value, result);
        asked.told(this.#now(), { kind: 'put', revision: result.revision });
        this.#revisions.set(key, result.revision);
      },
      (isSure, { code }) => {
        judge.failed(value, isSure);
        this.#writeFailed(asked, isSure, code);
      },
    );
  }

  #delete(): void {
    const key = this.#key();
    const condition = this.#condition(key);
    const expected = condition.expectedModRevision ?? null;
    const { history } = this.#deps;
    const asked = history.askKey(this.host, key, this.#now(), { op: 'delete', expected });
    this.#when(
      this.#client.delete(key, condition),
      ({ count, revision }) => {
        asked.told(this.#now(), { kind: 'deleted', revision, count: count === 0 ? 0 : 1 });
        this.#revisions.delete(key);
      },
      (isSure, { code }) => this.#writeFailed(asked, isSure, code),
    );
  }

  #writeFailed(asked: Asked<KeyReply>, isSure: boolean, code: ErrorCode): void {
    if (code === 'CONFLICT') asked.told(this.#now(), { kind: 'conflict' });
    else if (isSure) asked.refused();
    else asked.unknown();
  }

  #get(): void {
    const { judge, history } = this.#deps;
    const key = this.#key();
    const { consistency, since } = this.#kindOfRead();
    const begun = this.#now();
    const asked = since === null ? null : history.askKey(this.host, key, begun, { op: 'get' });
    this.#when(this.#client.get(key, { consistency }), (found) => {
      judge.got(key, found, since);
      asked?.told(this.#now(), gotReply(found));
      this.#revisions.set(key, found?.modRevision ?? 0);
    });
  }

  #list(): void {
    const { consistency, since } = this.#kindOfRead();
    const limit = this.#deps.rng.between(1, 10);
    this.#when(this.#client.list({ consistency, limit }), (result) => {
      this.#deps.judge.listed(result, since);
    });
  }

  #read(): void {
    const { rng } = this.#deps;
    const range = { fromSeq: rng.between(1, 200), limit: rng.between(1, 50) };
    this.#readFrom(this.#stream(), range, () => {});
  }

  /** @param then hears where the next read would begin, and where the stream ends. */
  #readFrom(
    stream: string,
    { fromSeq, limit }: { readonly fromSeq: number; readonly limit: number },
    then: (next: number, end: number) => void,
    failed: () => void = () => {},
  ): void {
    const { judge, history } = this.#deps;
    const { consistency, since } = this.#kindOfRead();
    const call = { op: 'read', fromSeq } as const;
    const asked = since === null ? null : history.askStream(this.host, stream, this.#now(), call);
    const options = { stream, from: fromSeq, limit, consistency };
    this.#when(
      this.#client.read(options),
      ({ records, nextSeq, firstSeq, complete }) => {
        judge.read(stream, fromSeq, { records, nextSeq, firstSeq, complete }, since);
        const texts = records.map(({ data }) => textOf(data));
        asked?.told(this.#now(), { kind: 'records', records: texts, nextSeq });
        then(fromSeq + records.length, nextSeq);
      },
      failed,
    );
  }

  /** Reads a stream from its begin, for ever. */
  #follow(stream: string): void {
    const { judge, check } = this.#deps;
    const follow = this.#client.follow({ stream });
    let seq = 0;
    let address = '';
    const next = (): void => {
      follow.next().then(
        (result) => {
          if (result.done === true) return;
          seq += 1;
          const at = seq;
          const isNewServer = address !== '' && address !== this.#client.address;
          if (isNewServer) this.#deps.marks.hit('follow went on after a loss');
          address = this.#client.address;
          check(() => judge.record(stream, at, result.value));
          next();
        },
        () => {},
      );
    };
    next();
  }

  #kindOfRead(): KindOfRead {
    const isStale = !this.#isResting && this.#deps.rng.below(4) === 0;
    if (isStale) return { consistency: 'stale', since: null };
    return { consistency: 'linearizable', since: this.#deps.commitMax() };
  }

  #condition(key: string): CallOptions & { expectedModRevision?: number } {
    const { rng } = this.#deps;
    if (rng.below(2) === 0) return {};
    return { expectedModRevision: this.#revisions.get(key) ?? 0 };
  }

  #when<T>(call: Promise<T>, done: (result: T) => void, failed?: Failed): void {
    this.#calls.when(call, done, failed);
  }

  #texts(count: number): string[] {
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      this.#number += 1;
      const size = this.#deps.rng.below(20) === 0 ? 600 : this.#deps.rng.below(30);
      texts.push(`${this.name}-${this.#number}-${'x'.repeat(size)}`);
    }
    return texts;
  }

  #key(): string {
    return this.#deps.history.key(this.#deps.rng.below(this.#knobs.keys));
  }

  #now(): number {
    return this.#deps.now();
  }

  #stream(): string {
    return `stream${this.#deps.rng.below(this.#knobs.streams)}`;
  }
}
