/**
 * The model checker on a small bound: nothing breaks, and what is broken on purpose is found, with
 * the way there. The long runs are `make model`. It runs in processes of its own, for the sources
 * that it loads are not quite those on disk and would spoil the coverage of others.
 */

import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { worlds } from './worlds.js';

function explore(asked: readonly string[], env: NodeJS.ProcessEnv): [number | null, string] {
  const preloads = ['--import', 'tsx', '--import', './test/model/register.ts'];
  const run = spawnSync(process.execPath, [...preloads, 'test/model/run.ts', ...asked], {
    // Empty, not absent: Node hands it on otherwise.
    env: { ...process.env, NODE_V8_COVERAGE: '', MUTANT: '', SECONDS: '60', ...env },
    timeout: 90_000,
  });
  return [run.status, `${run.stdout}${run.stderr}`];
}

test('15,000 states of every world break nothing, and the smallest world is explored whole', () => {
  const [status, output] = explore([], { STATES: '15000' });
  assert.is(status, 0, output);
  for (const name of Object.keys(worlds)) {
    const part = new RegExp(`^${name}: \\{.*\\n(?: {2}depth .*\\n)+`, 'm').exec(output)?.[0] ?? '';
    const last = /depth \d+: (\d+) states, .* MB: (.*)\n$/.exec(part);
    assert.ok(last !== null, `${name}: ${output}`);
    const isWhole = last[2] === 'the whole space';
    assert.is(isWhole, name === 'alone', `${name}: ${last[0]}`);
    assert.ok(isWhole || Number(last[1]) >= 15_000, `${name}: ${last[0]}`);
  }
});

// [mutant, world, what the model says]
const planted: readonly (readonly [string, string, RegExp])[] = [
  ['second-vote-granted', 'terms', /voted twice in term 1$/m],
  ['no-up-to-date-check', 'terms', /leader \d of term 2 lacks what is committed$/m],
  ['leader-counts-itself-early', 'one-term', /is committed and on no quorum of disks$/m],
  ['joint-commit-by-one-half', 'one-change', /is committed and on no quorum of disks$/m],
];

for (const [mutant, world, says] of planted) {
  test(`${mutant} is found in the world ${world}, with the way there`, () => {
    const [status, output] = explore([world], { MUTANT: mutant, STATES: '40000' });
    assert.is(status, 1, output);
    assert.match(output, /VIOLATION\n {4}\d: \{"kind":"campaign"\}\n/);
    assert.match(output, says);
  });
}

test.run();
