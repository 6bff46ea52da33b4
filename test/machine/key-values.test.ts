/**
 * The key-value store: revisions, conditions, order, ranges, and a plain map as its twin.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compareBytes } from '../../src/machine/byte-order.js';
import type { KeyValue, Reply } from '../../src/machine/commands.js';
import { KeyValues, listedBytesMax, listedKeysMax } from '../../src/machine/key-values.js';
import { Bench, outcome, text } from './fixtures.js';

const none = new Uint8Array(0);

/** put or delete, key, condition; what comes of it: revision, createRevision, version or count. */
const steps: ['put' | 'delete', string, number | null, string][] = [
  ['put', 'a', null, 'put 1 1 1'],
  ['put', 'a', null, 'put 2 1 2'],
  ['put', 'b', 0, 'put 3 3 1'],
  ['put', 'b', 0, 'CONFLICT'],
  ['put', 'b', 2, 'CONFLICT'],
  ['put', 'b', 3, 'put 4 3 2'],
  ['put', 'c', 4, 'CONFLICT'],
  ['delete', 'c', null, 'deleted 4 0'],
  ['delete', 'c', 0, 'deleted 4 0'],
  ['delete', 'a', 1, 'CONFLICT'],
  ['delete', 'a', 0, 'CONFLICT'],
  ['delete', 'a', 2, 'deleted 5 1'],
  ['delete', 'a', null, 'deleted 5 0'],
  ['put', 'a', 2, 'CONFLICT'],
  ['put', 'a', 0, 'put 6 6 1'],
];

test('revisions, versions and conditions', () => {
  const bench = new Bench();
  for (const [op, key, condition, expected] of steps) {
    const reply = op === 'put' ? bench.put(key, 'v', condition) : bench.delete(key, condition);
    assert.is(shown(reply), expected, `${op} ${key} ${condition}`);
  }
  assert.is(bench.machine.revision, 6);
});

test('a conflict says what stands there', () => {
  const bench = new Bench();
  bench.put('a', 'v');
  const reply = bench.put('a', 'w', 7);
  assert.ok(reply.kind === 'refused' && /revision 1, not 7/.test(reply.refusal.message));
});

function shown(reply: Reply): string {
  if (reply.kind === 'put') return `put ${reply.revision} ${reply.createRevision} ${reply.version}`;
  if (reply.kind === 'deleted') return `deleted ${reply.revision} ${reply.count}`;
  return outcome(reply);
}

const order: [string, string, number][] = [
  ['', '', 0],
  ['', '00', -1],
  ['00', '0000', -1],
  ['61', '62', -1],
  ['61ff', '62', -1],
  ['7f', '80', -1],
  ['ff', '00', 1],
  ['c3a9', 'c3a9', 0],
];

for (const [a, b, sign] of order) {
  test(`the order of ${a || '(empty)'} and ${b || '(empty)'} is ${sign}`, () => {
    const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')];
    assert.is(Math.sign(compareBytes(left, right)), sign);
    assert.is(Math.sign(compareBytes(right, left)), 0 - sign || 0);
  });
}

const ranges: [string, string, number, string, boolean][] = [
  ['', '', 99, 'a aa ab b c', false],
  ['', '', 5, 'a aa ab b c', false],
  ['', '', 4, 'a aa ab b', true],
  ['', '', 0, '', true],
  ['aa', 'b', 99, 'aa ab', false],
  ['aa', 'b', 1, 'aa', true],
  ['aa', 'b', 2, 'aa ab', false],
  ['a0', 'az', 99, 'aa ab', false],
  ['b', 'a', 99, '', false],
  ['b', 'b', 99, '', false],
  ['d', '', 99, '', false],
];

for (const [start, end, limit, expected, more] of ranges) {
  test(`keys from ${start || '(first)'} to ${end || '(end)'}, at most ${limit}`, () => {
    const store = new KeyValues();
    for (const key of ['c', 'ab', 'a', 'b', 'aa']) store.put(text(key), text('v'));
    const listed = store.list(text(start), text(end), limit);
    assert.is(listed.keys.map((pair) => Buffer.from(pair.key).toString()).join(' '), expected);
    assert.is(listed.more, more);
  });
}

test('a listing is bounded in bytes, but gives at least one pair', () => {
  const store = new KeyValues();
  const value = new Uint8Array(listedBytesMax / 2);
  for (const key of ['a', 'b', 'c']) store.put(text(key), value);
  assert.is(store.list(none, none, 9).keys.length, 1);
  assert.is(store.list(none, none, 9).more, true);
  store.put(text('a'), new Uint8Array(listedBytesMax));
  assert.is(store.list(none, none, 9).keys.length, 1);
  assert.is(store.list(text('b'), text('c'), 9).more, false);
});

test('a listing is bounded in keys', () => {
  const store = new KeyValues();
  for (let i = 0; i <= listedKeysMax; i++) store.put(text(`${i}`), none);
  const listed = store.list(none, none, 2 ** 53 - 1);
  assert.is(listed.keys.length, listedKeysMax);
  assert.is(listed.more, true);
});

test('the store does what a plain map does', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 5 });
  const step = fc.record({ put: fc.boolean(), key, value: fc.uint8Array({ maxLength: 3 }) });
  const range = fc.record({ start: fc.uint8Array({ maxLength: 2 }), end: key, limit: fc.nat(10) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 150, size: 'max' }),
      range,
      (changes, { start, end, limit }) => {
        const store = new KeyValues();
        const naive = new Map<string, KeyValue>();
        let revision = 0;
        for (const { put, key: each, value } of changes) {
          const name = Buffer.from(each).toString('hex');
          const old = naive.get(name);
          if (put) {
            revision++;
            const createRevision = old?.createRevision ?? revision;
            const version = (old?.version ?? 0) + 1;
            naive.set(name, { key: each, value, createRevision, modRevision: revision, version });
            store.put(each, value);
          } else {
            if (naive.delete(name)) revision++;
            assert.is(store.delete(each), old === undefined ? 0 : 1);
          }
        }
        assert.is(store.revision, revision);
        const all = [...naive.keys()].toSorted().map((name) => naive.get(name) as KeyValue);
        assert.equal(store.list(none, none, 999).keys, all);
        const within = all.filter((pair) => {
          return Buffer.compare(pair.key, start) >= 0 && Buffer.compare(pair.key, end) < 0;
        });
        const listed = store.list(start, end, limit);
        assert.equal(listed.keys, within.slice(0, limit));
        assert.is(listed.more, within.length > limit);
        for (const pair of all) assert.equal(store.get(pair.key), pair);
      },
    ),
    { numRuns: 500 },
  );
});

test.run();
