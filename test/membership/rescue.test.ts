/**
 * When a cluster may be rebuilt from one voter's log, and what the forced configuration says.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AskedServer,
  rescueEntry,
  rescueLosses,
  rescueRefusal,
  type Survivor,
  votersOf,
} from '../../src/membership/rescue.js';
import type { Configuration, MemberId } from '../../src/raft/types.js';

function configuration(
  voters: readonly MemberId[],
  learners: readonly MemberId[] = [],
  votersOutgoing: readonly MemberId[] = [],
): Configuration {
  const ids = [...new Set([...voters, ...votersOutgoing, ...learners])].sort((a, b) => a - b);
  const members = ids.map((id) => {
    return { id, peerId: `p${id}`, incarnation: `i${id}`, name: `s${id}` };
  });
  return { voters, votersOutgoing, learners, learnersNext: [], members, reason: 'before' };
}

function survivor(of: Configuration, memberId = 1): Survivor {
  return { memberId, configuration: of, lastTerm: 4, lastIndex: 20, hasEntries: true };
}

function answer(id: MemberId, about: Partial<AskedServer> = {}): AskedServer {
  const log = { lastTerm: 4, lastIndex: 20 };
  return { name: `s${id}`, peerId: `p${id}`, cluster: 'same', leader: null, ...log, ...about };
}

const three = configuration([1, 2, 3]);
const five = configuration([1, 2, 3, 4, 5], [6]);
// Voters 1, 2, 3 on their way to 1, 4, 5.
const joint = configuration([1, 4, 5], [], [1, 2, 3]);

test('who may be rebuilt from, and who may not', () => {
  const rows: readonly [string, Survivor, readonly AskedServer[], RegExp | null][] = [
    ['one of three, alone', survivor(three), [], null],
    ['one of five, alone', survivor(five), [], null],
    ['one of five, with another that is behind', survivor(five), [answer(2)], null],
    ['a learner', survivor(five, 6), [], /only a voter.* s1, s2, s3, s4, s5$/],
    ['a server that is no member', survivor(three, 9), [], /only a voter/],
    ['an empty log', { ...survivor(three), hasEntries: false }, [], /holds nothing/],
    [
      'a leader is known',
      survivor(five),
      [answer(2, { leader: 's3' })],
      /s2 knows a leader \(s3\)/,
    ],
    ['a majority can be had', survivor(three), [answer(2)], /with s2 is a majority/],
    ['it is a majority by itself', survivor(configuration([1], [2])), [], /is a majority/],
    ['a learner helps no majority', survivor(configuration([1, 2], [3])), [answer(3)], null],
    ['old half alone', survivor(joint), [answer(2)], null],
    ['both halves', survivor(joint), [answer(2), answer(4)], /with s2, s4 is a majority/],
    ['outgoing voter', survivor(joint, 2), [], null],
    ['a later term', survivor(five), [answer(2, { lastTerm: 5, lastIndex: 9 })], /s2 has a more/],
    ['a longer log', survivor(five), [answer(3, { lastIndex: 21 })], /s3 .* entry 21 of term 4/],
    ['longer, of an older term', survivor(five), [answer(3, { lastTerm: 3, lastIndex: 99 })], null],
    ['a learner is further', survivor(five), [answer(6, { lastIndex: 30 })], null],
    ['a member went elsewhere', survivor(three), [answer(2, { cluster: 'other' })], /s2 is in ano/],
    ['a stranger', survivor(three), [answer(8, { cluster: 'other', leader: 'x' })], null],
    ['a fresh server', survivor(three), [answer(8, { cluster: 'none' })], null],
    ['a copy of it runs', survivor(five), [answer(1)], /another copy/],
  ];
  for (const [name, who, asked, refusal] of rows) {
    const found = rescueRefusal(who, asked);
    if (refusal === null) assert.is(found, null, name);
    else assert.match(found ?? 'not refused', refusal, name);
  }
});

test('of several that are further the furthest is named', () => {
  const asked = [answer(2, { lastIndex: 40 }), answer(3, { lastTerm: 5, lastIndex: 22 })];
  const seven = configuration([1, 2, 3, 4, 5, 6, 7]);
  assert.match(rescueRefusal(survivor(seven), asked) ?? '', /^s3 has a more advanced log/);
});

test('what may be lost names the entries, the members and who had more', () => {
  const lines = rescueLosses(survivor(five), [answer(6, { lastIndex: 30 })]);
  assert.match(lines[0] ?? '', /after entry 20/);
  assert.ok(lines.some((line) => line.includes('s2, s3, s4, s5, s6')));
  assert.match(lines.at(-1) ?? '', /^s6, without a vote, .* entry 30/);
  assert.is(rescueLosses(survivor(five), []).length, 3);
});

test('the forced configuration: one voter, behind the log, in a later term', () => {
  const self = { id: 1, peerId: 'p1', incarnation: 'new', name: 's1' };
  const about = { term: 6, timeMillis: 77, reason: 'rebuilt' };
  const entry = rescueEntry(survivor(joint), self, about);
  const { index, term, kind, timeMillis } = entry;
  assert.equal(
    { index, term, kind, timeMillis },
    {
      index: 21,
      term: 6,
      kind: 'configuration',
      timeMillis: 77,
    },
  );
  assert.equal(entry.configuration, {
    voters: [1],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    members: [self],
    reason: 'rebuilt',
  });
});

test('voters of a joint configuration are those of both halves', () => {
  assert.equal(votersOf(joint), [1, 2, 3, 4, 5]);
});

test.run();
