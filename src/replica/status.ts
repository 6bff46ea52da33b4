/**
 * Puts together what `status` and `members` tell: the core's view, the configuration, and what
 * links say of each member. Any server can tell it, with or without a leader, in a cluster or on
 * its way.
 */

import type { CoreStatus } from '../raft/core.js';
import type { MemberId, MemberInfo } from '../raft/types.js';
import { nobody } from '../raft/types.js';
import type { ClusterStatus, Health, MemberStatus } from '../wire/client-messages.js';
import type { Consensus } from './consensus.js';
import type { Peers } from './peers.js';

/** After this long without a link a member is called dead, milliseconds. */
const deadAfterMillis = 10_000;

/** What a status is made of. */
export interface StatusSources {
  readonly peers: Peers;
  readonly selfPeerId: string;
  readonly consensus: Consensus | null;
  /** What the server waits for, or null. */
  readonly waitingFor: string | null;
}

/** The status as this server sees it. */
export function clusterStatus(sources: StatusSources): ClusterStatus {
  const { peers, consensus } = sources;
  const { clusterName, version, name } = peers.self;
  if (consensus === null) {
    return {
      cluster: clusterName,
      clusterId: null,
      version,
      term: 0,
      leader: null,
      commitIndex: 0,
      appliedIndex: 0,
      lastIndex: 0,
      faultTolerance: 0,
      joint: false,
      members: [],
      self: {
        name,
        memberId: null,
        peerId: sources.selfPeerId,
        role: 'joining',
        waitingFor: sources.waitingFor,
      },
    };
  }
  const core = consensus.core.status();
  const { configuration } = core;
  const leader = configuration.members.find(({ id }) => id === core.leader);
  return {
    cluster: clusterName,
    clusterId: consensus.place.clusterId,
    version,
    term: core.term,
    leader: leader === undefined ? null : { name: leader.name, memberId: leader.id },
    commitIndex: core.commit,
    appliedIndex: core.applied,
    lastIndex: core.lastIndex,
    faultTolerance: faultTolerance(core, sources),
    joint: configuration.votersOutgoing.length > 0,
    members: configuration.members.map((member) => memberStatus(member, core, sources)),
    self: {
      name,
      memberId: consensus.place.memberId,
      peerId: sources.selfPeerId,
      role: selfRole(core),
      waitingFor: core.leader === nobody ? whyNoLeader(core, sources) : null,
    },
  };
}

function memberStatus(
  member: MemberInfo,
  core: CoreStatus,
  { peers, consensus, selfPeerId }: StatusSources,
): MemberStatus {
  const { id, name, peerId } = member;
  const progress = core.progress.get(id);
  const isSelf = peerId === selfPeerId;
  return {
    name,
    memberId: id,
    peerId,
    role: memberRole(id, core, consensus),
    health: isSelf ? 'alive' : healthOf(peers.silentForMillis(peerId), progress?.recentlyActive),
    addresses: peers.addressesOf(peerId),
    matchIndex: progress?.match ?? (isSelf && core.role === 'leader' ? core.lastIndex : null),
  };
}

/** How many more voters may fail: in a joint phase both sets of voters must survive it. */
function faultTolerance(core: CoreStatus, sources: StatusSources): number {
  const { voters, votersOutgoing, members } = core.configuration;
  const alive = new Set(
    members
      .filter((member) => memberStatus(member, core, sources).health === 'alive')
      .map(({ id }) => id),
  );
  const spare = (set: readonly MemberId[]): number =>
    set.filter((id) => alive.has(id)).length - (Math.floor(set.length / 2) + 1);
  const least = votersOutgoing.length > 0 ? spare(votersOutgoing) : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(spare(voters), least));
}

/** A learner that has caught up is a stand-by; only the leader knows, so elsewhere it is a
 * learner. */
function memberRole(
  id: MemberId,
  core: CoreStatus,
  consensus: Consensus | null,
): MemberStatus['role'] {
  const { voters, votersOutgoing } = core.configuration;
  if (voters.includes(id) || votersOutgoing.includes(id)) return 'voter';
  return consensus?.membership.isStandby(id) === true ? 'standby' : 'learner';
}

function healthOf(silentMillis: number, active: boolean | undefined): Health {
  if (active === true) return 'alive';
  if (silentMillis === 0) return active === false ? 'suspect' : 'alive';
  if (silentMillis === Number.POSITIVE_INFINITY) return active === undefined ? 'unknown' : 'dead';
  return silentMillis >= deadAfterMillis ? 'dead' : 'suspect';
}

function selfRole(core: CoreStatus): 'leader' | 'follower' | 'candidate' {
  if (core.role === 'leader' || core.role === 'follower') return core.role;
  return 'candidate';
}

/** One line for people: which voters are missing. */
function whyNoLeader(core: CoreStatus, { peers, selfPeerId }: StatusSources): string {
  const { voters, votersOutgoing, members } = core.configuration;
  const deciding = new Set([...voters, ...votersOutgoing]);
  const missing = members.filter(
    ({ id, peerId }) =>
      deciding.has(id) && peerId !== selfPeerId && peers.silentForMillis(peerId) > 0,
  );
  if (missing.length === 0) return 'an election to end';
  const names = missing.map(({ name }) => name).join(', ');
  return `a majority of ${deciding.size} voters; not reached: ${names}`;
}
