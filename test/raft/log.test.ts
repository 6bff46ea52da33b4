/**
 * The log view: rows, the disk's late answers, and random edits beside a plain array.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { entryBytes, RaftLog } from '../../src/raft/log.js';
import type { Entry, LogBase } from '../../src/raft/types.js';
import { configurationOf, entry } from './lone-core.js';

function baseAt(index: number, term: number): LogBase {
  return { index, term, configuration: configurationOf(1), configurationIndex: Math.min(1, index) };
}

/** A log that holds these terms after index 1. */
function logOf(terms: readonly number[]): RaftLog {
  const log = new RaftLog({
    base: baseAt(1, 0),
    termRuns: [],
    configurations: [],
    lastIndex: 1,
    tail: [],
  });
  log.append(terms.map((term, i) => entry(i + 2, term, 'x')));
  return log;
}

test('terms of indexes', () => {
  const log = logOf([1, 1, 2, 5, 5]);
  const terms = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => log.termAt(index));
  assert.equal(terms, [null, 0, 1, 1, 2, 5, 5, null]);
  assert.is(log.lastTerm, 5);
});

// [index, term, the last index up to it whose term is at most that]
const meetings: [number, number, number][] = [
  [6, 5, 6],
  [9, 9, 6],
  [6, 4, 4],
  [6, 1, 3],
  [3, 9, 3],
  [6, 0, 1],
  [0, 0, 1],
];

test('where logs may still meet', () => {
  const log = logOf([1, 1, 2, 5, 5]);
  for (const [index, term, expected] of meetings) {
    assert.is(log.lastOfTermAtMost(index, term), expected, `${index}/${term}`);
  }
});

test('which log is more up to date', () => {
  const log = logOf([1, 2]);
  const rows: [number, number, boolean][] = [
    [3, 2, true],
    [4, 2, true],
    [2, 2, false],
    [9, 1, false],
    [2, 3, true],
  ];
  for (const [index, term, expected] of rows) {
    assert.is(log.isUpToDate(index, term), expected, `${index}/${term}`);
  }
});

test('a cut takes configurations back, all of them that it reaches', () => {
  const log = logOf([1]);
  assert.not(log.append([entry(3, 1, 'x')]));
  assert.ok(log.append([entry(4, 1, configurationOf(2)), entry(5, 1, configurationOf(3))]));
  assert.is(log.configurationIndex, 5);
  assert.is(log.previousConfiguration.voters.length, 2);
  assert.ok(log.truncate(5));
  assert.is(log.configurationIndex, 4);
  assert.ok(log.truncate(3));
  assert.is(log.configurationIndex, 1);
  assert.not(log.truncate(2));
  assert.is(log.lastIndex, 1);
});

test('no stamp is forgotten: not by a cut, nor by leaving the memory, nor by a snapshot', () => {
  const log = logOf([1]);
  const stamped = (index: number, timeMillis: number) => ({ ...entry(index, 1, 'x'), timeMillis });
  log.append([stamped(3, 70), stamped(4, 90)]);
  log.truncate(3);
  assert.is(log.lastTimeMillis, 90);
  log.append([stamped(3, 80)]);
  assert.is(log.lastTimeMillis, 90);
  log.reset({ ...log.base, index: 9 });
  assert.is(log.lastTimeMillis, 90);
  const { base } = log;
  const nothing = { base, termRuns: [], configurations: [], lastIndex: base.index, tail: [] };
  assert.is(new RaftLog({ ...nothing, timeMillis: 60 }).lastTimeMillis, 60);
});

test('the disk counts up to what it has', () => {
  const log = logOf([1]);
  log.writing(null);
  log.append([entry(3, 1, 'x')]);
  log.writing(null);
  assert.is(log.persisted, 1);
  assert.ok(log.written(2, 1));
  assert.is(log.persisted, 2);
  assert.not(log.written(2, 1), 'answered already');
  assert.ok(log.written(3, 1));
  assert.is(log.persisted, 3);
});

test('one answer may stand for the writes before it', () => {
  const log = logOf([1]);
  log.writing(null);
  log.append([entry(3, 1, 'x')]);
  log.writing(null);
  assert.ok(log.written(3, 1));
  assert.is(log.persisted, 3);
});

test('trap 39: a late answer for entries that were cut and came back proves nothing yet', () => {
  const log = logOf([1, 1]);
  log.writing(null);
  log.truncate(3);
  log.append([entry(3, 2, 'y')]);
  log.writing(3);
  log.truncate(3);
  log.append([entry(3, 1, 'x')].map((old) => ({ ...old, term: 3 })));
  log.writing(3);
  // (3, 1) was written, but two cuts are under way: only 2 is safe.
  assert.ok(log.written(3, 1));
  assert.is(log.persisted, 2);
  assert.ok(log.written(3, 2));
  assert.is(log.persisted, 2);
  assert.ok(log.written(3, 3));
  assert.is(log.persisted, 3);
});

test('trap 39: of equal ends the older write is meant', () => {
  const log = logOf([2, 2]);
  log.writing(null);
  log.truncate(3);
  log.writing(3);
  log.append([entry(3, 2, 'x')]);
  log.writing(null);
  assert.ok(log.written(3, 2));
  assert.is(log.persisted, 2, 'the cut under way takes 3 from the disk again');
  log.written(2, 2);
  log.written(3, 2);
  assert.is(log.persisted, 3);
});

test('memory is freed in front, never the last entry, never past what is allowed', () => {
  const log = logOf([1, 1, 1, 1]);
  const one = entryBytes(entry(2, 1, 'x'));
  log.evict(3, 0);
  assert.is(log.memoryFirst, 4);
  assert.is(log.entries(3, 5), null);
  assert.equal(
    log.entries(4, 5)?.map(({ index }) => index),
    [4, 5],
  );
  log.evict(9, one);
  assert.is(log.memoryFirst, 5);
  log.evict(9, 0);
  assert.is(log.memoryFirst, 5);
  assert.is(log.bytesBetween(2, 5), one);
});

test('batches are cut by bytes and by count, and carry at least one entry', () => {
  const log = logOf([1, 1, 1, 1]);
  const one = entryBytes(entry(2, 1, 'x'));
  const lengths = [
    log.batch(2, 1, 9).length,
    log.batch(2, one * 2, 9).length,
    log.batch(2, one * 9, 3).length,
    log.batch(4, one * 9, 9).length,
  ];
  assert.equal(lengths, [1, 2, 3, 2]);
  assert.is(log.batch(3, 999, 9), log.batch(3, 999, 9), 'the same array for two followers');
});

test('trap 12: after a reset nothing of the old log stands, no configuration either', () => {
  const log = logOf([1]);
  log.append([entry(3, 1, configurationOf(3))]);
  log.writing(null);
  log.reset(baseAt(2, 5));
  assert.is(log.configurationIndex, 1);
  assert.is(log.lastIndex, 2);
  assert.is(log.persisted, 2);
  assert.is(log.lastTerm, 5);
  assert.not(log.written(3, 1), 'the answer to a write from before');
});

const edits = fc.array(
  fc.record({ op: fc.constantFrom('append', 'truncate', 'compact', 'evict'), n: fc.nat(9) }),
  { maxLength: 40 },
);

test('random edits agree with a plain array', () => {
  fc.assert(
    fc.property(edits, (list) => {
      const log = logOf([]);
      let all: Entry[] = [];
      let base = 1;
      let baseTerm = 0;
      let term = 1;
      for (const { op, n } of list) {
        if (op === 'append') {
          if (n > 6) term++;
          const more = Array.from({ length: n % 4 }, (_, i) => {
            return entry(base + all.length + 1 + i, term, n === 5 ? configurationOf(3) : 'x');
          });
          log.append(more);
          all.push(...more);
        } else if (all.length === 0) {
          continue;
        } else if (op === 'truncate') {
          const from = base + 1 + (n % all.length);
          log.truncate(from);
          all = all.slice(0, from - base - 1);
        } else if (op === 'compact') {
          const at = n % all.length;
          baseTerm = all[at]!.term;
          base += at + 1;
          log.compact(baseAt(base, baseTerm));
          all = all.slice(at + 1);
        } else {
          log.evict(base + n, 40);
        }
        agree(log, all, base, baseTerm);
      }
    }),
    { numRuns: 500, seed: 1 },
  );
});

function agree(log: RaftLog, all: readonly Entry[], base: number, baseTerm: number): void {
  assert.is(log.lastIndex, base + all.length);
  assert.is(log.lastTerm, all.at(-1)?.term ?? baseTerm);
  assert.is(log.termAt(base), baseTerm);
  for (const { index, term } of all) assert.is(log.termAt(index), term, `term at ${index}`);
  const configured = all.filter(({ configuration }) => configuration !== null).at(-1);
  assert.is(log.configurationIndex, configured?.index ?? 1);
  assert.ok(log.memoryFirst > base || log.memoryFirst === log.lastIndex + 1);
  const inMemory = log.entries(log.memoryFirst, log.lastIndex) ?? [];
  assert.equal(inMemory, all.slice(all.length - inMemory.length));
  const bytes = inMemory.reduce((sum, one) => sum + entryBytes(one), 0);
  assert.is(log.bytesBetween(base + 1, log.lastIndex), bytes);
}

test.run();
