/**
 * What operators read: plans, reasons, history, policy, the status of a server without a leader,
 * and what a watch calls a change. As text, without a server.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { membersText, statusText } from '../../src/cli/cluster-commands.js';
import { describeFault, exitCodeOf, exitCodes } from '../../src/cli/faults.js';
import {
  historyText,
  planText,
  policyText,
  unknownServer,
  whyText,
} from '../../src/cli/operator-commands.js';
import { watchedMembers, watchedStatus } from '../../src/cli/watch.js';
import type { ClusterStatus, MemberStatus, PlanReport } from '../../src/wire/client-messages.js';

const now = { voters: ['s1', 's2', 's3'], alive: ['s1', 's2'], majority: 2, tolerates: 0 };
const after = { voters: ['s1', 's2', 's4'], alive: ['s1', 's2', 's4'], majority: 2, tolerates: 1 };

const swap: PlanReport = {
  leader: 's1',
  term: 4,
  configurationIndex: 21,
  outcome: 'change',
  reason: 's3 is dead and s4 is ready',
  evidence: ['s3 silent for 12 s', 's4 well for 40 s\u001b[31m'],
  changes: ['swap s3 for s4', 'remove s9'],
  now,
  during: { old: now, next: { ...after, alive: ['s1', 's2'], tolerates: 0 } },
  after,
};

test('a plan shows both quorums, who is alive in each, and what may fail before and after', () => {
  assert.is(
    planText(swap),
    [
      'leader       s1, term 4, configuration 21',
      'now          s1, s2, s3 (silent): 2 of 3 alive, majority 2, 0 more may fail',
      'change       swap s3 for s4',
      '             remove s9',
      'because      s3 is dead and s4 is ready',
      'during, old  s1, s2, s3 (silent): 2 of 3 alive, majority 2, 0 more may fail',
      'during, new  s1, s2, s4 (silent): 2 of 3 alive, majority 2, 0 more may fail',
      'after        s1, s2, s4: 3 of 3 alive, majority 2, 1 more may fail',
      'evidence     s3 silent for 12 s',
      '             s4 well for 40 s\\u001b[31m',
    ].join('\n'),
  );
});

test('a leader at rest says the rule', () => {
  const nobody = { during: null, after: null, changes: [], evidence: [] };
  const rest: PlanReport = { ...swap, ...nobody, outcome: 'rest', reason: 'nobody to promote' };
  assert.match(planText(rest), /^change {7}none: nobody to promote$/m);
  assert.is(planText(rest).split('\n').length, 3);
  const lost = { ...now, alive: ['s1'], tolerates: -1 };
  assert.match(planText({ ...rest, now: lost }), /1 of 3 alive, majority 2, 1 too few$/m);
});

test('why: who it is, then a line for each reason', () => {
  const lines = ['it is ready to vote', 'the planner rests: odd\u0007'];
  assert.is(
    whyText({ name: 's4', memberId: 17, state: 'standby', lines }),
    's4 (member 17) is a stand-by\n  it is ready to vote\n  the planner rests: odd\\u0007',
  );
  const applicant = {
    name: 's9',
    memberId: null,
    state: 'applicant',
    lines: ['it waits'],
  } as const;
  assert.is(whyText(applicant), 's9 asks to join\n  it waits');
});

test('why of nobody is refused as by other commands, with what to do in one line', () => {
  const why = { name: 'x', memberId: null, state: 'unknown', lines: [] as string[] } as const;
  const refused = unknownServer({ ...why, lines: ['no member is named "x"; there are s1', 'y'] });
  assert.is(exitCodeOf(refused), exitCodes.refused);
  const what = 'give one of these, by its name or member id';
  assert.is(describeFault(refused), `no member is named "x"; there are s1: ${what}`);
  assert.is(describeFault(unknownServer(why)), `no member is named "x": ${what}`);
});

test('history: one line for each configuration, the founding without a time', async () => {
  const row = { index: 1, term: 0, timeMillis: 0, learners: [], joint: false, reason: 'founded' };
  const joint = { ...row, index: 30, term: 2, timeMillis: 1000, joint: true, learners: ['s4'] };
  const text = await historyText([
    { ...row, voters: ['s1'] },
    { ...joint, voters: ['s1', 's2'], reason: 'grow' },
  ]);
  const lines = text.split('\n').map((line) => line.split(/ {2,}/));
  assert.equal(lines, [
    ['INDEX', 'TERM', 'TIME', 'VOTERS', 'LEARNERS', 'REASON'],
    ['1', '0', '-', 's1', '-', 'founded'],
    ['30', '2', '1970-01-01T00:00:01.000Z', 's1 s2 (joint)', 's4', 'grow'],
  ]);
});

test('policy: every word, its value and where it comes from', async () => {
  const text = await policyText({
    index: 9,
    words: [
      { name: 'voters', value: '3', from: 'log' },
      { name: 'dead-after', value: '10s', from: 'default' },
      { name: 'colour', value: 'blue', from: 'ignored' },
    ],
  });
  const lines = text.split('\n').map((line) => line.split(/ {2,}/));
  assert.equal(lines.slice(1), [
    ['voters', '3', 'policy'],
    ['dead-after', '10s', 'default'],
    ['colour', 'blue', 'policy, not followed here'],
    [''],
    ['set last by log entry 9'],
  ]);
  assert.match(await policyText({ index: 0, words: [] }), /never set: all defaults$/);
});

function member(name: string, more: Partial<MemberStatus> = {}): MemberStatus {
  return {
    name,
    memberId: Number(name.slice(1)),
    peerId: `p-${name}`,
    role: 'voter',
    health: 'alive',
    addresses: [],
    matchIndex: 5,
    silentMillis: 0,
    zone: null,
    disk: 'well',
    ...more,
  };
}

const calm: ClusterStatus = {
  cluster: 'c',
  clusterId: 'aa',
  version: '1',
  term: 3,
  leader: { name: 's1', memberId: 1 },
  commitIndex: 5,
  appliedIndex: 5,
  lastIndex: 5,
  lastTerm: 3,
  faultTolerance: 1,
  joint: false,
  configurationIndex: 21,
  members: [member('s1'), member('s2'), member('s3'), member('s4', { role: 'standby' })],
  otherClusters: [],
  self: {
    name: 's1',
    memberId: 1,
    peerId: 'p-s1',
    role: 'leader',
    waitingFor: null,
    leaderless: null,
    alarm: null,
    gossipSent: { frames: 10, bytes: 150 },
  },
};

/** As `calm`, seen by s2, which has lost the others. */
const lost: ClusterStatus = {
  ...calm,
  leader: null,
  faultTolerance: 0,
  members: [
    member('s1', { health: 'dead', silentMillis: 12_300 }),
    member('s2'),
    member('s3', { health: 'unknown', silentMillis: null }),
  ],
  self: {
    name: 's2',
    memberId: 2,
    peerId: 'p-s2',
    role: 'candidate',
    waitingFor: 'a majority: reached 1 of 3 voters; missing: s1, s3',
    leaderless: { millis: 300_000, lastLeader: 's1' },
    alarm: 'the disk is full (ENOSPC): make room',
    gossipSent: null,
  },
};

test('status without a leader: since when, who led last, who is silent for how long', async () => {
  const text = await statusText(lost);
  assert.match(text, /^leader {7}none for 5 min \(s1 led last\)$/m);
  assert.match(text, /^members {6}3 voters, 0 without a vote, configuration 21$/m);
  assert.match(text, /^waiting for {2}a majority: reached 1 of 3 voters; missing: s1, s3$/m);
  assert.match(text, /^ALARM {8}the disk is full \(ENOSPC\): make room$/m);
  assert.not.match(await statusText(calm), /ALARM/);
  assert.match(text, /^s1 .* dead, 12 s /m);
  assert.match(text, /^s2 .* alive /m);
  assert.match(text, /^s3 .* unknown /m);
  const fresh = { ...lost, self: { ...lost.self, leaderless: { millis: 40, lastLeader: null } } };
  assert.match(await statusText(fresh), /^leader {7}none for 40 ms \(none since it started\)$/m);
});

test('other clusters of this name are one line of the status, when there are any', async () => {
  const lines = async (status: ClusterStatus): Promise<readonly string[]> =>
    (await statusText(status)).split('\n').filter((line) => line.startsWith('of its name'));
  assert.equal(await lines(calm), []);
  const met = { cluster: 'c', clusterId: 'b'.repeat(64), servers: 2, seenMillis: 3000 };
  const otherClusters = [
    { ...met, server: 's\u001b', addresses: ['a:1', 'b:1'] },
    { ...met, clusterId: 'dd', server: 'x', addresses: [], seenMillis: 600_000 },
  ];
  assert.equal(await lines({ ...calm, otherClusters }), [
    'of its name  another cluster, bbbbbbbbbbbb (s\\u001b at a:1, met 3 s ago); ' +
      'another cluster, dd (x, met 10 min ago); they never merge',
  ]);
});

test('zones are a column when somebody has one, and part of what a watch tells', async () => {
  const head = async (status: ClusterStatus): Promise<readonly string[]> =>
    (await membersText(status)).split('\n').map((line) => line.split(/ {2,}/).join('|'));
  assert.equal((await head(calm)).slice(0, 2), [
    'NAME|MEMBER|ROLE|HEALTH|ON DISK|ADDRESSES|PEER',
    's1|1|voter, leader|alive|5|-|p-s1',
  ]);
  const zoned = { ...calm, members: [member('s1', { zone: 'eu\u001b' }), member('s2')] };
  assert.equal(await head(zoned), [
    'NAME|MEMBER|ROLE|HEALTH|ZONE|ON DISK|ADDRESSES|PEER',
    's1|1|voter, leader|alive|eu\\u001b|5|-|p-s1',
    's2|2|voter|alive|-|5|-|p-s2',
  ]);
  const moved = { ...calm, members: [member('s1'), member('s2', { zone: 'us' })] };
  assert.equal(watchedMembers.changes({ ...calm, members: moved.members }, zoned), [
    's1 (member 1): voter, leader, alive, zone eu\\u001b',
    's2 (member 2): voter, alive',
  ]);
});

test('a disk that is not well stands beside the health of a server that is there', async () => {
  const rows: readonly (readonly [Partial<MemberStatus>, string])[] = [
    [{ disk: 'slow' }, 'alive, disk slow'],
    [{ disk: 'slow', health: 'suspect', silentMillis: 3000 }, 'suspect, 3 s, disk slow'],
    [{ disk: 'slow', health: 'dead', silentMillis: 3000 }, 'dead, 3 s'],
    [{ disk: null }, 'alive'],
  ];
  for (const [more, expected] of rows) {
    const text = await membersText({ ...calm, members: [member('s2', more)] });
    assert.is(text.split('\n')[1]?.split(/ {2,}/)[3], expected);
  }
  const slow = { ...calm, members: [member('s1'), member('s2', { disk: 'slow' })] };
  const both = { ...calm, members: [member('s1'), member('s2')] };
  assert.equal(watchedMembers.changes(both, slow), ['s2 (member 2): voter, alive, disk slow']);
});

test('a watch of members tells who came, changed and went, once', () => {
  assert.is(watchedMembers.changes(null, calm).length, 4);
  assert.equal(watchedMembers.changes(calm, calm), []);
  // What moves with every entry, or every moment, is no change.
  const grown = calm.members.map((one) => ({ ...one, matchIndex: 9 }));
  const later = { ...calm, commitIndex: 9, members: grown };
  assert.equal(watchedMembers.changes(calm, later), []);
  assert.equal(watchedMembers.changes(calm, lost), [
    's1 (member 1): voter, dead',
    's3 (member 3): voter, unknown',
    's4 (member 4) is no member any more',
  ]);
  assert.equal(
    watchedMembers.objects(calm, lost).map((each) => JSON.stringify(each).includes('"gone":true')),
    [false, false, true],
  );
  const moved = { ...calm, leader: { name: 's2', memberId: 2 } };
  assert.equal(watchedMembers.changes(calm, moved), [
    's1 (member 1): voter, alive',
    's2 (member 2): voter, leader, alive',
  ]);
});

test('a watch of the status tells leader, term and who is alive, when one of them changes', () => {
  assert.equal(watchedStatus.changes(null, calm), [
    'leader s1, term 3, 3 of 3 voters alive, 1 without a vote, 1 may fail',
  ]);
  assert.equal(watchedStatus.changes(calm, { ...calm, commitIndex: 9 }), []);
  assert.equal(watchedStatus.objects(calm, { ...calm, commitIndex: 9 }), []);
  assert.equal(watchedStatus.objects(calm, { ...calm, joint: true }).length, 1);
  assert.match(watchedStatus.changes(calm, lost)[0] ?? '', /^no leader, term 3, 1 of 3 voters/);
});

test.run();
