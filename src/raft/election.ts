/**
 * Elections: pre-vote, vote, and who may stand. A voter answers by the candidate's log and its own
 * vote, never by its own configuration, which may be old (trap 4); it refuses while its leader is
 * alive, unless that leader itself asked for the election.
 * Invariants: one vote a term, on disk before it is said (trap 30); a server that is no voter by a
 * committed configuration, or knows none as new as its own admission, never stands.
 * Source: Raft thesis 3.4, 4.2.3, 9.6; refusals always carry the higher term (trap 24).
 */

import type { TimeoutNow, VoteReply, VoteRequest } from './messages.js';
import { voteResult } from './quorum.js';
import { refuseFollowerReads } from './reads.js';
import { becomeFollower, becomeLeader } from './roles.js';
import type { CoreState } from './state.js';
import { nobody } from './types.js';

/** A tick of a server that does not lead: a campaign when its timer has run out. */
export function tickElection(state: CoreState): void {
  if (state.now - state.timerTick < state.electionTicks) return;
  if (state.isPromotable) {
    campaign(state);
  } else {
    if (state.leader !== nobody) becomeFollower(state, state.term, nobody, 'leader lost');
    state.restartTimer();
  }
}

/** Asks whether votes would be given; an only voter need not ask and leads at once. */
export function campaign(state: CoreState): void {
  state.role = 'preCandidate';
  beginVotes(state);
  state.note('campaign', { term: state.term + 1, preVote: true });
  if (voteResult(state.log.configuration, state.votes) === 'won') stand(state, false);
  else askForVotes(state, true, false);
}

/** Stands for election in the next term. `transfer`: the old leader asked for it. */
function stand(state: CoreState, transfer: boolean): void {
  state.role = 'candidate';
  state.setTerm(state.term + 1);
  state.setVote(state.self);
  beginVotes(state);
  state.note('campaign', { term: state.term, preVote: false });
  if (voteResult(state.log.configuration, state.votes) === 'won') becomeLeader(state, true);
  else askForVotes(state, false, transfer);
}

function beginVotes(state: CoreState): void {
  if (state.leader !== nobody) refuseFollowerReads(state);
  state.leader = nobody;
  state.votes.clear();
  state.votes.set(state.self, true);
  state.restartTimer();
}

function askForVotes(state: CoreState, preVote: boolean, transfer: boolean): void {
  const { voters, votersOutgoing } = state.log.configuration;
  for (const id of new Set([...voters, ...votersOutgoing])) {
    if (id === state.self) continue;
    state.sendPersisted({
      type: 'voteRequest',
      from: state.self,
      to: id,
      term: preVote ? state.term + 1 : state.term,
      preVote,
      lastIndex: state.log.lastIndex,
      lastTerm: state.log.lastTerm,
      transfer,
    });
  }
}

/** Somebody asks for a vote, or whether one would be given. */
export function onVoteRequest(state: CoreState, request: VoteRequest): void {
  const { log } = state;
  if (!state.knowsItself || request.term < state.term || isLoyal(state, request)) {
    reply(state, request, false);
    return;
  }
  const upToDate = log.isUpToDate(request.lastIndex, request.lastTerm);
  if (request.preVote) {
    // Granted by the log and the term, not by the silence of the leader alone (trap 26).
    reply(state, request, request.term > state.term && upToDate);
    return;
  }
  if (request.term > state.term) {
    becomeFollower(state, request.term, nobody, 'a candidate of a higher term');
  }
  const free = state.vote === request.from || (state.vote === nobody && state.leader === nobody);
  if (free && upToDate) {
    state.setVote(request.from);
    state.restartTimer();
  }
  reply(state, request, free && upToDate);
}

/** True while this server stands by a leader that it heard within the shortest election timeout. */
function isLoyal(state: CoreState, request: VoteRequest): boolean {
  if (request.transfer || state.leader === nobody || state.leader === request.from) return false;
  return (
    state.role === 'leader' || state.now - state.leaderHeardTick < state.options.electionTicksMin
  );
}

function reply(state: CoreState, request: VoteRequest, granted: boolean): void {
  state.sendPersisted({
    type: 'voteReply',
    from: state.self,
    to: request.from,
    term: granted ? request.term : state.term,
    preVote: request.preVote,
    granted,
  });
}

/** A vote, a promise of one, or a refusal, which may teach a higher term. */
export function onVoteReply(state: CoreState, message: VoteReply): void {
  const promise = message.preVote && message.granted;
  if (message.term > state.term && !promise) {
    becomeFollower(state, message.term, nobody, 'a voter has a higher term');
    return;
  }
  if (message.preVote) {
    if (state.role !== 'preCandidate') return;
    if (promise && message.term !== state.term + 1) return;
  } else if (state.role !== 'candidate' || message.term !== state.term) {
    return;
  }
  if (!state.votes.has(message.from)) state.votes.set(message.from, message.granted);
  const result = voteResult(state.log.configuration, state.votes);
  if (result === 'lost') {
    becomeFollower(state, state.term, nobody, 'the election was lost');
  } else if (result === 'won') {
    if (message.preVote) stand(state, false);
    else becomeLeader(state, false);
  }
}

/** The leader hands over to this server. */
export function onTimeoutNow(state: CoreState, message: TimeoutNow): void {
  if (message.term !== state.term || state.role !== 'follower') return;
  if (state.leader !== nobody && state.leader !== message.from) return;
  if (state.isPromotable) stand(state, true);
  else state.note('transfer ignored', { from: message.from, reason: 'this server may not stand' });
}
