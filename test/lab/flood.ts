/**
 * A load without a pause, within an agent: each client has so many appends on their way all the
 * time and begins the next as soon as one is answered. Made to keep a machine busy for long, so it
 * keeps no history: it counts, and notes in which window of 100 ms something was acknowledged.
 */

import type { Client } from '../../src/client/client.js';
import { Histogram } from '../bench/histogram.js';
import { type FloodOrder, type FloodResult, nowMicros } from './agent-calls.js';
import { windowMicros } from './history.js';
import type { Connect } from './load.js';

/** Longer than an election takes: what is failed must have been refused, or lost. */
const timeoutMillis = 30_000;
/** After a failure a lane waits this long: a cluster that refuses all must not be stormed. */
const afterFailureMillis = 100;

/** The clients of one flood. */
export class Flood {
  readonly #clients: readonly Client[];
  readonly #lanes: readonly Promise<void>[];
  readonly #begunMicros = nowMicros();
  readonly #begunAt = performance.now();
  readonly #latency = new Histogram();
  readonly #windows: number[] = [];
  readonly #failures: Record<string, number> = {};
  #isOver = false;

  private constructor(clients: readonly Client[], { outstanding, recordBytes }: FloodOrder) {
    this.#clients = clients;
    const record = new Uint8Array(recordBytes);
    this.#lanes = clients.flatMap((client) =>
      Array.from({ length: outstanding }, () => this.#lane(client, record)),
    );
  }

  /** @throws QuorateError when no server answers. */
  static async start(order: FloodOrder, connect: Connect): Promise<Flood> {
    const { targets, clients } = order;
    const connecting = Array.from({ length: clients }, () => connect({ targets, timeoutMillis }));
    return new Flood(await Promise.all(connecting), order);
  }

  /** Begins nothing more, waits for what is on its way, and tells what was. */
  async stop(): Promise<FloodResult> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
    await Promise.all(this.#clients.map((client) => client.close()));
    return {
      begunMicros: this.#begunMicros,
      // A window without any is a hole in the list.
      windows: Array.from(this.#windows, (count) => count ?? 0),
      acknowledged: this.#latency.count,
      failures: this.#failures,
      p50Micros: this.#latency.at(0.5),
      p99Micros: this.#latency.at(0.99),
      maxMicros: this.#latency.max,
    };
  }

  async #lane(client: Client, record: Uint8Array): Promise<void> {
    while (!this.#isOver) {
      const begunAt = performance.now();
      try {
        await client.append(record);
        this.#acknowledged(begunAt);
      } catch (error) {
        const { code = 'unknown' } = error as { readonly code?: string };
        this.#failures[code] = (this.#failures[code] ?? 0) + 1;
        await new Promise((wake) => setTimeout(wake, afterFailureMillis));
      }
    }
  }

  #acknowledged(begunAt: number): void {
    const now = performance.now();
    this.#latency.record((now - begunAt) * 1000);
    const window = Math.floor(((now - this.#begunAt) * 1000) / windowMicros);
    this.#windows[window] = (this.#windows[window] ?? 0) + 1;
  }
}
