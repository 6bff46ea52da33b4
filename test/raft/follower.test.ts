/**
 * The follower: what it takes, refuses, cuts and commits. Rows over one core.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Append } from '../../src/raft/messages.js';
import type { Entry, LogBase } from '../../src/raft/types.js';
import { configurationOf, entry, loneCore, sent, tell } from './lone-core.js';

function append(
  prevIndex: number,
  prevTerm: number,
  terms: number[],
  part: Partial<Append> = {},
): Append {
  const entries = terms.map((term, i) => entry(prevIndex + i + 1, term, `n${prevIndex + i + 1}`));
  return {
    type: 'append',
    from: 2,
    to: 1,
    term: 9,
    sequence: 4,
    prevIndex,
    prevTerm,
    commit: 0,
    entries,
    ...part,
  };
}

// The follower's log: base 3, then terms 4 4 6 6 (indexes 4 … 7).
// [prev, prevTerm, terms, cut from, written, answer: ok index or refused hint]
const rows: [number, number, number[], number | null, number[], string][] = [
  [7, 6, [9], null, [8], 'has 8'],
  [7, 6, [], null, [], 'has 7'],
  [5, 4, [6], null, [], 'has 6'],
  [5, 4, [6, 6, 9], null, [8], 'has 8'],
  [5, 4, [7], 6, [6], 'has 6'],
  [3, 0, [4, 5, 5], 5, [5, 6], 'has 6'],
  [3, 0, [4], null, [], 'has 4'],
  // Refused: a gap, another term there, a term between.
  [9, 6, [9], null, [], 'refuses 9 hint 7/6'],
  [9, 5, [9], null, [], 'refuses 9 hint 5/4'],
  [7, 5, [9], null, [], 'refuses 7 hint 5/4'],
  [6, 9, [9], null, [], 'refuses 6 hint 6/6'],
  [5, 3, [9], null, [], 'refuses 5 hint 3/0'],
];

test('appends are taken where they fit, cut what differs, and are refused with a hint', () => {
  for (const [prevIndex, prevTerm, terms, cut, written, answer] of rows) {
    const what = `${prevIndex}/${prevTerm} [${terms}]`;
    const core = loneCore({ terms: [4, 4, 6, 6] });
    const effects = tell(core, append(prevIndex, prevTerm, terms));
    const persist = effects.find((e) => e.type === 'persist');
    assert.ok(persist?.type === 'persist', what);
    assert.is(persist.truncateFrom, cut, what);
    assert.equal(
      persist.entries.map(({ index }) => index),
      written,
      what,
    );
    const reply = sent(effects)[0];
    assert.ok(reply?.type === 'appendReply', what);
    const said = reply.ok
      ? `has ${reply.index}`
      : `refuses ${reply.index} hint ${reply.hintIndex}/${reply.hintTerm}`;
    assert.is(said, answer, what);
    assert.is(reply.sequence, 4);
  }
});

test('what was appended twice is written once', () => {
  const core = loneCore({});
  tell(core, append(3, 0, [9, 9]));
  const again = tell(core, append(3, 0, [9, 9]));
  assert.not(again.some(({ type }) => type === 'persist'));
});

test('the commit never passes what this append has proved', () => {
  // [append, commit told, commit believed]
  const commits: [Append, number][] = [
    [append(7, 6, [9], { commit: 99 }), 8],
    [append(5, 4, [6], { commit: 99 }), 6],
    [append(7, 6, [9], { commit: 7 }), 7],
    [append(9, 9, [9], { commit: 99 }), 3],
  ];
  for (const [message, commit] of commits) {
    const core = loneCore({ terms: [4, 4, 6, 6] });
    tell(core, message);
    assert.is(core.status().commit, commit);
  }
});

test('an append before the commit is answered with the commit', () => {
  const core = loneCore({ terms: [4, 4, 6, 6], applied: 6 });
  const [reply] = sent(tell(core, append(4, 4, [4])));
  assert.ok(reply?.type === 'appendReply' && reply.ok && reply.index === 6);
});

test('an append that contradicts what is committed stops the server', () => {
  const core = loneCore({ terms: [4, 4, 6, 6], applied: 6 });
  assert.throws(() => tell(core, append(4, 4, [4, 9])), /nothing committed is ever cut/);
});

const wrong: [string, Entry[]][] = [
  ['a gap', [entry(9, 9, 'x')]],
  ['terms that fall', [entry(8, 9, 'x'), entry(9, 8, 'x')]],
  ['a term beyond the message', [entry(8, 10, 'x')]],
  [
    'a configuration that is a command',
    [{ ...entry(8, 9, 'x'), configuration: configurationOf(1) }],
  ],
];

test('malformed appends are noted and dropped', () => {
  for (const [what, entries] of wrong) {
    const core = loneCore({ terms: [4, 4, 6, 6] });
    const effects = tell(core, append(7, 6, [], { entries }));
    assert.ok(
      effects.some((e) => e.type === 'note' && e.event === 'malformed append'),
      what,
    );
    assert.is(core.status().lastIndex, 7, what);
  }
});

test('a second leader in one term is noted and not followed', () => {
  const core = loneCore({});
  tell(core, append(3, 0, [9]));
  const effects = tell(core, append(3, 0, [8], { from: 3 }));
  assert.equal(
    effects.map(({ type }) => type),
    ['note'],
  );
  assert.is(core.status().leader, 2);
});

test('a leader of a lower term is told the higher one', () => {
  const core = loneCore({ term: 12 });
  const beat = { type: 'heartbeat', from: 2, to: 1, term: 9, commit: 0, round: 3 } as const;
  const replies = [...sent(tell(core, append(3, 0, [9]))), ...sent(tell(core, beat))];
  assert.equal(
    replies.map(({ type, term }) => [type, term]),
    [
      ['appendReply', 12],
      ['heartbeatReply', 12],
    ],
  );
  assert.is(core.status().lastIndex, 3);
});

test('an answer waits for the disk, a heartbeat’s does not and tells what the disk has', () => {
  const core = loneCore({});
  const effects = tell(core, append(3, 0, [9]));
  assert.ok(effects.every((e) => e.type !== 'send' || e.after === 'persisted'));
  const beat = { type: 'heartbeat', from: 2, to: 1, term: 9, commit: 0, round: 3 } as const;
  const [send] = tell(core, beat);
  assert.ok(send?.type === 'send' && send.after === 'now');
  assert.ok(send.message.type === 'heartbeatReply');
  assert.is(send.message.lastIndex, 3);
  assert.is(send.message.round, 3);
});

test('traps 43 and 47: a heartbeat that tells of more than is here commits nothing', () => {
  const core = loneCore({});
  tell(core, { type: 'heartbeat', from: 2, to: 1, term: 9, commit: 40, round: 0 });
  assert.is(core.status().commit, 3);
});

function snapshotAt(index: number, term: number): LogBase {
  return { index, term, configuration: configurationOf(5), configurationIndex: Math.min(index, 5) };
}

// The log: 4/4 5/4 6/6 7/6. [snapshot, applied before, last index, commit, configuration index]
const snapshots: [LogBase, number, number, number, number][] = [
  // It meets the log: what was acknowledged beyond it stays.
  [snapshotAt(6, 6), 3, 7, 6, 5],
  // It contradicts the log, or goes beyond: nothing stays.
  [snapshotAt(6, 5), 3, 6, 6, 5],
  [snapshotAt(20, 8), 3, 20, 20, 5],
  // Older than what is committed here: never backwards.
  [snapshotAt(5, 4), 6, 7, 6, 3],
];

test('trap 12: a snapshot replaces what it contradicts, and never goes backwards', () => {
  for (const [base, applied, lastIndex, commit, configurationIndex] of snapshots) {
    const core = loneCore({ terms: [4, 4, 6, 6], applied });
    const effects = core.step({ type: 'snapshotInstalled', base, from: 2 });
    const status = core.status();
    const now = [status.lastIndex, status.commit, status.configurationIndex];
    assert.equal(now, [lastIndex, commit, configurationIndex], `${base.index}/${base.term}`);
    const [reply] = sent(effects);
    assert.ok(reply?.type === 'snapshotReply' && reply.ok);
    assert.is(reply.index, base.index);
  }
});

test('a message for another, or from oneself, goes astray', () => {
  const core = loneCore({});
  for (const part of [{ to: 3 }, { from: 1 }]) {
    const effects = tell(core, append(3, 0, [9], part));
    assert.equal(
      effects.map(({ type }) => type),
      ['note'],
    );
  }
});

test('a follower asks again, under another number, when its read request seems lost', () => {
  const core = loneCore({});
  const beat = { type: 'heartbeat', from: 2, to: 1, term: 9, commit: 0, round: 0 } as const;
  tell(core, beat);
  const [first] = sent(core.step({ type: 'read', ref: 1 }));
  assert.ok(first?.type === 'readRequest');
  let again = sent([]);
  for (let tick = 0; tick < 8 && again.length === 0; tick++) {
    tell(core, beat);
    again = sent(core.step({ type: 'tick' }));
  }
  const [second] = again;
  assert.ok(second?.type === 'readRequest' && second.ref !== first.ref);
  const reply = { type: 'readReply', from: 2, to: 1, term: 9, ok: true, index: 7 } as const;
  assert.equal(tell(core, { ...reply, ref: first.ref }), [], 'too old for what came since');
  assert.equal(tell(core, { ...reply, ref: second.ref }), [
    { type: 'answerRead', ref: 1, index: 7 },
  ]);
});

test('trap 33: request numbers of two starts of one server are not the same', () => {
  const refs = [1, 2, 3].map((seed) => {
    const core = loneCore({ seed });
    tell(core, { type: 'heartbeat', from: 2, to: 1, term: 9, commit: 0, round: 0 });
    const [request] = sent(core.step({ type: 'read', ref: 1 }));
    return request?.type === 'readRequest' ? request.ref : 0;
  });
  assert.is(new Set(refs).size, 3);
});

test.run();
