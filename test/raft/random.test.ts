/**
 * Random runs of the core under faults: the first guard; the full simulator runs the real replica.
 * A failure names its seed: `SEED=n node --import tsx test/raft/random.test.ts` runs it alone.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RandomWorld } from './random-world.js';

const only = process.env['SEED'];
const seedsWanted = Number(process.env['SEEDS'] ?? 500);
const first = only === undefined ? 1 : Number(only);
const seeds = only === undefined ? seedsWanted : 1;

test(`${seeds} seeds of faults: safety after every effect, progress after healing`, () => {
  const totals = { elections: 0, reads: 0, cuts: 0, commits: 0 };
  for (let seed = first; seed < first + seeds; seed++) {
    const world = new RandomWorld(seed);
    try {
      world.disturb(6000);
      world.heal(400);
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Error(`seed ${seed}, moment ${world.now}: ${what}`, { cause: error });
    }
    totals.elections += world.checker.elections;
    totals.reads += world.checker.reads;
    totals.cuts += world.checker.cuts;
    totals.commits += world.checker.commitMax;
  }
  if (seeds === 1) return;
  // A run in which nothing happened proves nothing.
  assert.ok(totals.elections > seeds * 2, `elections: ${totals.elections}`);
  assert.ok(totals.reads > seeds, `reads: ${totals.reads}`);
  assert.ok(totals.cuts > seeds / 10, `cuts: ${totals.cuts}`);
  assert.ok(totals.commits > seeds * 30, `commits: ${totals.commits}`);
});

test('doubled and reordered messages make no storm: at most three times the traffic', () => {
  const calm = {
    servers: 5,
    loss: 0,
    doubling: 0,
    delayMax: 3,
    diskMax: 3,
    snapshots: false,
    faultEvery: 1,
  };
  const quiet = new RandomWorld(1, calm).work(5000);
  for (const delayMax of [9, 60]) {
    const storm = new RandomWorld(1, { ...calm, doubling: 30, delayMax }).work(5000);
    assert.ok(storm < quiet * 3, `${storm} messages a commit instead of ${quiet}`);
  }
});

test('a disk slower than an election is no dead leader: commits go on, nobody resigns', () => {
  // A tick is ten moments, an election takes 60 to 120, a write up to 150.
  const slow = {
    servers: 3,
    loss: 0,
    doubling: 0,
    delayMax: 3,
    diskMax: 150,
    snapshots: false,
    faultEvery: 1,
  };
  const world = new RandomWorld(2, slow);
  world.work(10_000);
  assert.ok(world.checker.elections <= 2, `${world.checker.elections} elections`);
  assert.ok(world.checker.commitMax > 500, `${world.checker.commitMax} committed`);
});

test.run();
