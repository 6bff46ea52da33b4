/**
 * The machine that a measurement was made on, in words: without it no figure means anything. The
 * time of a synchronous write is measured in the folder that the servers use.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Writes timed: enough for a median and a 99th percentile. */
const writes = 300;
const writeBytes = 4096;

/** File systems in memory, by the numbers that statfs gives: a sync costs nothing there. */
const memoryFileSystems = new Set([0x01021994, 0x858458f6]);

/** What a run is to be judged against. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Time of a synchronous write of 4 KiB, microseconds. */
  readonly syncWriteP50: number;
  readonly syncWriteP99: number;
  /** False: the folder is in memory, and nothing is ever written to a disk. */
  readonly hasDisk: boolean;
  /** Processes that wanted to run as the bench began, as a mean over a minute. */
  readonly loadBefore: number;
}

/** Looks at this machine. */
export function describeMachine(): Machine {
  const [p50, p99] = timeWrites();
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    syncWriteP50: p50,
    syncWriteP99: p99,
    hasDisk: !memoryFileSystems.has(fs.statfsSync(os.tmpdir()).type),
    loadBefore: os.loadavg()[0] ?? 0,
  };
}

/** The machine, as lines for people. */
export function machineLines(machine: Machine): readonly string[] {
  const { cpu, cores, memoryGiB, system, node, syncWriteP50, syncWriteP99 } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}`,
    `synchronous write of 4 KiB: p50 ${syncWriteP50} µs, p99 ${syncWriteP99} µs` +
      (machine.hasDisk ? '' : ' (IN MEMORY, not on a disk: set TMPDIR to a folder on one)'),
    `load average before the run: ${machine.loadBefore.toFixed(2)}` +
      (machine.loadBefore > cores / 2 ? ' (NOT QUIET: the figures suffer)' : ''),
  ];
}

/** Writes as the servers' log does: synchronous, over space that the file already has. */
function timeWrites(): readonly [number, number] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-bench-'));
  try {
    const file = path.join(folder, 'file');
    fs.writeFileSync(file, new Uint8Array(writes * writeBytes), { flush: true });
    const handle = fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_DSYNC);
    const data = new Uint8Array(writeBytes).fill(1);
    const times: number[] = [];
    for (let n = 0; n < writes; n++) {
      const begunAt = performance.now();
      fs.writeSync(handle, data, 0, writeBytes, n * writeBytes);
      times.push((performance.now() - begunAt) * 1000);
    }
    fs.closeSync(handle);
    times.sort((one, other) => one - other);
    const at = (share: number): number => Math.round(times[Math.floor(share * writes)] ?? 0);
    return [at(0.5), at(0.99)];
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
