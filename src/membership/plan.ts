/**
 * The nouns of planning: what the leader knows of each member, what a plan is made from, and what
 * comes out. Plain data, by which the planner, those who explain it and the runner that feeds it
 * understand each other. Every duration is of the leader's monotonic clock.
 */

import type { Configuration, Index, MemberChange, MemberId } from '../raft/types.js';
import type { MembershipPolicy } from './policy.js';

/** What gossip says of a member; `unknown`: nothing yet. */
export type RumouredHealth = 'alive' | 'suspect' | 'dead' | 'left' | 'unknown';

/** What gossip says of a member, and for how long it has said that it is dead or has left. */
export interface Hearsay {
  readonly rumour: RumouredHealth;
  /** 0 unless the rumour is `dead` or `left`. */
  readonly deadForMillis: number;
}

/** What the leader knows of a member. The leader itself is well and caught up by definition. */
export interface MemberView extends Hearsay {
  /** Last index known to be on its disk. */
  readonly matchIndex: Index;
  /** It has answered the leader within an election timeout. */
  readonly alive: boolean;
  /** For how long it has been alive without a break. */
  readonly aliveForMillis: number;
  /** For how long it has not been alive, since this leader looks; 0 when it is. */
  readonly silentForMillis: number;
  /** For how long it has lagged by more than is allowed and got nowhere; 0 when it has not. */
  readonly stalledForMillis: number;
}

/** What a plan is made from. */
export interface PlannerInput {
  readonly configuration: Configuration;
  readonly leader: MemberId;
  readonly leadingForMillis: number;
  /** The leader keeps its own time and reaches others: it may call somebody else dead. */
  readonly ownHealthGood: boolean;
  readonly lastIndex: Index;
  /** Everyone but the leader; of somebody missing here nothing is known: it is neither well nor
   * dead. */
  readonly members: ReadonlyMap<MemberId, MemberView>;
  readonly policy: MembershipPolicy;
}

/** A change that is wanted now. */
export interface WantedChange {
  readonly kind: 'change';
  readonly changes: readonly MemberChange[];
  /** One line with its evidence, for the log and `members history`. */
  readonly reason: string;
}

/** No change, and the rule that keeps the leader from one. Holds no running clock: the same rule
 * reads the same from one look to the next. */
export interface Rest {
  readonly kind: 'rest';
  readonly rule: string;
}

/** A change to make, or the rule that keeps the leader from one. */
export type Plan = WantedChange | Rest;

/** A rest by this rule. */
export function rest(rule: string): Rest {
  return { kind: 'rest', rule };
}

/** Members' names, for people. */
export function namesOf(configuration: Configuration, ids: readonly MemberId[]): string {
  return ids.map((id) => nameOf(configuration, id)).join(', ');
}

/** A member's name, with its id where another member has the same. */
export function nameOf({ members }: Configuration, id: MemberId): string {
  const name = members.find((member) => member.id === id)?.name;
  if (name === undefined) return `member ${id}`;
  const isShared = members.some((member) => member.name === name && member.id !== id);
  return isShared ? `${name} (member ${id})` : name;
}
