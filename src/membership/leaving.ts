/**
 * How a member goes, by its own wish or an operator's: one step at a time, each planned from what
 * is known by then. A leader hands over first; a voter that answers becomes a learner first, and a
 * stand-by takes its place in the same change; the removal comes last, so whoever goes keeps
 * answering until it is committed. A voter that does not answer goes in one change.
 *
 * Invariant: an odd number of voters is left, and not fewer than the least number unless the
 * operator forces it.
 */

import type { MemberChange, MemberId } from '../raft/types.js';
import { nameOf, namesOf, type Plan, type PlannerInput, rest } from './plan.js';
import { checked, votersAfter, votersLeast, whoStepBack } from './quorums.js';
import { isDead, isReady, isRipening, isUp } from './vital-signs.js';

/** A wish that a member goes. */
export interface LeaveWish {
  readonly member: MemberId;
  /** Who wants it, for the reason: `removed by the operator`. */
  readonly why: string;
  /** Fewer voters than the least are accepted. */
  readonly force: boolean;
}

/** The next step of leaving, or the rule that refuses it. */
export type LeaveStep =
  | Plan
  /** The leader is to go: another leads first, and the wish is that one's then. */
  | { readonly kind: 'handOver' }
  /** Not now, but soon by itself. */
  | { readonly kind: 'wait'; readonly rule: string };

/** The next step on the way out of a member of the configuration. */
export function planLeave(input: PlannerInput, wish: LeaveWish): LeaveStep {
  const { configuration } = input;
  const { member, why } = wish;
  if (configuration.votersOutgoing.length > 0) {
    return { kind: 'wait', rule: 'a joint change is under way' };
  }
  const name = nameOf(configuration, member);
  if (!configuration.voters.includes(member)) {
    return checked(input, [{ op: 'remove', id: member }], `${name} ${why}`);
  }
  const staying = configuration.voters.filter((voter) => voter !== member);
  if (staying.length === 0) return rest('it is the only voter: nobody would be left to decide');
  const changes: MemberChange[] = [{ op: isUp(input, member) ? 'demote' : 'remove', id: member }];
  let how = '';
  if (staying.length % 2 === 0) {
    const { learners } = configuration;
    const standby = learners.find((id) => isReady(input, id));
    if (standby !== undefined) {
      changes.push({ op: 'promote', id: standby });
      how = `: ${nameOf(configuration, standby)} votes in its place`;
    } else {
      const ripening = learners.find((id) => isRipening(input, id));
      if (ripening !== undefined && !wish.force) {
        const rule = `${nameOf(configuration, ripening)} is about to be a stand-by for it`;
        return { kind: 'wait', rule };
      }
      const back = whoStepBack(input, staying, 1);
      for (const id of back) changes.push({ op: 'demote', id });
      how = `: no stand-by, so ${namesOf(configuration, back)} steps back too`;
    }
  }
  const left = votersAfter(configuration, changes).length;
  const least = votersLeast(input);
  if (!wish.force && configuration.voters.length >= least && left < least) {
    // One that was admitted a moment ago may not have answered yet.
    const coming = configuration.learners.find((id) => !isDead(input, id));
    if (coming !== undefined) {
      const rule = `${nameOf(configuration, coming)} is still catching up, to take its place`;
      return { kind: 'wait', rule };
    }
    return rest(
      `it would leave ${left} of ${configuration.voters.length} voters, fewer than the least ` +
        `(${least}): start another server first, which takes its place, or members remove --force`,
    );
  }
  const step = checked(input, changes, `${name} ${why}${how}`);
  return step.kind === 'change' && member === input.leader ? { kind: 'handOver' } : step;
}
