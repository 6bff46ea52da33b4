/**
 * Makes a failure small: without each kind of fault that it does not need, then with fewer seconds.
 * Any failure counts, not only the same one: what is left is the easiest to look at.
 */

import type { BatchOptions } from './batch.js';
import { inMacroTask } from './scheduler.js';
import type { FaultClass } from './swarm.js';
import { type RunResult, runSeed } from './world.js';

/** The smallest failing run that was found. */
export interface Shrunk extends BatchOptions {
  readonly seed: number;
  readonly result: RunResult;
}

/** Lines of trace that are shown. */
const traceLines = 60;

/**
 * Shrinks the failure of `seed`; null: it does not fail here, which is a fault of the simulator.
 */
export async function shrink(seed: number, options: BatchOptions): Promise<Shrunk | null> {
  let best = await attempt(seed, options);
  if (best === null) return null;
  for (const fault of best.result.faults) {
    const without: readonly FaultClass[] = [...best.without, fault];
    best = (await attempt(seed, { ...best, without })) ?? best;
  }
  for (let seconds = best.seconds; seconds > 1; ) {
    seconds = Math.floor(seconds / 2);
    const shorter = await attempt(seed, { ...best, seconds });
    if (shorter === null) break;
    best = shorter;
  }
  return best;
}

async function attempt(seed: number, options: BatchOptions): Promise<Shrunk | null> {
  const { seconds, servers, without } = options;
  const given = { seed, seconds, servers, without: new Set(without), traceLines };
  const result = await inMacroTask(() => runSeed(given));
  return result.failure === null ? null : { seed, seconds, servers, without, result };
}

/** The command that runs this very failure again. */
export function replayCommand({ seed, seconds, servers, without }: Omit<Shrunk, 'result'>): string {
  const parts = ['make sim', `SEED=${seed}`, 'COUNT=1', `SECONDS=${seconds}`];
  if (servers !== null) parts.push(`SERVERS=${servers}`);
  if (without.length > 0) parts.push(`WITHOUT=${without.join(',')}`);
  return parts.join(' ');
}
