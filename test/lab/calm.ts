/**
 * A calm: five servers that vote, no fault, and as much load as the machine takes. Busy servers are
 * late, and must not be taken for dead ones: it counts how often one was, in the logs of all, and
 * who led, and when no append was acknowledged. At the end the stream must have each record once.
 */

import * as os from 'node:os';
import type { FloodResult } from './agent-calls.js';
import { type Busy, busySince, busyText } from './busy.js';
import { type Calls, callsIn } from './calls.js';
import { type Availability, availabilityOf, windowMicros } from './history.js';
import type { Lab } from './lab.js';

/** What a calm is told. */
export interface CalmOptions {
  readonly seconds: number;
  readonly clients: number;
  /** Appends on their way for each client. */
  readonly outstanding: number;
  readonly recordBytes: number;
}

/** Enough that neither the servers nor the client's process ever wait for work. */
export const calmDefaults: Omit<CalmOptions, 'seconds'> = Object.freeze({
  clients: 4,
  outstanding: 256,
  recordBytes: 64,
});

/** What a calm came to. */
export interface CalmReport {
  readonly calls: Calls;
  readonly flood: FloodResult;
  readonly seconds: number;
  readonly availability: Availability;
  readonly busy: Busy;
}

const voters = 5;
/** How long what is on its way may take to be answered at the end, milliseconds. */
const stopMillis = 60_000;

/**
 * One calm, over a lab of five servers.
 * @throws Error when a server ends, or the stream does not have each record once.
 */
export async function measureCalm(lab: Lab, options: CalmOptions): Promise<CalmReport> {
  const { clients, outstanding, recordBytes } = options;
  // Suspicions are told at this level, and little else.
  await lab.grow(voters, ['--log-level', 'debug']);
  await lab.untilVoters(voters);
  const from = lab.servers.map(({ lines }) => lines.length);
  const begunAt = Date.now();
  const cores = os.cpus();
  const agent = lab.agent();
  const targets = lab.addresses;
  await agent.call('startFlood', { targets, clients, outstanding, recordBytes });
  await allRunFor(lab, options.seconds * 1000);
  const busy = busySince(cores);
  const flood = await agent.call('stopFlood', null, stopMillis);
  const logs = lab.servers.map(({ name, lines }, at) => ({ name, lines: lines.slice(from[at]) }));
  const calls = callsIn(logs, begunAt);
  await assertOnce(lab, flood);
  const { seconds } = options;
  const windows = Math.floor((seconds * 1e6) / windowMicros);
  const served = new Set(flood.windows.flatMap((count, window) => (count > 0 ? [window] : [])));
  const availability = availabilityOf(served, flood.begunMicros, windows);
  return { calls, flood, seconds, availability, busy };
}

/** Waits. @throws Error as soon as a server ends. */
async function allRunFor(lab: Lab, millis: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((wake) => {
    timer = setTimeout(wake, millis);
  });
  const ends = lab.servers.map(async (server) => {
    const code = await server.exit(2 * millis);
    throw new Error(`${server.name} ended unasked (${code})`);
  });
  try {
    await Promise.race([over, ...ends]);
  } finally {
    clearTimeout(timer);
  }
}

/** One more record stands right behind all that were acknowledged, and those that may be there. */
async function assertOnce(lab: Lab, { acknowledged, failures }: FloodResult): Promise<void> {
  const unknown = Object.values(failures).reduce((sum, count) => sum + count, 0);
  const before = (await lab.append('the end')) - 1;
  if (before < acknowledged || before > acknowledged + unknown) {
    throw new Error(`${before} records are there of ${acknowledged} acknowledged`);
  }
}

/** The report for people. */
export function calmText({ calls, flood, seconds, availability, busy }: CalmReport): string {
  const millis = (micros: number): string => `${(micros / 1000).toFixed(0)} ms`;
  const failed = Object.entries(flood.failures).map(([code, count]) => `${count} ${code}`);
  const longest = Math.max(0, ...availability.outages.map(({ begun, ended }) => ended - begun));
  const share = (availability.share * 100).toFixed(2);
  return [
    ...calls.told,
    `${flood.acknowledged} appends acknowledged in ${seconds} s, ` +
      `${(flood.acknowledged / seconds).toFixed(0)} a second; ` +
      `median ${millis(flood.p50Micros)}, p99 ${millis(flood.p99Micros)}, ` +
      `longest ${millis(flood.maxMicros)}; failed: ${failed.join(', ') || 'none'}`,
    `availability ${share} % of ${availability.windows} windows of 100 ms, ` +
      `longest outage ${millis(longest)}`,
    `suspected ${calls.suspected} times, refuted ${calls.refuted} times; ` +
      `called dead by gossip ${calls.dead} times, by a leader ${calls.deadToLeader} times`,
    `leaders elected ${calls.elected}, stepped down ${calls.steppedDown}`,
    busyText(busy),
  ].join('\n');
}
