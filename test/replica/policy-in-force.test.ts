/**
 * The policy in force: settings under the words of the log, judged as a whole, tolerant of words
 * that another version put there.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PolicyState } from '../../src/machine/policy-words.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import { PolicyInForce } from '../../src/replica/policy-in-force.js';

const base = { ...defaultPolicy, stabilisationMillis: 300 };

function inForce(text: string, settings = base): PolicyInForce {
  const words = text.split(' ').filter(Boolean);
  const state: PolicyState = {
    index: words.length === 0 ? 0 : 9,
    words: words.map((word) => {
      const [name = '', value = ''] = word.split('=');
      return { name, value };
    }),
  };
  return new PolicyInForce(settings, () => state);
}

test('what the log does not say, the settings do', () => {
  assert.equal(inForce('').policy, base);
  const { policy } = inForce('voters=3 dead-after=2s');
  assert.equal(policy, { ...base, votersWanted: 3, deadAfterMillis: 2000 });
});

test('a new policy holds from the moment the machine has it', () => {
  let state: PolicyState = { index: 0, words: [] };
  const policy = new PolicyInForce(base, () => state);
  assert.is(policy.policy.votersWanted, 5);
  state = { index: 4, words: [{ name: 'voters', value: '3' }] };
  assert.is(policy.policy.votersWanted, 3);
});

test('words of another version are passed over and told', () => {
  const policy = inForce('colour=blue voters=4x voters-in-zone=2');
  assert.equal(policy.policy, base);
  const told = policy.report().words.filter(({ from }) => from === 'ignored');
  assert.equal(
    told.map(({ name, value }) => `${name}=${value}`),
    ['colour=blue', 'voters=4x', 'voters-in-zone=2'],
  );
});

test('the report says of each word where it comes from', () => {
  const { index, words } = inForce('dead-after=2000ms').report();
  assert.is(index, 9);
  const rows = words.map(({ name, value, from }) => `${name}=${value} ${from}`);
  assert.ok(rows.includes('dead-after=2s log'), rows.join('; '));
  assert.ok(rows.includes('stabilisation=300ms default'));
  assert.ok(rows.includes('voters=5 default'));
  assert.not.ok(rows.some((row) => row.endsWith('ignored')));
});

test('words that do not fit these settings stand on the common ones, or are not followed', () => {
  const few = { ...base, votersWanted: 1, votersLeast: 1 };
  assert.is(inForce('least=3', few).policy.votersLeast, 3);
  assert.is(inForce('least=3', few).policy.votersWanted, 5);
  const odd = inForce('voters=1 least=7');
  assert.equal(odd.policy, base);
  assert.is(odd.report().words.filter(({ from }) => from === 'ignored').length, 2);
});

const judged: readonly (readonly [string, string, string | RegExp])[] = [
  ['', 'voters=5 dead-after=10s', 'voters=5 dead-after=10s'],
  ['', ' voters=3  least=3 ', 'voters=3 least=3'],
  ['voters=3', 'voters=default', 'voters='],
  ['colour=blue', 'colour=default', 'colour='],
  ['', '', /at least one word/],
  ['', 'voters', /like voters=5/],
  ['', 'voters=', /like voters=5/],
  ['', 'voters=4', /even/],
  ['', 'voters=9', /bounds/],
  ['', 'voters=5 voters=3', /set twice/],
  ['', 'colour=blue', /no word of a policy/],
  ['', 'colour=default', /"colour" is no word of a policy; there are voters/],
  ['', 'least=7', /least=7 is more than voters=5/],
  ['voters=7', 'least=7', 'least=7'],
  ['voters=7 least=7', 'voters=default', /least=7 is more than voters=5/],
  ['dead-after=1h', 'shrink-after=30m', /shorter than dead-after=1h/],
];

for (const [before, text, expected] of judged) {
  test(`with "${before}" in force, "${text}" is judged`, () => {
    const verdict = inForce(before).judge(text);
    if (typeof expected === 'string') {
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.fault);
      const words = verdict.ok ? verdict.words : [];
      assert.is(words.map(({ name, value }) => `${name}=${value}`).join(' '), expected);
    } else {
      assert.not.ok(verdict.ok);
      assert.match(verdict.ok ? '' : verdict.fault, expected);
      assert.not.match(verdict.ok ? '' : verdict.fault, /\n/);
    }
  });
}

test.run();
