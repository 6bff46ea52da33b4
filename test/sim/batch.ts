/**
 * Many seeds over several processes: each takes every n-th seed and tells what came of it. A seed's
 * run depends on nothing but the seed, so neither does the whole on how many processes there are.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inMacroTask } from './scheduler.js';
import type { FaultClass } from './swarm.js';
import { type RunResult, runSeed } from './world.js';

/** What runs of a batch have in common. */
export interface BatchOptions {
  readonly seconds: number;
  readonly servers: number | null;
  readonly without: readonly FaultClass[];
}

/** What a worker is told. */
interface Job extends BatchOptions {
  readonly seeds: readonly number[];
}

/** The word by which `run.ts` knows that it is a worker. */
export const workerWord = '--worker';

/** A worker that is silent for this long hangs: no run takes so long. Real milliseconds. */
const silenceMillisMax = 120_000;

/**
 * What a world makes is garbage soon: with room for it the collector takes less of a run. There is
 * a worker for each core: helper threads of V8 only take it from the next one (10 % of a run).
 */
const workerFlags = [
  '--max-semi-space-size=64',
  '--single-threaded',
  '--import',
  new URL('./light-names.ts', import.meta.url).href,
];

/** Runs seeds here, one after the other, and tells each result. */
async function runJob(job: Job, tell: (result: RunResult) => void): Promise<void> {
  const { seconds, servers, without } = job;
  for (const seed of job.seeds) {
    const options = { seed, seconds, servers, without: new Set(without), traceLines: 0 };
    tell(await inMacroTask(() => runSeed(options)));
  }
}

/** The life of a worker process. */
export function work(): void {
  // Worlds make refusals by the thousand, and nobody reads where; a replay shows where again.
  Error.stackTraceLimit = 0;
  process.on('message', (job: Job) => {
    const tell = (result: RunResult): void => void process.send?.(result);
    runJob(job, tell).then(
      () => process.disconnect(),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

/**
 * Runs `seeds` over `jobs` processes; `told` hears each result as it comes. Resolves when all are
 * done, or with those there are once `told` gave false (enough).
 * @throws Error when a worker ended in the middle, or hangs.
 */
export function runBatch(
  options: BatchOptions,
  seeds: readonly number[],
  jobs: number,
  told: (result: RunResult) => boolean,
): Promise<void> {
  const workers: ChildProcess[] = [];
  const shares = Array.from({ length: Math.min(jobs, seeds.length) }, (_, share) =>
    seeds.filter((_seed, i) => i % jobs === share),
  );
  let isEnough = false;
  const all = shares.map(
    (share) =>
      new Promise<void>((resolve, reject) => {
        const worker = fork(fileURLToPath(new URL('./run.ts', import.meta.url)), [workerWord], {
          execArgv: [...process.execArgv, ...workerFlags],
        });
        workers.push(worker);
        let left = share.length;
        const silent = (): void => {
          worker.kill('SIGKILL');
          reject(new Error('a worker hangs'));
        };
        let watch = setTimeout(silent, silenceMillisMax);
        worker.on('message', (result: RunResult) => {
          clearTimeout(watch);
          left -= 1;
          if (!isEnough && !told(result)) {
            isEnough = true;
            for (const one of workers) one.kill();
          } else if (left > 0 && !isEnough) watch = setTimeout(silent, silenceMillisMax);
        });
        worker.on('exit', (code, signal) => {
          clearTimeout(watch);
          if (left === 0 || isEnough) resolve();
          else reject(new Error(`a worker ended (${code ?? signal}) with ${left} seeds left`));
        });
        worker.send({ ...options, seeds: share } satisfies Job);
      }),
  );
  return Promise.all(all).then(() => undefined);
}
