/**
 * What a server says of itself when things do not go on: who is missing, since when, and what would
 * be needed.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberRecord, Standbys } from '../../src/membership/table.js';
import type { Configuration } from '../../src/raft/types.js';
import type { Consensus } from '../../src/replica/consensus.js';
import type { RecordSource } from '../../src/replica/gossip-options.js';
import { type HealthSource, noGossip } from '../../src/replica/membership-runner.js';
import type { Peers } from '../../src/replica/peers.js';
import { clusterStatus, durationText } from '../../src/replica/status.js';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { configurationOf } from '../machine/fixtures.js';

/** For how long each peer has been silent; one that is not here never was heard. */
type Silence = Readonly<Record<string, number>>;

type HealthAndRecords = HealthSource & RecordSource;

/** Gossip that has heard nothing. */
const unheard: HealthAndRecords = { ...noGossip, record: () => null };

/** Who leads, and whom the asked server calls stand-bys by itself. */
interface Leads {
  readonly leader: number;
  readonly standbys: readonly number[];
}

/** The status of member 1, who knows no leader. */
function statusOf(
  configuration: Configuration,
  silence: Silence,
  self = 'p1',
  gossip: HealthAndRecords = unheard,
  leads: Leads = { leader: 0, standbys: [] },
): ClusterStatus {
  const peers = {
    self: { clusterName: 'c', version: '1', name: self.replace('p', 'n') },
    silentForMillis: (peer: string) => silence[peer] ?? Number.POSITIVE_INFINITY,
    addressesOf: () => [],
  };
  const core = {
    role: leads.leader === Number(self.slice(1)) ? 'leader' : 'follower',
    term: 3,
    leader: leads.leader,
    commit: 1,
    applied: 1,
    lastIndex: 1,
    configuration,
    configurationIndex: 17,
    progress: new Map(),
  };
  const consensus = {
    core: { status: () => core },
    place: { clusterId: 'aa', memberId: Number(self.slice(1)) },
    membership: { standbys: () => leads.standbys },
    alarm: { line: 'the disk is full' },
  };
  return clusterStatus({
    peers: peers as unknown as Peers,
    selfPeerId: self,
    consensus: consensus as unknown as Consensus,
    waitingFor: null,
    otherClusters: [],
    leaderless: { millis: 40, lastLeader: 'n2' },
    gossipSent: { frames: 20, bytes: 300 },
    gossip,
  });
}

const joint: Configuration = {
  ...configurationOf([1, 2, 3, 4, 5]),
  voters: [1, 4, 5],
  votersOutgoing: [1, 2, 3],
};

const rows: readonly (readonly [string, Configuration, Silence, string])[] = [
  [
    'most are missing',
    configurationOf([1, 2, 3]),
    { p2: 12_400 },
    'a majority: reached 1 of 3 voters; ' +
      'missing: n2 (no link for 12 s), n3 (no link since this server started)',
  ],
  [
    'enough are there',
    configurationOf([1, 2, 3]),
    { p2: 0, p3: 300_000 },
    'an election to end (reached 2 of 3 voters; missing: n3 (no link for 5 min))',
  ],
  [
    'all are there',
    configurationOf([1, 2, 3]),
    { p2: 0, p3: 0 },
    'an election to end (reached 3 of 3 voters)',
  ],
  [
    'learners do not help',
    configurationOf([1, 2], [3]),
    { p2: 900, p3: 0 },
    'a majority: reached 1 of 2 voters; missing: n2 (no link for 900 ms)',
  ],
  [
    'one half of a change is not enough',
    joint,
    { p2: 5000, p3: 5000, p4: 0, p5: 0 },
    'a majority of the old and of the new voters: reached 3 of 5 voters; ' +
      'missing: n2 (no link for 5 s), n3 (no link for 5 s)',
  ],
];

for (const [what, configuration, silence, expected] of rows) {
  test(`without a leader it says why: ${what}`, () => {
    assert.is(statusOf(configuration, silence).self.waitingFor, expected);
  });
}

test('a learner says that it has no vote', () => {
  const { self } = statusOf(configurationOf([1, 2], [3]), { p1: 2000, p2: 2000 }, 'p3');
  assert.match(self.waitingFor ?? '', /reached 0 of 2 voters; .*; this server has no vote$/);
});

test('it says its configuration, when it heard each member, and who led last', () => {
  const status = statusOf(configurationOf([1, 2, 3]), { p2: 12_400.7 });
  assert.is(status.configurationIndex, 17);
  assert.equal(
    status.members.map(({ silentMillis }) => silentMillis),
    [0, 12_401, null],
  );
  assert.equal(status.self.leaderless, { millis: 40, lastLeader: 'n2' });
  assert.is(status.self.alarm, 'the disk is full');
});

test('a member that said that it stops has left; one that just died is dead', () => {
  for (const rumour of ['left', 'dead'] as const) {
    const gossip = { ...unheard, health: () => ({ rumour, deadForMillis: 1 }) };
    const { members } = statusOf(configurationOf([1, 2]), { p2: 100 }, 'p1', gossip);
    assert.equal(
      members.map(({ health }) => health),
      ['alive', rumour],
    );
  }
});

test('where a member stands, and how its disk is, is what its record says', () => {
  const records = new Map([
    ['p1', { zone: 'eu-1', disk: 'slow' }],
    ['p2', { zone: null, disk: 'well' }],
  ]);
  const record = (peer: string) => (records.get(peer) ?? null) as MemberRecord | null;
  const { members } = statusOf(configurationOf([1, 2, 3]), {}, 'p1', { ...unheard, record });
  assert.equal(
    members.map(({ zone, disk }) => [zone, disk]),
    [
      ['eu-1', 'slow'],
      [null, 'well'],
      [null, null],
    ],
  );
});

test('who stands by is told by the leader, and elsewhere by what the leader says', () => {
  const told = { term: 3, ids: [2, 5, 9] };
  // [what, the asked server, who leads, what the leader's record says, roles of members 4 to 6]
  const rows: readonly (readonly [string, string, number, Standbys | null, string])[] = [
    ['the leader by itself', 'p1', 1, told, 'standby learner learner'],
    ['a follower by the record', 'p2', 1, told, 'learner standby learner'],
    ['a stand-by too', 'p5', 1, told, 'learner standby learner'],
    ['nobody stands by', 'p2', 1, null, 'learner learner learner'],
    ['it led in another term', 'p2', 1, { ...told, term: 2 }, 'learner learner learner'],
    ['another one leads', 'p2', 3, told, 'learner learner learner'],
    ['nobody leads', 'p2', 0, told, 'learner learner learner'],
  ];
  for (const [what, self, leader, standbys, expected] of rows) {
    const record = (peer: string) =>
      (peer === 'p1' ? { standbys } : null) as unknown as MemberRecord | null;
    const leads = { leader, standbys: leader === 1 && self === 'p1' ? [4] : [] };
    const configuration = configurationOf([1, 2, 3], [4, 5, 6]);
    const { members } = statusOf(configuration, {}, self, { ...unheard, record }, leads);
    const roles = members.map(({ role }) => role);
    assert.equal(roles.slice(0, 3), ['voter', 'voter', 'voter'], what);
    assert.is(roles.slice(3).join(' '), expected, what);
  }
});

test('what gossip has sent is told, in a cluster and on the way to one', () => {
  assert.equal(statusOf(configurationOf([1]), {}).self.gossipSent, { frames: 20, bytes: 300 });
  const peers = { self: { clusterName: 'c', version: '1', name: 'n1' } };
  const { self } = clusterStatus({
    peers: peers as unknown as Peers,
    selfPeerId: 'p1',
    consensus: null,
    waitingFor: 'a cluster',
    leaderless: null,
    gossipSent: { frames: 2, bytes: 30 },
    gossip: unheard,
    otherClusters: [],
  });
  assert.equal(self.gossipSent, { frames: 2, bytes: 30 });
});

test('times that went by', () => {
  const texts = [0, 999, 1000, 119_999, 120_000, 7_199_999, 7_200_000].map(durationText);
  assert.equal(texts, ['0 ms', '999 ms', '1 s', '119 s', '2 min', '119 min', '2 h']);
});

test.run();
