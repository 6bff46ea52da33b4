/**
 * The lab's command. Without a scenario it runs all its tests; with the name of one, that alone.
 * `storm` runs as long as it is told, `numbers` and `deaths` measure. Where this machine cannot
 * hold a lab it says so, and succeeds.
 *
 *   --scenario NAME
 *   --seconds N  --seed N  --without KIND,…   of a storm; the faults that it is not to have
 *   --count N                                 of `numbers` and `deaths`: how often
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Death, measureDeaths } from './deaths.js';
import { Lab } from './lab.js';
import { whyNoDelay, whyNoLab } from './network.js';
import { type Assembly, measureAssembly, summary } from './numbers.js';
import { Storm, type StormOptions, stormDefaults } from './storm.js';
import { type FaultKind, faultKinds } from './storm-faults.js';

const runner = fileURLToPath(new URL('../run.ts', import.meta.url));

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${name} wants a whole number`);
  return number;
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
    throw new Error(`WITHOUT wants some of: ${faultKinds.join(',')}`);
  }
  return kinds;
}

async function runStorm(options: StormOptions): Promise<number> {
  const { seconds, seed } = options;
  console.log(`storm of ${seconds} s, seed ${seed}: a fault every 10 s, and what it hit`);
  const lab = await Lab.make(6);
  let isOver = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      const exit = (): never => process.exit(130);
      lab.remove(true).then(exit, exit);
    });
  }
  try {
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
    isOver = true;
    return 0;
  } catch (error) {
    console.log(lab.trouble());
    console.log(`\nthe storm failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    await lab.remove(!isOver);
  }
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

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', default: '' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      without: { type: 'string', default: '' },
      count: { type: 'string', default: '20' },
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
  if (scenario === 'numbers') return runNumbers(wholeNumber('COUNT', values.count));
  if (scenario === 'deaths') return runDeaths(wholeNumber('COUNT', values.count));
  const noDelay = await whyNoDelay();
  if (noDelay !== null) console.log(`lab: skipped in part: ${noDelay}`);
  return runTests(`lab/${scenario}`);
}

process.exitCode = await main();
