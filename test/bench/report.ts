/**
 * What the bench prints: tables of medians, and beside them the floor that the first version has to
 * reach, reached or not. What it works on is what the JSON file holds, every round in it.
 */

import { table } from '../../src/cli/table.js';
import { counted } from '../demo/teller.js';
import type { FailOver } from './failover.js';
import type { Machine } from './machine.js';
import { medianOf, type Point, type Sample, spreadOf } from './points.js';

/** A fail-over must have its median below, milliseconds. */
const failOverMillisMax = 700;

/** A point with what each round found. */
export interface Row {
  readonly point: Point;
  readonly samples: readonly Sample[];
}

/** All that a run found. Memory in MiB, leader first. */
export interface Findings {
  readonly machine: Machine;
  readonly seconds: number;
  readonly rows: readonly Row[];
  readonly memoryIdle: readonly number[] | null;
  readonly memoryAfter: readonly number[] | null;
  readonly failOvers: readonly FailOver[];
}

/** The table of throughput and latency. */
export function throughputTable(rows: readonly Row[]): Promise<string> {
  const head = [
    'load, one client',
    'outstanding',
    'records/s',
    'spread',
    'p50 ms',
    'p99 ms',
    'servers µs',
    'client µs',
    'floor',
  ];
  return table(
    head,
    rows.map(({ point, samples }) => {
      const records = samples.map((sample) => sample.perSecond * point.batchRecords);
      const of = (value: (sample: Sample) => number | null): number =>
        medianOf(samples.map((sample) => value(sample) ?? Number.NaN)) / point.batchRecords;
      const millis = (value: (sample: Sample) => number): string =>
        (medianOf(samples.map(value)) / 1000).toFixed(2);
      return [
        point.name,
        `${point.outstanding}`,
        counted(Math.round(medianOf(records))),
        `${Math.round(spreadOf(records) * 100)} %`,
        millis(({ p50 }) => p50),
        millis(({ p99 }) => p99),
        cost(of(({ serverMicros }) => serverMicros)),
        cost(of(({ clientMicros }) => clientMicros)),
        judged(medianOf(records), point.floor),
      ];
    }),
  );
}

/** CPU microseconds of one record; '?' where not known. */
function cost(micros: number): string {
  return Number.isNaN(micros) ? '?' : micros.toFixed(1);
}

function judged(perSecond: number, floor: number | null): string {
  if (floor === null) return '–';
  if (perSecond >= floor) return `${counted(floor)}: reached, ${(perSecond / floor).toFixed(1)}×`;
  return `${counted(floor)}: MISSED, ${Math.round((1 - perSecond / floor) * 100)} % short`;
}

/** The table of fail-overs, with the fastest and the slowest and who was in them. */
export async function failOverLines(failOvers: readonly FailOver[]): Promise<string> {
  const sorted = [...failOvers].sort((one, other) => one.appendedMillis - other.appendedMillis);
  const appended = sorted.map(({ appendedMillis }) => appendedMillis);
  const elected = failOvers.map(({ electedMillis }) => electedMillis);
  const row = (name: string, values: readonly number[]): string[] => [
    name,
    ...[Math.min(...values), medianOf(values), Math.max(...values)].map(
      (value) => `${Math.round(value)} ms`,
    ),
  ];
  const rows = [row('to the election', elected), row('to the next append', appended)];
  const who = [sorted[0], sorted.at(-1)].map(
    (one) => `${one?.killed} → ${one?.elected} in ${Math.round(one?.appendedMillis ?? 0)} ms`,
  );
  const median = medianOf(appended);
  const judgement = median < failOverMillisMax ? 'reached' : 'MISSED';
  return [
    await table([`${failOvers.length} kills, from kill -9`, 'best', 'median', 'worst'], rows),
    `fastest ${who[0]}, slowest ${who[1]}`,
    `floor, median under ${failOverMillisMax} ms: ${judgement}`,
  ].join('\n');
}

/** Memory of the servers, one line. */
export function memoryLine(findings: Findings): string {
  const { memoryIdle, memoryAfter } = findings;
  const list = (memory: readonly number[] | null): string =>
    memory === null ? 'not known' : `${memory.map((one) => one.toFixed(0)).join(' / ')} MiB`;
  const first = `memory of the servers, leader first: new ${list(memoryIdle)}`;
  return memoryAfter === null ? first : `${first}; after the loads of a round ${list(memoryAfter)}`;
}
