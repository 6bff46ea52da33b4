/**
 * How long assembling takes, measured in fresh labs: founding together by mDNS alone, and joining
 * until the vote. Moments are those of the servers' own logs where they say them.
 */

import { Lab } from './lab.js';

/** Seconds of each run. */
export interface Assembly {
  /** From the last start of three servers with EXPECT=3 and mDNS to an elected leader. */
  readonly founding: number;
  /** From the start of two servers with empty disks, at a founder, until they vote. */
  readonly joining: number;
}

/** Measures once. */
export async function measureAssembly(): Promise<Assembly> {
  return { founding: await measureFounding(), joining: await measureJoining() };
}

/** The median and the worst of some numbers, as a line. */
export function summary(what: string, numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const worst = sorted.at(-1) ?? Number.NaN;
  const runs = `${sorted.length} run${sorted.length === 1 ? '' : 's'}`;
  return `${what}: median ${median.toFixed(2)} s, worst ${worst.toFixed(2)} s, ${runs}`;
}

async function inFreshLab(work: (lab: Lab) => Promise<number>): Promise<number> {
  const lab = await Lab.make(3);
  try {
    return await work(lab);
  } catch (error) {
    console.log(lab.trouble());
    throw error;
  } finally {
    await lab.remove(false);
  }
}

function measureFounding(): Promise<number> {
  return inFreshLab(async (lab) => {
    for (const server of lab.servers) server.launch({ mdns: true, expect: 3 });
    const startedAt = Date.now();
    const elected = lab.servers.map((server) => server.says('leader elected', { millis: 30_000 }));
    const line = await Promise.any(elected);
    return (Number(line['time']) - startedAt) / 1000;
  });
}

function measureJoining(): Promise<number> {
  return inFreshLab(async (lab) => {
    const [founder, ...newcomers] = lab.servers;
    if (founder === undefined) throw new Error('a lab has servers');
    await founder.start();
    await lab.untilVoters(1);
    const startedAt = performance.now();
    for (const server of newcomers) server.launch({ peers: [founder.address] });
    await lab.untilVoters(lab.servers.length);
    return (performance.now() - startedAt) / 1000;
  });
}
