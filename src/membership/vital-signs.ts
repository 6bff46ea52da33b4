/**
 * Who is ready, who is dead and for how long, and whether the leader may act on it at all.
 *
 * Invariant: nobody is dead by one witness. Gossip and the leader's own Raft contact must agree for
 * the whole time that counts: the shorter of the two is the time of death. While gossip knows
 * nothing of a member there is no second witness, so the one that is left counts by half: twice the
 * wait. Trap 51 is what happens otherwise: one of them sees a broken link and calls it a death.
 * Source: design of membership, "Failing and healing".
 */

import type { MemberId } from '../raft/types.js';
import { type MemberView, nameOf, type PlannerInput } from './plan.js';
import { formatDuration } from './policy.js';

/** Whether a learner has caught up and been well long enough to vote. */
export function isReady(input: PlannerInput, id: MemberId): boolean {
  const view = input.members.get(id);
  return (
    view !== undefined &&
    hasCaughtUp(input, id, view) &&
    view.aliveForMillis >= input.policy.stabilisationMillis
  );
}

/** Whether a learner lacks nothing but time to be ready. */
export function isRipening(input: PlannerInput, id: MemberId): boolean {
  const view = input.members.get(id);
  return view !== undefined && hasCaughtUp(input, id, view) && !isReady(input, id);
}

/** Well by both witnesses, its own admission on disk, and near the end of the log. */
function hasCaughtUp({ policy, lastIndex }: PlannerInput, id: MemberId, view: MemberView): boolean {
  if (!view.alive || saysGone(view)) return false;
  return view.matchIndex >= id && lastIndex - view.matchIndex <= policy.lagEntriesMax;
}

/** Answers the leader now: what counts for quorums. */
export function isUp(input: PlannerInput, id: MemberId): boolean {
  return id === input.leader || input.members.get(id)?.alive === true;
}

/** For how long a member has been dead by every witness, milliseconds; 0: it is not. */
export function deadForMillis(input: PlannerInput, id: MemberId): number {
  const view = input.members.get(id);
  if (id === input.leader || view === undefined || view.alive) return 0;
  if (view.rumour === 'unknown') return view.silentForMillis / 2;
  return saysGone(view) ? Math.min(view.silentForMillis, view.deadForMillis) : 0;
}

/** Whether a member is called dead. */
export function isDead(input: PlannerInput, id: MemberId): boolean {
  return deadForMillis(input, id) >= input.policy.deadAfterMillis;
}

/** Whether a member has been dead for so long that nobody waits for it any more. */
export function isLongDead(input: PlannerInput, id: MemberId): boolean {
  const { deadAfterMillis, shrinkAfterMillis } = input.policy;
  return deadForMillis(input, id) >= Math.max(deadAfterMillis, shrinkAfterMillis);
}

/**
 * Why nobody may be treated as dead now; null: they may. What looks like the death of so many is a
 * partition, or it is the leader that is cut off or asleep: every word about others is worthless
 * then.
 */
export function whyFrozen(input: PlannerInput): string | null {
  const { voters } = input.configuration;
  const looking = voters.filter((id) => looksDead(input, id)).length;
  if (looking * 2 >= voters.length) {
    return (
      `frozen: ${looking} of ${voters.length} voters look dead, no mere minority: ` +
      'this is a partition, or the leader itself is cut off'
    );
  }
  return input.ownHealthGood
    ? null
    : 'frozen: the leader itself is not well, and calls nobody dead';
}

/** One witness is enough to look dead. */
function looksDead(input: PlannerInput, id: MemberId): boolean {
  const view = input.members.get(id);
  if (id === input.leader || view === undefined) return false;
  return !view.alive || saysGone(view);
}

function saysGone({ rumour }: MemberView): boolean {
  return rumour === 'dead' || rumour === 'left';
}

/** One line on what was seen of a member that is not well; null when all is well. */
export function symptomsOf(input: PlannerInput, id: MemberId): string | null {
  const view = input.members.get(id);
  if (id === input.leader || view === undefined) return null;
  if (view.alive && !saysGone(view) && view.rumour !== 'suspect') return null;
  const name = nameOf(input.configuration, id);
  if (isDead(input, id)) return `${name} is dead: ${witnesses(view)}`;
  return `${name} is not called dead yet: ${witnesses(view)}`;
}

/** What each witness says, for evidence. */
export function witnesses(view: MemberView): string {
  const contact = view.alive ? 'answers the leader' : `silent for ${seconds(view.silentForMillis)}`;
  if (view.rumour === 'unknown') return `${contact}, and gossip knows nothing of it`;
  const since = saysGone(view) ? ` for ${seconds(view.deadForMillis)}` : '';
  return `${contact}, and gossip says ${view.rumour}${since}`;
}

function seconds(millis: number): string {
  return formatDuration(Math.round(millis / 1000) * 1000).replace(/^0ms$/, 'under a second');
}
