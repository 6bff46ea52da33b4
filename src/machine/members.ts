/**
 * The directory of members as the applied log tells it: who is a member, who was one and is not any
 * more, and how the configurations followed each other. It decides nothing: the configuration in
 * force is the core's, from the moment it is in the log; this is what people and removed servers
 * are told once it is committed.
 */

import { mayRejoin } from '../base/putting-out.js';
import type { Configuration, Index, MemberId, MemberInfo, Term } from '../raft/types.js';
import type { ApplyMeta } from './commands.js';
import type { StateDigest } from './state-digest.js';

/** Rows of history kept; older ones fall away, the oldest first. */
export const historyRowsMax = 256;

/** A member that was removed. Kept for ever: its id is never used again. */
export interface Tombstone {
  readonly id: MemberId;
  readonly peerId: string;
  readonly name: string;
  /** Index of the first configuration without it. */
  readonly removedAtIndex: Index;
  /** The planner put it out, no operator: as a newcomer it may come back by itself. */
  readonly mayRejoin: boolean;
}

/** One configuration of the past. */
export interface HistoryRow {
  readonly index: Index;
  readonly term: Term;
  /** When its leader proposed it, milliseconds since 1970; 0 for the founding. */
  readonly timeMillis: number;
  readonly reason: string;
  readonly voters: readonly MemberId[];
  readonly votersOutgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly learnersNext: readonly MemberId[];
}

/** Members, tombstones and history of a machine. */
export class Members {
  #members: readonly MemberInfo[] = [];
  readonly #tombstones: Tombstone[] = [];
  #history: HistoryRow[] = [];

  /** Everyone in the newest applied configuration, by rising id. */
  get members(): readonly MemberInfo[] {
    return this.#members;
  }

  /** Everyone removed, in the order of removal; within one configuration by rising id. */
  get tombstones(): readonly Tombstone[] {
    return this.#tombstones;
  }

  /** Configurations, the oldest first. */
  get history(): readonly HistoryRow[] {
    return this.#history;
  }

  /** Takes in the configuration of the entry that `meta` tells of. */
  apply({ index, term, timeMillis }: ApplyMeta, configuration: Configuration): void {
    const present = new Set<MemberId>();
    for (const member of configuration.members) present.add(member.id);
    for (const { id, peerId, name } of this.#members) {
      if (present.has(id)) continue;
      const isFree = mayRejoin(configuration.reason);
      this.#tombstones.push({ id, peerId, name, removedAtIndex: index, mayRejoin: isFree });
    }
    this.#members = configuration.members;
    const { reason, voters, votersOutgoing, learners, learnersNext } = configuration;
    this.#history.push({
      index,
      term,
      timeMillis,
      reason,
      voters,
      votersOutgoing,
      learners,
      learnersNext,
    });
    if (this.#history.length > historyRowsMax) this.#history = this.#history.slice(1);
  }

  /** The name of everyone who is or was a member, by id. */
  names(): ReadonlyMap<MemberId, string> {
    return new Map([...this.#tombstones, ...this.#members].map(({ id, name }) => [id, name]));
  }

  /** Adds directory, tombstones and history. */
  digest(into: StateDigest): void {
    into.number(this.#members.length);
    for (const member of this.#members) {
      into.number(member.id);
      into.text(member.peerId);
      into.text(member.incarnation);
      into.text(member.name);
    }
    into.number(this.#tombstones.length);
    for (const tombstone of this.#tombstones) {
      into.number(tombstone.id);
      into.text(tombstone.peerId);
      into.text(tombstone.name);
      into.number(tombstone.removedAtIndex);
      into.number(tombstone.mayRejoin ? 1 : 0);
    }
    into.number(this.#history.length);
    for (const row of this.#history) {
      into.number(row.index);
      into.number(row.term);
      into.number(row.timeMillis);
      into.text(row.reason);
      for (const ids of [row.voters, row.votersOutgoing, row.learners, row.learnersNext]) {
        into.number(ids.length);
        for (const id of ids) into.number(id);
      }
    }
  }
}
