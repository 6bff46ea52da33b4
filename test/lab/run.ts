/**
 * The lab's command. Without a scenario it runs all its tests; with the name of one, that alone.
 * `storm` and `calm` run as long as they are told, `numbers`, `deaths` and `many` measure. Where
 * this machine cannot hold a lab it says so, and succeeds.
 *
 *   --scenario NAME
 *   --seconds N  --seed N  --without KIND,…   of a storm; the faults that it is not to have
 *   --count N                                 of `numbers` and `deaths`: how often
 *   --seconds N                               of `calm`: how long; of `many`: traffic is counted
 *   --count N,…                               of `many`: how many servers
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BadWord, runTool } from '../bad-word.js';
import { calmDefaults, calmText, measureCalm } from './calm.js';
import { type Death, measureDeaths } from './deaths.js';
import { Lab } from './lab.js';
import { type Many, manyDefaults, measureMany } from './many.js';
import { manyText } from './many-report.js';
import { whyNoDelay, whyNoLab } from './network.js';
import { type Assembly, measureAssembly, summary } from './numbers.js';
import { Storm, type StormOptions, stormDefaults } from './storm.js';
import { type FaultKind, faultKinds } from './storm-faults.js';

const runner = fileURLToPath(new URL('../run.ts', import.meta.url));

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new BadWord(`${name} wants a whole number`);
  return number;
}

/** Sizes of clusters, as `5,8,12`: below three there is nobody who could confirm a death. */
function sizesOf(text: string): readonly number[] {
  const sizes = text.split(',').map((word) => wholeNumber('COUNT', word));
  if (sizes.some((size) => size < 3))
    throw new BadWord('COUNT wants sizes of three servers or more');
  return sizes;
}

/** The tests of the lab, by the runner of all tests. */
function runTests(filter: string): number {
  // Two at once: each waits most of its time.
  const words = ['--import', 'tsx', runner, '--jobs', '2', filter];
  const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' });
  return status ?? 1;
}

/** All kinds of faults but those named. */
function kindsWithout(text: string): readonly FaultKind[] {
  const without = text.split(',').filter(Boolean);
  const unknown = without.filter((name) => !faultKinds.some((kind) => kind === name));
  const kinds = faultKinds.filter((kind) => !without.includes(kind));
  if (unknown.length > 0 || kinds.length === 0) {
    throw new BadWord(`WITHOUT wants some of: ${faultKinds.join(',')}`);
  }
  return kinds;
}

/**
 * Works in a lab of its own; the exit code: 0 when all was well. What was not leaves the logs, and
 * whoever is interrupted leaves nothing running.
 */
async function inNewLab(
  what: string,
  servers: number,
  work: (lab: Lab) => Promise<boolean>,
): Promise<number> {
  const lab = await Lab.make(servers);
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const interrupted = (): void => {
    const exit = (): never => process.exit(130);
    lab.remove(true).then(exit, exit);
  };
  for (const signal of signals) process.once(signal, interrupted);
  let isWell = false;
  try {
    isWell = await work(lab);
    return isWell ? 0 : 1;
  } catch (error) {
    console.log(lab.trouble());
    console.log(`\n${what} failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    for (const signal of signals) process.removeListener(signal, interrupted);
    await lab.remove(!isWell);
  }
}

function runStorm(options: StormOptions): Promise<number> {
  const { seconds, seed } = options;
  console.log(`storm of ${seconds} s, seed ${seed}: a fault every 10 s, and what it hit`);
  return inNewLab('the storm', 6, async (lab) => {
    const storm = new Storm(lab, options, console.log);
    const { lines, judgement, availability, faults } = await storm.run();
    const percent = (availability.share * 100).toFixed(2);
    console.log('\n      at  outage  fault (outage: time without an acknowledged append)');
    for (const line of lines) console.log(line);
    console.log(
      `\n${faults} faults, ${judgement.acknowledged} appends acknowledged, ` +
        `${judgement.unknown} of unknown outcome, ${judgement.reads} reads; ` +
        'nothing lost, doubled or out of order, history linearizable, one leader a term',
    );
    console.log(`availability ${percent} % of ${availability.windows} windows of 100 ms`);
    return true;
  });
}

/** 1 when a server was called dead that was not. */
function runCalm(seconds: number): Promise<number> {
  console.log(`calm of ${seconds} s: five servers, no fault, as much load as they take`);
  return inNewLab('the calm', 5, async (lab) => {
    const report = await measureCalm(lab, { ...calmDefaults, seconds });
    console.log(calmText(report));
    const isWell = report.calls.dead + report.calls.deadToLeader === 0;
    console.log(isWell ? '\nnobody was falsely called dead' : '\nFALSELY CALLED DEAD');
    return isWell;
  });
}

/** Each size in a lab of its own, with a host more for who joins. */
async function runMany(sizes: readonly number[], seconds: number): Promise<number> {
  const seen: Many[] = [];
  for (const servers of sizes) {
    const code = await inNewLab(`the cluster of ${servers}`, servers + 1, async (lab) => {
      seen.push(await measureMany(lab, { ...manyDefaults, servers, seconds }, console.log));
      return true;
    });
    if (code !== 0) return code;
  }
  console.log(`\n${manyText(seen)}`);
  return 0;
}

async function runNumbers(count: number): Promise<number> {
  const runs: Assembly[] = [];
  while (runs.length < count) {
    const run = await measureAssembly();
    runs.push(run);
    console.log(`founding ${run.founding.toFixed(2)} s, joining ${run.joining.toFixed(2)} s`);
  }
  const founding = runs.map((run) => run.founding);
  const joining = runs.map((run) => run.joining);
  console.log(summary('\nthree servers found by mDNS, last start to leader', founding));
  console.log(summary('two join one, start to vote', joining));
  return 0;
}

async function runDeaths(count: number): Promise<number> {
  const deaths: Death[] = [];
  await measureDeaths(count, (death) => {
    deaths.push(death);
    const who = `${death.victim}${death.led ? ', which led' : ''}`;
    console.log(
      `${who}: known dead ${death.known.toFixed(2)} s, swapped ${death.swapped.toFixed(2)} s`,
    );
  });
  const known = deaths.map((death) => death.known);
  const swapped = deaths.map((death) => death.swapped);
  console.log(summary('\nfrom kill -9 to dead for all others', known));
  console.log(summary('to a stand-by in its place (dead-after is 10 s)', swapped));
  return 0;
}

/** The tests of the lab, each a scenario of its own. */
function testNames(): readonly string[] {
  const files = readdirSync(new URL('.', import.meta.url)).sort();
  return files.flatMap((file) => /^(.*)\.test\.ts$/.exec(file)?.[1] ?? []);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', default: '' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      without: { type: 'string', default: '' },
      count: { type: 'string' },
    },
  });
  const lacking = await whyNoLab();
  if (lacking !== null) {
    console.log(`lab: skipped: ${lacking}\n\n0 passed, 0 failed`);
    return 0;
  }
  const { scenario } = values;
  if (scenario === 'storm') {
    const seconds = wholeNumber('SECONDS', values.seconds);
    const seed = wholeNumber('SEED', values.seed);
    return runStorm({ ...stormDefaults, seconds, seed, kinds: kindsWithout(values.without) });
  }
  if (scenario === 'calm') return runCalm(wholeNumber('SECONDS', values.seconds));
  if (scenario === 'many') {
    return runMany(sizesOf(values.count ?? '5,8,12'), wholeNumber('SECONDS', values.seconds));
  }
  const count = wholeNumber('COUNT', values.count ?? '20');
  if (scenario === 'numbers') return runNumbers(count);
  if (scenario === 'deaths') return runDeaths(count);
  const tests = testNames();
  if (scenario !== '' && !tests.includes(scenario)) {
    const names = new Set(['storm', 'calm', 'many', 'numbers', 'deaths', ...tests]);
    throw new BadWord(`no scenario is named ${scenario}; there are ${[...names].join(', ')}`);
  }
  const noDelay = await whyNoDelay();
  if (noDelay !== null) console.log(`lab: skipped in part: ${noDelay}`);
  return runTests(`lab/${scenario}`);
}

await runTool('lab', async () => {
  process.exitCode = await main();
});
