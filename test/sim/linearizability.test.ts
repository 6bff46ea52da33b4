/**
 * The judges of histories, on histories known to be good and known to be bad. Each row is a whole
 * history in the words of history-text.ts; streams are judged twice, by the rules and by search.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keyHistory, streamHistory } from './history-text.js';
import { judgeKeys } from './key-history.js';
import { judgeStreams, searchStream } from './stream-history.js';

const goodKeys: readonly [string, string][] = [
  ['nothing was ever there', '0-1 get -'],
  ['a write, then a read', '0-1 put a @1; 2-3 get a @1'],
  ['a read beside the write sees it', '0-9 put a @1; 1-2 get a @1'],
  ['a read beside the write does not see it', '0-9 put a @1; 1-2 get -'],
  ['two reads beside a write: old, then new', '0-9 put a @1; 1-2 get -; 3-4 get a @1'],
  ['concurrent writes, the later one began first', '0-9 put a @2; 1-2 put b @1; 10-11 get a @2'],
  ['revisions jump: other keys were written', '0-1 put a @5; 2-3 put b @9; 4-5 get b @9'],
  ['a compare and set on what is there', '0-1 put a @1; 2-3 cas 1 b @2; 4-5 get b @2'],
  ['a conflict on what is gone', '0-1 put a @1; 2-3 put b @2; 4-5 cas 1 c !; 6-7 get b @2'],
  ['one of two wins', '0-1 put a @1; 2-5 cas 1 b @2; 2-5 cas 1 c !; 6-7 get b @2'],
  ['made where nothing was', '0-1 cas 0 a @1; 2-3 cas 0 b !'],
  ['made again after a deletion', '0-1 cas 0 a @1; 2-3 del @2; 4-5 cas 0 b @3; 6-7 get b @3'],
  ['a deletion of nothing', '0-1 del none @0; 2-3 put a @1'],
  ['a deletion of nothing, while other keys are written', '0-1 del none @7; 2-3 put a @8'],
  ['a conditional deletion', '0-1 put a @1; 2-3 delif 1 @2; 4-5 get -'],
  ['a conditional deletion refused', '0-1 put a @2; 2-3 delif 1 !; 4-5 get a @2'],
  ['an unknown write that happened', '0-? put a ; 2-3 get a @1'],
  ['an unknown write that never happened', '0-? put a ; 2-3 get -; 4-5 put b @1; 6-7 get b @1'],
  ['an unknown write that happened late', '0-? put a ; 2-3 get -; 4-5 get a @1'],
  ['an unknown write between others', '0-1 put a @1; 2-? put b ; 3-4 get a @1; 5-6 get b @2'],
  ['an unknown deletion', '0-1 put a @1; 2-? del; 3-4 get a @1; 5-6 get -'],
  ['an unknown compare and set that could not', '0-1 put a @1; 2-? cas 9 b; 4-5 get a @1'],
  ['an untold revision, met by a compare and set', '0-? put a ; 2-3 cas 4 b @5; 4-5 get b @5'],
  ['an untold revision, missed by one', '0-? put a ; 2-3 get a @4; 4-5 cas 3 b !'],
  ['a conflict that shows an unknown write', '0-1 put a @1; 2-? put b ; 4-5 cas 1 c !'],
  [
    'one number is left for it',
    '0-1 put z @1; 2-? put a; 4-5 cas 1 b !; 6-7 cas 2 b !; 8-9 put c @4',
  ],
  ['times that touch are no order', '0-2 put a @1; 2-3 get -'],
  ['two keys, one revision counter', '0-1 a: put x @1; 2-3 b: put y @2; 4-5 a: get x @1 /2'],
  ['a read beside writes of another key', '0-9 a: put x @1; 1-2 b: get - /0; 3-4 b: get - /1'],
];

const badKeys: readonly [string, string][] = [
  ['a value from nowhere', '0-1 get a @1'],
  ['a write is not seen', '0-1 put a @1; 2-3 get -'],
  ['a write is lost after it was seen', '0-? put a ; 2-3 get a @1; 4-5 get -'],
  ['a stale read', '0-1 put a @1; 2-3 put b @2; 4-5 get a @1'],
  ['old after new', '0-9 put b @2; 0-1 put a @1; 2-3 get b @2; 4-5 get a @1'],
  ['the value of one write with the revision of another', '0-1 put a @1; 2-3 get a @2'],
  ['a revision that falls', '0-1 put a @2; 2-3 put b @1'],
  ['a revision used twice', '0-1 put a @1; 2-3 put b @1'],
  ['a revision used twice, on two keys', '0-9 a: put x @1; 0-9 b: put y @1'],
  ['revisions of two keys against time', '0-1 a: put x @2; 2-3 b: put y @1'],
  ['both win', '0-1 put a @1; 2-5 cas 1 b @2; 2-5 cas 1 c @3'],
  ['a compare and set on what is gone', '0-1 put a @1; 2-3 put b @2; 4-5 cas 1 c @3'],
  ['a conflict without a reason', '0-1 put a @1; 2-3 cas 1 b !'],
  ['a conflict where nothing is', '0-1 cas 0 a !'],
  ['made where something is', '0-1 put a @1; 2-3 cas 0 b @2'],
  ['a deletion that did nothing', '0-1 put a @1; 2-3 del @2; 4-5 get a @1'],
  ['a deletion of what is there finds nothing', '0-1 put a @1; 2-3 del none @1'],
  ['deleted twice', '0-1 put a @1; 2-3 del @2; 4-5 del @3'],
  ['a conditional deletion of another revision', '0-1 put a @2; 2-3 delif 1 @3'],
  ['an unknown write before its begin', '2-3 get a @1; 4-? put a'],
  [
    'an unknown write done twice',
    '0-? put a ; 2-3 put b @2; 4-5 get a @3; 6-7 put c @4; 8-9 get a @5',
  ],
  ['an unknown compare and set that cannot be', '0-1 put a @1; 2-? cas 9 b; 4-5 get b @2'],
  ['an untold revision seen as two', '0-? put a ; 2-3 get a @1; 4-5 get a @2'],
  ['an untold revision below an earlier one', '0-1 put a @4; 2-? put b ; 4-5 get b @3'],
  ['an untold revision with no room', '0-1 put a @4; 2-? put b ; 4-5 get b @5; 4-9 put c @5'],
  [
    'no number is left for it',
    '0-1 put z @1; 2-? put a; 4-5 cas 1 b !; 6-7 cas 2 b !; 8-9 put c @3',
  ],
  ['a read of an old store', '0-1 a: put x @3; 2-3 b: get - /2'],
  ['a deletion of nothing in an old store', '0-1 a: put x @3; 2-3 b: del none @2'],
];

const goodStreams: readonly [string, string][] = [
  ['an empty stream', '0-1 read 1 - /1'],
  ['an append, then a read', '0-1 add x @1; 2-3 read 1 x /2'],
  ['appends in order', '0-1 add x @1; 2-3 add y @2; 4-5 read 1 x,y /3'],
  ['concurrent appends in either order', '0-9 add x @2; 0-9 add y @1; 10-11 read 1 y,x /3'],
  ['a read beside an append: not yet', '0-9 add x @1; 1-2 read 1 - /1'],
  ['a read beside an append: already', '0-9 add x @1; 1-2 read 1 x /2'],
  ['two reads: not yet, already', '0-9 add x @1; 1-2 read 1 - /1; 3-4 read 1 x /2'],
  ['a batch', '0-1 add x,y @1; 2-3 read 1 x,y /3'],
  ['two batches', '0-1 add x,y @1; 2-3 add z,w @3; 4-5 read 1 x,y,z,w /5'],
  ['a read from the middle', '0-1 add x,y @1; 2-3 read 2 y /3'],
  ['a read cut short', '0-1 add x,y,z @1; 2-3 read 1 x /4'],
  ['a read beyond the end', '0-1 add x @1; 2-3 read 5 - /2'],
  ['an unknown append that happened', '0-? add x; 2-3 read 1 x /2'],
  ['an unknown append that never happened', '0-? add x; 2-3 read 1 - /1; 4-5 add y @1'],
  ['an unknown append that happened late', '0-? add x; 2-3 add y @1; 4-5 read 1 y,x /3'],
  ['unknown appends in the order of nobody', '0-? add x; 2-? add y; 4-5 read 1 y,x /3'],
  ['a gap that an unknown append fills', '0-? add x; 2-3 add y @2'],
  ['two gaps, two unknown appends', '0-? add x; 0-? add z; 2-3 add y @2; 4-5 add w @4'],
  ['a gap at the end of a read cut short', '0-1 add x @1; 2-? add y; 3-4 read 1 x /3'],
  ['one of three fills the gap', '0-? add x; 0-? add y; 0-? add z; 4-5 add w @2'],
  ['reads of one length in any order', '0-1 add x @1; 2-5 read 1 x /2; 3-4 read 1 x /2'],
  ['times that touch are no order', '0-2 add x @1; 2-3 read 1 - /1'],
  ['two streams', '0-1 a: add x @1; 2-3 b: add y @1; 4-5 a: read 1 x /2'],
  ['an unknown batch', '0-? add x,y; 2-3 read 1 x,y /3'],
  ['an unknown batch seen in a read cut short', '0-? add x,y; 2-3 read 1 x /3'],
  ['a late gap', '0-1 add x @1; 2-? add y; 3-9 add z @3; 4-5 read 1 x /2'],
];

const badStreams: readonly [string, string][] = [
  ['a record from nowhere', '0-1 read 1 x /2'],
  ['an append is not seen', '0-1 add x @1; 2-3 read 1 - /1'],
  ['an append is lost after it was seen', '0-? add x; 2-3 read 1 x /2; 4-5 read 1 - /1'],
  ['two appends at one position', '0-1 add x @1; 2-3 add y @1'],
  ['one append at two positions', '0-1 add x @1; 2-3 read 1 x,x /3'],
  ['a reply that the read contradicts', '0-1 add x @1; 2-9 add y @2; 10-11 read 1 y,x /3'],
  ['positions against time', '0-1 add x @2; 2-3 add y @1'],
  ['reads against time', '0-9 add x @1; 0-9 add y @2; 1-2 read 1 x,y /3; 3-4 read 1 x /2'],
  ['two reads disagree', '0-? add x; 0-? add y; 1-2 read 1 x /2; 3-4 read 1 y /2'],
  [
    'two reads disagree about the order',
    '0-? add x; 0-? add y; 1-2 read 1 x,y /3; 1-2 read 1 y,x /3',
  ],
  ['a gap that nobody can fill', '0-1 add x @2'],
  ['a gap, and the unknown append came too late', '0-1 add x @2; 2-? add y'],
  ['two gaps, one unknown append', '0-? add x; 2-3 add y @3'],
  ['two unknown appends, one too late', '0-? add x; 2-3 add y @3; 4-? add z'],
  ['a read sees an append before its begin', '0-1 read 1 x /2; 2-3 add x @1'],
  ['an unknown append before its begin', '0-1 read 1 x /2; 2-? add x'],
  ['a read of half a batch', '0-9 add x,y @1; 1-2 read 1 x /2'],
  ['a batch torn apart', '0-9 add x,y @1; 0-9 add z @2; 10-11 read 1 x,z,y /4'],
  ['a batch turned round', '0-? add x,y; 2-3 read 1 y,x /3'],
  ['more records than there are', '0-1 add x @1; 2-3 read 1 x /1'],
  ['the end lies too far', '0-1 add x @1; 2-3 read 1 x /3'],
  ['the end lies too near', '0-1 add x @1; 2-3 add y @2; 4-5 read 1 x /2'],
  ['a position before the stream', '0-1 add x @0'],
  ['a record of another stream', '0-1 a: add x @1; 2-3 b: read 1 x /2'],
  ['an unknown append seen, then gone', '0-? add x; 1-2 read 1 x /2; 3-4 add y @1'],
  ['the middle changed', '0-? add x; 0-? add y; 1-2 read 2 y /3; 3-4 read 2 x /3'],
];

for (const [what, text] of goodKeys) {
  test(`keys, good: ${what}`, () => {
    const history = keyHistory(text);
    const verdict = judgeKeys(history);
    assert.is(verdict.result, 'linearizable', JSON.stringify(verdict));
    const known = history.filter(({ ended }) => ended !== null).length;
    assert.is(verdict.result === 'linearizable' && verdict.operations, known);
  });
}

for (const [what, text] of badKeys) {
  test(`keys, bad: ${what}`, () => {
    assert.is(judgeKeys(keyHistory(text)).result, 'violated');
  });
}

for (const [what, text] of goodStreams) {
  test(`streams, good: ${what}`, () => {
    const history = streamHistory(text);
    assert.is(judgeStreams(history).result, 'linearizable', JSON.stringify(judgeStreams(history)));
    for (const name of new Set(history.map(({ stream }) => stream))) {
      const one = history.filter(({ stream }) => stream === name);
      assert.is(searchStream(one).result, 'linearizable');
    }
  });
}

for (const [what, text] of badStreams) {
  test(`streams, bad: ${what}`, () => {
    const history = streamHistory(text);
    assert.is(judgeStreams(history).result, 'violated');
    const names = [...new Set(history.map(({ stream }) => stream))];
    const verdicts = names.map(
      (name) => searchStream(history.filter(({ stream }) => stream === name)).result,
    );
    assert.ok(verdicts.includes('violated'));
  });
}

test('a violation says what was done and what could not follow', () => {
  const verdict = judgeKeys(keyHistory('0-1 put a @1; 2-3 get -'));
  assert.ok(verdict.result === 'violated');
  assert.match(verdict.why, /done: 0–1 client 0 k: .*"put"/);
  assert.match(verdict.why, /cannot follow: 2–3 client 1 k: .*"get"/);
});

test('a search that reaches its limit is undecided, which is no pass', () => {
  // Sixteen unknown writes and a read of none of them: every subset in every order.
  const writes = Array.from({ length: 16 }, (_, i) => `0-? put v${i}`);
  const history = keyHistory([...writes, '1-2 put z @100', '3-4 get - '].join(';'));
  const few = judgeKeys(history, { stepsMax: 10_000, placesMax: 1_000_000 });
  assert.is(few.result, 'undecided');
  const small = judgeKeys(history, { stepsMax: 1_000_000, placesMax: 5000 });
  assert.is(small.result, 'undecided');
});

test('gaps for batches of unknown outcome are undecided', () => {
  const history = streamHistory('0-? add x,y; 0-? add z; 2-3 add w @4');
  assert.is(judgeStreams(history).result, 'undecided');
});

test('records that are not distinct are the fault of whoever wrote the history', () => {
  assert.throws(() => judgeStreams(streamHistory('0-1 add x @1; 2-3 add x @2')), /twice/);
});

test('300 operations of ten clients on a key, ten of unknown outcome, need few steps', () => {
  const lines: string[] = [];
  for (let i = 0; i < 300; i++) {
    const [begun, ended] = [i * 10, i * 10 + 95];
    if (i % 30 === 29) lines.push(`${begun}-? put u${i}`);
    else if (i % 3 === 0) lines.push(`${begun}-${ended} put v${i} @${i + 1}`);
    else lines.push(`${begun}-${ended} get v${i - (i % 3)} @${i - (i % 3) + 1}`);
  }
  const verdict = judgeKeys(keyHistory(lines.join(';')));
  assert.ok(verdict.result === 'linearizable' && verdict.steps < 100_000, JSON.stringify(verdict));
});

test('100,000 appends and 1,000 reads are judged by the rules at once', () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `${i}-${i + 20} add r${i} @${i + 1}`);
  for (let i = 0; i < 1000; i++) {
    lines.push(`${i * 100 + 10}-${i * 100 + 11} read ${i * 100 + 1} r${i * 100} /${i * 100 + 2}`);
  }
  const begun = performance.now();
  assert.is(judgeStreams(streamHistory(lines.join(';'))).result, 'linearizable');
  assert.ok(performance.now() - begun < 10_000);
});

test.run();
