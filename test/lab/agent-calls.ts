/**
 * What the lab and its agents say to each other. An agent is a process in a host that does there
 * what a program on that machine would: it is a client of the cluster. Plain data, sent as JSON;
 * each call has one answer.
 */

import type { ClusterStatus } from '../../src/wire/client-messages.js';
import type { StreamOperation } from '../sim/stream-history.js';

/** A load: clients that append to one stream at a steady pace, come what may, and read its end. */
export interface LoadOrder {
  readonly targets: readonly string[];
  readonly clients: number;
  /** A client begins an append so often, milliseconds. */
  readonly everyMillis: number;
}

/** A load without a pause: clients with so many appends on their way each, all the time. */
export interface FloodOrder {
  readonly targets: readonly string[];
  readonly clients: number;
  readonly outstanding: number;
  readonly recordBytes: number;
}

/** What a flood came to. */
export interface FloodResult {
  /** By the clock that all processes of this machine share. */
  readonly begunMicros: number;
  /** Appends acknowledged in each window of 100 ms since then, to the last one that has some. */
  readonly windows: readonly number[];
  readonly acknowledged: number;
  /** Appends that failed, by the code of the error. */
  readonly failures: Readonly<Record<string, number>>;
  /** From an append's call to its acknowledgement. */
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly maxMicros: number;
}

/** Whose tables are watched for a member at an address. */
export interface WatchOrder {
  readonly watchers: readonly string[];
  readonly member: string;
  readonly address: string;
  readonly timeoutMillis: number;
}

/** Every call, with what is asked and what is given. */
export interface AgentCalls {
  /** What one server says of its cluster. */
  status: { readonly ask: { readonly address: string }; readonly give: ClusterStatus };
  /** All records of the default stream, as one server has applied them. */
  recordsAt: { readonly ask: { readonly address: string }; readonly give: readonly string[] };
  /** All records, read linearizably, as operations of a history. */
  readAll: {
    readonly ask: { readonly targets: readonly string[] };
    readonly give: readonly StreamOperation[];
  };
  append: {
    readonly ask: {
      readonly targets: readonly string[];
      readonly data: string;
      readonly timeoutMillis: number;
    };
    /** The sequence number. */
    readonly give: number;
  };
  remove: {
    readonly ask: { readonly targets: readonly string[]; readonly member: string };
    readonly give: string;
  };
  startLoad: { readonly ask: LoadOrder; readonly give: null };
  /** The history of the load, once each of its calls is answered. */
  stopLoad: { readonly ask: null; readonly give: readonly StreamOperation[] };
  startFlood: { readonly ask: FloodOrder; readonly give: null };
  /** Once each append of the flood is answered. */
  stopFlood: { readonly ask: null; readonly give: FloodResult };
  /** When each server's table was first seen to show it, in their order, wall clock milliseconds. */
  watchTables: { readonly ask: WatchOrder; readonly give: readonly number[] };
  /** Counts datagrams that come to a port from now on. */
  listen: { readonly ask: { readonly port: number }; readonly give: null };
  send: {
    readonly ask: { readonly to: string; readonly port: number; readonly count: number };
    readonly give: null;
  };
  /** How many came. */
  heard: { readonly ask: null; readonly give: number };
}

/** To an agent. */
export interface AgentAsk {
  readonly id: number;
  readonly call: keyof AgentCalls;
  readonly ask: unknown;
}

/** From an agent. */
export type AgentAnswer =
  | { readonly id: number; readonly give: unknown }
  | { readonly id: number; readonly fault: string };

/** Now, in microseconds of the clock that all processes of this machine share. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
