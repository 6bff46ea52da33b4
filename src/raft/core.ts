/**
 * The Raft core: one input in, effects out, synchronously. This file only dispatches: terms are
 * compared here, everything else is decided in the handlers. What must hold about the order in
 * which effects are carried out stands at the head of effects.ts.
 * Invariant: `step` answers every input; it throws only when an invariant of our own is broken.
 */

import { assert } from '../base/assert.js';
import { onChange } from './change.js';
import { settleConfiguration } from './commit.js';
import type { Effect } from './effects.js';
import { campaign, onTimeoutNow, onVoteReply, onVoteRequest, tickElection } from './election.js';
import {
  onAppend,
  onHeartbeat,
  onSnapshotInstalled,
  refuseAppend,
  replyHeartbeat,
} from './follower.js';
import type { Input } from './inputs.js';
import {
  onAppendReply,
  onHeartbeatReply,
  onOwnDisk,
  onPropose,
  onSnapshotReply,
  tickLeader,
} from './leader.js';
import type {
  Append,
  AppendReply,
  Heartbeat,
  HeartbeatReply,
  Message,
  ReadRequest,
  SnapshotReply,
} from './messages.js';
import { type RaftOptions, validateRaftOptions } from './options.js';
import { onRead, onReadReply, onReadRequest, tickReads } from './reads.js';
import { onFetched, onSnapshotFailed, onUnreachable } from './replication.js';
import { becomeFollower } from './roles.js';
import { CoreState, type RaftInit } from './state.js';
import { type CoreStatus, statusOf } from './status.js';
import { onTransfer } from './transfer.js';
import { type Entry, type Index, type LogBase, type MemberId, nobody, type Term } from './types.js';

export type { CoreStatus, RaftInit, RaftOptions };

/** One member's consensus, as a function of what it is told. */
export class RaftCore {
  readonly #state: CoreState;

  /**
   * @throws AssertionError when the options have faults or the recovered log contradicts itself.
   */
  constructor(options: RaftOptions, init: RaftInit) {
    const faults = validateRaftOptions(options);
    assert(faults.length === 0, faults.join('; '));
    this.#state = new CoreState(Object.freeze({ ...options }), init);
  }

  /**
   * The first effects: where this server stands. An only voter leads at once. Call it once, first.
   */
  start(): readonly Effect[] {
    const state = this.#state;
    state.configured();
    const { voters, votersOutgoing } = state.log.configuration;
    const isOnlyVoter = voters.length + votersOutgoing.length === 1 && voters[0] === state.self;
    if (isOnlyVoter && state.isPromotable) campaign(state);
    return state.finish();
  }

  /** Takes one input, answers with what is to be done, in order. */
  step(input: Input): readonly Effect[] {
    this.#dispatch(input);
    return this.#state.finish();
  }

  /** Entries first … last if all of them are in memory; null when part of them was evicted. */
  entriesInMemory(first: Index, last: Index): readonly Entry[] | null {
    return this.#state.log.entries(first, last);
  }

  /** The term of an index; null before the log's base and after its end. */
  termAt(index: Index): Term | null {
    return this.#state.log.termAt(index);
  }

  /** Who leads, as far as is known; `nobody` when none is. */
  get leader(): MemberId {
    return this.#state.leader;
  }

  /** Where this server stands: a copy. */
  status(): CoreStatus {
    return statusOf(this.#state);
  }

  #dispatch(input: Input): void {
    const state = this.#state;
    const { leading } = state;
    switch (input.type) {
      case 'tick':
        return this.#tick();
      case 'message':
        return this.#message(input.message);
      case 'propose':
        return onPropose(state, input.proposals);
      case 'read':
        return onRead(state, input.ref);
      case 'change':
        return onChange(state, input);
      case 'transfer':
        return onTransfer(state, input.ref, input.to);
      case 'persisted':
        return this.#persisted(input.index, input.term);
      case 'applied':
        return this.#applied(input.index);
      case 'fetched':
        if (leading !== null) onFetched(state, leading, input.to, input.entries);
        return;
      case 'snapshotTaken':
        return this.#snapshotTaken(input.base);
      case 'snapshotInstalled':
        return onSnapshotInstalled(state, input.base, input.from);
      case 'snapshotFailed':
        if (leading !== null) onSnapshotFailed(state, leading, input.to);
        return;
      case 'unreachable':
        if (leading !== null) onUnreachable(leading, input.peer);
        return;
    }
  }

  #tick(): void {
    const state = this.#state;
    state.now++;
    if (state.leading !== null) {
      tickLeader(state, state.leading);
    } else {
      tickReads(state);
      tickElection(state);
    }
  }

  #persisted(index: Index, term: Term): void {
    const state = this.#state;
    if (!state.log.written(index, term)) return;
    if (state.leading !== null) onOwnDisk(state, state.leading);
    state.evict();
  }

  #applied(index: Index): void {
    const state = this.#state;
    assert(index <= state.commit, 'only what is committed is applied');
    if (index <= state.applied) return;
    state.applied = index;
    if (state.leading !== null) settleConfiguration(state, state.leading);
    state.evict();
  }

  #snapshotTaken(base: LogBase): void {
    const state = this.#state;
    assert(base.index <= state.applied, 'a snapshot holds what was applied');
    if (base.index > state.log.base.index) state.log.compact(base);
  }

  #message(message: Message): void {
    const state = this.#state;
    if (message.to !== state.self || message.from === state.self) {
      state.note('message astray', { from: message.from, to: message.to, type: message.type });
      return;
    }
    switch (message.type) {
      case 'voteRequest':
        return onVoteRequest(state, message);
      case 'voteReply':
        return onVoteReply(state, message);
      case 'append':
      case 'heartbeat':
        return this.#fromLeader(message);
      case 'timeoutNow':
        if (this.#isOfThisTerm(message)) onTimeoutNow(state, message);
        return;
      case 'readReply':
        if (this.#isOfThisTerm(message)) onReadReply(state, message);
        return;
      default:
        return this.#toLeader(message);
    }
  }

  /** A leader of a lower term is told so, that it may step down; one of a higher is followed. */
  #fromLeader(message: Append | Heartbeat): void {
    const state = this.#state;
    if (message.term < state.term) {
      if (message.type === 'append') refuseAppend(state, message);
      else replyHeartbeat(state, message);
      return;
    }
    if (message.term > state.term) {
      becomeFollower(state, message.term, message.from, 'a leader of a higher term');
    }
    if (message.type === 'append') onAppend(state, message);
    else onHeartbeat(state, message);
  }

  #toLeader(message: AppendReply | HeartbeatReply | SnapshotReply | ReadRequest): void {
    const state = this.#state;
    if (!this.#isOfThisTerm(message)) return;
    const { leading } = state;
    if (message.type === 'readRequest') onReadRequest(state, message);
    const progress = leading?.followers.get(message.from);
    if (leading === null || progress === undefined) return;
    progress.heardTick = state.now;
    if (message.type === 'appendReply') onAppendReply(state, leading, progress, message);
    else if (message.type === 'heartbeatReply') onHeartbeatReply(state, leading, progress, message);
    else if (message.type === 'snapshotReply') onSnapshotReply(state, leading, progress, message);
  }

  /**
   * True when the message is of this term, perhaps after taking a higher one over. Terms of servers
   * that are no members are not taken over from here: a removed server cannot depose a leader.
   */
  #isOfThisTerm(message: Message): boolean {
    const state = this.#state;
    if (message.term <= state.term) return message.term === state.term;
    const known = state.log.configuration.members.some((member) => member.id === message.from);
    if (!known) return false;
    becomeFollower(state, message.term, nobody, 'a peer has a higher term');
    return true;
  }
}
