/**
 * What the leader's planner tells people: plain data behind `members plan` and `members why`. Made
 * by the planner and the runner, shown by the command line; names instead of ids wherever people
 * read.
 */

/** A set of voters and how it stands. */
export interface QuorumReport {
  readonly voters: readonly string[];
  readonly alive: readonly string[];
  readonly majority: number;
  /** How many more of the living may fail and leave a majority; negative: there is none now. */
  readonly tolerates: number;
}

/** What the planner would do now, and why. */
export interface PlanReport {
  /** Who says so: the leader's name. */
  readonly leader: string;
  readonly term: number;
  /** Index of the configuration that it was planned from. */
  readonly configurationIndex: number;
  /** `change`: it is wanted now; `rest`: `reason` is the rule that keeps the leader from one. */
  readonly outcome: 'change' | 'rest';
  readonly reason: string;
  /** One line for each fact that the decision rests on, such as who is dead by whose word. */
  readonly evidence: readonly string[];
  /** One line for each step, such as `swap s3 for s6`; empty at rest. */
  readonly changes: readonly string[];
  readonly now: QuorumReport;
  /** In the joint phase both must decide; null at rest. */
  readonly during: { readonly old: QuorumReport; readonly next: QuorumReport } | null;
  readonly after: QuorumReport | null;
}

/** The state of one server and what it waits for. */
export interface WhyReport {
  readonly name: string;
  readonly memberId: number | null;
  /** `applicant`: it asks to join; `unknown`: there is no such server. */
  readonly state: 'voter' | 'standby' | 'learner' | 'leaving' | 'applicant' | 'removed' | 'unknown';
  /** One line each, from the weightiest on: what it waits for, what was seen of it. */
  readonly lines: readonly string[];
}

/** One configuration that was ever committed, oldest first in lists. */
export interface HistoryRow {
  readonly index: number;
  readonly term: number;
  /** The leader's stamp, milliseconds since 1970. */
  readonly timeMillis: number;
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  readonly joint: boolean;
  readonly reason: string;
}
