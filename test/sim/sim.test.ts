/**
 * The simulator within `make check`: seeds that once failed and some more, in which nothing may
 * break, and the simulator itself: the same seed gives the same world, byte for byte, in any
 * process.
 */
// time limit: 300 s

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runBatch } from './batch.js';
import { Marks, markNames } from './marks.js';
import { inMacroTask } from './scheduler.js';
import { replayCommand } from './shrink.js';
import { type RunOptions, type RunResult, runSeed } from './world.js';

const seedsWanted = Number(process.env['SEEDS'] ?? 30);

const batch = { seconds: 60, servers: null, without: [] } as const;

function options(seed: number, given: Partial<RunOptions> = {}): RunOptions {
  return { seed, seconds: 20, servers: null, without: new Set(), traceLines: 0, ...given };
}

function corpus(): readonly number[] {
  const text = readFileSync(new URL('./corpus.txt', import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map(Number);
}

test('a seed gives the same world twice, and in another process', async () => {
  for (const seed of [3, 8]) {
    const once = await inMacroTask(() => runSeed(options(seed, { traceLines: 50 })));
    const again = await inMacroTask(() => runSeed(options(seed)));
    assert.is(again.hash, once.hash);
    assert.is(again.steps, once.steps);
    const elsewhere: RunResult[] = [];
    await runBatch({ ...batch, seconds: 20 }, [seed], 1, (result) => elsewhere.push(result) > 0);
    assert.is(elsewhere[0]?.hash, once.hash);
  }
});

test('neighbouring seeds give different worlds', async () => {
  const hashes = new Set<string>();
  for (const seed of [11, 12, 13]) {
    hashes.add((await inMacroTask(() => runSeed(options(seed, { seconds: 5 })))).hash);
  }
  assert.is(hashes.size, 3);
});

test(`${seedsWanted} seeds and the corpus: nothing breaks, all comes to rest`, async () => {
  const seeds = [...corpus(), ...Array.from({ length: seedsWanted }, (_, i) => 10_001 + i)];
  const marks = new Marks();
  let committed = 0;
  let answers = 0;
  await runBatch(batch, seeds, 2, (result) => {
    const { seed, failure } = result;
    assert.is(failure, null, `${failure}\n${replayCommand({ seed, ...batch })}`);
    marks.add(result.marks);
    committed += result.committed;
    answers += result.answers;
    return true;
  });
  // A run in which nothing happened proves nothing.
  assert.ok(committed > seeds.length * 100, `${committed} entries committed`);
  assert.ok(answers > seeds.length * 100, `${answers} answers`);
  const seen = markNames.filter((mark) => marks.count(mark) > 0);
  assert.ok(seen.length >= 20, `only these rare events came: ${seen.join(', ')}`);
});

test.run();
