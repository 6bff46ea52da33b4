/**
 * Rebuilding a cluster whose majority is lost for good, from the log of one voter: when that may
 * be, what may be lost by it, and the configuration that it forces. Only an operator's explicit
 * word begins it (docs/membership.md, "Losing the majority").
 *
 * Invariant: what is rebuilt is another cluster, with an id of its own, so none of the servers that
 * were left behind can ever vote in it. And nothing is rebuilt while the old cluster can still
 * decide, or while a voter that was reached has a more advanced log: that log may hold entries that
 * were committed and are missing here.
 */

import type { Configuration, Entry, Index, MemberId, MemberInfo, Term } from '../raft/types.js';
import { tolerated } from './quorums.js';

/** Where a log ends. */
export interface LogEnd {
  readonly lastTerm: Term;
  readonly lastIndex: Index;
}

/** The stopped server from whose log a cluster may be rebuilt. */
export interface Survivor extends LogEnd {
  readonly memberId: MemberId;
  /** The newest in its log. */
  readonly configuration: Configuration;
  /** Whether its log holds any entry. */
  readonly hasEntries: boolean;
}

/** A running server that was asked how it stands. */
export interface AskedServer extends LogEnd {
  readonly name: string;
  readonly peerId: string;
  /** `none`: in no cluster yet. `other`: in another than the survivor. */
  readonly cluster: 'same' | 'other' | 'none';
  /** Name of the leader that it knows, or null. */
  readonly leader: string | null;
}

/** Why the cluster must not be rebuilt from this log, one line; null when it may be. */
export function rescueRefusal(survivor: Survivor, asked: readonly AskedServer[]): string | null {
  const { memberId, configuration, hasEntries } = survivor;
  const { members } = configuration;
  const moved = asked.find(({ cluster, peerId }) => {
    return cluster === 'other' && members.some((each) => each.peerId === peerId);
  });
  if (moved !== undefined) {
    return (
      `${moved.name} is in another cluster already: if that was rebuilt from it, move this data ` +
      `folder away and start this server with ${moved.name} as its peer`
    );
  }
  const self = members.find(({ id }) => id === memberId);
  if (asked.some(({ cluster, peerId }) => cluster === 'same' && peerId === self?.peerId)) {
    return 'this very server answers: another copy of its data folder runs; stop that one';
  }
  if (!votersOf(configuration).includes(memberId)) {
    const voters = namesOf(configuration, votersOf(configuration));
    return `only a voter may be rebuilt from, and this server is none; voters: ${voters}`;
  }
  if (!hasEntries) return 'its log holds nothing: start a new cluster instead';
  const led = asked.find(({ cluster, leader }) => cluster === 'same' && leader !== null);
  if (led !== undefined) {
    return `${led.name} knows a leader (${led.leader}): the cluster lives; start this server again`;
  }
  const reached = reachedVoters(configuration, asked);
  if (hasMajority(configuration, new Set([memberId, ...reached]))) {
    const others = reached.length === 0 ? '' : ` with ${namesOf(configuration, reached)}`;
    return `this server${others} is a majority: start it again, and nothing is lost`;
  }
  const best = moreAdvanced(survivor, asked).find(({ peerId }) => isVoter(configuration, peerId));
  if (best === undefined) return null;
  return (
    `${best.name} has a more advanced log (it ends at entry ${best.lastIndex} of term ` +
    `${best.lastTerm}): stop that server and rebuild from its data folder`
  );
}

/** What may be lost, or comes into force, by rebuilding from this log: lines for people. */
export function rescueLosses(survivor: Survivor, asked: readonly AskedServer[]): readonly string[] {
  const { memberId, configuration, lastIndex } = survivor;
  const others = configuration.members.filter(({ id }) => id !== memberId);
  const names = others.map(({ name }) => name).join(', ');
  return [
    `writes that were acknowledged and are not in this log: all after entry ${lastIndex}, if any`,
    'writes at its end that were never acknowledged become valid',
    `the places of ${names}: they are no members of the new cluster`,
    ...moreAdvanced(survivor, asked).map(({ name, lastIndex: end }) => {
      return `${name}, without a vote, has a more advanced log, up to entry ${end}`;
    }),
  ];
}

/**
 * The entry that makes the survivor the only voter: behind its last one, in a term of its own.
 * @param self as it is from now on; its id stays.
 */
export function rescueEntry(
  { lastIndex, configuration }: Survivor,
  self: MemberInfo,
  about: { readonly term: Term; readonly timeMillis: number; readonly reason: string },
): Entry {
  const { term, timeMillis, reason } = about;
  return {
    index: lastIndex + 1,
    term,
    kind: 'configuration',
    timeMillis,
    data: new Uint8Array(0),
    configuration: {
      ...configuration,
      voters: [self.id],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      members: [self],
      reason,
    },
    encoded: null,
  };
}

/** Everybody who votes, in a joint phase of both halves, by rising id. */
export function votersOf({ voters, votersOutgoing }: Configuration): readonly MemberId[] {
  return [...new Set([...voters, ...votersOutgoing])].sort((a, b) => a - b);
}

/** Both halves of a joint configuration must have theirs. */
function hasMajority(
  { voters, votersOutgoing }: Configuration,
  present: ReadonlySet<MemberId>,
): boolean {
  return [voters, votersOutgoing].every((half) => {
    const count = half.filter((id) => present.has(id)).length;
    return half.length === 0 || tolerated(count, half.length) >= 0;
  });
}

function reachedVoters(
  configuration: Configuration,
  asked: readonly AskedServer[],
): readonly MemberId[] {
  const reached = new Set(asked.flatMap((each) => (each.cluster === 'same' ? each.peerId : [])));
  const voters = votersOf(configuration);
  return configuration.members.flatMap(({ id, peerId }) => {
    return reached.has(peerId) && voters.includes(id) ? id : [];
  });
}

/** Those of the same cluster whose log a voter would prefer to the survivor's. */
function moreAdvanced(
  { lastTerm, lastIndex }: LogEnd,
  asked: readonly AskedServer[],
): readonly AskedServer[] {
  return asked
    .filter(({ cluster }) => cluster === 'same')
    .filter((each) => {
      return each.lastTerm > lastTerm || (each.lastTerm === lastTerm && each.lastIndex > lastIndex);
    })
    .toSorted((a, b) => b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex);
}

function isVoter(configuration: Configuration, peerId: string): boolean {
  const member = configuration.members.find((each) => each.peerId === peerId);
  return member !== undefined && votersOf(configuration).includes(member.id);
}

function namesOf({ members }: Configuration, ids: readonly MemberId[]): string {
  return members.flatMap(({ id, name }) => (ids.includes(id) ? name : [])).join(', ');
}
