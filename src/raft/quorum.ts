/**
 * Quorum arithmetic over a configuration, joint or not: what a majority of each half has reached,
 * and how a vote stands. Knows no log and no messages. One function serves commit, read rounds and
 * check-quorum: each asks "which number has a quorum reached" of another source.
 * Invariant: a half without voters never decides anything, so it never holds anything up either.
 * Source: Raft thesis 4.3 (joint decisions need both majorities).
 */

import type { Configuration, MemberId } from './types.js';

/** Says which number (an index, a round, a tick) a member has reached. */
export interface IndexSource {
  indexOf(id: MemberId): number;
}

/** How an election stands. */
export type VoteResult = 'won' | 'lost' | 'pending';

// Filled and read within one call of `halfIndex`: spares an array for every append reply.
const sorted: number[] = [];

/** The fewest members that are more than half of `voters`. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

function halfIndex(voters: readonly MemberId[], source: IndexSource): number {
  const count = voters.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = source.indexOf(voters[i] as MemberId);
    let at = i;
    // Insertion sort, largest first: halves have seven members at most, mostly three.
    for (; at > 0 && (sorted[at - 1] as number) < value; at--)
      sorted[at] = sorted[at - 1] as number;
    sorted[at] = value;
  }
  return sorted[majority(count) - 1] as number;
}

/** The largest number that a majority of `voters` and one of `votersOutgoing` have reached. */
export function quorumIndex(configuration: Configuration, source: IndexSource): number {
  const incoming = halfIndex(configuration.voters, source);
  if (configuration.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, halfIndex(configuration.votersOutgoing, source));
}

function halfVote(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  let granted = 0;
  let refused = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === true) granted++;
    else if (vote === false) refused++;
  }
  const needed = majority(voters.length);
  if (voters.length === 0 || granted >= needed) return 'won';
  return voters.length - refused < needed ? 'lost' : 'pending';
}

/**
 * How the votes stand: won in both halves, lost in either, or pending. Others' votes are ignored.
 */
export function voteResult(
  configuration: Configuration,
  votes: ReadonlyMap<MemberId, boolean>,
): VoteResult {
  const incoming = halfVote(configuration.voters, votes);
  const outgoing = halfVote(configuration.votersOutgoing, votes);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}
