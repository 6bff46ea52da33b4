/**
 * Read index: how far a server must have applied before a read may be answered, confirmed by one
 * round of heartbeats for all reads that wait. A leader answers for itself and for followers that
 * ask.
 * Invariants: nothing is answered before the leader has committed an entry of its own term (trap
 * 32); a round is confirmed by both halves of a joint configuration (trap 36). No clock is trusted.
 * Source: Raft thesis 6.4.
 */

import type { Leading } from './leading.js';
import type { ReadReply, ReadRequest } from './messages.js';
import { quorumIndex } from './quorum.js';
import type { LeaderRead } from './read-queue.js';
import { sendCommit, sendHeartbeats } from './replication.js';
import type { CoreState } from './state.js';
import { type Index, type MemberId, nobody } from './types.js';

/** A read index is wished for `ref`, by this server's own readers. */
export function onRead(state: CoreState, ref: number): void {
  if (state.leading !== null) {
    wait(state, state.leading, { from: state.self, ref });
  } else if (state.leader === nobody) {
    state.refuse(ref, 'NO_LEADER', 'no leader is known that could confirm the read');
  } else {
    state.reads.waiting.push(ref);
    if (state.reads.asked.length === 0) ask(state);
  }
}

function wait(state: CoreState, leading: Leading, read: LeaderRead): void {
  leading.reads.waiting.push(read);
  if (!leading.reads.inFlight) startRound(state, leading);
}

/** Puts the reads that wait into a round and asks everybody at once, if there are any. */
export function startRound(state: CoreState, leading: Leading): void {
  if (!beginRound(state, leading)) return;
  confirmRounds(state, leading);
  if (leading.reads.inFlight) sendHeartbeats(state, leading);
}

/** Puts the reads that wait into a round, for heartbeats that go out anyhow. */
export function beginRound(state: CoreState, leading: Leading): boolean {
  if (leading.reads.waiting.length === 0 || !leading.ownTermCommitted) return false;
  leading.reads.begin(state.commit);
  return true;
}

/** Answers the rounds that a quorum has confirmed, and starts the next if reads wait for it. */
export function confirmRounds(state: CoreState, leading: Leading): void {
  if (!leading.reads.inFlight) return;
  const confirmed = quorumIndex(state.log.configuration, leading.rounds);
  for (const round of leading.reads.confirmed(confirmed)) {
    for (const read of round.reads) answer(state, read, round.index);
  }
  if (!leading.reads.inFlight) startRound(state, leading);
}

function answer(state: CoreState, read: LeaderRead, index: Index): void {
  if (read.from === state.self) state.emit({ type: 'answerRead', ref: read.ref, index });
  else {
    // The follower must apply up to `index` before it answers: it is told of the commit at once.
    const progress = state.leading?.followers.get(read.from);
    if (progress !== undefined) sendCommit(state, progress);
    reply(state, read.from, read.ref, index);
  }
}

/** `index` null: this server cannot say. */
function reply(state: CoreState, to: MemberId, ref: number, index: Index | null): void {
  state.sendNow({
    type: 'readReply',
    from: state.self,
    to,
    term: state.term,
    ref,
    ok: index !== null,
    index: index ?? 0,
  });
}

/** A follower asks for a read index. Whoever does not lead, or does not know it, says so. */
export function onReadRequest(state: CoreState, message: ReadRequest): void {
  const { leading } = state;
  if (leading === null || !leading.followers.has(message.from)) {
    reply(state, message.from, message.ref, null);
  } else {
    wait(state, leading, { from: message.from, ref: message.ref });
  }
}

/** A follower sends all its waiting reads to the leader behind one number. */
function ask(state: CoreState): void {
  state.sendNow({
    type: 'readRequest',
    from: state.self,
    to: state.leader,
    term: state.term,
    ref: state.reads.ask(state.now),
  });
}

/**
 * The leader answered: hands the index to the reads behind it, and asks for those that came since.
 */
export function onReadReply(state: CoreState, message: ReadReply): void {
  if (message.from !== state.leader) return;
  for (const ref of state.reads.answered(message.ref)) {
    if (message.ok) state.emit({ type: 'answerRead', ref, index: message.index });
    else state.refuse(ref, 'NO_LEADER', 'the server asked for a read index does not lead');
  }
  if (state.reads.waiting.length > 0 && state.reads.asked.length === 0) ask(state);
}

/** Asks again, under a new number, when the question or its answer seems lost. */
export function tickReads(state: CoreState): void {
  const { reads } = state;
  if (reads.asked.length === 0 || state.leader === nobody) return;
  if (state.now - reads.askedTick >= state.options.electionTicksMin) ask(state);
}

/** Refuses the reads of a follower: its leader is gone or another. */
export function refuseFollowerReads(state: CoreState): void {
  for (const ref of state.reads.drain()) {
    state.refuse(ref, 'NO_LEADER', 'the leader changed before the read was confirmed');
  }
}

/** Refuses the reads of a leadership that is over, here and at the followers that asked. */
export function refuseLeaderReads(state: CoreState, leading: Leading): void {
  for (const read of leading.reads.drain()) {
    if (read.from === state.self) {
      state.refuse(read.ref, 'NO_LEADER', 'the leadership ended before the read was confirmed');
    } else {
      reply(state, read.from, read.ref, null);
    }
  }
}
