/**
 * Conditions of appends and changes of streams: what is refused, in which order, with what, and
 * that a refusal changes nothing.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AppendConditions, SessionTag, StreamChange } from '../../src/machine/commands.js';
import { StreamBench, word } from './stream-bench.js';

/** Three views: 1 … 2, none, and from 3 on two records under fence 5; open. */
function storied(): StreamBench {
  const bench = new StreamBench();
  bench.add(2);
  bench.seal();
  bench.openView(1);
  bench.seal(2);
  bench.openView(2);
  bench.add(2, { fence: 5, view: 3, expectSeq: 3 });
  return bench;
}

/** The same, its newest view closed. */
function sealed(): StreamBench {
  const bench = storied();
  bench.seal(3);
  return bench;
}

const benches = { new: () => new StreamBench(), storied, sealed };
type State = keyof typeof benches;

const appends: [State, Partial<AppendConditions>, string][] = [
  ['new', {}, 'appended'],
  ['new', { expectSeq: 1, fence: 1, view: 1 }, 'appended'],
  ['new', { expectSeq: 2 }, 'CONFLICT 1'],
  ['new', { expectSeq: 0 }, 'CONFLICT 1'],
  ['new', { view: 2 }, 'CONFLICT'],
  ['new', { view: 0 }, 'BAD_REQUEST'],
  ['new', { fence: 0 }, 'BAD_REQUEST'],
  ['storied', {}, 'appended'],
  ['storied', { expectSeq: 5 }, 'appended'],
  ['storied', { expectSeq: 4 }, 'CONFLICT 5'],
  ['storied', { expectSeq: 6 }, 'CONFLICT 5'],
  ['storied', { fence: 4 }, 'FENCED 5'],
  ['storied', { fence: 5 }, 'appended'],
  ['storied', { fence: 6 }, 'appended'],
  ['storied', { view: 1 }, 'SEALED 3'],
  ['storied', { view: 2 }, 'SEALED 3'],
  ['storied', { view: 3 }, 'appended'],
  ['storied', { view: 4 }, 'CONFLICT'],
  ['storied', { view: 1, fence: 4, expectSeq: 4 }, 'SEALED 3'],
  ['storied', { view: 4, fence: 4, expectSeq: 4 }, 'CONFLICT'],
  ['storied', { fence: 4, expectSeq: 4 }, 'FENCED 5'],
  ['storied', { fence: 9, expectSeq: 4 }, 'CONFLICT 5'],
  ['sealed', {}, 'SEALED 5'],
  ['sealed', { view: 3 }, 'SEALED 5'],
  ['sealed', { view: 4 }, 'CONFLICT'],
  ['sealed', { fence: 4, expectSeq: 4 }, 'SEALED 5'],
  ['sealed', { fence: 0 }, 'BAD_REQUEST'],
];

for (const [state, conditions, expected] of appends) {
  test(`append to a ${state} stream with ${JSON.stringify(conditions)}: ${expected}`, () => {
    const bench = benches[state]();
    const before = benches[state]();
    before.machine.applyNoop(before.meta());
    assert.is(word(bench.add(1, conditions)), expected);
    if (expected === 'appended') return;
    assert.is(bench.machine.hash(), before.machine.hash(), 'a refusal changes nothing');
  });
}

test('a plain append asks for nothing, but a sealed view takes none', () => {
  assert.is(word(storied().add(1)), 'appended');
  assert.is(word(sealed().add(1)), 'SEALED 5');
  const bench = sealed();
  bench.openView(3);
  assert.is(word(bench.add(1)), 'appended');
});

const limit = { recordsMax: null, bytesMax: null, ageMillisMax: null };
const changes: [State, StreamChange, string][] = [
  ['new', { kind: 'seal', view: null }, 'streamChanged'],
  ['new', { kind: 'seal', view: 1 }, 'streamChanged'],
  ['new', { kind: 'seal', view: 2 }, 'CONFLICT 1'],
  ['new', { kind: 'seal', view: 0 }, 'BAD_REQUEST'],
  ['new', { kind: 'openView', after: 1 }, 'NOT_FOUND'],
  ['new', { kind: 'trim', beforeSeq: 1 }, 'NOT_FOUND'],
  ['new', { kind: 'setRetention', ...limit, recordsMax: 3 }, 'streamChanged'],
  ['new', { kind: 'setRetention', ...limit }, 'streamChanged'],
  ['new', { kind: 'setRetention', ...limit, recordsMax: 0 }, 'BAD_REQUEST'],
  ['new', { kind: 'setRetention', ...limit, bytesMax: 0 }, 'BAD_REQUEST'],
  ['new', { kind: 'setRetention', ...limit, ageMillisMax: 0 }, 'BAD_REQUEST'],
  ['storied', { kind: 'seal', view: 2 }, 'CONFLICT 3'],
  ['storied', { kind: 'seal', view: 4 }, 'CONFLICT 3'],
  ['storied', { kind: 'seal', view: 3 }, 'streamChanged'],
  ['storied', { kind: 'openView', after: 3 }, 'CONFLICT 3'],
  ['storied', { kind: 'openView', after: 2 }, 'CONFLICT 3'],
  ['sealed', { kind: 'seal', view: null }, 'streamChanged'],
  ['sealed', { kind: 'seal', view: 3 }, 'streamChanged'],
  ['sealed', { kind: 'openView', after: 2 }, 'CONFLICT 3'],
  ['sealed', { kind: 'openView', after: 4 }, 'CONFLICT 3'],
  ['sealed', { kind: 'openView', after: 3 }, 'streamChanged'],
  ['sealed', { kind: 'trim', beforeSeq: 99 }, 'streamChanged'],
];

for (const [state, change, expected] of changes) {
  test(`${JSON.stringify(change)} of a ${state} stream: ${expected}`, () => {
    const bench = benches[state]();
    const before = benches[state]();
    before.machine.applyNoop(before.meta());
    assert.is(word(bench.change(change)), expected);
    if (expected === 'streamChanged') return;
    assert.is(bench.machine.hash(), before.machine.hash(), 'a refusal changes nothing');
  });
}

test('a stream that is changed needs a name as one that is appended to', () => {
  for (const name of ['', 'x'.repeat(256), 'a\nb']) {
    assert.is(word(new StreamBench(name).seal()), 'BAD_REQUEST');
    assert.is(word(new StreamBench(name).trim(1)), 'BAD_REQUEST');
  }
});

test('a fence takes force with the append that brings it, and with no other', () => {
  const bench = storied();
  const fence = () => bench.machine.streamState('s')?.fence;
  assert.is(word(bench.add(1, { fence: 9, expectSeq: 1 })), 'CONFLICT 5');
  assert.is(word(bench.add(1, { fence: 9, view: 1 })), 'SEALED 3');
  assert.is(fence(), 5);
  assert.is(word(bench.add(1, { fence: 9 })), 'appended');
  assert.is(fence(), 9);
  assert.is(word(bench.add(1, { fence: 8 })), 'FENCED 9');
  assert.is(word(bench.add(1)), 'appended', 'who brings no fence is not held back by one');
  assert.is(fence(), 9);
});

test('a view is opened behind the newest alone, and only once that is sealed', () => {
  for (const after of [1, 2, 3]) assert.is(word(storied().openView(after)), 'CONFLICT 3');
  for (const after of [1, 2, 4]) assert.is(word(sealed().openView(after)), 'CONFLICT 3');
  assert.is(word(sealed().openView(3)), 'streamChanged');
});

test('of two who open the next view one does', () => {
  const bench = sealed();
  assert.is(word(bench.openView(3)), 'streamChanged');
  assert.is(word(bench.openView(3)), 'CONFLICT 4');
});

test('a sealed view is sealed for ever, whatever is opened behind it', () => {
  const bench = sealed();
  bench.openView(3);
  for (const view of [1, 2]) assert.is(word(bench.add(1, { view })), 'SEALED 3');
  assert.is(word(bench.add(1, { view: 3 })), 'SEALED 5');
  assert.is(word(bench.add(1, { view: 4 })), 'appended');
  const views = bench.machine.streamState('s')?.views;
  assert.equal(views, [
    { view: 1, firstSeq: 1, endSeq: 3 },
    { view: 2, firstSeq: 3, endSeq: 3 },
    { view: 3, firstSeq: 3, endSeq: 5 },
    { view: 4, firstSeq: 5, endSeq: null },
  ]);
});

test('a forgotten view is over, and nobody knows where it ended', () => {
  const bench = storied();
  bench.trim(4);
  assert.is(word(bench.add(1, { view: 1 })), 'SEALED');
  assert.is(word(bench.add(1, { view: 2 })), 'SEALED');
  assert.is(word(bench.add(1, { view: 3 })), 'appended');
});

test('a repeat under its session is not judged anew, refused or done', () => {
  const bench = storied();
  const session = bench.register();
  const tag = (sequence: number): SessionTag => ({ session, sequence, acknowledgedBelow: 1 });
  const asks = [
    () => bench.add(1, { expectSeq: 5, fence: 6 }, { tag: tag(1) }),
    () => bench.add(1, { expectSeq: 5 }, { tag: tag(2) }),
    () => bench.add(1, { fence: 5 }, { tag: tag(3) }),
    () => bench.change({ kind: 'seal', view: 3 }, tag(4)),
    () => bench.add(1, null, { tag: tag(5) }),
    () => bench.change({ kind: 'openView', after: 3 }, tag(6)),
    () => bench.add(1, { expectSeq: 6, view: 4 }, { tag: tag(7) }),
    () => bench.change({ kind: 'trim', beforeSeq: 3 }, tag(8)),
  ];
  const first = asks.map((ask) => ask());
  assert.equal(first.map(word), [
    'appended',
    'CONFLICT 6',
    'FENCED 6',
    'streamChanged',
    'SEALED 6',
    'streamChanged',
    'appended',
    'streamChanged',
  ]);
  // Everything else has moved on.
  bench.trim(6);
  bench.seal();
  const state = bench.machine.streamState('s');
  assert.equal(
    asks.map((ask) => ask()),
    first,
  );
  assert.equal(bench.machine.streamState('s'), state);
});

test.run();
