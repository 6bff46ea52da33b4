/**
 * A cluster in memory for tests of client and front: the real machine and the real native front
 * over streams that are mere queues. It has one machine, whichever server is asked, and a hook by
 * which a test decides the fate of each command: so it can lose what a real cluster loses.
 */

import * as assert from 'uvu/assert';
import type { Clock } from '../../src/base/clock.js';
import type { Refusal } from '../../src/base/errors.js';
import { Rng } from '../../src/base/rng.js';
import { Client } from '../../src/client/client.js';
import { ClientCore } from '../../src/client/core.js';
import { type ConnectOptions, settleOptions } from '../../src/client/options.js';
import { NativeFront, type NativeFrontOptions } from '../../src/front/native/native-front.js';
import type { Command, Reply } from '../../src/machine/commands.js';
import { Machine } from '../../src/machine/machine.js';
import type { Entry } from '../../src/raft/types.js';
import type { Outcome, ReplicaApi } from '../../src/replica/api.js';
import { RecordReader } from '../../src/replica/record-reader.js';
import type { ClientDialer, ClientStream } from '../../src/transport/transport.js';
import type {
  ClusterStatus,
  OperatorReply,
  OperatorRequest,
  StreamRecord,
} from '../../src/wire/client-messages.js';
import { decodeCommand, encodeCommand } from '../../src/wire/command-codec.js';
import { entry } from '../raft/lone-core.js';

/** What becomes of a command. `lost`: neither done nor answered. `mute`: done, not answered. */
export type Fate = 'done' | 'lost' | 'mute' | Refusal;

/** A log without anything to say. */
const quietLog = { error() {}, warn() {}, info() {}, debug() {} };

/** One end of a stream in memory. */
export class MemoryStream implements ClientStream {
  readonly remotePeer = 'peer';
  readonly remoteAddress = '127.0.0.1:1';
  other: MemoryStream | null = null;
  /** How many more sends are taken before the queue counts as full; null: it never does. */
  room: number | null = null;
  sends = 0;
  readonly #clock: Clock;
  #onFrames: (frames: readonly Uint8Array[]) => void = () => {};
  #onDrain: () => void = () => {};
  #onClose: (reason: string) => void = () => {};
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(frames: readonly Uint8Array[]): boolean {
    if (this.room === 0) return false;
    if (this.room !== null) this.room -= 1;
    this.sends += 1;
    const { other } = this;
    if (!this.#isOver) this.#clock.afterTurn(() => other?.deliver(frames));
    return true;
  }

  deliver(frames: readonly Uint8Array[]): void {
    if (!this.#isOver) this.#onFrames(frames);
  }

  drain(): void {
    this.room = null;
    this.#clock.afterTurn(() => this.#onDrain());
  }

  onFrames(handler: (frames: readonly Uint8Array[]) => void): void {
    this.#onFrames = handler;
  }

  onDrain(handler: () => void): void {
    this.#onDrain = handler;
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
  }

  close(): void {
    this.#clock.afterTurn(() => {
      this.end('closed');
      this.other?.end('the other side closed the stream');
    });
  }

  /** Ends this side at once; nothing more comes in or goes out. */
  end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clock.afterTurn(() => this.#onClose(reason));
  }
}

/** Two ends of one stream. */
export function streamPair(clock: Clock): [MemoryStream, MemoryStream] {
  const pair: [MemoryStream, MemoryStream] = [new MemoryStream(clock), new MemoryStream(clock)];
  pair[0].other = pair[1];
  pair[1].other = pair[0];
  return pair;
}

const always = (): null => null;

interface Server {
  readonly front: NativeFront;
  isUp: boolean;
  /** Takes connections and requests, and says nothing. */
  isPaused: boolean;
  streams: [MemoryStream, MemoryStream][];
}

/** The cluster. */
export class MemoryCluster implements ClientDialer {
  readonly clock: Clock;
  readonly machine = new Machine({
    index: 1,
    term: 1,
    configurationIndex: 1,
    configuration: {
      voters: [],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      members: [],
      reason: 'founded',
    },
  });
  readonly servers = new Map<string, Server>();
  /** Every record of the stream `log`, by sequence from 1. */
  readonly records: StreamRecord[] = [];
  readonly applied: Command[] = [];
  readonly dials: string[] = [];
  leader: string | null;
  /** Who led before, as servers say it while nobody does. */
  lastLeader: string | null = null;
  /** Decides what becomes of a command at a server. */
  fate: (command: Command, address: string) => Fate = () => 'done';
  /** Stands in for a read's answer where a test wants a refusal. */
  readRefusal: ((address: string) => Refusal | null) | null = null;
  readonly asked: string[] = [];
  /** What operators asked, in order. */
  readonly operated: OperatorRequest[] = [];
  #index = 1;
  /** What was applied, by index. */
  readonly #log = new Map<number, Entry>();
  readonly #reader: RecordReader;
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock, addresses: readonly string[], options: NativeFrontOptions = {}) {
    this.clock = clock;
    this.leader = addresses[0] ?? null;
    this.#reader = new RecordReader({
      machine: this.machine,
      core: { entriesInMemory: (first, last) => this.#entries(first, last) },
      store: { read: () => assert.unreachable('all of the log is in memory') },
    });
    for (const address of addresses) {
      const replica = this.#replica(address);
      const front = new NativeFront(options, { replica, clock, log: quietLog });
      this.servers.set(address, { front, isUp: true, isPaused: false, streams: [] });
    }
  }

  /** A client of this cluster, at work. */
  client(options: Partial<ConnectOptions> = {}): Client {
    const targets = [...this.servers.keys()];
    const settings = settleOptions({ targets, preferLeader: false, ...options });
    const core = new ClientCore(settings, { dialer: this, clock: this.clock, rng: new Rng(7) });
    core.link.open();
    return new Client(core);
  }

  async dial(address: string, signal: AbortSignal): Promise<ClientStream> {
    this.dials.push(address);
    const server = this.servers.get(address);
    await new Promise<void>((resolve) => this.clock.afterTurn(resolve));
    if (signal.aborted) throw new Error('aborted');
    if (!server?.isUp) throw new Error('connection refused');
    const pair = streamPair(this.clock);
    server.streams.push(pair);
    if (!server.isPaused) server.front.accept(pair[1]);
    return pair[0];
  }

  async stop(): Promise<void> {}

  /** Breaks every stream of a server. */
  cut(address: string): void {
    const server = this.servers.get(address);
    for (const [near, far] of server?.streams ?? []) {
      near.end('connection reset');
      far.end('connection reset');
    }
    if (server) server.streams = [];
  }

  kill(address: string): void {
    const server = this.servers.get(address);
    if (server) server.isUp = false;
    this.cut(address);
  }

  /** A test has applied an entry to the machine by itself. */
  skipIndex(): void {
    this.#index += 1;
  }

  /** The data of every record, in order. */
  texts(): string[] {
    return this.records.map((record) => Buffer.from(record.data).toString());
  }

  #apply(command: Command): Reply {
    this.#index += 1;
    const meta = { index: this.#index, term: 1, timeMillis: this.clock.wallMillis() };
    const before = this.machine.stream('log')?.nextSeq ?? 1;
    const reply = this.machine.apply(meta, command);
    const after = this.machine.stream('log')?.nextSeq ?? 1;
    this.applied.push(command);
    this.#log.set(this.#index, {
      ...meta,
      kind: 'command',
      data: encodeCommand(command),
      configuration: null,
      encoded: null,
    });
    if (command.op === 'append' && after > before) {
      const { index, term, timeMillis } = meta;
      for (const data of command.records) {
        this.records.push({ seq: this.records.length + 1, index, term, timeMillis, data });
      }
    }
    if (command.op === 'append' && reply.kind === 'appended') {
      for (const changed of this.#watchers) this.clock.afterTurn(changed);
    }
    return reply;
  }

  #execute(address: string, bytes: Uint8Array, answer: (outcome: Outcome<Reply>) => void): void {
    const command = decodeCommand(bytes);
    const fate = this.fate(command, address);
    if (fate === 'lost') return;
    if (typeof fate === 'object') {
      this.clock.afterTurn(() => answer({ ok: false, refusal: fate }));
      return;
    }
    const value = this.#apply(command);
    if (fate === 'done') this.clock.afterTurn(() => answer({ ok: true, value }));
  }

  #entries(first: number, last: number): readonly Entry[] {
    return Array.from({ length: last - first + 1 }, (_, at) => {
      const index = first + at;
      return this.#log.get(index) ?? { ...entry(index, 1, ''), kind: 'noop' };
    });
  }

  #replica(address: string): ReplicaApi {
    const later = <T>(answer: (outcome: Outcome<T>) => void, value: () => T) => {
      this.asked.push(address);
      const refusal = this.readRefusal?.(address) ?? null;
      this.clock.afterTurn(() =>
        answer(refusal ? { ok: false, refusal } : { ok: true, value: value() }),
      );
    };
    return {
      execute: (bytes, answer) => this.#execute(address, bytes, answer),
      readRecords: (stream, range, _consistency, answer) =>
        later((outcome) => {
          if (outcome.ok) this.#reader.read(stream, range, answer);
          else answer(outcome);
        }, always),
      tail: (stream, _consistency, answer) =>
        later((outcome: Outcome<null>) => {
          const value = this.machine.streamState(stream);
          const refusal: Refusal = { code: 'NOT_FOUND', message: 'no such stream' };
          if (!outcome.ok) answer(outcome);
          else answer(value === null ? { ok: false, refusal } : { ok: true, value });
        }, always),
      streams: (page, _consistency, answer) => later(answer, () => this.machine.streams(page)),
      get: (key, _consistency, answer) =>
        later(answer, () => {
          const pair = this.machine.get(key);
          const { revision } = this.machine;
          return { revision, keys: pair ? [pair] : [], more: false };
        }),
      list: (start, end, limit, _consistency, answer) =>
        later(answer, () => ({
          revision: this.machine.revision,
          ...this.machine.list(start, end, limit),
        })),
      onAppended: (_stream, changed) => {
        this.#watchers.add(changed);
        return () => void this.#watchers.delete(changed);
      },
      status: () => this.#status(address),
      leaderless: () => this.#leaderless(),
      operate: (request, answer) => later(answer, () => this.#operate(request, address)),
      otherAddresses: () => [...this.servers.keys()].filter((other) => other !== address),
    };
  }

  #operate(request: OperatorRequest, address: string): OperatorReply {
    this.operated.push(request);
    const quorum = { voters: ['a'], alive: ['a'], majority: 1, tolerates: 0 };
    switch (request.type) {
      case 'plan':
        return {
          type: 'plan',
          plan: {
            leader: address,
            term: 1,
            configurationIndex: 1,
            outcome: 'rest',
            reason: 'there is nobody to promote',
            evidence: [],
            changes: [],
            now: quorum,
            during: null,
            after: null,
          },
        };
      case 'why':
        return {
          type: 'why',
          why: { name: request.name, memberId: 1, state: 'voter', lines: ['it votes'] },
        };
      case 'history':
        return { type: 'history', rows: [] };
      case 'policy':
        return { type: 'policy', policy: { index: 0, words: [] } };
      default:
        return { type: 'done', message: `${request.type} by ${address}` };
    }
  }

  #leaderless(): ClusterStatus['self']['leaderless'] {
    return this.leader === null ? { millis: 0, lastLeader: this.lastLeader } : null;
  }

  #status(address: string): ClusterStatus {
    const names = [...this.servers.keys()];
    const idOf = (name: string) => names.indexOf(name) + 1;
    const leader = this.leader;
    return {
      cluster: 'test',
      clusterId: 'aabbccddeeff0011',
      version: '0.1.0',
      term: 1,
      leader: leader === null ? null : { name: leader, memberId: idOf(leader) },
      commitIndex: this.#index,
      appliedIndex: this.#index,
      lastIndex: this.#index,
      lastTerm: 1,
      faultTolerance: 1,
      joint: false,
      configurationIndex: 1,
      members: names.map((name) => ({
        name,
        memberId: idOf(name),
        peerId: `peer${idOf(name)}`,
        role: 'voter',
        health: 'alive',
        addresses: [name],
        matchIndex: null,
        silentMillis: 0,
        zone: null,
        disk: null,
      })),
      otherClusters: [],
      self: {
        name: address,
        memberId: idOf(address),
        peerId: `peer${idOf(address)}`,
        role: leader === address ? 'leader' : 'follower',
        waitingFor: null,
        leaderless: this.#leaderless(),
        alarm: null,
        gossipSent: null,
      },
    };
  }
}
