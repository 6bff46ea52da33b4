/**
 * The arithmetic of a wanted change: who would vote after it, whether both quorums stand while it
 * is made, and how many more failures are survived.
 *
 * Invariant: `checked` lets no change pass that could leave the cluster without a live quorum of
 * the old voters or of the new ones. A newcomer counts as down until it has acknowledged the joint
 * entry, so a change never leans on somebody untried; growing out of a single voter is the
 * exception, since no majority of three stands without one (docs/adr/0008).
 * Source: Raft thesis 4.3; design of membership, "Failing and healing".
 */

import type { Configuration, MemberChange, MemberId } from '../raft/types.js';
import { type Plan, type PlannerInput, rest } from './plan.js';
import { isUp } from './vital-signs.js';

/** The largest odd number that is at most `count`; 0 for none. */
export function oddAtMost(count: number): number {
  if (count <= 0) return 0;
  return count % 2 === 1 ? count : count - 1;
}

/** How many voters may be left when nobody said otherwise: never more than are wanted. */
export function votersLeast({ policy }: PlannerInput): number {
  return Math.min(oddAtMost(policy.votersLeast), oddAtMost(policy.votersWanted));
}

/** Whether the voters are an even number, or more than the operator wants. */
export function isNumberAtFault({ configuration, policy }: PlannerInput): boolean {
  const { length } = configuration.voters;
  return length % 2 === 0 || length > oddAtMost(policy.votersWanted);
}

/** How many of the living may fail and leave a majority of `voters`; negative: none now. */
export function tolerated(live: number, voters: number): number {
  return live - (Math.floor(voters / 2) + 1);
}

/** The voters that a change leads to, in the order of the old ones, newcomers last. */
export function votersAfter(
  { voters }: Configuration,
  changes: readonly MemberChange[],
): readonly MemberId[] {
  const after = new Set(voters);
  for (const change of changes) {
    if (change.op === 'promote') after.add(change.id);
    else if (change.op !== 'addLearner') after.delete(change.id);
  }
  return [...after];
}

/** Who of the voters after a change is sure to answer while it is made. */
export function sureOf(input: PlannerInput, wanted: readonly MemberId[]): readonly MemberId[] {
  const { voters } = input.configuration;
  return wanted.filter((id) => {
    const isNewcomer = !voters.includes(id);
    return isUp(input, id) && (voters.length === 1 || !isNewcomer);
  });
}

/** The rule of the two quorums: null when both stand. */
export function quorumRefusal(
  input: PlannerInput,
  changes: readonly MemberChange[],
): string | null {
  const old = input.configuration.voters;
  const liveOld = old.filter((id) => isUp(input, id)).length;
  if (tolerated(liveOld, old.length) < 0) {
    return `only ${liveOld} of ${old.length} present voters answer`;
  }
  const wanted = votersAfter(input.configuration, changes);
  const sure = sureOf(input, wanted).length;
  if (tolerated(sure, wanted.length) < 0) {
    return `only ${sure} of the ${wanted.length} voters of the change would be sure to answer`;
  }
  return null;
}

/** The change, if both quorums stand; else the rule that refuses it. */
export function checked(
  input: PlannerInput,
  changes: readonly MemberChange[],
  reason: string,
): Plan {
  const refusal = quorumRefusal(input, changes);
  return refusal === null ? { kind: 'change', changes, reason } : rest(refusal);
}

/**
 * The voters that the others miss least, `count` of them: those that do not answer first, then the
 * furthest behind, then the youngest; never the leader.
 */
export function whoStepBack(
  input: PlannerInput,
  voters: readonly MemberId[],
  count: number,
): readonly MemberId[] {
  const score = (id: MemberId): number => {
    const view = input.members.get(id);
    return view?.alive ? view.matchIndex : -1;
  };
  return voters
    .filter((id) => id !== input.leader)
    .sort((a, b) => score(a) - score(b) || b - a)
    .slice(0, count);
}
