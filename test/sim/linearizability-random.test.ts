/**
 * The judges against a twin that tries every order, on random small histories, most of them
 * spoiled. SEED=n draws one history alone.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { drawKeys, drawStream, spoil, twinOfKeys, twinOfStreams } from './history-twin.js';
import { searchKey } from './key-history.js';
import { judgeStreams, searchStream } from './stream-history.js';

const only = process.env['SEED'];
const seeds = only === undefined ? Array.from({ length: 10_000 }, (_, i) => i + 1) : [Number(only)];

/** The counts of both answers must not be small: a judge that always says the same is caught. */
function bothOften(good: number, bad: number): void {
  if (seeds.length === 1) return;
  assert.ok(good > seeds.length / 4 && bad > seeds.length / 8, `${good} good, ${bad} bad`);
}

test('keys: the search agrees with the twin on 10,000 histories', () => {
  let [good, bad] = [0, 0];
  for (const seed of seeds) {
    const rng = new Rng(seed);
    const history = drawKeys(rng, rng.between(2, 6));
    const spoilings = Math.max(0, rng.between(-2, 4));
    for (let i = 0; i < spoilings; i++) spoil(rng, history);
    const { result } = searchKey(history);
    const expected = twinOfKeys(history);
    if (spoilings === 0) assert.ok(expected, `seed ${seed}: what happened is explicable`);
    const why = () => `seed ${seed}: ${JSON.stringify(history)}`;
    if (result !== (expected ? 'linearizable' : 'violated')) assert.unreachable(why());
    if (expected) good++;
    else bad++;
  }
  bothOften(good, bad);
});

for (const batch of [1, 3]) {
  test(`streams: rules, search and twin agree on 10,000 histories, batches to ${batch}`, () => {
    let [good, bad, undecided] = [0, 0, 0];
    for (const seed of seeds) {
      const rng = new Rng(seed);
      const history = drawStream(rng, rng.between(2, 6), batch);
      for (let i = rng.between(-2, 3); i > 0; i--) spoil(rng, history);
      const expected = twinOfStreams(history) ? 'linearizable' : 'violated';
      const why = () => `seed ${seed}: ${JSON.stringify(history)}`;
      if (searchStream(history).result !== expected) assert.unreachable(why());
      const { result } = judgeStreams(history);
      if (result === 'undecided') undecided++;
      else if (result !== expected) assert.unreachable(`rules: ${result}, ${why()}`);
      if (expected === 'linearizable') good++;
      else bad++;
    }
    bothOften(good, bad);
    assert.ok(undecided <= (batch === 1 ? 0 : seeds.length / 20), `${undecided} undecided`);
  });
}

test.run();
