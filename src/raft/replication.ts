/**
 * The leader's sending: appends, pipelined or probing, heartbeats, fetches and snapshots. Decides
 * what each follower gets next; what their answers mean for the commit is commit.ts.
 * Invariants: an entry goes to a follower once per pipeline, whatever is duplicated or delayed; a
 * heartbeat's answer may free a probe and never renumbers what is on its way.
 * Source: Raft thesis 10.2.1 and 10.2.2; etcd-io/raft's tracker.
 */

import { assert } from '../base/assert.js';
import type { Leading } from './leading.js';
import { entryBytes } from './log.js';
import type { AppendReply } from './messages.js';
import type { Progress } from './progress.js';
import type { CoreState } from './state.js';
import type { Entry, Index, MemberId } from './types.js';

const none: readonly Entry[] = [];

/** Puts entries into the leader's own log, writes them and counts their bytes. Sends nothing. */
export function appendAsLeader(
  state: CoreState,
  leading: Leading,
  entries: readonly Entry[],
): void {
  for (const entry of entries) leading.uncommittedBytes += entryBytes(entry);
  const configured = state.log.append(entries);
  state.persist(null, entries);
  if (!configured) return;
  leading.syncFollowers();
  state.configured();
}

/** Sends everybody what there is for it. */
export function broadcast(state: CoreState, leading: Leading): void {
  for (const progress of leading.followers.values()) replicate(state, leading, progress);
}

/** Sends one follower what there is for it, as far as its state and window allow. */
export function replicate(state: CoreState, leading: Leading, progress: Progress): void {
  if (leading.alone && state.log.persisted < leading.firstIndex) return;
  if (progress.state === 'probe') {
    if (!progress.probeSent) probe(state, progress, true);
    return;
  }
  const { log, options } = state;
  while (progress.state === 'replicate' && progress.next <= log.lastIndex && progress.windowOpen) {
    if (progress.next <= log.base.index) return startSnapshot(state, progress);
    if (progress.next < log.memoryFirst) return fetch(state, progress);
    const entries = log.batch(progress.next, options.appendBytesMax, options.appendEntriesMax);
    pipeline(state, progress, entries);
  }
}

function pipeline(state: CoreState, progress: Progress, entries: readonly Entry[]): void {
  const prevIndex = progress.next - 1;
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  sendAppend(state, progress, prevIndex, entries);
  progress.sent(prevIndex + entries.length, bytes);
}

function sendAppend(
  state: CoreState,
  progress: Progress,
  prevIndex: Index,
  entries: readonly Entry[],
): void {
  const prevTerm = state.log.termAt(prevIndex);
  assert(prevTerm !== null, 'an append begins within the log');
  progress.sequence++;
  progress.sentTick = state.now;
  progress.sentCommit = state.commit;
  state.sendNow({
    type: 'append',
    from: state.self,
    to: progress.id,
    term: state.term,
    sequence: progress.sequence,
    prevIndex,
    prevTerm,
    commit: state.commit,
    entries,
  });
}

/** Asks whether the logs meet before `next`; with entries, should they. */
function probe(state: CoreState, progress: Progress, withEntries: boolean): void {
  const { log, options } = state;
  if (progress.next <= log.base.index) return startSnapshot(state, progress);
  const inMemory = progress.next >= log.memoryFirst && progress.next <= log.lastIndex;
  const entries =
    withEntries && inMemory
      ? log.batch(progress.next, options.appendBytesMax, options.appendEntriesMax)
      : none;
  sendAppend(state, progress, progress.next - 1, entries);
  progress.probeSent = true;
}

function startSnapshot(state: CoreState, progress: Progress): void {
  progress.becomeSnapshot(state.log.base.index);
  state.emit({ type: 'sendSnapshot', to: progress.id });
  state.note('snapshot needed', { to: progress.id, index: state.log.base.index });
}

function fetch(state: CoreState, progress: Progress): void {
  const { log, options } = state;
  progress.pauseForFetch();
  const lastIndex = Math.min(log.memoryFirst - 1, progress.next + options.appendEntriesMax - 1);
  state.emit({
    type: 'fetch',
    to: progress.id,
    firstIndex: progress.next,
    lastIndex,
    bytesMax: options.appendBytesMax,
  });
}

/** The driver read old entries for `to`, or found that they are gone. */
export function onFetched(
  state: CoreState,
  leading: Leading,
  to: MemberId,
  entries: readonly Entry[],
): void {
  const progress = leading.followers.get(to);
  // A new leadership, a probe or a snapshot may have overtaken the disk.
  if (progress === undefined || progress.state !== 'fetching') return;
  progress.resumeFromFetch();
  const first = entries[0];
  if (first === undefined || progress.next <= state.log.base.index) {
    startSnapshot(state, progress);
    return;
  }
  // Entries of an older request do not fit any more; the pipeline asks again.
  if (first.index === progress.next && state.log.termAt(first.index) === first.term) {
    pipeline(state, progress, entries);
  }
  replicate(state, leading, progress);
}

/** The link to a follower broke: what was in its pipeline may be lost. */
export function onUnreachable(leading: Leading, peer: MemberId): void {
  const progress = leading.followers.get(peer);
  if (progress?.state === 'replicate') progress.becomeProbe(progress.match + 1);
}

/**
 * A snapshot did not arrive. The next heartbeat's answer tries anew: a dead link is not flooded.
 */
export function onSnapshotFailed(state: CoreState, leading: Leading, to: MemberId): void {
  const progress = leading.followers.get(to);
  if (progress?.state !== 'snapshot') return;
  progress.becomeProbe(progress.match + 1);
  progress.probeSent = true;
  state.note('snapshot failed', { to });
}

/** Sends everybody a heartbeat, with the read round that waits for confirmation. */
export function sendHeartbeats(state: CoreState, leading: Leading): void {
  leading.heartbeatTick = state.now;
  const round = leading.reads.inFlight ? leading.reads.round : 0;
  for (const progress of leading.followers.values()) {
    const commit = Math.min(progress.match, state.commit);
    // Should it be lost, the next heartbeat says it again.
    progress.sentCommit = Math.max(progress.sentCommit, commit);
    const { self: from, term } = state;
    state.sendNow({ type: 'heartbeat', from, to: progress.id, term, commit, round });
  }
}

/** A follower's log meets ours up to reply.index, on its disk. Returns true when that is news. */
export function onAccepted(progress: Progress, reply: AppendReply): boolean {
  if (reply.sequence <= progress.forgottenSequence) return false;
  if (reply.sequence === progress.lossCheckSequence) progress.lossCheckSequence = 0;
  const news = progress.acknowledged(reply.index);
  const fresh = reply.sequence > progress.floor;
  if (progress.state === 'probe') {
    if (news || (fresh && reply.index >= progress.match)) progress.becomeReplicate();
  } else if (progress.state === 'snapshot' && progress.match >= progress.pendingSnapshot) {
    progress.becomeReplicate();
  }
  return news;
}

/**
 * A follower refused an append: goes back to where the logs may meet, unless the refusal is old.
 */
export function onRefused(state: CoreState, progress: Progress, reply: AppendReply): void {
  if (progress.state === 'snapshot' || reply.sequence <= progress.floor) return;
  const meets = state.log.lastOfTermAtMost(reply.hintIndex, reply.hintTerm);
  const check = reply.sequence === progress.lossCheckSequence;
  if (check || (progress.state === 'probe' && reply.index === progress.match)) {
    // It had acknowledged `match` before this append was sent, and does not have it now (trap 43).
    state.note('follower lost data', { id: progress.id, match: progress.match, has: meets });
    progress.forget();
    progress.becomeProbe(meets + 1);
    return;
  }
  if (progress.state === 'probe') {
    if (reply.index !== progress.next - 1) return;
    progress.becomeProbe(Math.min(meets + 1, reply.index));
    return;
  }
  // An append of the pipeline was lost or overtaken; what came after it was refused too.
  progress.becomeProbe(reply.index <= progress.match ? progress.match + 1 : meets + 1);
}

/**
 * A follower's answer to a heartbeat shows what may have been lost on the way, and starts it again.
 */
export function onPulse(
  state: CoreState,
  leading: Leading,
  progress: Progress,
  lastIndex: Index,
): void {
  const { log, options } = state;
  if (progress.sentTick === state.now) return;
  if (leading.alone && log.persisted < leading.firstIndex) return;
  if (progress.state === 'probe') {
    // Without entries: if those of the first are only slow, the disk must not get them twice.
    probe(state, progress, !progress.probeSent);
    return;
  }
  if (progress.state === 'snapshot') return checkSnapshot(state, progress, lastIndex);
  if (progress.state !== 'replicate') return;
  if (lastIndex < progress.match) {
    // Either an old answer that was overtaken, or lost data: an append that begins at match tells.
    const stale = state.now - progress.lossCheckTick > options.electionTicksMin;
    if (progress.lossCheckSequence !== 0 && !stale) return;
    if (progress.match < log.base.index) return;
    sendAppend(state, progress, progress.match, none);
    progress.lossCheckSequence = progress.sequence;
    progress.lossCheckTick = state.now;
    return;
  }
  if (progress.next <= log.base.index) {
    startSnapshot(state, progress);
  } else if (progress.next <= log.lastIndex && progress.windowOpen) {
    replicate(state, leading, progress);
  } else if (progress.match < log.lastIndex) {
    // Outside the window: if the end of the pipeline was lost, this is refused and says so.
    sendAppend(state, progress, progress.next - 1, none);
  }
}

/**
 * The answer of a follower that installed its snapshot may be lost. An empty append finds out,
 * without giving up the snapshot: refused, it means nothing, for the old log may be as long.
 */
function checkSnapshot(state: CoreState, progress: Progress, lastIndex: Index): void {
  const { base } = state.log;
  if (lastIndex < progress.pendingSnapshot) return;
  if (lastIndex < base.index) startSnapshot(state, progress);
  else sendAppend(state, progress, base.index, none);
}

/** Tells followers that everything is committed when no further append would soon do so. */
export function broadcastCommit(state: CoreState, leading: Leading): void {
  for (const progress of leading.followers.values()) sendCommit(state, progress);
}

/** Tells one follower that everything is committed, if it has all and was not told. */
export function sendCommit(state: CoreState, progress: Progress): void {
  const { log, commit } = state;
  if (progress.state !== 'replicate' || progress.next <= log.lastIndex) return;
  if (progress.sentCommit < commit) sendAppend(state, progress, progress.next - 1, none);
}
