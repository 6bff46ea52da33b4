/**
 * The simulator within `make check`: seeds that once failed and some more, in which nothing may
 * break, and the simulator itself: the same seed gives the same world, byte for byte, in any
 * process.
 */
// time limit: 300 s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { runBatch } from './batch.js';
import { corpus, type SeedList } from './corpus.js';
import { Marks, markNames } from './marks.js';
import { inMacroTask } from './scheduler.js';
import { replayCommand } from './shrink.js';
import {
  directedClasses,
  drawSwarm,
  type FaultClass,
  foundingClass,
  isDirected,
  type Swarm,
  streamsClass,
} from './swarm.js';
import { type RunOptions, type RunResult, runSeed } from './world.js';

const seedsWanted = Number(process.env['SEEDS'] ?? 30);

const batch = { seconds: 60, servers: null, without: [] } as const;

function options(seed: number, given: Partial<RunOptions> = {}): RunOptions {
  return { seed, seconds: 20, servers: null, without: new Set(), traceLines: 0, ...given };
}

function draw(seed: number, without: readonly FaultClass[]): Swarm {
  const chance = (purpose: number): Rng => new Rng(seed * 64 + purpose);
  const draws = {
    rng: chance(6),
    directed: chance(7),
    founding: chance(10),
    snapshots: chance(12),
    streams: chance(14),
  };
  return drawSwarm(draws, { servers: null, without: new Set(without) });
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

test('directed kinds are drawn beside the others, and may be turned off as they may', () => {
  let withDirected = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const all = draw(seed, []);
    const blind = draw(seed, directedClasses);
    const rest = [...all.faults].filter((kind) => !isDirected(kind));
    assert.equal([...blind.faults], rest);
    assert.equal({ ...all, faults: null }, { ...blind, faults: null });
    if (all.faults.size > rest.length) withDirected += 1;
  }
  assert.ok(withDirected > 25 && withDirected < 55, `${withDirected} of 60 worlds`);
});

test('every fourth world is founded together, by servers too few for two clusters', () => {
  let together = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const all = draw(seed, []);
    const alone = draw(seed, [foundingClass]);
    const { expect, servers } = all;
    assert.is(all.faults.has(foundingClass), expect !== null);
    assert.is(alone.expect, null);
    assert.equal({ ...alone, servers, expect, faults: all.faults }, all);
    if (expect === null) continue;
    together += 1;
    assert.ok(servers >= expect && servers < 2 * expect, `${servers} servers, EXPECT=${expect}`);
  }
  assert.ok(together > 70 && together < 130, `${together} of 400 worlds`);
});

test('two of three worlds have streams with rules, drawn beside everything else', () => {
  let ruled = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const all = draw(seed, []);
    const plain = draw(seed, [streamsClass]);
    assert.is(plain.workload.ruledStreams, 0);
    const { ruledStreams } = all.workload;
    assert.is(all.faults.has(streamsClass), ruledStreams > 0);
    assert.equal({ ...plain, faults: all.faults, workload: all.workload }, all);
    assert.equal({ ...plain.workload, ruledStreams }, all.workload);
    if (ruledStreams > 0) ruled += 1;
  }
  assert.ok(ruled > 110 && ruled < 160, `${ruled} of 200 worlds`);
});

test('a world without directed kinds is not touched by the director', async () => {
  const without = new Set<FaultClass>(directedClasses);
  const quiet = await inMacroTask(() => runSeed(options(2, { without, traceLines: 5000 })));
  assert.not(quiet.trace.some((line) => line.includes('director')));
  const kinds = directedClasses.filter((kind) => kind !== 'figure8');
  const busy = options(2, { without: new Set<FaultClass>(kinds), traceLines: 5000 });
  const directed = await inMacroTask(() => runSeed(busy));
  assert.ok(directed.faults.includes('figure8'));
  assert.ok(directed.trace.some((line) => line.includes('director: figure 8')));
});

test('neighbouring seeds give different worlds', async () => {
  const hashes = new Set<string>();
  for (const seed of [11, 12, 13]) {
    hashes.add((await inMacroTask(() => runSeed(options(seed, { seconds: 5 })))).hash);
  }
  assert.is(hashes.size, 3);
});

test(`${seedsWanted} seeds and the corpus: nothing breaks, all comes to rest`, async () => {
  const asked = Array.from({ length: seedsWanted }, (_, i) => 10_001 + i);
  const lists: readonly SeedList[] = [...corpus(), { seeds: asked, without: [] }];
  const count = lists.reduce((sum, { seeds }) => sum + seeds.length, 0);
  const marks = new Marks();
  let committed = 0;
  let answers = 0;
  for (const { seeds, without } of lists) {
    const options = { ...batch, without };
    await runBatch(options, seeds, 2, (result) => {
      const { seed, failure } = result;
      assert.is(failure, null, `${failure}\n${replayCommand({ seed, ...options })}`);
      marks.add(result.marks);
      committed += result.committed;
      answers += result.answers;
      return true;
    });
  }
  // A run in which nothing happened proves nothing.
  assert.ok(committed > count * 100, `${committed} entries committed`);
  assert.ok(answers > count * 100, `${answers} answers`);
  const seen = markNames.filter((mark) => marks.count(mark) > 0);
  assert.ok(seen.length >= 24, `only these rare events came: ${seen.join(', ')}`);
});

test.run();
