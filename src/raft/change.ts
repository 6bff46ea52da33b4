/**
 * Membership changes as wishes: when one may enter the log. What the configuration becomes is
 * conf-change.ts, leaving the joint phase is commit.ts, whether it is wise is membership/.
 * Invariant: at most one change is in the log uncommitted or joint, and none enters before an entry
 * of the leader's own term is committed (trap 8: the single-server bug of 2015, thesis 4.1).
 */

import type { ErrorCode } from '../base/errors.js';
import { isJoint, planChange } from './conf-change.js';
import type { Input } from './inputs.js';
import type { Leading } from './leading.js';
import { appendAsLeader, broadcast } from './replication.js';
import { ownEntry } from './roles.js';
import type { CoreState } from './state.js';
import type { MemberChange, MemberId } from './types.js';

/** A membership change is wished. */
export function onChange(state: CoreState, wish: Extract<Input, { type: 'change' }>): void {
  const { leading, log } = state;
  if (leading === null) {
    state.refuse(wish.ref, 'NOT_LEADER', 'only the leader changes the membership');
    return;
  }
  const obstacle = obstacleTo(state, leading, wish.expected);
  if (obstacle !== null) {
    state.refuse(wish.ref, obstacle.code, obstacle.message);
    return;
  }
  const early = earlyPromotion(leading, wish.changes);
  if (early !== null) {
    state.refuse(wish.ref, 'CHANGE_REFUSED', `${early} has not reached its own admission yet`);
    return;
  }
  const index = log.lastIndex + 1;
  const plan = planChange(log.configuration, wish.changes, index, wish.reason);
  if (!plan.ok) {
    state.refuse(wish.ref, 'CHANGE_REFUSED', plan.message);
    return;
  }
  const entry = ownEntry(state, wish.timeMillis, plan.configuration);
  state.emit({ type: 'accepted', ref: wish.ref, index, term: state.term });
  appendAsLeader(state, leading, [entry]);
  broadcast(state, leading);
}

/**
 * The learner that shall vote before it has its own admission on disk, if any. Until it has, it
 * gives no vote; were the leader lost in the joint phase, a quorum that needs it could elect
 * nobody.
 */
function earlyPromotion(leading: Leading, changes: readonly MemberChange[]): MemberId | null {
  for (const change of changes) {
    if (change.op !== 'promote') continue;
    const progress = leading.followers.get(change.id);
    if (progress !== undefined && progress.match < change.id) return change.id;
  }
  return null;
}

function obstacleTo(
  state: CoreState,
  leading: Leading,
  expected: number,
): { readonly code: ErrorCode; readonly message: string } | null {
  const { configuration, configurationIndex } = state.log;
  if (isJoint(configuration) || configurationIndex > state.commit) {
    return { code: 'CHANGE_IN_PROGRESS', message: 'another change is not finished yet' };
  }
  if (leading.transfer !== null) {
    return { code: 'CHANGE_IN_PROGRESS', message: 'the leadership is being handed over' };
  }
  if (!leading.ownTermCommitted) {
    return { code: 'CHANGE_IN_PROGRESS', message: 'no entry of this term is committed yet' };
  }
  if (expected !== configurationIndex) {
    const message = `the configuration is that of index ${configurationIndex}, not ${expected}`;
    return { code: 'CONFLICT', message };
  }
  return null;
}
