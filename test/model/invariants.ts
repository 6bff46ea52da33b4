/**
 * Raft's promises, asked of every step of the model. Each takes what one server became and what
 * the world knew, and says what broke, or null.
 */

import type { Message } from '../../src/raft/messages.js';
import { majority } from '../../src/raft/quorum.js';
import type { Configuration } from '../../src/raft/types.js';
import { type LocalState, type Prefix, prefixAt } from './automata.js';

/** Log matching: equal index and term, equal prefix. */
export function matchingFault(one: Prefix, other: Prefix): string | null {
  let a: Prefix | null = one;
  let b: Prefix | null = other;
  while (a !== null && b !== null && a !== b) {
    if (a.index > b.index) a = a.parent;
    else if (b.index > a.index) b = b.parent;
    else if (a.term === b.term) return `logs differ up to ${a.index} in term ${a.term}`;
    else [a, b] = [a.parent, b.parent];
  }
  return null;
}

/** One vote a term, told to one candidate alone. */
export function voteFault(message: Message, sent: readonly Message[]): string | null {
  if (message.type !== 'voteReply' || message.preVote || !message.granted) return null;
  for (const other of sent) {
    if (other.type !== 'voteReply' || other.preVote || !other.granted) continue;
    if (other.from !== message.from || other.term !== message.term) continue;
    if (other.to !== message.to) return `${message.from} voted twice in term ${message.term}`;
  }
  return null;
}

/**
 * A leader has everything that was committed in its own term and before. A late vote may still make
 * a leader of an older term, who need not know what a later one has committed.
 */
export function completenessFault(leader: LocalState, committed: Prefix): string | null {
  if (leader.term < committed.term) return null;
  if (prefixAt(leader.image, committed.index) === committed) return null;
  return `leader ${leader.server} of term ${leader.term} lacks what is committed`;
}

/** What is committed here is what was committed before, and the disks of both quorums have it. */
export function commitFault(
  before: LocalState,
  after: LocalState,
  committed: Prefix,
  all: readonly LocalState[],
): string | null {
  const here = prefixAt(after.image, after.commit);
  if (here === null) return `${after.server} commits beyond its log`;
  const common = Math.min(after.commit, committed.index);
  if (prefixAt(here, common) !== prefixAt(committed, common)) {
    return `${after.server} commits another entry than before, up to ${common}`;
  }
  if (after.commit <= committed.index) return null;
  // A step may commit a joint configuration, leave it, and commit more by the one after it.
  const isHeld = [before, after].some(({ configuration }) => isOnQuorum(configuration, here, all));
  return isHeld ? null : `index ${here.index} is committed and on no quorum of disks`;
}

/** True when the disks of a majority of each half have this prefix. */
function isOnQuorum(
  { voters, votersOutgoing }: Configuration,
  prefix: Prefix,
  all: readonly LocalState[],
): boolean {
  return [voters, votersOutgoing].every((half) => {
    const holding = all.filter(
      ({ server, durable }) => half.includes(server) && prefixAt(durable, prefix.index) === prefix,
    );
    return half.length === 0 || holding.length >= majority(half.length);
  });
}

function ids(list: readonly number[]): string {
  return list.join(' ');
}

/** True when any quorum of the one meets any of the other, as joint consensus makes sure of. */
function follows(before: Configuration, after: Configuration): boolean {
  const [incoming, outgoing] = [ids(after.voters), ids(after.votersOutgoing)];
  if (before.votersOutgoing.length > 0) return outgoing === '' && incoming === ids(before.voters);
  return outgoing === '' ? incoming === ids(before.voters) : outgoing === ids(before.voters);
}

/** At most one change is not committed, and each configuration follows from the one before. */
export function configurationFault(log: Prefix, committed: Prefix): string | null {
  let later: Configuration | null = null;
  let open = 0;
  for (let at: Prefix | null = log; at !== null; at = at.parent) {
    if (at.configuration === null) continue;
    if (later !== null && !follows(at.configuration, later)) {
      return `the configuration at ${at.index} is followed by one with other quorums`;
    }
    later = at.configuration;
    if (at.parent !== null && prefixAt(committed, at.index) !== at) open++;
  }
  return open > 1 ? `${open} changes in flight` : null;
}
