/**
 * The follower's side: the leader's appends, heartbeats and snapshots. Says what it has only after
 * its disk has it, and refuses with the best guess of where the logs meet, so that a leader skips a
 * whole term a round trip.
 * Invariants: nothing committed is ever cut; a configuration is in force when it is in the log and
 * gone when it is cut (thesis 4.1); the commit index never passes what is known to be the leader's.
 * Source: Raft thesis 3.5, 5.
 */

import { assert } from '../base/assert.js';
import type { Append, Heartbeat } from './messages.js';
import { becomeFollower } from './roles.js';
import type { CoreState } from './state.js';
import { type Entry, type Index, type LogBase, type MemberId, nobody } from './types.js';

/** Takes `from`, who speaks as the leader of this term, as the leader. False: it cannot be. */
function follow(state: CoreState, from: MemberId): boolean {
  if (state.leader !== from) {
    if (state.leader !== nobody) {
      state.note('second leader in a term', { term: state.term, from, leader: state.leader });
      return false;
    }
    becomeFollower(state, state.term, from, 'another was elected');
  }
  state.leaderHeardTick = state.now;
  state.timerTick = state.now;
  return true;
}

/** True when the entries of an append follow each other and its terms fit. */
function isWellFormed(append: Append): boolean {
  const { entries, prevIndex, prevTerm, term } = append;
  let index = prevIndex;
  let last = prevTerm;
  for (const entry of entries) {
    index++;
    if (entry.index !== index || entry.term < last) return false;
    if ((entry.kind === 'configuration') !== (entry.configuration !== null)) return false;
    last = entry.term;
  }
  return last <= term;
}

/** The leader's entries, of this term. */
export function onAppend(state: CoreState, append: Append): void {
  if (!follow(state, append.from)) return;
  if (!isWellFormed(append)) {
    state.note('malformed append', { from: append.from, prevIndex: append.prevIndex });
    return;
  }
  const { log } = state;
  const { prevIndex, entries } = append;
  // Before the commit index all logs are the same, whatever of it is still here to compare.
  if (prevIndex >= state.commit && log.termAt(prevIndex) !== append.prevTerm) {
    refuseAppend(state, append);
    return;
  }
  const matched = Math.max(prevIndex + entries.length, state.commit);
  take(state, prevIndex, entries);
  replyAppend(state, append, matched);
  state.commitTo(Math.min(append.commit, prevIndex + entries.length));
}

/** Writes what is new among entries that follow a common `prevIndex`. */
function take(state: CoreState, prevIndex: Index, entries: readonly Entry[]): void {
  const { log } = state;
  let from = Math.max(0, log.base.index - prevIndex);
  while (from < entries.length) {
    const entry = entries[from] as Entry;
    if (log.termAt(entry.index) !== entry.term) break;
    from++;
  }
  if (from >= entries.length) return;
  const fresh = from === 0 ? entries : entries.slice(from);
  const first = prevIndex + from + 1;
  let reconfigured = false;
  let cutFrom: Index | null = null;
  if (first <= log.lastIndex) {
    assert(first > state.commit, 'nothing committed is ever cut');
    state.note('log cut', { from: first, lastIndex: log.lastIndex });
    reconfigured = log.truncate(first);
    cutFrom = first;
  }
  const gained = log.append(fresh);
  state.persist(cutFrom, fresh);
  if (gained || reconfigured) state.configured();
}

function replyAppend(state: CoreState, append: Append, index: Index): void {
  state.sendPersisted({
    type: 'appendReply',
    from: state.self,
    to: append.from,
    term: state.term,
    sequence: append.sequence,
    ok: true,
    index,
    hintIndex: 0,
    hintTerm: 0,
  });
}

/** Answers an append that does not fit, or that is of a leader of a lower term. */
export function refuseAppend(state: CoreState, append: Append): void {
  const { log } = state;
  const hintIndex = log.lastOfTermAtMost(append.prevIndex, append.prevTerm);
  state.sendPersisted({
    type: 'appendReply',
    from: state.self,
    to: append.from,
    term: state.term,
    sequence: append.sequence,
    ok: false,
    index: append.prevIndex,
    hintIndex,
    hintTerm: log.termAt(hintIndex) ?? 0,
  });
}

/** The leader of this term is alive. */
export function onHeartbeat(state: CoreState, heartbeat: Heartbeat): void {
  if (!follow(state, heartbeat.from)) return;
  if (heartbeat.commit <= state.log.lastIndex) {
    state.commitTo(heartbeat.commit);
  } else {
    // Only a server that lost its data is told of more than it has. It must not commit from this.
    state.note('own data lost', { commit: heartbeat.commit, lastIndex: state.log.lastIndex });
  }
  replyHeartbeat(state, heartbeat);
}

/** Answers a heartbeat; to a leader of a lower term the term alone says enough. */
export function replyHeartbeat(state: CoreState, heartbeat: Heartbeat): void {
  state.sendNow({
    type: 'heartbeatReply',
    from: state.self,
    to: heartbeat.from,
    term: state.term,
    round: heartbeat.round,
    lastIndex: state.log.persisted,
  });
}

/**
 * A snapshot is on disk whole. What the log has beyond it stays only if the logs meet there: it may
 * have been acknowledged. Else nothing stays, no configuration either (trap 12). Never backwards.
 */
export function onSnapshotInstalled(state: CoreState, base: LogBase, from: MemberId): void {
  const { log } = state;
  if (base.index > state.commit && state.role !== 'leader') {
    if (log.termAt(base.index) === base.term) log.compact(base);
    else log.reset(base);
    state.commit = base.index;
    state.applied = Math.max(state.applied, base.index);
    state.note('snapshot installed', { index: base.index, term: base.term });
    state.configured();
  }
  state.sendPersisted({
    type: 'snapshotReply',
    from: state.self,
    to: from,
    term: state.term,
    ok: true,
    index: Math.min(base.index, state.commit),
  });
}
