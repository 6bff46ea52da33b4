/**
 * Elections: who gets a vote, who stands, who leads at once. Rows over one core.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { VoteRequest } from '../../src/raft/messages.js';
import type { Configuration } from '../../src/raft/types.js';
import {
  configurationOf,
  elect,
  type LoneInit,
  loneCore,
  persistAll,
  sent,
  tell,
  tickToCampaign,
} from './lone-core.js';

function request(part: Partial<VoteRequest>): VoteRequest {
  return {
    type: 'voteRequest',
    from: 2,
    to: 1,
    term: 5,
    preVote: false,
    lastIndex: 9,
    lastTerm: 4,
    transfer: false,
    ...part,
  };
}

// The voter's log ends at 5/4 in term 4. [voter, request, granted, term of the reply]
const votes: [string, LoneInit, Partial<VoteRequest>, boolean, number][] = [
  ['a longer log of the same term', {}, {}, true, 5],
  ['an equal log', {}, { lastIndex: 5 }, true, 5],
  ['a shorter log', {}, { lastIndex: 4 }, false, 5],
  ['a longer log of an older term', {}, { lastTerm: 3 }, false, 5],
  ['a shorter log of a newer term', {}, { lastIndex: 4, lastTerm: 5 }, true, 5],
  ['a lower term', { term: 6 }, {}, false, 6],
  ['this term, vote given to another', { term: 5, vote: 3 }, {}, false, 5],
  ['this term, vote given to the same', { term: 5, vote: 2 }, {}, true, 5],
  ['this term, no vote given', { term: 5 }, {}, true, 5],
  ['trap 4: asked of a learner', { members: 3, learners: 3 - 1, self: 2 }, {}, true, 5],
  ['by a server that is unknown', {}, { from: 77 }, true, 5],
  ['a voter that has not got its own admission', { joinIndex: 40 }, {}, false, 4],
  ['pre-vote: a higher term', {}, { preVote: true }, true, 5],
  ['pre-vote: a vote given binds nothing', { term: 4, vote: 3 }, { preVote: true }, true, 5],
  ['trap 26: pre-vote with an old log', {}, { preVote: true, lastTerm: 3 }, false, 4],
  ['trap 24: pre-vote in a lower term', { term: 8 }, { preVote: true }, false, 8],
  ['trap 24: pre-vote in this very term', { term: 5 }, { preVote: true }, false, 5],
];

test('who gets a vote, and in which term the answer is', () => {
  for (const [what, init, part, granted, term] of votes) {
    const core = loneCore({ terms: [4, 4], ...init });
    const self = init.self ?? 1;
    const from = part.from ?? (self === 2 ? 1 : 2);
    const effects = tell(core, request({ ...part, from, to: self }));
    const reply = sent(effects)[0];
    assert.ok(reply?.type === 'voteReply', what);
    assert.is(reply.granted, granted, what);
    assert.is(reply.term, term, what);
  }
});

test('trap 30: a vote is written before its answer, and the answer waits for the disk', () => {
  const effects = tell(loneCore({ terms: [4] }), request({}));
  assert.equal(
    effects.map(({ type }) => type),
    ['persist', 'send', 'roleChanged'],
  );
  const [persist, send] = effects;
  assert.ok(persist?.type === 'persist');
  assert.equal(persist.hardState, { term: 5, vote: 2 });
  assert.ok(send?.type === 'send');
  assert.is(send.after, 'persisted');
});

function heartbeatFrom2(term: number) {
  return { type: 'heartbeat', from: 2, to: 1, term, commit: 0, round: 0 } as const;
}

test('trap 28: a voter stands by a living leader, and forgets it by silence', () => {
  const core = loneCore({ terms: [4], term: 4 });
  const granted = (part: Partial<VoteRequest>) => {
    const reply = sent(tell(core, request({ from: 3, ...part })))[0];
    return reply?.type === 'voteReply' && reply.granted;
  };
  assert.ok(granted({ preVote: true }), 'no leader was heard since the start');
  tell(core, heartbeatFrom2(4));
  for (let tick = 0; tick < 5; tick++) {
    core.step({ type: 'tick' });
    assert.not(granted({ preVote: true }), `after ${tick} ticks`);
    assert.not(granted({}));
  }
  assert.is(core.status().term, 4, 'nor was the term disturbed');
  assert.ok(granted({ from: 2, preVote: true }), 'the leader itself may ask');
  assert.ok(granted({ transfer: true, term: 6 }));
});

test('a leader refuses votes while it leads, and gives way to its own transfer', () => {
  const core = loneCore({});
  elect(core);
  assert.is(core.status().role, 'leader');
  tell(core, request({ term: 9, from: 3 }));
  assert.is(core.status().role, 'leader');
  tell(core, request({ term: 9, from: 3, transfer: true }));
  assert.is(core.status().role, 'follower');
  assert.is(core.status().term, 9);
});

test('a candidate adopts no term from a granted pre-vote', () => {
  const core = loneCore({});
  tickToCampaign(core);
  assert.is(core.status().role, 'preCandidate');
  assert.is(core.status().term, 0, 'a pre-vote costs no term');
  const late = { type: 'voteReply', from: 2, to: 1, preVote: true, granted: true } as const;
  tell(core, { ...late, term: 7 });
  assert.is(core.status().role, 'preCandidate', 'granted for another term');
  tell(core, { ...late, term: 1 });
  assert.is(core.status().role, 'candidate');
  assert.is(core.status().term, 1);
});

test('trap 27: silence and doubled votes elect nobody', () => {
  const core = loneCore({ members: 5 });
  for (let tick = 0; tick < 200; tick++) core.step({ type: 'tick' });
  assert.is(core.status().term, 0);
  const core2 = loneCore({ members: 5 });
  tickToCampaign(core2);
  const vote = {
    type: 'voteReply',
    from: 2,
    to: 1,
    term: 1,
    preVote: true,
    granted: true,
  } as const;
  for (let i = 0; i < 5; i++) tell(core2, vote);
  assert.is(core2.status().role, 'preCandidate');
});

test('an only voter leads at once, and counts itself when its first entry is on disk', () => {
  const core = loneCore({ members: 1 });
  assert.is(core.status().role, 'leader');
  assert.is(core.status().commit, 1);
  core.step({ type: 'persisted', index: 2, term: 1 });
  assert.is(core.status().commit, 2);
});

test('an only voter sends nothing of its log before its first entry and vote are on disk', () => {
  const core = loneCore({ members: 2, learners: 1 });
  assert.is(core.status().role, 'leader');
  const proposals = [{ ref: 1, timeMillis: 0, data: new Uint8Array(1) }];
  const pulse = {
    type: 'heartbeatReply',
    from: 2,
    to: 1,
    term: 1,
    round: 0,
    lastIndex: 2,
  } as const;
  const effects = [...core.step({ type: 'propose', proposals }), ...tell(core, pulse)];
  assert.equal(
    sent(effects).map(({ type }) => type),
    [],
  );
  const after = core.step({ type: 'persisted', index: 3, term: 1 });
  assert.equal(
    sent(after).map(({ type }) => type),
    ['append'],
  );
});

const joint: Configuration = { ...configurationOf(4), voters: [4], votersOutgoing: [1, 2, 3] };
const without1: Configuration = { ...configurationOf(4), voters: [2, 3, 4] };

// [who, does it campaign]
const standing: [string, LoneInit, boolean][] = [
  ['a voter', {}, true],
  ['trap 5: a learner', { self: 3, learners: 1 }, false],
  [
    'an outgoing voter of a joint configuration',
    { members: 4, terms: [1], configurations: new Map([[5, joint]]) },
    true,
  ],
  ['a voter that has not got its own admission', { joinIndex: 9 }, false],
  [
    'one that is out by an entry not known to be committed',
    {
      members: 4,
      terms: [1, 1],
      configurations: new Map([
        [5, joint],
        [6, without1],
      ]),
    },
    true,
  ],
  [
    'trap 18: one that is out by a committed entry',
    {
      members: 4,
      terms: [1, 1],
      applied: 6,
      configurations: new Map([
        [5, joint],
        [6, without1],
      ]),
    },
    false,
  ],
];

test('who campaigns when no leader is heard', () => {
  for (const [who, init, expected] of standing) {
    const effects = tickToCampaign(loneCore(init));
    assert.is(effects.length > 0, expected, who);
  }
});

test('one that is out needs the votes of others: its own counts for nothing', () => {
  const configurations = new Map([
    [5, { ...configurationOf(4), voters: [2], learners: [1, 3, 4] }],
  ]);
  const core = loneCore({ members: 4, terms: [1], configurations });
  persistAll(core, tickToCampaign(core));
  assert.is(core.status().role, 'preCandidate');
  elect(core);
  assert.is(core.status().role, 'leader');
  core.step({ type: 'persisted', index: 6, term: 2 });
  assert.is(core.status().commit, 4, 'nor does its disk');
});

test('trap 5: a learner ignores the order to stand, a voter obeys it at once', () => {
  for (const [learners, term] of [
    [1, 4],
    [0, 5],
  ] as const) {
    const core = loneCore({ self: 3, learners, terms: [4] });
    tell(core, { ...heartbeatFrom2(4), to: 3 });
    tell(core, { type: 'timeoutNow', from: 2, to: 3, term: 4 });
    assert.is(core.status().term, term);
  }
});

test('trap 14: a log replayed up to any entry makes nobody the only voter who is not', () => {
  const learner = configurationOf(3, 2);
  const grown: Configuration = { ...configurationOf(3), votersOutgoing: [1] };
  const final = configurationOf(3);
  const log = [learner, grown, final];
  const roles = [0, 1, 2, 3].map((length) => {
    const configurations = new Map(log.slice(0, length).map((c, i) => [i + 4, c]));
    const terms = log.slice(0, length).map(() => 1);
    return loneCore({ members: 3, learners: 2, terms, configurations }).status().role;
  });
  assert.equal(roles, ['leader', 'leader', 'follower', 'follower']);
});

test('trap 25: a vote is answered whether or not a pre-vote came before it', () => {
  const reply = sent(tell(loneCore({ terms: [4] }), request({ preVote: false })))[0];
  assert.ok(reply?.type === 'voteReply' && reply.granted);
});

test('trap 29: equal seeds on two servers give unequal timeouts', () => {
  let equal = 0;
  for (let seed = 1; seed <= 50; seed++) {
    const [a, b] = [1, 2].map((self) => {
      const core = loneCore({ self, members: 2, seed });
      for (let tick = 1; tick < 100; tick++) {
        core.step({ type: 'tick' });
        if (core.status().role !== 'follower') return tick;
      }
      return 0;
    });
    if (a === b) equal++;
  }
  assert.ok(equal < 20, `${equal} of 50 tie`);
});

test('timeouts lie between a margin above the least and the most, both included', () => {
  const seen = new Set<number>();
  for (let seed = 1; seed <= 200; seed++) {
    const core = loneCore({ seed });
    let ticks = 0;
    while (core.status().role === 'follower') {
      core.step({ type: 'tick' });
      ticks++;
    }
    seen.add(ticks);
  }
  assert.equal(
    [...seen].sort((a, b) => a - b),
    [7, 8, 9, 10, 11, 12],
  );
});

test.run();
