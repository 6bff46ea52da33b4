/**
 * The operator's policy in the machine: words by name, whatever they mean.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PolicyWord } from '../../src/machine/commands.js';
import { policyWordsFault, policyWordsMax } from '../../src/machine/policy-words.js';
import { Bench, outcome } from './fixtures.js';

function set(bench: Bench, text: string, expectedIndex: number | null = null): string {
  return outcome(bench.apply({ op: 'setPolicy', words: wordsOf(text), expectedIndex }));
}

function wordsOf(text: string): PolicyWord[] {
  return text.split(' ').map((word) => {
    const [name = '', value = ''] = word.split('=');
    return { name, value };
  });
}

function told(bench: Bench): string {
  const { index, words } = bench.machine.policy();
  return [index, ...words.map(({ name, value }) => `${name}=${value}`)].join(' ');
}

test('words are set one by one, and one without a value is taken back', () => {
  const bench = new Bench();
  assert.is(told(bench), '0');
  assert.is(set(bench, 'voters=5 dead-after=10s'), 'policySet');
  assert.is(told(bench), '2 dead-after=10s voters=5');
  set(bench, 'voters=3');
  assert.is(told(bench), '3 dead-after=10s voters=3');
  set(bench, 'dead-after=');
  assert.is(told(bench), '4 voters=3');
});

test('a word that nobody knows yet is kept as it is', () => {
  const bench = new Bench();
  assert.is(set(bench, 'colour-of-voters=blue/5'), 'policySet');
  assert.is(told(bench), '2 colour-of-voters=blue/5');
});

test('a policy that was judged against another is refused, and changes nothing', () => {
  const bench = new Bench();
  assert.is(set(bench, 'voters=5', 0), 'policySet');
  assert.is(set(bench, 'voters=3', 0), 'CONFLICT');
  assert.is(set(bench, 'voters=3', 9), 'CONFLICT');
  assert.is(told(bench), '2 voters=5');
  assert.is(set(bench, 'voters=3', 2), 'policySet');
  // Where the state did not change, its object is the same: readers look at that.
  const before = bench.machine.policy();
  set(bench, 'Voters=3');
  assert.is(bench.machine.policy(), before);
});

const bad: readonly (readonly [string, readonly PolicyWord[]])[] = [
  ['none at all', []],
  ['a name that is no word', [{ name: 'Voters', value: '5' }]],
  ['no name', [{ name: '', value: '5' }]],
  ['a long name', [{ name: 'a'.repeat(65), value: '5' }]],
  ['a value with a space', [{ name: 'a', value: '5 6' }]],
  ['a value with a control character', [{ name: 'a', value: '5\n' }]],
  ['a value beyond ASCII', [{ name: 'a', value: 'é' }]],
  ['a long value', [{ name: 'a', value: '5'.repeat(129) }]],
  ['one word twice', wordsOf('a=1 a=2')],
  ['too many', Array.from({ length: 65 }, (_, i) => ({ name: `a${i}`, value: '1' }))],
];

for (const [what, words] of bad) {
  test(`refused on every replica alike: ${what}`, () => {
    const bench = new Bench();
    const reply = bench.apply({ op: 'setPolicy', words, expectedIndex: null });
    assert.is(outcome(reply), 'BAD_REQUEST');
    assert.is(told(bench), '0');
    assert.is(typeof policyWordsFault(words), 'string');
  });
}

test('the whole stays within its bound, however it grew', () => {
  const bench = new Bench();
  for (let i = 0; i < policyWordsMax; i++) assert.is(set(bench, `word-${i}=1`), 'policySet');
  assert.is(set(bench, 'one-more=1'), 'BAD_REQUEST');
  assert.is(set(bench, 'word-0= one-more=1'), 'policySet');
  assert.is(bench.machine.policy().words.length, policyWordsMax);
});

test('the policy is part of the state: other words, another digest', () => {
  const hashes = ['voters=5', 'voters=3', 'voters=5 least=3', 'least=3'].map((text) => {
    const bench = new Bench();
    set(bench, text);
    return bench.machine.hash();
  });
  assert.is(new Set(hashes).size, hashes.length);
  const one = new Bench();
  const other = new Bench();
  set(one, 'a=1 b=2');
  set(other, 'b=2 a=1');
  assert.is(one.machine.hash(), other.machine.hash());
});

test.run();
