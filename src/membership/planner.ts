/**
 * Decides the one membership change that the leader should make now, or says which rule keeps it
 * from making any. A pure function of the configuration, what the leader knows of each member, and
 * the operator's policy; the core then checks the change again when it is proposed.
 *
 * Rules held here: voters rest at odd numbers alone; a learner is promoted only when it has caught
 * up and was well for the stabilisation time; every change keeps a live quorum of the old and of
 * the new configuration. Source: design of membership, "Joining" and "Failing and healing".
 */

import type { Configuration, Index, MemberChange, MemberId } from '../raft/types.js';
import type { MembershipPolicy } from './policy.js';

/** What the leader knows of a member. The leader itself is well and caught up by definition. */
export interface MemberView {
  /** Last index known to be on its disk. */
  readonly matchIndex: Index;
  /** It has answered the leader within an election timeout. */
  readonly alive: boolean;
  /** For how long it has been alive without a break. */
  readonly aliveForMillis: number;
}

/** What a plan is made from. */
export interface PlannerInput {
  readonly configuration: Configuration;
  readonly leader: MemberId;
  readonly leadingForMillis: number;
  readonly lastIndex: Index;
  /** Everyone but the leader; somebody missing here counts as dead. */
  readonly members: ReadonlyMap<MemberId, MemberView>;
  readonly policy: MembershipPolicy;
}

/** A change to make, or the rule that keeps the leader from one. */
export type Plan =
  | { readonly kind: 'change'; readonly changes: readonly MemberChange[]; readonly reason: string }
  | { readonly kind: 'rest'; readonly rule: string };

/** The largest odd number that is at most `count`; 0 for none. */
export function oddAtMost(count: number): number {
  if (count <= 0) return 0;
  return count % 2 === 1 ? count : count - 1;
}

/** Whether a learner has caught up and been well long enough to vote. */
export function isReady(input: PlannerInput, id: MemberId): boolean {
  const view = input.members.get(id);
  if (view === undefined || !view.alive) return false;
  const { policy, lastIndex } = input;
  return (
    view.aliveForMillis >= policy.stabilisationMillis &&
    view.matchIndex >= id &&
    lastIndex - view.matchIndex <= policy.lagEntriesMax
  );
}

/** The change that brings the voters to the number they should rest at. */
export function plan(input: PlannerInput): Plan {
  const { configuration, policy } = input;
  if (configuration.votersOutgoing.length > 0) return rest('a joint change is under way');
  if (input.leadingForMillis < policy.stabilisationMillis) {
    return rest('the leader has not led for the stabilisation time yet');
  }
  const voters = configuration.voters.length;
  const ready = configuration.learners.filter((id) => isReady(input, id));
  const target = oddAtMost(Math.min(policy.votersWanted, voters + ready.length));
  if (target <= voters) return rest(whyNoPromotion(input, ready.length));
  const promoted = ready.slice(0, target - voters);
  const wanted = [...configuration.voters, ...promoted];
  const refusal = quorumRefusal(input, wanted, new Set(promoted));
  if (refusal !== null) return rest(refusal);
  return {
    kind: 'change',
    changes: promoted.map((id) => ({ op: 'promote', id })),
    reason: `${voters} → ${target} voters: ${namesOf(configuration, promoted)} caught up and well`,
  };
}

/**
 * The change that takes member `id` out and leaves an odd number of voters: a ready stand-by takes
 * a leaving voter's place in the same joint change; without one, a second voter steps back to
 * learner.
 */
export function planRemoval(input: PlannerInput, id: MemberId): Plan {
  const { configuration } = input;
  if (configuration.votersOutgoing.length > 0) return rest('a joint change is under way');
  const reason = `${namesOf(configuration, [id])} removed by the operator`;
  const remove: MemberChange = { op: 'remove', id };
  if (!configuration.voters.includes(id)) return { kind: 'change', changes: [remove], reason };
  const staying = configuration.voters.filter((voter) => voter !== id);
  if (staying.length === 0) return rest('it is the only voter: nobody would be left to decide');
  const changes: MemberChange[] = [remove];
  const promoted = new Set<MemberId>();
  let wanted = staying;
  if (staying.length % 2 === 0) {
    const standby = configuration.learners.find((learner) => isReady(input, learner));
    if (standby !== undefined) {
      changes.push({ op: 'promote', id: standby });
      promoted.add(standby);
      wanted = [...staying, standby];
    } else {
      const demoted = whoStepsBack(input, staying);
      changes.push({ op: 'demote', id: demoted });
      wanted = staying.filter((voter) => voter !== demoted);
    }
  }
  const refusal = quorumRefusal(input, wanted, promoted);
  return refusal === null ? { kind: 'change', changes, reason } : rest(refusal);
}

/** The voter that the others miss least: a dead one, else the one furthest behind; never the
 * leader. */
function whoStepsBack(input: PlannerInput, voters: readonly MemberId[]): MemberId {
  const score = (id: MemberId): number => {
    if (id === input.leader) return Number.POSITIVE_INFINITY;
    const view = input.members.get(id);
    return view?.alive ? view.matchIndex : -1;
  };
  return voters.reduce((least, id) => (score(id) <= score(least) ? id : least));
}

/**
 * The rule that both quorums must be alive now. A newcomer counts as down until it has acknowledged
 * the joint entry, so a change never leans on somebody untried; growing out of a single voter is
 * the exception, since no majority of three stands without one.
 */
function quorumRefusal(
  input: PlannerInput,
  wanted: readonly MemberId[],
  promoted: ReadonlySet<MemberId>,
): string | null {
  const old = input.configuration.voters;
  const isUp = (id: MemberId): boolean =>
    id === input.leader || input.members.get(id)?.alive === true;
  const liveOld = old.filter(isUp).length;
  if (liveOld * 2 <= old.length) return `only ${liveOld} of ${old.length} present voters answer`;
  const counts = (id: MemberId): boolean => isUp(id) && (old.length === 1 || !promoted.has(id));
  const liveNew = wanted.filter(counts).length;
  if (liveNew * 2 <= wanted.length) {
    return `only ${liveNew} of the ${wanted.length} voters of the change would be sure to answer`;
  }
  return null;
}

function whyNoPromotion(input: PlannerInput, ready: number): string {
  const { configuration, policy } = input;
  const voters = configuration.voters.length;
  if (voters >= policy.votersWanted) return `${voters} voters are as many as wanted`;
  if (configuration.learners.length === 0) return 'there is nobody to promote';
  if (ready === 0) return 'no learner has caught up and been well for the stabilisation time';
  return `voters rest at odd numbers: ${voters} voters and ${ready} ready to vote`;
}

function namesOf(configuration: Configuration, ids: readonly MemberId[]): string {
  const name = (id: MemberId): string =>
    configuration.members.find((member) => member.id === id)?.name ?? `member ${id}`;
  return ids.map(name).join(', ');
}

function rest(rule: string): Plan {
  return { kind: 'rest', rule };
}
