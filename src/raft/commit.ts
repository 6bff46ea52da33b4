/**
 * The leader's commit, and what follows from it: reads may begin, a joint configuration is left, a
 * leader that is no voter any more hands over.
 * Invariant: only entries of the leader's own term are committed by counting (thesis 3.6.2, Figure
 * 8); the leader counts itself by its own disk (trap 38), and only in the sets that name it.
 */

import { isJoint, leaveJoint } from './conf-change.js';
import type { Leading } from './leading.js';
import { quorumIndex } from './quorum.js';
import { startRound } from './reads.js';
import { appendAsLeader, broadcast, broadcastCommit } from './replication.js';
import { becomeFollower, ownEntry } from './roles.js';
import type { CoreState } from './state.js';
import { type MemberId, nobody } from './types.js';

/**
 * Commits what a quorum has on disk. Called when a follower or the own disk has more than before.
 */
export function advanceCommit(state: CoreState, leading: Leading): void {
  const { log } = state;
  const index = quorumIndex(log.configuration, leading.matches);
  if (index <= state.commit || log.termAt(index) !== state.term) return;
  leading.uncommittedBytes -= log.bytesBetween(state.commit + 1, index);
  const first = !leading.ownTermCommitted;
  state.commitTo(index);
  if (first) startRound(state, leading);
  // Followers hear of it by the next append, or at the next tick (tickLeader): telling them at once
  // would double the messages of a lone append, and nobody waits for them to know.
  settleConfiguration(state, leading);
}

/**
 * Finishes a committed change: leaves a joint configuration once it is applied here, whoever
 * entered it (traps 1 and 2), and hands over when the final one has no vote for this server (traps
 * 17, 18).
 */
export function settleConfiguration(state: CoreState, leading: Leading): void {
  const { configuration, configurationIndex } = state.log;
  if (configurationIndex > state.commit || !leading.ownTermCommitted) return;
  if (isJoint(configuration)) {
    if (state.applied < configurationIndex) return;
    appendAsLeader(state, leading, [ownEntry(state, 0, leaveJoint(configuration))]);
    dropLostTransfer(state, leading);
    broadcast(state, leading);
  } else if (!configuration.voters.includes(state.self)) {
    handOver(state, leading);
  }
}

/** A transfer to a server that the change made no voter cannot end well: it is given up. */
function dropLostTransfer(state: CoreState, leading: Leading): void {
  const { transfer } = leading;
  if (transfer === null || state.log.configuration.voters.includes(transfer.to)) return;
  leading.transfer = null;
  state.refuse(transfer.ref, 'CHANGE_REFUSED', 'the target is no voter any more');
}

function handOver(state: CoreState, leading: Leading): void {
  broadcastCommit(state, leading);
  const best = leading.bestVoter();
  if (best !== null) sendTimeoutNow(state, best.id);
  becomeFollower(state, state.term, nobody, 'no voter in the committed configuration');
}

/** Tells `to` to stand for election at once. */
export function sendTimeoutNow(state: CoreState, to: MemberId): void {
  state.sendNow({ type: 'timeoutNow', from: state.self, to, term: state.term });
}
