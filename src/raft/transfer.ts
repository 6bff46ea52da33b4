/**
 * Leadership transfer: stop taking proposals, let the target catch up, tell it to stand. Ends with
 * the target's election, which this server sees as a change of role, or with a refusal after a
 * time-out.
 * Invariant: only a voter of the incoming set is ever told to stand (trap 5).
 * Source: Raft thesis 3.10.
 */

import { sendTimeoutNow } from './commit.js';
import type { Leading } from './leading.js';
import type { Progress } from './progress.js';
import { replicate } from './replication.js';
import type { CoreState } from './state.js';
import { type MemberId, nobody } from './types.js';

/** `to` shall lead instead; `nobody`: the best of the voters that are alive. */
export function onTransfer(state: CoreState, ref: number, to: MemberId): void {
  const { leading } = state;
  if (leading === null) {
    state.refuse(ref, 'NOT_LEADER', 'only the leader can hand over');
    return;
  }
  if (leading.transfer !== null) {
    state.refuse(ref, 'CHANGE_IN_PROGRESS', 'the leadership is being handed over already');
    return;
  }
  const target = to === nobody ? (leading.bestVoter()?.id ?? nobody) : to;
  const progress = leading.followers.get(target);
  if (progress === undefined || !state.log.configuration.voters.includes(target)) {
    const message = to === nobody ? 'no other voter is alive' : `${to} is no other voter`;
    state.refuse(ref, 'CHANGE_REFUSED', message);
    return;
  }
  leading.transfer = { ref, to: target, tick: state.now, told: false };
  state.note('transfer begun', { to: target });
  maybeTell(state, leading, progress);
  if (!leading.transfer.told) replicate(state, leading, progress);
}

/**
 * Tells the target to stand once it has the whole log; again when it is heard and still follows.
 */
export function maybeTell(state: CoreState, leading: Leading, progress: Progress): void {
  const { transfer } = leading;
  if (transfer === null || transfer.to !== progress.id) return;
  if (progress.match < state.log.lastIndex) return;
  transfer.told = true;
  sendTimeoutNow(state, transfer.to);
}

/** Gives a transfer up that takes too long; proposals are taken again. */
export function tickTransfer(state: CoreState, leading: Leading): void {
  const { transfer } = leading;
  if (transfer === null || state.now - transfer.tick < state.options.transferTicksMax) return;
  leading.transfer = null;
  state.note('transfer given up', { to: transfer.to, told: transfer.told });
  state.refuse(transfer.ref, 'TIMEOUT', 'the target did not take over in time');
}
