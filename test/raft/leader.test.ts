/**
 * The leader: proposals, commit, answers, back-pressure, pace. Rows over one core.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBytesMax } from '../../src/base/limits.js';
import type { RaftCore } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { AppendReply, Message } from '../../src/raft/messages.js';
import { elect, entry, type LoneInit, loneCore, persistAll, sent, tell } from './lone-core.js';

/**
 * Server 1 as the leader of term 1, its first entry (index members + 1) acknowledged by everybody.
 */
function leader(init: LoneInit = {}): RaftCore {
  const core = loneCore(init);
  persistAll(core, elect(core));
  const { lastIndex, term, progress } = core.status();
  for (const id of progress.keys()) {
    tell(core, ok(id, lastIndex, 1, term));
  }
  core.step({ type: 'applied', index: core.status().commit });
  return core;
}

function ok(from: number, index: number, sequence: number, term = 1): AppendReply {
  return { ...refusal(from, index, sequence, 0), ok: true, term };
}

function refusal(from: number, index: number, sequence: number, hintIndex: number): AppendReply {
  return {
    type: 'appendReply',
    from,
    to: 1,
    term: 1,
    sequence,
    ok: false,
    index,
    hintIndex,
    hintTerm: hintIndex > 3 ? 1 : 0,
  };
}

function propose(core: RaftCore, count: number, bytes = 1): readonly Effect[] {
  const proposals = Array.from({ length: count }, (_, i) => ({
    ref: i + 1,
    timeMillis: 5,
    data: new Uint8Array(bytes),
  }));
  return core.step({ type: 'propose', proposals });
}

function appends(effects: readonly Effect[]): Extract<Message, { type: 'append' }>[] {
  return sent(effects).filter((message) => message.type === 'append');
}

test('commands of one turn are one write and one append to each follower', () => {
  const effects = propose(leader(), 3);
  const types = effects.map(({ type }) => type);
  assert.equal(types, ['accepted', 'accepted', 'accepted', 'persist', 'send', 'send']);
  const [first, second] = appends(effects);
  assert.is(first?.entries.length, 3);
  assert.is(first?.entries, second?.entries, 'one array for both');
  const sends = effects.filter((effect) => effect.type === 'send');
  assert.ok(
    sends.every(({ after }) => after === 'now'),
    'beside the own disk',
  );
});

test('trap 38: two followers commit without the leader, one and its unsynced disk do not', () => {
  const core = leader();
  propose(core, 1);
  tell(core, ok(2, 5, 2));
  assert.is(core.status().commit, 4);
  const all = persistAll(core, tell(core, ok(3, 5, 2)));
  assert.is(core.status().commit, 5);
  assert.is(core.status().persisted, 4);
  assert.ok(all.some((effect) => effect.type === 'apply' && effect.upTo === 5));
});

test('an entry of an older term is committed only with one of this term', () => {
  const core = loneCore({ terms: [1, 1] });
  persistAll(core, elect(core));
  const { term } = core.status();
  tell(core, ok(2, 5, 1, term));
  tell(core, ok(3, 5, 1, term));
  assert.is(core.status().commit, 3, 'two of term 1 are on all disks');
  tell(core, ok(2, 6, 2, term));
  assert.is(core.status().commit, 6);
});

test('time in the log never runs backwards', () => {
  const core = leader();
  const stamped = [50, 20, 70].map((timeMillis, i) => {
    const proposals = [{ ref: i, timeMillis, data: new Uint8Array(1) }];
    return appends(core.step({ type: 'propose', proposals }))[0]?.entries[0]?.timeMillis;
  });
  assert.equal(stamped, [50, 50, 70]);
});

test('too much that waits is refused, and after the first refusal all the rest of its turn', () => {
  const core = leader({ options: { uncommittedBytesMax: 300 } });
  const big = { ref: 2, timeMillis: 0, data: new Uint8Array(290) };
  const small = (ref: number) => ({ ref, timeMillis: 0, data: new Uint8Array(1) });
  const effects = core.step({ type: 'propose', proposals: [small(1), big, small(3)] });
  const answers = effects.flatMap((effect): string[] => {
    if (effect.type === 'accepted') return [`${effect.ref} accepted`];
    return effect.type === 'refused' ? [`${effect.ref} ${effect.code}`] : [];
  });
  assert.equal(answers, ['1 accepted', '2 OVERLOADED', '3 OVERLOADED']);
  persistAll(core, effects);
  tell(core, ok(2, 5, 2));
  assert.is(core.status().uncommittedBytes, 0);
  const alone = core.step({ type: 'propose', proposals: [{ ...big, data: new Uint8Array(999) }] });
  assert.is(alone[0]?.type, 'accepted', 'one alone always goes');
});

test('a command over the limit is refused, and its neighbours are not', () => {
  const core = leader();
  const proposals = [commandBytesMax + 1, commandBytesMax].map((bytes, ref) => {
    return { ref, timeMillis: 0, data: new Uint8Array(bytes) };
  });
  const effects = core.step({ type: 'propose', proposals });
  assert.ok(effects[0]?.type === 'refused' && effects[0].code === 'TOO_LARGE');
  assert.is(effects[1]?.type, 'accepted');
});

test('whoever does not lead says who does', () => {
  const core = loneCore({});
  tell(core, { type: 'heartbeat', from: 2, to: 1, term: 1, commit: 0, round: 0 });
  const [refused] = propose(core, 1);
  assert.ok(refused?.type === 'refused');
  assert.is(refused.code, 'NOT_LEADER');
  assert.is(refused.leader, 2);
});

test('appends are pipelined within the window, and go on as answers come', () => {
  const core = leader({ options: { inflightMessagesMax: 2 } });
  const counts = [1, 2, 3].map(() => appends(propose(core, 1)).length);
  assert.equal(counts, [2, 2, 0]);
  const more = appends(tell(core, ok(2, 5, 2)));
  assert.equal(
    more.map(({ to, prevIndex, entries }) => [to, prevIndex, entries.length]),
    [[2, 6, 1]],
  );
});

test('a refusal goes back by the hint; its double and its elders change nothing', () => {
  const core = leader();
  for (let i = 0; i < 3; i++) propose(core, 1);
  const [again] = appends(tell(core, refusal(2, 5, 3, 4)));
  assert.is(again?.prevIndex, 4);
  assert.is(again?.entries.length, 3, 'everything at once');
  assert.equal(appends(tell(core, refusal(2, 5, 3, 4))), []);
  assert.equal(appends(tell(core, refusal(2, 6, 4, 4))), []);
});

test('doubled answers move nothing backwards and send nothing', () => {
  const core = leader();
  propose(core, 2);
  tell(core, ok(2, 5, 2));
  assert.equal(appends(tell(core, ok(2, 5, 2))), []);
  assert.equal(appends(tell(core, ok(2, 4, 2))), []);
  assert.is(core.status().progress.get(2)?.match, 5);
});

test('impossible answers are noted and change nothing', () => {
  const core = leader();
  for (const message of [ok(2, 99, 1), ok(2, 4, 99)]) {
    const effects = tell(core, message);
    assert.equal(
      effects.map(({ type }) => type),
      ['note'],
    );
  }
  const snapshot = { type: 'snapshotReply', from: 2, to: 1, term: 1, ok: true, index: 77 } as const;
  assert.equal(
    tell(core, snapshot).map(({ type }) => type),
    ['note'],
  );
  assert.is(core.status().commit, 4);
});

test('a server that is no member deposes nobody, whatever term it claims', () => {
  const core = leader();
  for (const type of ['appendReply', 'heartbeatReply', 'readRequest'] as const) {
    const stranger = { ...ok(9, 4, 1, 50), type, round: 0, lastIndex: 4, ref: 1 } as Message;
    tell(core, stranger);
    assert.is(core.status().role, 'leader', type);
  }
  tell(core, ok(2, 4, 1, 50));
  assert.is(core.status().role, 'follower', 'a member does');
  assert.is(core.status().term, 50);
});

test('heartbeats never tell a commit beyond what the follower is known to hold', () => {
  const core = leader();
  persistAll(core, propose(core, 2));
  tell(core, ok(2, 6, 2));
  assert.is(core.status().commit, 6);
  const beats = sent(core.step({ type: 'tick' })).filter(({ type }) => type === 'heartbeat');
  const told = beats.map((message) => message.type === 'heartbeat' && [message.to, message.commit]);
  assert.equal(told, [
    [2, 6],
    [3, 4],
  ]);
});

test('followers hear of a commit with the next append, or at the next tick, and once', () => {
  const core = leader({ options: { heartbeatTicks: 5 } });
  persistAll(core, propose(core, 1));
  assert.equal(appends(tell(core, ok(2, 5, 2))), [], 'nobody waits for the news');
  assert.is(core.status().commit, 5);
  const told = appends(core.step({ type: 'tick' }));
  assert.equal(
    told.map(({ to, commit, entries }) => [to, commit, entries.length]),
    [
      [2, 5, 0],
      [3, 5, 0],
    ],
  );
  assert.equal(appends(core.step({ type: 'tick' })), []);
});

test('a leader that hears no quorum for an election timeout resigns and refuses its reads', () => {
  const core = leader({ members: 5 });
  core.step({ type: 'read', ref: 8 });
  const refused: Effect[] = [];
  for (let tick = 1; tick <= 12; tick++) {
    // One of four still answers: with the leader that is no majority of five.
    const beat = {
      type: 'heartbeatReply',
      from: 2,
      to: 1,
      term: 1,
      round: 0,
      lastIndex: 6,
    } as const;
    tell(core, beat);
    refused.push(...core.step({ type: 'tick' }).filter(({ type }) => type === 'refused'));
  }
  assert.is(core.status().role, 'follower');
  assert.is(refused.length, 1);
});

test('status tells who was heard, and a newcomer counts as silent until it spoke', () => {
  const core = leader();
  const member = { peerId: 'n', incarnation: 'n', name: 'n' };
  const changes = [{ op: 'addLearner', member }] as const;
  const wish = { type: 'change', ref: 1, expected: 3, timeMillis: 0, reason: '', changes } as const;
  core.step(wish);
  const { progress } = core.status();
  assert.equal(
    [...progress].map(([id, of]) => [id, of.recentlyActive]),
    [
      [2, true],
      [3, true],
      [5, false],
    ],
  );
  assert.is(progress.get(5)?.ticksSinceHeard, Number.POSITIVE_INFINITY);
});

// [what, the wish, code]
const changeRows: [string, (core: RaftCore) => void, number, string][] = [
  ['an outdated plan', () => {}, 2, 'CONFLICT'],
  [
    'trap 9: another change in flight',
    (core) => {
      core.step(change(3, 'n'));
    },
    5,
    'CHANGE_IN_PROGRESS',
  ],
  [
    'while handing over',
    (core) => {
      propose(core, 1);
      core.step({ type: 'transfer', ref: 3, to: 2 });
    },
    3,
    'CHANGE_IN_PROGRESS',
  ],
];

function change(expected: number, name: string) {
  const member = { peerId: name, incarnation: name, name };
  const changes = [{ op: 'addLearner', member }] as const;
  return { type: 'change', ref: 1, expected, timeMillis: 0, reason: '', changes } as const;
}

test('changes are refused when they may not begin', () => {
  for (const [what, prepare, expected, code] of changeRows) {
    const core = leader();
    prepare(core);
    const [refused] = core.step(change(expected, 'm'));
    assert.ok(refused?.type === 'refused', what);
    assert.is(refused.code, code, what);
  }
});

test('trap 8: no change before an entry of the own term is committed', () => {
  const core = loneCore({});
  persistAll(core, elect(core));
  const [refused] = core.step(change(3, 'm'));
  assert.ok(refused?.type === 'refused' && refused.code === 'CHANGE_IN_PROGRESS');
  tell(core, ok(2, 4, 1));
  assert.is(core.step(change(3, 'm'))[0]?.type, 'accepted');
});

test('entries in memory are handed out whole or not at all', () => {
  const core = leader({ options: { tailBytesMax: 0 } });
  persistAll(core, propose(core, 3));
  tell(core, ok(2, 7, 2));
  core.step({ type: 'applied', index: 7 });
  assert.is(core.entriesInMemory(5, 7), null);
  assert.is(core.entriesInMemory(7, 7)?.length, 1);
  assert.equal(
    [3, 4, 7, 8].map((index) => core.termAt(index)),
    [0, 1, 1, null],
  );
});

test('a laggard waits for its fetch, and gets a snapshot when the entries are gone', () => {
  const core = leader({ options: { tailBytesMax: 0 } });
  persistAll(core, propose(core, 3));
  tell(core, ok(2, 7, 2));
  core.step({ type: 'applied', index: 7 });
  core.step({ type: 'unreachable', peer: 3 });
  const probe = appends(propose(core, 1)).find(({ to }) => to === 3);
  assert.equal(
    [probe?.prevIndex, probe?.entries.length],
    [4, 0],
    'a probe does not wait for a disk',
  );
  const effects = tell(core, ok(3, 4, probe?.sequence ?? 0));
  const fetch = effects.find((effect) => effect.type === 'fetch');
  assert.ok(fetch?.type === 'fetch' && fetch.to === 3 && fetch.firstIndex === 5);
  assert.is(core.status().progress.get(3)?.state, 'fetching');
  assert.equal(
    appends(propose(core, 1)).map(({ to }) => to),
    [2],
  );
  const gone = core.step({ type: 'fetched', to: 3, entries: [] });
  assert.ok(gone.some((effect) => effect.type === 'sendSnapshot' && effect.to === 3));
  const late = core.step({ type: 'fetched', to: 3, entries: [entry(5, 1, 'x')] });
  assert.equal(late, []);
  core.step({ type: 'snapshotFailed', to: 3 });
  assert.is(core.status().progress.get(3)?.state, 'probe');
});

test.run();
