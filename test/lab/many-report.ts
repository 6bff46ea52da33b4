/**
 * What many servers cost, as a table for people, and how it grows: gossip of a server should stay
 * what it is, and news should take no longer than with the logarithm of the servers. The smallest
 * cluster is what the others are compared with.
 */

import { busyText } from './busy.js';
import type { Many } from './many.js';

/** What chance and a busy machine may add: of few runs the longest is taken. */
const slack = 1.3;

/** Below two heartbeats a time is this machine's, not the cluster's, milliseconds. */
const noticedMillis = 100;

/** A finding on how something grew. */
export interface Growth {
  readonly what: string;
  /** Against the smallest cluster, and how much that may be. */
  readonly times: number;
  readonly allowed: number;
  readonly holds: boolean;
}

/** The number in the middle, the lower one of two. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

const columns = [
  'servers',
  'gossip frames/s: busiest',
  'median',
  'gossip bytes/s: busiest',
  'median',
  'all bytes/s: busiest',
  'median',
  'admitted to all: median',
  'worst',
  'located by all: median',
  'worst',
  'dead to all: median',
  'worst',
] as const;

/** The table, in Markdown, one row for each size. */
export function manyTable(sizes: readonly Many[]): string {
  const rows = sizes.map((many) => {
    const { servers, traffic, newcomers, deaths } = many;
    const times = [
      newcomers.map(({ admitted }) => admitted),
      newcomers.map(({ located }) => located),
    ];
    return [
      String(servers),
      ...pair(
        traffic.map(({ frames }) => frames),
        1,
      ),
      ...pair(
        traffic.map(({ bytes }) => bytes),
        0,
      ),
      ...pair(
        traffic.map(({ wireBytes }) => wireBytes),
        0,
      ),
      ...[...times, deaths].flatMap((millis) => [
        `${median(millis)} ms`,
        `${Math.max(...millis)} ms`,
      ]),
    ];
  });
  const lines = [columns, columns.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function pair(numbers: readonly number[], digits: number): readonly string[] {
  return [Math.max(...numbers).toFixed(digits), median(numbers).toFixed(digits)];
}

/** How the sizes compare with the smallest of them. */
export function growthOf(sizes: readonly Many[]): readonly Growth[] {
  const [least, ...larger] = [...sizes].sort((a, b) => a.servers - b.servers);
  if (least === undefined) return [];
  return larger.flatMap((many) => {
    const compare = (what: string, of: (one: Many) => number, most: number): Growth => {
      const times = of(many) / of(least);
      const allowed = slack * most;
      return { what: `${what} at ${many.servers}`, times, allowed, holds: times <= allowed };
    };
    const logarithm = Math.log2(many.servers) / Math.log2(least.servers);
    const time = (what: string, of: (one: Many) => readonly number[]): Growth =>
      compare(what, (one) => Math.max(noticedMillis, median(of(one))), logarithm);
    return [
      compare('gossip, busiest', (one) => Math.max(...gossipBytes(one)), 1),
      compare('gossip, median', (one) => median(gossipBytes(one)), 1),
      time('admitted to all', ({ newcomers }) => newcomers.map(({ admitted }) => admitted)),
      time('located by all', ({ newcomers }) => newcomers.map(({ located }) => located)),
      time('dead to all', ({ deaths }) => deaths),
    ];
  });
}

function gossipBytes({ traffic }: Many): readonly number[] {
  return traffic.map(({ bytes }) => bytes);
}

/** All of it for people. */
export function manyText(sizes: readonly Many[]): string {
  const growth = growthOf(sizes).map(({ what, times, allowed, holds }) => {
    const verdict = holds ? 'holds' : 'DOES NOT HOLD';
    return `${what}: ${times.toFixed(2)} times, at most ${allowed.toFixed(2)}: ${verdict}`;
  });
  const machine = sizes.map(({ servers, unrest, busy }) => {
    const { suspected, refuted, dead } = unrest;
    const rest = `at rest ${suspected} suspicions, ${refuted} refuted, ${dead} false deaths`;
    return `${servers} servers: ${rest}; ${busyText(busy)}`;
  });
  return [manyTable(sizes), '', ...growth, ...machine].join('\n');
}
