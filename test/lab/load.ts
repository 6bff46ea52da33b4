/**
 * The load of a storm, within an agent: clients that append at a steady pace whatever happens to
 * the cluster, and that read the end of the stream all the time. It keeps the history: every record
 * differs from every other, every operation has its moments by the machine's clock. What a client
 * was surely refused is left out: were it done all the same, the judge would find a record that
 * nobody appended.
 */

import type { Client } from '../../src/client/client.js';
import type { ConnectOptions } from '../../src/client/options.js';
import type { StreamCall, StreamOperation, StreamReply } from '../sim/stream-history.js';
import { type LoadOrder, nowMicros } from './agent-calls.js';

/** How a client is had. */
export type Connect = (options: ConnectOptions) => Promise<Client>;

const stream = 'log';
/** Longer than any fault of a storm: outcomes should be known. */
const timeoutMillis = 30_000;
/** Appends of a client on their way at most: beyond, it waits, so that a long cut stays bounded. */
const outstandingMax = 500;
const readPauseMillis = 100;
/** A read asks for this many records before the end that was last seen. */
const readBehind = 5;
/** Codes that say that nothing was done; of all others the outcome is unknown. */
const refusedForSure: readonly string[] = [
  'NOT_LEADER',
  'NO_LEADER',
  'OVERLOADED',
  'STOPPING',
  'NOT_MEMBER',
];

/** Runs one operation and puts it into the history. */
async function record(
  history: StreamOperation[],
  client: number,
  call: StreamCall,
  work: () => Promise<StreamReply>,
): Promise<void> {
  const begun = nowMicros();
  try {
    const reply = await work();
    history.push({ client, stream, call, reply, begun, ended: nowMicros() });
  } catch (error) {
    const { code } = error as { readonly code?: string };
    const isSure = code !== undefined && refusedForSure.includes(code);
    if (isSure || call.op === 'read') return;
    history.push({ client, stream, call, reply: null, begun, ended: null });
  }
}

/** One client of the load. */
class Lane {
  readonly #number: number;
  readonly #client: Client;
  readonly #history: StreamOperation[];
  readonly #outstanding = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #appends = 0;
  #end = 1;
  #isOver = false;
  readonly #reading: Promise<void>;

  constructor(number: number, client: Client, history: StreamOperation[], everyMillis: number) {
    this.#number = number;
    this.#client = client;
    this.#history = history;
    this.#timer = setInterval(() => this.#append(), everyMillis);
    this.#reading = this.#readOn();
  }

  /** Begins nothing more and waits for what is on its way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isOver = true;
    await Promise.all([...this.#outstanding, this.#reading]);
    await this.#client.close();
  }

  #append(): void {
    if (this.#outstanding.size >= outstandingMax) return;
    this.#appends += 1;
    const data = `client${this.#number}-${this.#appends}`;
    const call: StreamCall = { op: 'append', records: [data] };
    const work = record(this.#history, this.#number, call, async () => {
      const { seq } = await this.#client.append(data);
      return { kind: 'appended', firstSeq: seq };
    }).finally(() => this.#outstanding.delete(work));
    this.#outstanding.add(work);
  }

  async #readOn(): Promise<void> {
    while (!this.#isOver) {
      const fromSeq = Math.max(1, this.#end - readBehind);
      await record(this.#history, this.#number, { op: 'read', fromSeq }, async () => {
        const { records, nextSeq } = await this.#client.read({ from: fromSeq, limit: 20 });
        this.#end = nextSeq;
        return { kind: 'records', records: records.map(({ data }) => textOf(data)), nextSeq };
      });
      await new Promise((wake) => setTimeout(wake, readPauseMillis));
    }
  }
}

/** The clients of a load. */
export class Load {
  readonly #history: StreamOperation[] = [];
  readonly #lanes: readonly Lane[];

  private constructor(clients: readonly Client[], everyMillis: number) {
    this.#lanes = clients.map((client, at) => new Lane(at + 1, client, this.#history, everyMillis));
  }

  /** @throws QuorateError when no server answers. */
  static async start(order: LoadOrder, connect: Connect): Promise<Load> {
    const { targets, clients, everyMillis } = order;
    const connecting = Array.from({ length: clients }, () => connect({ targets, timeoutMillis }));
    return new Load(await Promise.all(connecting), everyMillis);
  }

  async stop(): Promise<readonly StreamOperation[]> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
    return this.#history;
  }
}

/** Reads a whole stream, as operations of client 0. */
export async function readAll(client: Client): Promise<readonly StreamOperation[]> {
  const history: StreamOperation[] = [];
  for (let fromSeq = 1; ; ) {
    const begun = nowMicros();
    const { records, nextSeq } = await client.read({ from: fromSeq, limit: 5000 });
    const texts = records.map(({ data }) => textOf(data));
    const reply = { kind: 'records', records: texts, nextSeq } as const;
    const call = { op: 'read', fromSeq } as const;
    history.push({ client: 0, stream, call, reply, begun, ended: nowMicros() });
    fromSeq += records.length;
    if (records.length === 0) return history;
  }
}

/** A record's bytes as text. */
export function textOf(data: Uint8Array): string {
  return Buffer.from(data).toString('utf8');
}
