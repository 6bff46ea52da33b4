/**
 * The table of mutants itself: each patch still fits its file, each trap is on the page
 * docs/traps.md with its tests and mutants. That the mutants are killed is `make mutants`.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mutants } from './mutants.js';
import { patched } from './source-patch.js';

const page = readFileSync('docs/traps.md', 'utf8');

test('every mutant has a name of its own', () => {
  const names = mutants.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z]+(?:-[a-z]+)*$/);
});

test('every patch stands in its file exactly once, and changes it', () => {
  for (const mutant of mutants) {
    const source = readFileSync(mutant.file, 'utf8');
    assert.is.not(patched(source, mutant), source, mutant.name);
  }
});

test('a patch that is not there, or there twice, is stale', () => {
  const patch = { file: 'x.ts', from: 'a', to: 'b' };
  assert.throws(() => patched('xyz', patch), /stale: found 0 times/);
  assert.throws(() => patched('a a', patch), /stale: found 2 times/);
});

test('every killer is a test that exists', () => {
  for (const { name, killer } of mutants) {
    const source = readFileSync(`test/${killer.file}`, 'utf8');
    const names = killer.file.endsWith('scenarios.test.ts') ? scenarioTitles() : source;
    assert.ok(names.includes(killer.test), `${name}: ${killer.test} in ${killer.file}`);
  }
});

function scenarioTitles(): string {
  const folder = 'test/raft/scenarios';
  const lines = readdirSync(folder).map(
    (name) => `${name}: ${readFileSync(`${folder}/${name}`, 'utf8').split('\n')[0]?.slice(2)}`,
  );
  return lines.join('\n');
}

test('docs/traps.md has a row for each of the 54 traps, and each mutant', () => {
  for (let trap = 1; trap <= 54; trap++) {
    assert.match(page, new RegExp(`^\\| ${trap} \\|`, 'm'), `trap ${trap}`);
  }
  for (const { name } of mutants) assert.ok(page.includes(`\`${name}\``), name);
});

test('the tests and scenario files that docs/traps.md names exist', () => {
  const named = [...page.matchAll(/`([\w/-]+\.(?:test\.ts|txt))`/g)].map((match) => match[1]!);
  assert.ok(named.length > 40, `${named.length} names`);
  for (const name of named) assert.ok(readFileSync(`test/${name}`, 'utf8').length > 0, name);
});

test.run();
