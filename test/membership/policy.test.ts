/**
 * The words of a policy: what is understood, what is refused and how, and that reading takes back
 * what writing gave.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checkPolicy,
  defaultPolicy,
  formatDuration,
  formatPolicy,
  mergePolicy,
  parsePolicy,
  readPolicy,
} from '../../src/membership/policy.js';

test('words are read with their units', () => {
  const rows: readonly [string, Record<string, number>][] = [
    ['voters=7', { votersWanted: 7 }],
    ['least=1', { votersLeast: 1 }],
    ['stabilisation=300ms', { stabilisationMillis: 300 }],
    ['dead-after=10s', { deadAfterMillis: 10_000 }],
    ['shrink-after=2h', { shrinkAfterMillis: 7_200_000 }],
    ['stuck-after=5m', { stuckAfterMillis: 300_000 }],
    ['lag-entries=64', { lagEntriesMax: 64 }],
    ['catching-up=1', { learnersCatchingUpMax: 1 }],
  ];
  for (const [text, entry] of rows) assert.equal(parsePolicy([text]), { ok: true, entry }, text);
  const texts = rows.map(([text]) => text);
  const entry = Object.assign({}, ...rows.map(([, one]) => one));
  assert.equal(parsePolicy(texts), { ok: true, entry });
});

test('every fault is told at once', () => {
  const read = parsePolicy([
    'votes=5',
    'voters',
    'voters=five',
    'voters=9',
    'dead-after=10',
    'dead-after=999ms',
    'least=3s',
    'least=3',
    'least=5',
    'voters=-1',
    '=3',
    '',
  ]);
  assert.not.ok(read.ok);
  if (read.ok) return;
  const patterns = [
    /"votes" is no word of a policy; there are voters, least, /,
    /"voters" is not understood: write it like voters=5/,
    /"voters=five" is not understood/,
    /voters=9 is out of bounds: 1 to 7/,
    /"dead-after=10" is not understood: write it like dead-after=10s/,
    /dead-after=999ms is out of bounds: 1s to 720h/,
    /"least=3s" is not understood/,
    /least is given twice/,
    /"voters=-1" is not understood/,
    /"" is no word/,
    /"" is no word/,
  ];
  assert.is(read.faults.length, patterns.length, read.faults.join('\n'));
  for (const [at, pattern] of patterns.entries()) assert.match(read.faults[at] ?? '', pattern);
});

test('words of another version are passed over, and the rest counts', () => {
  const texts = ['voters=3', 'zones=eu,us', 'dead-after=soon', 'least=1'];
  assert.equal(readPolicy(texts), { votersWanted: 3, votersLeast: 1 });
});

test('a whole policy is judged as a whole', () => {
  const rows: readonly [Parameters<typeof mergePolicy>[1], readonly RegExp[]][] = [
    [{}, []],
    [{ votersWanted: 3 }, []],
    [{ votersWanted: 4 }, [/voters=4 is even/]],
    [{ votersLeast: 2 }, [/least=2 is even/]],
    [{ votersWanted: 1 }, [/least=3 is more than voters=1/]],
    [{ shrinkAfterMillis: 5000 }, [/shrink-after=5s is shorter than dead-after=10s/]],
    [{ deadAfterMillis: 400_000 }, [/stuck-after=5m is shorter than dead-after=400s/]],
    [{ votersWanted: 0.5 }, [/voters=0.5 is out of bounds/, /least=3 is more than/]],
    [{ lagEntriesMax: Number.NaN }, [/lag-entries=NaN is out of bounds/]],
  ];
  for (const [entry, patterns] of rows) {
    const faults = checkPolicy(mergePolicy(defaultPolicy, entry));
    assert.is(faults.length, patterns.length, `${JSON.stringify(entry)}: ${faults.join('; ')}`);
    for (const [at, pattern] of patterns.entries()) assert.match(faults[at] ?? '', pattern);
  }
});

test('a duration is written in the largest unit that is exact', () => {
  const rows = [
    [0, '0ms'],
    [999, '999ms'],
    [1000, '1s'],
    [90_000, '90s'],
    [120_000, '2m'],
    [3_600_000, '1h'],
    [3_601_000, '3601s'],
  ] as const;
  for (const [millis, text] of rows) assert.is(formatDuration(millis), text);
});

test('what formatPolicy writes, parsePolicy reads back', () => {
  const count = fc.integer({ min: 1, max: 7 });
  const wait = fc.integer({ min: 1000, max: 2_592_000_000 });
  const entry = fc.record(
    {
      votersWanted: count,
      votersLeast: count,
      stabilisationMillis: wait,
      lagEntriesMax: fc.integer({ min: 1, max: 1e9 }),
      learnersCatchingUpMax: fc.integer({ min: 1, max: 64 }),
      deadAfterMillis: wait,
      shrinkAfterMillis: wait,
      stuckAfterMillis: wait,
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(entry, (given) => {
      assert.equal(parsePolicy(formatPolicy(given)), { ok: true, entry: given });
      assert.equal(readPolicy(formatPolicy(given)), given);
    }),
    { numRuns: 300 },
  );
  assert.is(formatPolicy(defaultPolicy).length, Object.keys(defaultPolicy).length);
});

test.run();
