/**
 * What a core says of itself, for operators, metrics and the membership planner: a copy of plain
 * data, made when asked for and never on the hot path.
 */

import type { Role } from './effects.js';
import type { Leading } from './leading.js';
import type { ProgressState } from './progress.js';
import type { CoreState } from './state.js';
import type { Configuration, Index, MemberId, Term } from './types.js';

/** A follower, as its leader sees it. */
interface FollowerStatus {
  readonly match: Index;
  readonly next: Index;
  readonly state: ProgressState;
  /** Heard within an election timeout. */
  readonly recentlyActive: boolean;
  /** Ticks since it was last heard by this leader; Infinity when it never was. */
  readonly ticksSinceHeard: number;
  /** Index of the snapshot on its way; 0 when none is. */
  readonly pendingSnapshot: Index;
}

/** A core at one moment. */
export interface CoreStatus {
  readonly role: Role;
  readonly term: Term;
  readonly leader: MemberId;
  readonly commit: Index;
  readonly applied: Index;
  readonly lastIndex: Index;
  /** Term of the entry there. */
  readonly lastTerm: Term;
  /** Last index on this server's disk. */
  readonly persisted: Index;
  readonly configuration: Configuration;
  readonly configurationIndex: Index;
  /** This server leads and has committed an entry of its term: it may read and change members. */
  readonly committedInTerm: boolean;
  /** To whom this leader hands over; null when to nobody. */
  readonly transferTo: MemberId | null;
  /** Ticks for which this server has led; 0 when it does not. */
  readonly ticksLeading: number;
  /** Bytes in the log that are not committed, on the leader; 0 elsewhere. */
  readonly uncommittedBytes: number;
  /** Everybody but this server, by id, on the leader; empty elsewhere. */
  readonly progress: ReadonlyMap<MemberId, FollowerStatus>;
}

/** The status of a core. */
export function statusOf(state: CoreState): CoreStatus {
  const { leading, log } = state;
  return {
    role: state.role,
    term: state.term,
    leader: state.leader,
    commit: state.commit,
    applied: state.applied,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    persisted: log.persisted,
    configuration: log.configuration,
    configurationIndex: log.configurationIndex,
    committedInTerm: leading?.ownTermCommitted ?? false,
    transferTo: leading?.transfer?.to ?? null,
    ticksLeading: leading === null ? 0 : state.now - leading.sinceTick,
    uncommittedBytes: leading?.uncommittedBytes ?? 0,
    progress: leading === null ? new Map() : followersOf(state, leading),
  };
}

function followersOf(state: CoreState, leading: Leading): ReadonlyMap<MemberId, FollowerStatus> {
  const followers = new Map<MemberId, FollowerStatus>();
  for (const progress of leading.followers.values()) {
    followers.set(progress.id, {
      match: progress.match,
      next: progress.next,
      state: progress.state,
      recentlyActive: leading.isActive(progress),
      ticksSinceHeard: state.now - progress.heardTick,
      pendingSnapshot: progress.pendingSnapshot,
    });
  }
  return followers;
}
