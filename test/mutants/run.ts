/**
 * Runs every mutant against its killer, two at a time, and prints which were killed, which survived
 * and which are stale. First each killer's file runs without a mutant: a test that fails anyway
 * kills nothing. Exit code 1 when any mutant is not killed.
 *
 * Usage: node --import tsx test/mutants/run.ts [--jobs N] [--sim COUNT] [NAME-PART …]
 *   --sim COUNT  hands each mutant to the simulator instead and prints the first seed, of so many,
 *                that finds it; judges nothing
 */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Mutant } from './mutant.js';
import { mutants } from './mutants.js';
import { simulate } from './simulate.js';
import { patched } from './source-patch.js';

/** A mutant may make a test run on for ever: that it was stopped does not count as killed. */
const limitMillis = 120_000;

type Outcome = 'killed' | 'survived' | 'stale' | 'no proof';

interface Verdict {
  readonly mutant: Mutant;
  readonly outcome: Outcome;
  /** The test that failed, with the seed if it names one; or what else happened. */
  readonly by: string;
}

interface Run {
  readonly code: number | null;
  readonly output: string;
}

function runFile(file: string, mutant: Mutant | null): Promise<Run> {
  const preloads = mutant === null ? [] : ['--import', './test/mutants/register.ts'];
  const { FORCE_COLOR: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', ...preloads, `test/${file}`], {
    env: { ...env, NO_COLOR: '1', ...(mutant !== null && { MUTANT: mutant.name }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const take = (chunk: Buffer): void => {
    if (output.length < 4_000_000) output += chunk.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMillis);
  return new Promise((done) => {
    child.once('close', (code) => {
      clearTimeout(timer);
      done({ code, output });
    });
  });
}

function staleness(mutant: Mutant): string | null {
  if (!existsSync(`test/${mutant.killer.file}`)) return `no file test/${mutant.killer.file}`;
  try {
    patched(readFileSync(mutant.file, 'utf8'), mutant);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function judge(mutant: Mutant, sound: ReadonlyMap<string, boolean>): Promise<Verdict> {
  const stale = staleness(mutant);
  if (stale !== null) return { mutant, outcome: 'stale', by: stale };
  const { file, test } = mutant.killer;
  if (sound.get(file) !== true) {
    return { mutant, outcome: 'no proof', by: `test/${file} fails without a mutant` };
  }
  const { code, output } = await runFile(file, mutant);
  const failed = [...output.matchAll(/^\s*FAIL\s+"(.*)"$/gm)].map((match) => match[1] as string);
  const killer = failed.find((name) => name.includes(test));
  if (code !== 0 && killer !== undefined) {
    const seed = /\bseed (\d+)/.exec(output.slice(output.indexOf(killer)))?.[1];
    const by = `${file}: ${killer}${seed === undefined ? '' : ` (seed ${seed})`}`;
    return { mutant, outcome: 'killed', by };
  }
  const other = failed.length > 0 ? `only ${failed.join('; ')} failed` : `exit code ${code}`;
  return { mutant, outcome: 'survived', by: `${other}, not "${test}" of ${file}` };
}

/** Does `work` on every item, `jobs` at once. */
async function each<T>(items: readonly T[], jobs: number, work: (item: T) => Promise<void>) {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** The simulator against each of them, one after the other, for it takes all cores itself. */
async function search(chosen: readonly Mutant[], count: number, jobs: number): Promise<number> {
  let found = 0;
  for (const mutant of chosen) {
    const { seed, why } = await simulate(mutant, count, jobs);
    if (seed !== null) found++;
    const by = seed === null ? `not within ${count}` : `seed ${seed}`;
    console.log(`${mutant.name.padEnd(34)} ${by.padEnd(16)} ${why.slice(0, 110)}`);
  }
  console.log(`\n${found} of ${chosen.length} found within ${count} seeds`);
  return chosen.length > 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { jobs: { type: 'string', default: '2' }, sim: { type: 'string' } },
  });
  const jobs = Number(values.jobs);
  const chosen = mutants.filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  );
  if (values.sim !== undefined) return search(chosen, Number(values.sim), jobs);
  const sound = new Map<string, boolean>();
  const files = [...new Set(chosen.map(({ killer }) => killer.file))];
  await each(
    files.filter((file) => existsSync(`test/${file}`)),
    jobs,
    async (file) => {
      sound.set(file, (await runFile(file, null)).code === 0);
    },
  );
  const counts = new Map<Outcome, number>();
  await each(chosen, jobs, async (mutant) => {
    const { outcome, by } = await judge(mutant, sound);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    console.log(`${outcome.padEnd(9)} ${mutant.name}: ${by}`);
  });
  const killed = counts.get('killed') ?? 0;
  const rest = [...counts].filter(([outcome]) => outcome !== 'killed');
  console.log(`\n${[`${killed} killed`, ...rest.map(([name, n]) => `${n} ${name}`)].join(', ')}`);
  return chosen.length > 0 && killed === chosen.length ? 0 : 1;
}

process.exitCode = await main();
