/**
 * The load of the bench, a process of its own, so that its CPU is told apart from the servers' and
 * from the bench's. It uses the built client library, as a program would, and does what it is told
 * over the channel to its parent; without a parent it ends.
 */

import { randomFillSync } from 'node:crypto';
import type { Client } from '../../src/client/client.js';
import type { ConnectOptions } from '../../src/client/options.js';
import { Histogram } from './histogram.js';
import {
  type LoadCommand,
  type LoadNews,
  type LoadOrder,
  nowMicros,
  type PaceOrder,
} from './load-messages.js';

/** Keys that reads choose from. */
const keys = 1000;

interface Library {
  connect(options: ConnectOptions): Promise<Client>;
}

const built = new URL('../../dist/index.js', import.meta.url).href;
const { connect } = (await import(built)) as Library;

function tell(news: LoadNews): void {
  process.send?.(news);
}

/** Bytes that do not compress, one buffer for each operation on its way. */
function recordsOf(count: number, bytes: number): Uint8Array[] {
  return Array.from({ length: count }, () => randomFillSync(new Uint8Array(bytes)));
}

/** What lane number `lane` does, again and again. */
async function operationOf(
  client: Client,
  order: LoadOrder,
): Promise<(lane: number) => Promise<unknown>> {
  const { operation, outstanding, recordBytes, batchRecords } = order;
  if (operation === 'append') {
    const records = recordsOf(outstanding, recordBytes);
    return (lane) => client.append(records[lane] as Uint8Array);
  }
  if (operation === 'batch') {
    const batches = Array.from({ length: outstanding }, () => recordsOf(batchRecords, recordBytes));
    return (lane) => client.appendBatch(batches[lane] as Uint8Array[]);
  }
  const [value] = recordsOf(1, recordBytes) as [Uint8Array];
  await Promise.all(Array.from({ length: keys }, (_, n) => client.put(`key ${n}`, value)));
  const consistency = operation === 'get' ? 'linearizable' : 'stale';
  let next = 0;
  return async () => {
    next = (next + 1) % keys;
    const found = await client.get(`key ${next}`, { consistency });
    if (found?.value.length !== recordBytes) throw new Error(`key ${next} is not as it was put`);
  };
}

async function load(order: LoadOrder): Promise<void> {
  const { targets, outstanding, warmMillis, measuredMillis, groupRecordsMax } = order;
  const grouping = groupRecordsMax === null ? {} : { groupRecordsMax };
  const client = await connect({ targets, timeoutMillis: 15_000, ...grouping });
  const operate = await operationOf(client, order);
  const histogram = new Histogram();
  let isMeasured = false;
  let isOver = false;
  const lane = async (number: number): Promise<void> => {
    while (!isOver) {
      const begunAt = performance.now();
      await operate(number);
      // Counted when it ends within the measured time, whenever it began.
      if (isMeasured) histogram.record((performance.now() - begunAt) * 1000);
    }
  };
  const lanes = Promise.all(Array.from({ length: outstanding }, (_, number) => lane(number)));
  await Promise.race([lanes, pause(warmMillis)]);
  tell({ type: 'begins' });
  isMeasured = true;
  const cpuBefore = process.cpuUsage();
  const begunAt = performance.now();
  await Promise.race([lanes, pause(measuredMillis)]);
  isMeasured = false;
  const seconds = (performance.now() - begunAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const [p50, p99] = [histogram.at(0.5), histogram.at(0.99)];
  const { count: operations, max } = histogram;
  const result = { operations, seconds, p50, p99, max, cpuMicros: user + system };
  tell({ type: 'ends', result });
  isOver = true;
  await lanes;
  await client.close();
}

/** The load behind fail-overs: an open loop, so that a pause of the cluster does not slow it. */
class Pace {
  readonly #client: Client;
  readonly #timer: NodeJS.Timeout;
  readonly #record: Uint8Array;
  #appends = 0;
  /** A kill that waits for the first append begun behind it. */
  #killedAt: number | null = null;

  constructor(client: Client, order: PaceOrder) {
    [this.#record] = recordsOf(1, order.recordBytes) as [Uint8Array];
    this.#client = client;
    this.#timer = setInterval(() => {
      this.#append().catch(failed);
    }, order.everyMillis);
  }

  /** Only appends that begin from now on are taken for an answer. */
  killed(atMicros: number): void {
    this.#killedAt = atMicros;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    // Appends are answered in the order of the calls: behind this one none is on its way.
    await this.#append();
    await this.#client.close();
    tell({ type: 'stopped', appends: this.#appends });
  }

  async #append(): Promise<void> {
    const begunAt = nowMicros();
    await this.#client.append(this.#record);
    this.#appends += 1;
    if (this.#appends === 1) tell({ type: 'paced' });
    if (this.#killedAt === null || begunAt < this.#killedAt) return;
    this.#killedAt = null;
    tell({ type: 'resumed', atMicros: nowMicros() });
  }
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

function failed(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  tell({ type: 'failed', reason });
}

let pace: Pace | null = null;

async function obey(command: LoadCommand): Promise<void> {
  if (command.type === 'load') return load(command);
  if (command.type === 'killed') return pace?.killed(command.atMicros);
  if (command.type === 'stop') return pace?.stop();
  const client = await connect({ targets: command.targets, timeoutMillis: 15_000 });
  pace = new Pace(client, command);
}

process.on('message', (command: LoadCommand) => {
  obey(command).catch(failed);
});
process.on('disconnect', () => process.exit());
