/**
 * Tells people what the planner would do and why, from the same plan that is carried out: what is
 * explained is what is done. It decides nothing.
 */

import type { MemberChange, MemberId } from '../raft/types.js';
import { sharedNames } from './healing.js';
import { nameOf, type Plan, type PlannerInput } from './plan.js';
import { plan } from './planner.js';
import { sureOf, tolerated, votersAfter } from './quorums.js';
import type { PlanReport, QuorumReport } from './report.js';
import { isUp, symptomsOf } from './vital-signs.js';

/** Where a plan stands. */
export interface PlanPlace {
  readonly term: number;
  readonly configurationIndex: number;
  /** What keeps the leader from planning at all, such as a change under way; null: nothing. */
  readonly busy: string | null;
}

/** What the planner wants now, with both quorums and what each step survives. */
export function explainPlan(input: PlannerInput, place: PlanPlace): PlanReport {
  const { configuration } = input;
  const { term, configurationIndex, busy } = place;
  const made: Plan = busy === null ? plan(input) : { kind: 'rest', rule: busy };
  const changes = made.kind === 'change' ? made.changes : [];
  const isJoint = configuration.votersOutgoing.length > 0;
  const now = isJoint ? configuration.votersOutgoing : configuration.voters;
  const next = isJoint ? configuration.voters : votersAfter(configuration, changes);
  const isChanging = isJoint || next.join() !== now.join();
  const old = quorumOf(input, now, (id) => isUp(input, id));
  const sure = new Set(isJoint ? next.filter((id) => isUp(input, id)) : sureOf(input, next));
  return {
    leader: nameOf(configuration, input.leader),
    term,
    configurationIndex,
    outcome: made.kind,
    reason: made.kind === 'change' ? made.reason : made.rule,
    evidence: evidenceOf(input),
    changes: stepsOf(input, changes),
    now: old,
    during: isChanging ? { old, next: quorumOf(input, next, (id) => sure.has(id)) } : null,
    after: isChanging ? quorumOf(input, next, (id) => isUp(input, id)) : null,
  };
}

/** What of the members, and of the leader, bears on any decision. */
function evidenceOf(input: PlannerInput): readonly string[] {
  const { configuration, ownHealthGood } = input;
  const lines = configuration.members
    .map(({ id }) => symptomsOf(input, id))
    .filter((line) => line !== null);
  if (!ownHealthGood) lines.push(`${nameOf(configuration, input.leader)} itself is not well`);
  return [...lines, ...sharedNames(input)];
}

function quorumOf(
  input: PlannerInput,
  voters: readonly MemberId[],
  counts: (id: MemberId) => boolean,
): QuorumReport {
  const names = (ids: readonly MemberId[]): readonly string[] =>
    ids.map((id) => nameOf(input.configuration, id));
  const live = voters.filter(counts);
  return {
    voters: names(voters),
    alive: names(live),
    majority: Math.floor(voters.length / 2) + 1,
    tolerates: tolerated(live.length, voters.length),
  };
}

/** One line for each step; a voter that goes and a learner that comes are one. */
function stepsOf(input: PlannerInput, changes: readonly MemberChange[]): readonly string[] {
  const { configuration } = input;
  const coming = changes.filter((change) => change.op === 'promote').map(({ id }) => id);
  const lines: string[] = [];
  for (const change of changes) {
    if (change.op === 'addLearner') lines.push(`take in ${change.member.name}`);
    if (change.op !== 'remove' && change.op !== 'demote') continue;
    const name = nameOf(configuration, change.id);
    const successor = configuration.voters.includes(change.id) ? coming.shift() : undefined;
    const rest = change.op === 'remove' ? `remove ${name}` : `make ${name} a learner`;
    if (successor === undefined) lines.push(rest);
    else lines.push(`swap ${name} for ${nameOf(configuration, successor)}: ${rest}`);
  }
  for (const id of coming) lines.push(`promote ${nameOf(configuration, id)}`);
  return lines;
}
