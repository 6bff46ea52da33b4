/**
 * What a server holds while it leads, and drops when it does not: its followers' progress, its
 * reads, the transfer under way. Sends nothing; replication.ts and its neighbours do.
 * Invariant: `followers` are exactly the members of the configuration in force, without this
 * server.
 */

import { Progress } from './progress.js';
import type { IndexSource } from './quorum.js';
import { LeaderReads } from './read-queue.js';
import type { CoreState } from './state.js';
import type { Index, MemberId } from './types.js';

/** A hand-over under way. */
export interface Transfer {
  readonly ref: number;
  readonly to: MemberId;
  readonly tick: number;
  /** The target was told to stand. */
  told: boolean;
}

/** One leadership. */
export class Leading {
  readonly followers = new Map<MemberId, Progress>();
  readonly reads = new LeaderReads();
  /** Index of the first entry of this leadership: nothing is read or changed before its commit. */
  readonly firstIndex: Index;
  readonly sinceTick: number;
  /**
   * Elected by its own vote alone, which may not be on disk yet. Until `firstIndex` is, nothing of
   * the log is sent: a crash would forget the term, and a second first entry of it could meet this
   * one.
   */
  readonly alone: boolean;
  transfer: Transfer | null = null;
  /** Bytes in the log that are not committed. */
  uncommittedBytes = 0;
  heartbeatTick: number;
  /** What each member is known to have on disk: this server counts only what its own disk has. */
  readonly matches: IndexSource;
  /** The newest read round each member confirmed. */
  readonly rounds: IndexSource;
  /** The tick at which each member was last heard. */
  readonly heard: IndexSource;

  readonly #state: CoreState;

  constructor(state: CoreState, alone: boolean) {
    this.#state = state;
    this.firstIndex = state.log.lastIndex + 1;
    this.sinceTick = state.now;
    this.heartbeatTick = state.now;
    this.alone = alone;
    const { self, log } = state;
    const { followers, reads } = this;
    this.matches = {
      indexOf: (id) => (id === self ? log.persisted : (followers.get(id)?.match ?? 0)),
    };
    this.rounds = {
      indexOf: (id) => (id === self ? reads.round : (followers.get(id)?.ackedRound ?? 0)),
    };
    this.heard = {
      indexOf: (id) =>
        id === self ? state.now : (followers.get(id)?.heardTick ?? Number.NEGATIVE_INFINITY),
    };
  }

  /** Makes `followers` those of the configuration in force. */
  syncFollowers(): void {
    const { log, self, options } = this.#state;
    const { members } = log.configuration;
    const window = {
      messagesMax: options.inflightMessagesMax,
      bytesMax: options.inflightBytesMax,
    };
    for (const { id } of members) {
      if (id === self || this.followers.has(id)) continue;
      // Not heard is the honest beginning: a newcomer counts as down until it has spoken.
      const heardTick = Number.NEGATIVE_INFINITY;
      this.followers.set(id, new Progress(id, log.lastIndex + 1, heardTick, window));
    }
    for (const id of this.followers.keys()) {
      if (!members.some((member) => member.id === id)) this.followers.delete(id);
    }
  }

  /** True when this follower was heard within an election timeout. */
  isActive(progress: Progress): boolean {
    return this.#state.now - progress.heardTick < this.#state.options.electionTicksMax;
  }

  /** True once an entry of this leadership is committed. */
  get ownTermCommitted(): boolean {
    return this.#state.commit >= this.firstIndex;
  }

  /** The voter that would lead best: alive and furthest; null when none is alive. */
  bestVoter(): Progress | null {
    let best: Progress | null = null;
    for (const id of this.#state.log.configuration.voters) {
      const progress = this.followers.get(id);
      if (progress === undefined || !this.isActive(progress)) continue;
      if (best === null || progress.match > best.match) best = progress;
    }
    return best;
  }
}
