/**
 * What processes cost: CPU time and memory, as the kernel counts them in /proc. Where there is no
 * /proc the costs are not known, and said to be so.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Fields of /proc/PID/stat, counted behind the name in parentheses, which may hold spaces. */
const userField = 11;
const systemField = 12;

const ticksPerSecond = readTicks();

/** CPU seconds, user and system, of these processes since they began; null where not known. */
export function cpuSeconds(pids: readonly number[]): number | null {
  let ticks = 0;
  for (const pid of pids) {
    const stat = read(`/proc/${pid}/stat`);
    if (stat === null || ticksPerSecond === null) return null;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[userField]) + Number(fields[systemField]);
  }
  return ticks / (ticksPerSecond ?? 1);
}

/** Memory in RAM of each process, MiB; null where not known. */
export function residentMiB(pids: readonly number[]): readonly number[] | null {
  const found: number[] = [];
  for (const pid of pids) {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
    if (kibibytes === undefined) return null;
    found.push(Number(kibibytes) / 1024);
  }
  return found;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null; // Another system, or the process is gone.
  }
}

function readTicks(): number | null {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  } catch {
    return null; // Another system.
  }
}
