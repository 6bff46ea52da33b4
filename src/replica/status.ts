/**
 * Puts together what `status` and `members` tell: the core's view, the configuration, and what
 * links say of each member. Any server can tell it, with or without a leader, in a cluster or on
 * its way.
 */

import type { CoreStatus } from '../raft/core.js';
import type { Configuration, MemberId, MemberInfo } from '../raft/types.js';
import { nobody } from '../raft/types.js';
import type { ClusterStatus, Health, MemberStatus } from '../wire/client-messages.js';
import type { Consensus } from './consensus.js';
import type { RecordSource } from './gossip-options.js';
import type { HealthSource } from './membership-runner.js';
import type { Peers } from './peers.js';

/** After this long without a link a member is called dead, milliseconds. */
const deadAfterMillis = 10_000;

/** What a status is made of. */
export interface StatusSources {
  readonly peers: Peers;
  readonly gossip: HealthSource & RecordSource;
  readonly selfPeerId: string;
  readonly consensus: Consensus | null;
  /** What the server waits for, or null. */
  readonly waitingFor: string | null;
  readonly otherClusters: ClusterStatus['otherClusters'];
  /** Since when nobody leads, or null. */
  readonly leaderless: ClusterStatus['self']['leaderless'];
  readonly gossipSent: ClusterStatus['self']['gossipSent'];
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
      lastTerm: 0,
      faultTolerance: 0,
      joint: false,
      configurationIndex: 0,
      members: [],
      otherClusters: sources.otherClusters,
      self: {
        name,
        memberId: null,
        peerId: sources.selfPeerId,
        role: 'joining',
        waitingFor: sources.waitingFor,
        leaderless: null,
        alarm: null,
        gossipSent: sources.gossipSent,
      },
    };
  }
  const core = consensus.core.status();
  const { configuration } = core;
  const leader = configuration.members.find(({ id }) => id === core.leader);
  const standbys = standbysOf(consensus, core, sources.gossip);
  const members = configuration.members.map((member) => {
    return memberStatus(member, roleOf(member.id, configuration, standbys), core, sources);
  });
  return {
    cluster: clusterName,
    clusterId: consensus.place.clusterId,
    version,
    term: core.term,
    leader: leader === undefined ? null : { name: leader.name, memberId: leader.id },
    commitIndex: core.commit,
    appliedIndex: core.applied,
    lastIndex: core.lastIndex,
    lastTerm: core.lastTerm,
    faultTolerance: faultTolerance(configuration, members),
    joint: configuration.votersOutgoing.length > 0,
    configurationIndex: core.configurationIndex,
    members,
    otherClusters: sources.otherClusters,
    self: {
      name,
      memberId: consensus.place.memberId,
      peerId: sources.selfPeerId,
      role: selfRole(core),
      waitingFor: core.leader === nobody ? whyNoLeader(core, sources) : null,
      leaderless: core.leader === nobody ? sources.leaderless : null,
      alarm: consensus.alarm.line,
      gossipSent: sources.gossipSent,
    },
  };
}

function memberStatus(
  member: MemberInfo,
  role: MemberStatus['role'],
  core: CoreStatus,
  sources: StatusSources,
): MemberStatus {
  const { peers, gossip, selfPeerId } = sources;
  const { id, name, peerId } = member;
  const said = gossip.record(peerId);
  const progress = core.progress.get(id);
  const isSelf = peerId === selfPeerId;
  return {
    name,
    memberId: id,
    peerId,
    role,
    health: isSelf ? 'alive' : healthOf(sources, peerId, progress?.recentlyActive),
    addresses: peers.addressesOf(peerId),
    matchIndex: progress?.match ?? (isSelf && core.role === 'leader' ? core.lastIndex : null),
    silentMillis: isSelf ? 0 : wholeMillis(peers.silentForMillis(peerId)),
    zone: said?.zone ?? null,
    disk: said?.disk ?? null,
  };
}

/** How many more voters may fail: in a joint phase both sets of voters must survive it. */
function faultTolerance(
  { voters, votersOutgoing }: Configuration,
  members: readonly MemberStatus[],
): number {
  const alive = new Set(
    members.filter(({ health }) => health === 'alive').map(({ memberId }) => memberId),
  );
  const spare = (set: readonly MemberId[]): number =>
    set.filter((id) => alive.has(id)).length - (Math.floor(set.length / 2) + 1);
  const least = votersOutgoing.length > 0 ? spare(votersOutgoing) : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(spare(voters), least));
}

/** Only the leader knows who stands by. Elsewhere its record tells, as long as it speaks of the
 * term that this server is in; without a leader nobody is ready for anything. */
function standbysOf(
  { membership }: Consensus,
  { role, leader, term, configuration }: CoreStatus,
  gossip: RecordSource,
): readonly MemberId[] {
  if (role === 'leader') return membership.standbys();
  const leading = configuration.members.find(({ id }) => id === leader);
  const told = leading === undefined ? null : gossip.record(leading.peerId)?.standbys;
  return told?.term === term ? told.ids : [];
}

/** A learner that has caught up is a stand-by. */
function roleOf(
  id: MemberId,
  { voters, votersOutgoing }: Configuration,
  standbys: readonly MemberId[],
): MemberStatus['role'] {
  if (voters.includes(id) || votersOutgoing.includes(id)) return 'voter';
  return standbys.includes(id) ? 'standby' : 'learner';
}

/** The leader's own contact says that a member lives; that it is dead gossip says, and where gossip
 * knows nothing of it, the silence of its link. */
function healthOf(
  { gossip, peers }: StatusSources,
  peerId: string,
  active: boolean | undefined,
): Health {
  if (active === true) return 'alive';
  const { rumour } = gossip.health(peerId);
  if (rumour === 'dead' || rumour === 'left') return rumour;
  const silentMillis = peers.silentForMillis(peerId);
  const isCutOff = silentMillis >= deadAfterMillis && silentMillis !== Number.POSITIVE_INFINITY;
  if (rumour === 'suspect') return 'suspect';
  if (rumour === 'alive') return active === false || isCutOff ? 'suspect' : 'alive';
  if (silentMillis === 0) return active === false ? 'suspect' : 'alive';
  if (silentMillis === Number.POSITIVE_INFINITY) return active === undefined ? 'unknown' : 'dead';
  return isCutOff ? 'dead' : 'suspect';
}

function selfRole(core: CoreStatus): 'leader' | 'follower' | 'candidate' {
  if (core.role === 'leader' || core.role === 'follower') return core.role;
  return 'candidate';
}

/** One line for people: how many voters are needed, who is missing and for how long, and whether
 * this server could lead at all. */
function whyNoLeader(core: CoreStatus, { peers, selfPeerId }: StatusSources): string {
  const { voters, votersOutgoing, members } = core.configuration;
  const deciding = new Set([...voters, ...votersOutgoing]);
  const missing = members.flatMap(({ id, name, peerId }) => {
    const silentMillis = peerId === selfPeerId ? 0 : peers.silentForMillis(peerId);
    return deciding.has(id) && silentMillis > 0 ? [{ id, name, silentMillis }] : [];
  });
  const gone = new Set(missing.map(({ id }) => id));
  const hasMajority = [voters, votersOutgoing].every(
    (set) => set.length === 0 || set.filter((id) => !gone.has(id)).length * 2 > set.length,
  );
  const self = members.find(({ peerId }) => peerId === selfPeerId);
  const told = missing.map(({ name, silentMillis }) => `${name} (${silenceText(silentMillis)})`);
  const reached = `reached ${deciding.size - missing.length} of ${deciding.size} voters`;
  const who = missing.length === 0 ? reached : `${reached}; missing: ${told.join(', ')}`;
  if (hasMajority) return `an election to end (${who})`;
  const vote = self === undefined || !deciding.has(self.id) ? '; this server has no vote' : '';
  const both = votersOutgoing.length > 0 ? ' of the old and of the new voters' : '';
  return `a majority${both}: ${who}${vote}`;
}

function silenceText(millis: number): string {
  if (millis === Number.POSITIVE_INFINITY) return 'no link since this server started';
  return `no link for ${durationText(millis)}`;
}

/** Null for a silence that never was broken. */
function wholeMillis(millis: number): number | null {
  return millis === Number.POSITIVE_INFINITY ? null : Math.round(millis);
}

/** A time that went by, for people, in its largest unit: `12 s`, `3 min`. */
export function durationText(millis: number): string {
  const seconds = Math.floor(millis / 1000);
  if (seconds < 1) return `${Math.round(millis)} ms`;
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
