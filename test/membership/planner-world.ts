/**
 * A leader's view of a cluster, for tests of the planner: member 1 leads, everybody is well, and a
 * test says who is not.
 */

import type { MemberView, PlannerInput } from '../../src/membership/plan.js';
import { defaultPolicy } from '../../src/membership/policy.js';
import type { Configuration, MemberId } from '../../src/raft/types.js';

/** A member as well as can be. */
export const well: MemberView = {
  matchIndex: 100,
  alive: true,
  aliveForMillis: 60_000,
  silentForMillis: 0,
  stalledForMillis: 0,
  rumour: 'alive',
  deadForMillis: 0,
};

/** One that both witnesses have called dead for so long. */
export function deadFor(millis: number): MemberView {
  return {
    ...well,
    matchIndex: 90,
    alive: false,
    aliveForMillis: 0,
    silentForMillis: millis,
    rumour: 'dead',
    deadForMillis: millis,
  };
}

/** It missed the last heartbeats: silent, and nobody says more yet. */
export const silent: MemberView = { ...deadFor(400), rumour: 'alive', deadForMillis: 0 };

/** Dead for a little longer than a swap wants, and than a shrink wants. */
export const dead: MemberView = deadFor(12_000);
export const longDead: MemberView = deadFor(3_700_000);

/** Member 1 leads; `views` says of the others what the leader knows; names are `s` and the id. */
export function world(
  voters: readonly MemberId[],
  learners: readonly MemberId[],
  views: Readonly<Record<MemberId, MemberView>> = {},
  rest: Partial<PlannerInput> & { readonly names?: Readonly<Record<MemberId, string>> } = {},
): PlannerInput {
  const { names = {}, ...over } = rest;
  const ids = [...voters, ...learners].sort((a, b) => a - b);
  const configuration: Configuration = {
    voters,
    votersOutgoing: [],
    learners,
    learnersNext: [],
    members: ids.map((id) => ({
      id,
      peerId: `p${id}`,
      incarnation: `i${id}`,
      name: names[id] ?? `s${id}`,
    })),
    reason: '',
  };
  return {
    configuration,
    leader: 1,
    leadingForMillis: 60_000,
    ownHealthGood: true,
    lastIndex: 100,
    members: new Map(ids.filter((id) => id !== 1).map((id) => [id, views[id] ?? well])),
    policy: { ...defaultPolicy, lagEntriesMax: 50 },
    ...over,
  };
}
