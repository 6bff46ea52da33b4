/**
 * The leader's side of a step: proposals into the log, followers' answers, its own disk, and the
 * tick with its heartbeat and its look at the quorum.
 * Invariant: a leader that no quorum has answered for an election timeout resigns, so that its
 * clients look elsewhere and its stickiness does not hold others up (thesis 6.2).
 */

import { assert } from '../base/assert.js';
import { commandBytesMax } from '../base/limits.js';
import { advanceCommit } from './commit.js';
import type { Proposal } from './inputs.js';
import type { Leading } from './leading.js';
import { entryBytes } from './log.js';
import type { AppendReply, HeartbeatReply, SnapshotReply } from './messages.js';
import type { Progress } from './progress.js';
import { quorumIndex } from './quorum.js';
import { beginRound, confirmRounds } from './reads.js';
import {
  appendAsLeader,
  broadcast,
  broadcastCommit,
  onAccepted,
  onPulse,
  onRefused,
  replicate,
  sendHeartbeats,
} from './replication.js';
import { becomeFollower } from './roles.js';
import type { CoreState } from './state.js';
import { maybeTell, tickTransfer } from './transfer.js';
import { type Entry, nobody } from './types.js';

/** Commands of one turn: one write, one append to each follower. */
export function onPropose(state: CoreState, proposals: readonly Proposal[]): void {
  const { leading } = state;
  if (leading === null) {
    for (const { ref } of proposals) state.refuse(ref, 'NOT_LEADER', 'this server does not lead');
    return;
  }
  if (leading.transfer !== null) {
    for (const { ref } of proposals) {
      state.refuse(ref, 'OVERLOADED', 'leadership is being handed over');
    }
    return;
  }
  const entries = takeIn(state, leading, proposals);
  if (entries.length === 0) return;
  appendAsLeader(state, leading, entries);
  broadcast(state, leading);
}

/** Makes entries of the proposals that fit; refuses the others. */
function takeIn(state: CoreState, leading: Leading, proposals: readonly Proposal[]): Entry[] {
  const { log, term, options } = state;
  const entries: Entry[] = [];
  let index = log.lastIndex;
  let timeMillis = log.lastTimeMillis;
  let bytes = leading.uncommittedBytes;
  let full = false;
  for (const proposal of proposals) {
    if (proposal.data.length > commandBytesMax) {
      const message = `a command has ${commandBytesMax} bytes at most`;
      state.refuse(proposal.ref, 'TOO_LARGE', message);
      continue;
    }
    timeMillis = Math.max(timeMillis, proposal.timeMillis);
    const entry: Entry = {
      index: index + 1,
      term,
      kind: 'command',
      timeMillis,
      data: proposal.data,
      configuration: null,
      encoded: null,
    };
    // After the first refusal all others follow: a client's later command must not pass its
    // earlier.
    full ||= bytes > 0 && bytes + entryBytes(entry) > options.uncommittedBytesMax;
    if (full) {
      state.refuse(proposal.ref, 'OVERLOADED', 'too much waits for its commit');
      continue;
    }
    bytes += entryBytes(entry);
    index++;
    entries.push(entry);
    state.emit({ type: 'accepted', ref: proposal.ref, index, term });
  }
  return entries;
}

/** A follower answered an append. */
export function onAppendReply(
  state: CoreState,
  leading: Leading,
  progress: Progress,
  reply: AppendReply,
): void {
  if (reply.sequence > progress.sequence || reply.index > state.log.lastIndex) {
    state.note('impossible answer', { from: reply.from, index: reply.index });
    return;
  }
  if (reply.ok) {
    if (onAccepted(progress, reply)) advanceCommit(state, leading);
  } else {
    onRefused(state, progress, reply);
  }
  // The commit may have ended the leadership, or the membership of this follower.
  if (state.leading !== leading || leading.followers.get(progress.id) !== progress) return;
  replicate(state, leading, progress);
  if (leading.transfer?.told === false) maybeTell(state, leading, progress);
}

/** A follower answered a heartbeat. */
export function onHeartbeatReply(
  state: CoreState,
  leading: Leading,
  progress: Progress,
  reply: HeartbeatReply,
): void {
  if (reply.round > progress.ackedRound && reply.round <= leading.reads.round) {
    progress.ackedRound = reply.round;
    confirmRounds(state, leading);
  }
  onPulse(state, leading, progress, reply.lastIndex);
  maybeTell(state, leading, progress);
}

/** A follower installed a snapshot, or could not. */
export function onSnapshotReply(
  state: CoreState,
  leading: Leading,
  progress: Progress,
  reply: SnapshotReply,
): void {
  if (reply.index > state.commit) {
    state.note('impossible answer', { from: reply.from, index: reply.index });
    return;
  }
  if (reply.ok) progress.acknowledged(reply.index);
  if (progress.state === 'snapshot') {
    progress.becomeProbe(progress.match + 1);
    progress.probeSent = !reply.ok;
  }
  replicate(state, leading, progress);
}

/** The own disk has more than before: the leader's own part of the quorum. */
export function onOwnDisk(state: CoreState, leading: Leading): void {
  const { log } = state;
  assert(log.persisted <= log.lastIndex, 'nothing beyond the log is on disk');
  advanceCommit(state, leading);
  // An only voter with learners kept its first entry to itself until now.
  if (leading.alone && state.leading === leading) broadcast(state, leading);
}

/** A tick: look at the quorum, at the transfer, and send what is due. O(members). */
export function tickLeader(state: CoreState, leading: Leading): void {
  const { now, options } = state;
  if (now - leading.sinceTick >= options.electionTicksMax) {
    const heard = quorumIndex(state.log.configuration, leading.heard);
    if (now - heard >= options.electionTicksMax) {
      becomeFollower(state, state.term, nobody, 'no quorum was heard for an election timeout');
      return;
    }
  }
  tickTransfer(state, leading);
  if (now - leading.heartbeatTick >= options.heartbeatTicks) {
    beginRound(state, leading);
    sendHeartbeats(state, leading);
  }
  // Whom neither an append nor a heartbeat has told of the commit since the last tick.
  broadcastCommit(state, leading);
}
