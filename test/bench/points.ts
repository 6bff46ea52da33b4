/**
 * The points of the throughput tables: what is measured, and how the rounds of one point become a
 * median with its spread. Rounds are interleaved and begin at another point each, so that a machine
 * that slows down, or a log that grows, does not always meet the same point.
 */

import type { Servers } from '../process/servers.js';
import type { LoadOrder, LoadResult } from './load-messages.js';
import type { LoadProcess } from './load-process.js';
import { cpuSeconds, residentMiB } from './process-cost.js';

/** Bytes of every record and value. */
export const recordBytes = 256;

/** What is measured at one point. */
export interface Point {
  readonly name: string;
  readonly operation: LoadOrder['operation'];
  readonly outstanding: number;
  /** Records of one operation. */
  readonly batchRecords: number;
  /** Null: the client's default. */
  readonly groupRecordsMax: number | null;
  /** Operations a second that the first version must reach; null: none is set. */
  readonly floor: number | null;
}

/** What one round found at a point. Latencies in microseconds; costs null where not known. */
export interface Sample extends LoadResult {
  readonly perSecond: number;
  /** CPU of all servers together per operation, microseconds. */
  readonly serverMicros: number | null;
  /** CPU of the load process per operation, microseconds. */
  readonly clientMicros: number;
}

const floors = [
  [1, 1000],
  [16, 8000],
  [64, 20_000],
  [256, 30_000],
] as const;

/** Appends from one client. */
export const appendPoints: readonly Point[] = [
  ...floors.flatMap(([outstanding, floor]) =>
    [null, 1].map((groupRecordsMax) => ({
      name: groupRecordsMax === null ? 'append' : 'append, one command each',
      operation: 'append' as const,
      outstanding,
      batchRecords: 1,
      groupRecordsMax,
      floor,
    })),
  ),
  {
    name: 'batch of 64 records',
    operation: 'batch',
    outstanding: 16,
    batchRecords: 64,
    groupRecordsMax: null,
    floor: null,
  },
];

/** Not reported: each new set of processes has this load first. It reaches most of the code. */
export const warmUp: Point = {
  name: 'warm-up',
  operation: 'append',
  outstanding: 16,
  batchRecords: 1,
  groupRecordsMax: 1,
  floor: null,
};

/** Reads of keys from one client. */
export const readPoints: readonly Point[] = (['get', 'stale-get'] as const).map((operation) => ({
  name: operation === 'get' ? 'get, linearizable' : 'get, stale',
  operation,
  outstanding: 64,
  batchRecords: 1,
  groupRecordsMax: null,
  floor: null,
}));

/** What to measure with: processes that have worked before, so that their code is compiled. */
export interface Measuring {
  readonly servers: Servers;
  readonly load: LoadProcess;
  readonly seconds: number;
  readonly warmMillis: number;
}

/** Measures one point once, with a fresh client. */
export async function measurePoint(point: Point, measuring: Measuring): Promise<Sample> {
  const { servers, load, seconds, warmMillis } = measuring;
  const { operation, outstanding, batchRecords, groupRecordsMax } = point;
  const pids = pidsOf(servers);
  const costs: (number | null)[] = [];
  const result = await load.measure(
    {
      type: 'load',
      targets: servers.running.map(({ address }) => address),
      operation,
      outstanding,
      batchRecords,
      recordBytes,
      groupRecordsMax,
      warmMillis,
      measuredMillis: seconds * 1000,
    },
    () => costs.push(cpuSeconds(pids)),
  );
  const [before, after] = costs;
  const perOperation = (micros: number): number => micros / Math.max(1, result.operations);
  const isKnown = typeof before === 'number' && typeof after === 'number';
  return {
    ...result,
    perSecond: result.operations / result.seconds,
    serverMicros: isKnown ? perOperation((after - before) * 1e6) : null,
    clientMicros: perOperation(result.cpuMicros),
  };
}

/** Memory of the servers, leader first, MiB. */
export async function memoryOf(servers: Servers): Promise<readonly number[] | null> {
  const leader = await servers.leader();
  const followers = servers.running.filter((server) => server !== leader);
  return residentMiB([leader, ...followers].map(({ pid }) => pid ?? 0));
}

function pidsOf(servers: Servers): readonly number[] {
  return servers.running.map(({ pid }) => pid ?? 0);
}

/** The middle value; of an even number of them the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** By how much the values lie apart, as a share of their median: (most − least) / median. */
export function spreadOf(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / medianOf(values);
}
