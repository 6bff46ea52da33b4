/**
 * Tells of one member what it is, what it waits for and what is seen of it, by the same questions
 * that the planner asks. It decides nothing.
 */

import type { MemberId } from '../raft/types.js';
import { sharedNames } from './healing.js';
import { type MemberView, nameOf, type PlannerInput } from './plan.js';
import { plan } from './planner.js';
import { formatDuration } from './policy.js';
import type { WhyReport } from './report.js';
import { isDead, isReady, isUp, witnesses } from './vital-signs.js';

/** Why the member is what it is. @param leaving it is on its way out. */
export function explainMember(input: PlannerInput, id: MemberId, leaving: boolean): WhyReport {
  const { configuration } = input;
  const { voters, votersOutgoing, members } = configuration;
  const isVoter = voters.includes(id) || votersOutgoing.includes(id);
  const standing = isReady(input, id) ? 'standby' : 'learner';
  const state = isVoter ? 'voter' : standing;
  const lines: string[] = leaving ? ['it is on its way out'] : [];
  lines.push(...(isVoter ? voterLines(input, id) : learnerLines(input, id)));
  const view = input.members.get(id);
  if (view !== undefined) {
    lines.push(`seen: ${witnesses(view)}; its log reaches ${view.matchIndex}`);
    if (!isVoter) lines.push(...stuckLines(input, view));
  }
  lines.push(...sharedNames(input).filter((line) => line.includes(` ${id} `)));
  return {
    name: members.find((member) => member.id === id)?.name ?? `member ${id}`,
    memberId: id,
    state: leaving ? 'leaving' : state,
    lines,
  };
}

function voterLines(input: PlannerInput, id: MemberId): readonly string[] {
  const { voters, votersOutgoing } = input.configuration;
  if (id === input.leader) return ['it leads, and votes'];
  if (!voters.includes(id)) return ['its vote ends with the change that is under way'];
  if (votersOutgoing.length > 0 && !votersOutgoing.includes(id)) {
    return ['its vote begins with the change that is under way'];
  }
  if (isDead(input, id)) return ['it has a vote, and is dead', nextStep(input)];
  if (isUp(input, id)) return ['it votes'];
  const after = formatDuration(input.policy.deadAfterMillis);
  return [`it has a vote and is silent; dead for ${after} it is swapped for a ready stand-by`];
}

/** What a learner lacks, and what keeps one that lacks nothing from a vote. */
function learnerLines(input: PlannerInput, id: MemberId): readonly string[] {
  const view = input.members.get(id);
  if (view === undefined) return ['nothing is known of it yet'];
  if (isReady(input, id)) return ['it is ready to vote', nextStep(input)];
  if (isDead(input, id)) {
    const after = formatDuration(input.policy.shrinkAfterMillis);
    return [`it is dead; ${after} after its death it is put out`];
  }
  const lines: string[] = [];
  const { policy, lastIndex } = input;
  if (!view.alive) lines.push('it waits to be reached again');
  if (view.matchIndex < id) lines.push(`it has not reached its own admission, entry ${id}, yet`);
  const lag = lastIndex - view.matchIndex;
  if (lag > policy.lagEntriesMax) {
    lines.push(`it is ${lag} entries behind; ${policy.lagEntriesMax} are allowed`);
  }
  const well = Math.floor(view.aliveForMillis / 1000);
  if (view.alive && view.aliveForMillis < policy.stabilisationMillis) {
    lines.push(`well for ${well} s of ${formatDuration(policy.stabilisationMillis)}`);
  }
  return lines;
}

/** A learner alone is put out for being stuck, and a moment without progress is no sign of it. */
function stuckLines(input: PlannerInput, view: MemberView): readonly string[] {
  const stalled = Math.floor(view.stalledForMillis / 1000);
  if (stalled === 0) return [];
  const after = formatDuration(input.policy.stuckAfterMillis);
  return [`no progress for ${stalled} s; put out after ${after}`];
}

/** What the planner does now, or what keeps it. */
function nextStep(input: PlannerInput): string {
  const made = plan(input);
  return made.kind === 'change' ? `next: ${made.reason}` : `the planner rests: ${made.rule}`;
}

/** The report on a name that no member has. */
export function unknownMember(name: string, input: PlannerInput): WhyReport {
  const names = input.configuration.members.map(({ id }) => nameOf(input.configuration, id));
  const lines = [`no member is named "${name}"; there are ${names.join(', ')}`];
  return { name, memberId: null, state: 'unknown', lines };
}
