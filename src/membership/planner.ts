/**
 * Decides the one membership change that the leader should make now, or says which rule keeps it
 * from making any. A pure function of the configuration, what the leader knows of each member, and
 * the operator's policy; the core then checks the change again when it is proposed.
 *
 * Rules held here: the dead are replaced before anybody else is promoted; voters rest at odd
 * numbers alone; a learner is promoted only when it has caught up and was well for the
 * stabilisation time; every change passes the rule of the two quorums (quorums.ts).
 * Source: design of membership, "Joining" and "Failing and healing".
 */

import { putOut, shrink, swapDead } from './healing.js';
import { namesOf, type Plan, type PlannerInput, rest } from './plan.js';
import { checked, isNumberAtFault, oddAtMost, whoStepBack } from './quorums.js';
import { isReady } from './vital-signs.js';

/** In this order: what makes the cluster safer soonest comes first. */
const rules: readonly ((input: PlannerInput) => Plan | null)[] = [
  swapDead,
  grow,
  stepBack,
  shrink,
  putOut,
];

/** The change that is wanted most, or why none is. */
export function plan(input: PlannerInput): Plan {
  const { configuration, policy } = input;
  if (configuration.votersOutgoing.length > 0) return rest('a joint change is under way');
  if (input.leadingForMillis < policy.stabilisationMillis) {
    return rest('the leader has not led for the stabilisation time yet');
  }
  const refusals = new Set<string>();
  for (const rule of rules) {
    const made = rule(input);
    if (made?.kind === 'change') return made;
    if (made !== null) refusals.add(made.rule);
  }
  return rest([...refusals].join('; '));
}

/** Ready learners become voters, to an odd number and as many as are wanted and both quorums bear
 * at once. */
function grow(input: PlannerInput): Plan {
  const { configuration, policy } = input;
  const voters = configuration.voters.length;
  const ready = configuration.learners.filter((id) => isReady(input, id));
  const target = oddAtMost(Math.min(policy.votersWanted, voters + ready.length));
  if (target <= voters) return rest(whyNoPromotion(input, ready.length));
  // Newcomers count as down: from three, four at once would be too many, and two are not.
  let refused: Plan | null = null;
  for (let count = target; count > voters; count -= 2) {
    const promoted = ready.slice(0, count - voters);
    const made = checked(
      input,
      promoted.map((id) => ({ op: 'promote', id })),
      `${voters} → ${count} voters: ${namesOf(configuration, promoted)} caught up and well`,
    );
    if (made.kind === 'change') return made;
    refused ??= made;
  }
  return refused ?? rest(whyNoPromotion(input, ready.length));
}

/** Voters step back from an even number, and from more than the operator wants now. */
function stepBack(input: PlannerInput): Plan | null {
  const { configuration, policy } = input;
  const { voters } = configuration;
  if (!isNumberAtFault(input)) return null;
  const target = oddAtMost(Math.min(voters.length, policy.votersWanted));
  const leaving = whoStepBack(input, voters, voters.length - target);
  const why =
    voters.length > policy.votersWanted ? 'as many as wanted' : 'voters rest at odd numbers';
  return checked(
    input,
    leaving.map((id) => ({ op: 'demote', id })),
    `${voters.length} → ${target} voters: ${why}`,
  );
}

function whyNoPromotion(input: PlannerInput, ready: number): string {
  const { configuration, policy } = input;
  const voters = configuration.voters.length;
  if (voters >= policy.votersWanted) return `${voters} voters are as many as wanted`;
  if (configuration.learners.length === 0) return 'there is nobody to promote';
  if (ready === 0) return 'no learner has caught up and been well for the stabilisation time';
  return `voters rest at odd numbers: ${voters} voters and ${ready} ready to vote`;
}
