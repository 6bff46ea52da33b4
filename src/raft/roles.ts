/**
 * The changes of role: into a follower of somebody or nobody, and into the leader. When to change
 * is decided by election.ts, follower.ts and leader.ts; here is what goes and what comes with it.
 * Invariant: a leadership begins with an entry of its own term (thesis 6.4), and ends with every
 * wish that depended on it answered.
 */

import { assert } from '../base/assert.js';
import { Leading } from './leading.js';
import { refuseFollowerReads, refuseLeaderReads } from './reads.js';
import { appendAsLeader, broadcast } from './replication.js';
import type { CoreState } from './state.js';
import { type Entry, type MemberId, nobody, type Term } from './types.js';

const noData = new Uint8Array(0);

/** An entry of the leader's without a command: its first, or a configuration. */
export function ownEntry(
  state: CoreState,
  timeMillis: number,
  configuration: Entry['configuration'],
): Entry {
  return {
    index: state.log.lastIndex + 1,
    term: state.term,
    kind: configuration === null ? 'noop' : 'configuration',
    timeMillis: Math.max(timeMillis, state.log.lastTimeMillis),
    data: noData,
    configuration,
    encoded: null,
  };
}

/** Follows `leader` (or waits for one) in `term`, which is this term or a higher one. */
export function becomeFollower(
  state: CoreState,
  term: Term,
  leader: MemberId,
  reason: string,
): void {
  const { leading, role } = state;
  if (term > state.term) state.setTerm(term);
  state.role = 'follower';
  state.leading = null;
  if (leader !== state.leader) refuseFollowerReads(state);
  state.leader = leader;
  state.leaderHeardTick = state.now;
  state.votes.clear();
  if (role !== 'follower' || leader !== nobody) state.restartTimer();
  if (leading !== null) {
    state.note('stepped down', { term: state.term, reason });
    refuseLeaderReads(state, leading);
  }
}

/** Leads from now on. `alone`: no vote but this server's own was needed. */
export function becomeLeader(state: CoreState, alone: boolean): void {
  assert(state.role === 'candidate', 'only a candidate is elected');
  state.role = 'leader';
  state.leader = state.self;
  const leading = new Leading(state, alone);
  state.leading = leading;
  leading.syncFollowers();
  leading.uncommittedBytes = state.log.bytesBetween(state.commit + 1, state.log.lastIndex);
  for (const [id, granted] of state.votes) {
    const progress = leading.followers.get(id);
    if (progress !== undefined && granted) progress.heardTick = state.now;
  }
  state.note('leader elected', { term: state.term, lastIndex: state.log.lastIndex });
  appendAsLeader(state, leading, [ownEntry(state, 0, null)]);
  broadcast(state, leading);
}
