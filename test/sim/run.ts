/**
 * The simulator's command: many seeds, a line of progress, and for the first failure all that is
 * needed to look at it. `make sim` says what may be given.
 *
 *   --seed N  --count N  --servers N  --seconds N  --without KIND,…  --jobs N
 */

import { parseArgs } from 'node:util';
import { BadWord, runTool } from '../bad-word.js';
import { type BatchOptions, runBatch, work, workerWord } from './batch.js';
import { corpus, type SeedList } from './corpus.js';
import { type Mark, Marks, markNames } from './marks.js';
import { replayCommand, shrink } from './shrink.js';
import { type FaultClass, faultClasses } from './swarm.js';
import type { RunResult } from './world.js';

/** From so many seeds on, a mark that was never hit is a fault of the simulator. */
const marksCountFrom = 1000;

/** Sums over a batch. */
class Totals {
  readonly marks = new Marks();
  /** With the options of their runs. */
  readonly failures: { readonly failed: RunResult; readonly options: BatchOptions }[] = [];
  runs = 0;
  virtualMillis = 0;
  steps = 0;
  committed = 0;
  answers = 0;
  slowestMillis = 0;

  add(result: RunResult, options: BatchOptions): void {
    this.runs += 1;
    this.virtualMillis += result.virtualMillis;
    this.steps += result.steps;
    this.committed += result.committed;
    this.answers += result.answers;
    this.slowestMillis = Math.max(this.slowestMillis, result.writtenAfterMillis);
    this.marks.add(result.marks);
    if (result.failure !== null) this.failures.push({ failed: result, options });
  }

  /** A history on which the judge spent all it may, without a verdict, is no failure and no proof. */
  #undecided(): string {
    const count = this.runs - this.failures.length - this.marks.count('history judged');
    return count === 0 ? '' : `, ${count} histories undecided`;
  }

  line(realMillis: number): string {
    const perMinute = Math.round((this.runs * 60_000) / realMillis);
    const hours = (this.virtualMillis / 3_600_000).toFixed(1);
    return (
      `${this.runs} runs (${perMinute}/min), ${hours} virtual hours, ` +
      `${this.committed} entries committed, ${this.answers} answers judged, ` +
      `first write at most ${Math.round(this.slowestMillis)} ms after mending, ` +
      `${this.failures.length} failed${this.#undecided()}`
    );
  }
}

function wholeNumber(text: string | undefined, otherwise: number): number {
  const number = Number(text === undefined || text === '' ? otherwise : text);
  if (!Number.isSafeInteger(number) || number < 0) throw new BadWord(`not a whole number: ${text}`);
  return number;
}

function kinds(text: string | undefined): readonly FaultClass[] {
  const names = (text ?? '').split(',').filter((name) => name !== '');
  for (const name of names) {
    if (!faultClasses.includes(name as FaultClass)) {
      throw new BadWord(`no kind of fault is named ${name}; there are ${faultClasses.join(', ')}`);
    }
  }
  return names as FaultClass[];
}

async function explain(failed: RunResult, options: BatchOptions): Promise<void> {
  console.log(`\nseed ${failed.seed} fails: ${failed.failure}`);
  console.log('shrinking …');
  const small = await shrink(failed.seed, options);
  if (small === null) {
    console.log('it does not fail again: the simulator is not deterministic, mend that first');
    return;
  }
  console.log(`\nthe last events of the smallest run that fails:\n`);
  console.log(small.result.trace.join('\n'));
  console.log(`\nits faults: ${small.result.faults.join(', ') || 'none'}`);
  console.log(`the failure as found: ${replayCommand({ seed: failed.seed, ...options })}`);
  console.log(`the smallest:         ${replayCommand(small)}`);
}

function printMarks(totals: Totals): readonly Mark[] {
  const missing = markNames.filter((mark) => totals.marks.count(mark) === 0);
  const hit = markNames.filter((mark) => totals.marks.count(mark) > 0);
  console.log(
    `rare events: ${hit.map((mark) => `${mark} ${totals.marks.count(mark)}`).join(', ')}`,
  );
  if (missing.length > 0) console.log(`never seen: ${missing.join(', ')}`);
  return missing;
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { seed: text, count: text, servers: text, seconds: text, without: text, jobs: text },
  });
  const first = wholeNumber(values.seed, 1);
  const count = wholeNumber(values.count, 200);
  const servers = wholeNumber(values.servers, 0);
  const options: BatchOptions = {
    seconds: wholeNumber(values.seconds, 60),
    servers: servers === 0 ? null : servers,
    without: kinds(values.without),
  };
  const asked = Array.from({ length: count }, (_, i) => first + i);
  const lists: readonly SeedList[] = [
    ...(values.seed ? [] : corpus()),
    { seeds: asked, without: [] },
  ];
  const totals = new Totals();
  const begun = performance.now();
  let toldAt = begun;
  for (const { seeds, without } of lists) {
    const their = { ...options, without: [...new Set([...options.without, ...without])] };
    await runBatch(their, seeds, wholeNumber(values.jobs, 2), (result) => {
      totals.add(result, their);
      if (result.failure !== null) console.log(`seed ${result.seed} fails: ${result.failure}`);
      const now = performance.now();
      if (now - toldAt > 5000) {
        toldAt = now;
        console.log(totals.line(now - begun));
      }
      return totals.failures.length < 10;
    });
  }
  console.log(totals.line(performance.now() - begun));
  const missing = printMarks(totals);
  const [earliest] = totals.failures;
  if (earliest !== undefined) {
    await explain(earliest.failed, earliest.options);
    process.exitCode = 1;
  } else if (missing.length > 0 && count >= marksCountFrom) {
    console.log('a rare event that never comes is not tested: look why');
    process.exitCode = 1;
  }
}

if (process.argv.includes(workerWord)) work();
else await runTool('sim', main);
