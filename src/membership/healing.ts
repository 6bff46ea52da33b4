/**
 * What to do about the dead: a ready stand-by takes a dead voter's place; without one the vote
 * stays for a long time, and only then are voters shrunk; dead and stuck learners are put out.
 *
 * Invariants: a swap never lowers the number of voters; a shrink leaves at least the least number,
 * all of them alive, and survives more further failures than before; while more than a minority
 * looks dead nothing happens at all. A dead voter becomes a learner, not a stranger: should it come
 * back it goes on from the log that it has. Only one whose place a newcomer of its own name has
 * taken is removed at once: its data folder is gone. Whoever is put out and comes back all the same
 * joins again by itself, so the reason says that it may.
 * Source: design of membership, "Failing and healing"; trap 50 (the shrink chain).
 */

import { reasonOfPuttingOut } from '../base/putting-out.js';
import type { MemberChange, MemberId } from '../raft/types.js';
import { type MemberView, nameOf, namesOf, type Plan, type PlannerInput, rest } from './plan.js';
import { formatDuration } from './policy.js';
import {
  checked,
  isNumberAtFault,
  oddAtMost,
  quorumRefusal,
  tolerated,
  votersLeast,
  whoStepBack,
} from './quorums.js';
import {
  deadForMillis,
  isDead,
  isLongDead,
  isReady,
  isUp,
  whyFrozen,
  witnesses,
} from './vital-signs.js';

/** A dead voter and the learner that takes its place. */
interface Swap {
  readonly out: MemberId;
  readonly in: MemberId;
}

/**
 * Dead voters out, ready stand-bys in: as many as both quorums allow; null: no voter is dead, or
 * their number is at fault, which is mended first: who steps back then are the dead.
 */
export function swapDead(input: PlannerInput): Plan | null {
  const { configuration } = input;
  if (isNumberAtFault(input)) return null;
  const dead = configuration.voters.filter((id) => isDead(input, id));
  if (dead.length === 0) return null;
  const frozen = whyFrozen(input);
  if (frozen !== null) return rest(frozen);
  const swaps = pairUp(input, dead);
  if (swaps.length === 0) {
    return rest(
      `${namesOf(configuration, dead)} dead and no stand-by ready: the vote is kept until one is`,
    );
  }
  for (let count = swaps.length; count > 1; count--) {
    const changes = stepsOf(input, swaps.slice(0, count));
    if (quorumRefusal(input, changes) === null) {
      return healed(input, changes, reasonOf(input, swaps.slice(0, count)));
    }
  }
  const first = swaps.slice(0, 1);
  return healed(input, stepsOf(input, first), reasonOf(input, first));
}

/** The change, if both quorums stand; its reason says when somebody is put out by it. */
function healed(input: PlannerInput, changes: readonly MemberChange[], reason: string): Plan {
  const putsOut = changes.some(({ op }) => op === 'remove');
  return checked(input, changes, putsOut ? reasonOfPuttingOut(reason) : reason);
}

/** Each dead voter gets the ready learner of its own name, else the eldest that is free. */
function pairUp(input: PlannerInput, dead: readonly MemberId[]): readonly Swap[] {
  const { configuration } = input;
  const free = configuration.learners.filter((id) => isReady(input, id));
  const swaps: Swap[] = [];
  const take = (out: MemberId, wanted: MemberId | undefined): void => {
    if (wanted === undefined) return;
    free.splice(free.indexOf(wanted), 1);
    swaps.push({ out, in: wanted });
  };
  for (const out of dead) {
    take(
      out,
      free.find((id) => isNamesake(input, out, id)),
    );
  }
  for (const out of dead) if (swaps.every((swap) => swap.out !== out)) take(out, free[0]);
  return swaps;
}

function stepsOf(input: PlannerInput, swaps: readonly Swap[]): readonly MemberChange[] {
  return swaps.flatMap((swap): MemberChange[] => [
    { op: hasSuccessor(input, swap.out) ? 'remove' : 'demote', id: swap.out },
    { op: 'promote', id: swap.in },
  ]);
}

function reasonOf(input: PlannerInput, swaps: readonly Swap[]): string {
  const { configuration } = input;
  const lines = swaps.map((swap) => {
    const name = nameOf(configuration, swap.out);
    const isWiped = hasSuccessor(input, swap.out);
    const never = isWiped ? '; its machine came back with an empty folder' : '';
    const newcomer = nameOf(configuration, swap.in);
    return `${newcomer} votes in the place of ${name}: dead ${seen(input, swap.out)}${never}`;
  });
  return lines.join('; ');
}

/**
 * Voters shrink to live ones after a long time, if that survives more; at once, if it survives no
 * less, when one is dead whose place a newcomer of its own name has taken already: it is waited for
 * in vain. Null: nobody is dead.
 */
export function shrink(input: PlannerInput): Plan | null {
  const { configuration, policy } = input;
  const { voters } = configuration;
  const dead = voters.filter((id) => isDead(input, id));
  if (dead.length === 0 || isNumberAtFault(input)) return null;
  const frozen = whyFrozen(input);
  if (frozen !== null) return rest(frozen);
  const names = namesOf(configuration, dead);
  const live = voters.filter((id) => isUp(input, id));
  const count = oddAtMost(live.length);
  const gain = tolerated(count, count) - tolerated(live.length, voters.length);
  const isInVain = dead.some((id) => hasSuccessor(input, id));
  if (count < votersLeast(input) || gain < (isInVain ? 0 : 1)) {
    return rest(
      `${voters.length} voters do not shrink: without ${names} no more would be survived`,
    );
  }
  const silent = voters.filter((id) => !isUp(input, id));
  if (
    !silent.every((id) => isLongDead(input, id) || (isDead(input, id) && hasSuccessor(input, id)))
  ) {
    const after = formatDuration(policy.shrinkAfterMillis);
    return rest(`voters shrink only when ${names} have been dead for ${after}`);
  }
  const changes = [...silent, ...whoStepBack(input, live, live.length - count)].map(
    (id): MemberChange => ({
      op: !isUp(input, id) && hasSuccessor(input, id) ? 'remove' : 'demote',
      id,
    }),
  );
  const evidence = silent.map((id) => `${nameOf(configuration, id)} is dead ${seen(input, id)}`);
  return healed(input, changes, `${voters.length} → ${count} voters: ${evidence.join('; ')}`);
}

/** One learner that is put out; null: none is to be. */
export function putOut(input: PlannerInput): Plan | null {
  const { configuration, policy } = input;
  const { learners } = configuration;
  const replaced = learners.find((id) => isDead(input, id) && hasSuccessor(input, id));
  const gone = replaced ?? learners.find((id) => isLongDead(input, id));
  const id = gone ?? learners.find((learner) => isStuck(input, learner));
  if (id === undefined) return null;
  const frozen = whyFrozen(input);
  if (frozen !== null) return rest(frozen);
  const name = nameOf(configuration, id);
  const stuckAfter = formatDuration(policy.stuckAfterMillis);
  let why = `has made no progress for ${stuckAfter}`;
  if (gone !== undefined) why = `is dead ${seen(input, id)}`;
  if (replaced !== undefined) why = `has a successor of its name, and ${why}`;
  return healed(input, [{ op: 'remove', id }], `${name} put out: it ${why}`);
}

/** It answers, and yet its log does not grow. */
function isStuck(input: PlannerInput, id: MemberId): boolean {
  const view = input.members.get(id);
  return view?.alive === true && view.stalledForMillis >= input.policy.stuckAfterMillis;
}

/** Whether `younger` was admitted after `id`, under the same name. */
function isNamesake({ configuration }: PlannerInput, id: MemberId, younger: MemberId): boolean {
  const name = (of: MemberId): string | undefined =>
    configuration.members.find((member) => member.id === of)?.name;
  return younger > id && name(id) === name(younger);
}

/** Whether a newcomer of the same name, itself not dead, has come for the place of `id`. */
function hasSuccessor(input: PlannerInput, id: MemberId): boolean {
  return input.configuration.members.some(
    (member) => isNamesake(input, id, member.id) && isUp(input, member.id),
  );
}

/** Names that two members have who both answer: nobody is swapped for that, an operator is told. */
export function sharedNames(input: PlannerInput): readonly string[] {
  const { members } = input.configuration;
  const lines: string[] = [];
  for (const { id, name } of members) {
    const younger = members.find((member) => isNamesake(input, id, member.id));
    if (younger === undefined || isDead(input, id)) continue;
    lines.push(`members ${id} and ${younger.id} are both named ${name}: give each its own`);
  }
  return lines;
}

function seen(input: PlannerInput, id: MemberId): string {
  const view: MemberView | undefined = input.members.get(id);
  const millis = Math.round(deadForMillis(input, id) / 1000) * 1000;
  return view === undefined ? '' : `for ${formatDuration(millis)} (${witnesses(view)})`;
}
