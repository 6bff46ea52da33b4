/**
 * From one configuration to the next: judges a wished change and computes the joint configuration
 * it goes through, or the single entry when the voters stay the same. Decides nothing about when a
 * change may be proposed (change.ts) nor whether it is wise (membership/).
 * Invariant: every configuration that leaves this file satisfies `configurationFaults`.
 * Source: Raft thesis 4.3; etcd's tracker.Config for the four sets.
 */

import { assert } from '../base/assert.js';
import type { Configuration, MemberChange, MemberId, MemberInfo } from './types.js';

/** A change judged: the configuration to append, or one line saying why not. */
export type PlannedChange =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly message: string };

/** Who shall decide and who shall follow in the end. */
interface Wanted {
  readonly voters: Set<MemberId>;
  readonly learners: Set<MemberId>;
  newcomer: MemberInfo | null;
}

/** True in the phase in which two majorities decide. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0;
}

/** True when `id` votes in either half. */
export function isVoter(configuration: Configuration, id: MemberId): boolean {
  return configuration.voters.includes(id) || configuration.votersOutgoing.includes(id);
}

function sortedIds(ids: Iterable<MemberId>): MemberId[] {
  return [...ids].sort((a, b) => a - b);
}

function isSortedSet(ids: readonly MemberId[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] as MemberId) < id);
}

/** Every rule of `Configuration` that this one breaks, one sentence each. */
export function configurationFaults(configuration: Configuration): readonly string[] {
  const { voters, votersOutgoing, learners, learnersNext, members } = configuration;
  const faults: string[] = [];
  const ids = members.map((member) => member.id);
  for (const set of [voters, votersOutgoing, learners, learnersNext, ids]) {
    if (!isSortedSet(set)) faults.push(`not a sorted set: ${set.join(' ')}`);
  }
  if (voters.length === 0) faults.push('no voter');
  const named = new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
  if (sortedIds(named).join() !== ids.join()) faults.push('members are not those of the sets');
  for (const id of learners) {
    if (isVoter(configuration, id)) faults.push(`learner ${id} is a voter too`);
  }
  for (const id of learnersNext) {
    if (!votersOutgoing.includes(id) || voters.includes(id)) {
      faults.push(`${id} becomes a learner but is not an outgoing voter alone`);
    }
  }
  return faults;
}

function addLearner(wanted: Wanted, current: Configuration, newcomer: MemberInfo): string | null {
  if (wanted.newcomer !== null) return 'one newcomer a change: ids are indexes of entries';
  for (const member of current.members) {
    if (member.peerId === newcomer.peerId)
      return `peer id ${newcomer.peerId} is member ${member.id}`;
    if (member.incarnation === newcomer.incarnation) {
      return `incarnation ${newcomer.incarnation} is member ${member.id}`;
    }
  }
  wanted.newcomer = newcomer;
  wanted.learners.add(newcomer.id);
  return null;
}

/** Carries out one change on `wanted`; returns why it cannot, or null. */
function alter(wanted: Wanted, op: 'promote' | 'demote' | 'remove', id: MemberId): string | null {
  switch (op) {
    case 'promote':
      if (!wanted.learners.delete(id)) return `${id} is not a learner`;
      wanted.voters.add(id);
      return null;
    case 'demote':
      if (!wanted.voters.delete(id)) return `${id} is not a voter`;
      wanted.learners.add(id);
      return null;
    case 'remove':
      return wanted.voters.delete(id) || wanted.learners.delete(id) ? null : `${id} is no member`;
  }
}

/**
 * Judges `changes` against `current` (which is not joint) and gives the configuration to append: a
 * joint one when the voters change, else the final one. `newcomerId` is the index its entry will
 * have.
 */
export function planChange(
  current: Configuration,
  changes: readonly MemberChange[],
  newcomerId: MemberId,
  reason: string,
): PlannedChange {
  const wanted: Wanted = {
    voters: new Set(current.voters),
    learners: new Set(current.learners),
    newcomer: null,
  };
  const touched = new Set<MemberId>();
  if (changes.length === 0) return { ok: false, message: 'the change is empty' };
  for (const change of changes) {
    let fault: string | null;
    if (change.op === 'addLearner') {
      fault = addLearner(wanted, current, { ...change.member, id: newcomerId });
    } else {
      fault = touched.has(change.id)
        ? `${change.id} is named twice`
        : alter(wanted, change.op, change.id);
      touched.add(change.id);
    }
    if (fault !== null) return { ok: false, message: fault };
  }
  if (wanted.voters.size === 0) return { ok: false, message: 'no voter would be left' };
  return { ok: true, configuration: enter(current, wanted, reason) };
}

function enter(current: Configuration, wanted: Wanted, reason: string): Configuration {
  const pool = wanted.newcomer === null ? current.members : [...current.members, wanted.newcomer];
  const voters = sortedIds(wanted.voters);
  const learners = sortedIds(wanted.learners);
  return voters.join() === current.voters.join()
    ? assemble({ voters, votersOutgoing: [], learners, learnersNext: [], reason }, pool)
    : enterJoint(current.voters, { voters, learners, reason }, pool);
}

/**
 * The joint configuration on the way from `outgoing` to `wanted`. Outgoing voters that shall be
 * learners wait in `learnersNext`, for nobody may be a voter and a learner at once.
 * @param pool everybody whom the sets may name.
 */
export function enterJoint(
  outgoing: readonly MemberId[],
  wanted: Pick<Configuration, 'voters' | 'learners' | 'reason'>,
  pool: readonly MemberInfo[],
): Configuration {
  const learners = wanted.learners.filter((id) => !outgoing.includes(id));
  const learnersNext = wanted.learners.filter((id) => outgoing.includes(id));
  const { voters, reason } = wanted;
  return assemble({ voters, votersOutgoing: outgoing, learners, learnersNext, reason }, pool);
}

/** The final configuration behind a joint one. */
export function leaveJoint(joint: Configuration): Configuration {
  const learners = sortedIds([...joint.learners, ...joint.learnersNext]);
  const { voters, reason } = joint;
  return assemble(
    { voters, votersOutgoing: [], learners, learnersNext: [], reason },
    joint.members,
  );
}

function assemble(
  sets: Omit<Configuration, 'members'>,
  pool: readonly MemberInfo[],
): Configuration {
  const { voters, votersOutgoing, learners, learnersNext, reason } = sets;
  const named = new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
  const members = pool.filter((member) => named.has(member.id)).sort((a, b) => a.id - b.id);
  const configuration = { voters, votersOutgoing, learners, learnersNext, members, reason };
  const faults = configurationFaults(configuration);
  assert(faults.length === 0, faults.join('; '));
  return configuration;
}
