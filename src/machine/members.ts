/**
 * The directory of members as the applied log tells it: who is a member, who was one and is not any
 * more, and how the configurations followed each other. It decides nothing: the configuration in
 * force is the core's, from the moment it is in the log; this is what people and removed servers
 * are told once it is committed.
 */

import { mayRejoin } from '../base/putting-out.js';
import type {
  Configuration,
  ConfigurationAt,
  Index,
  MemberId,
  MemberInfo,
  Term,
} from '../raft/types.js';
import type { ApplyMeta } from './commands.js';
import type { StateDigest } from './state-digest.js';
import { type StateRow, StateRowError } from './state-rows.js';

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
  #newest: ConfigurationAt | null = null;
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

  /** The newest configuration applied, and where it stands; null before the first. */
  get newest(): ConfigurationAt | null {
    return this.#newest;
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
    this.#newest = { index, configuration };
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

  /** The rows of what stands here now, whatever comes later: tombstones are only added to, and of
   * history there is little. The newest configuration is in no row. */
  freeze(): Iterable<StateRow> {
    return rowsOf(this.#tombstones, this.#tombstones.length, [...this.#history]);
  }

  /** Takes back a tombstone. */
  restoreTombstone(tombstone: Tombstone): void {
    this.#tombstones.push(tombstone);
  }

  /** Takes back a row of history. @throws StateRowError for one too many, or out of order. */
  restoreHistory(row: HistoryRow): void {
    const last = this.#history.at(-1);
    if (this.#history.length >= historyRowsMax || (last !== undefined && last.index >= row.index)) {
      throw new StateRowError('a row of history too many, or out of order');
    }
    this.#history.push(row);
  }

  /** All rows are back. @throws StateRowError when history does not end with `newest`. */
  restored(newest: ConfigurationAt): void {
    if (this.#history.at(-1)?.index !== newest.index) {
      throw new StateRowError('a history that does not end with the newest configuration');
    }
    this.#newest = newest;
    this.#members = newest.configuration.members;
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

function* rowsOf(
  tombstones: readonly Tombstone[],
  count: number,
  history: readonly HistoryRow[],
): Generator<StateRow> {
  for (let i = 0; i < count; i++) yield { kind: 'tombstone', ...(tombstones[i] as Tombstone) };
  for (const row of history) yield { kind: 'history', ...row };
}
