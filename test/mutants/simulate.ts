/**
 * The simulator against a mutant: the first seed that finds it. That a directed test kills a mutant
 * says that its rule is held; that the simulator finds it too says that the simulator looks there.
 */

import { spawn } from 'node:child_process';
import type { Mutant } from './mutant.js';

/** What came of a search. */
export interface Search {
  /** Null: none of the seeds failed. */
  readonly seed: number | null;
  readonly why: string;
}

/**
 * Runs seeds 1 … `count` with the mutant, `jobs` at once, until one fails. Rejects when the
 * simulator cannot.
 */
export function simulate(mutant: Mutant, count: number, jobs: number): Promise<Search> {
  const preloads = ['--import', 'tsx', '--import', './test/mutants/register.ts'];
  const seeds = ['--seed', '1', '--count', String(count), '--jobs', String(jobs)];
  const child = spawn(process.execPath, [...preloads, 'test/sim/run.ts', ...seeds], {
    // A group of its own: its workers end with it.
    detached: true,
    env: { ...process.env, MUTANT: mutant.name },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let found: Search | null = null;
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    const line = /^seed (\d+) fails: (.*)\n/m.exec(output);
    if (line === null || found !== null) return;
    found = { seed: Number(line[1]), why: line[2] as string };
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => {
      if (found !== null) done(found);
      else if (code === 0) done({ seed: null, why: '' });
      else failed(new Error(`the simulator broke off: ${output.slice(-2000)}`));
    });
  });
}
