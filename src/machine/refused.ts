/**
 * Refusals as replies: what a command gets that is not done. They are part of the state's course,
 * equal on every replica.
 */

import type { ErrorCode, Refusal } from '../base/errors.js';
import type { ApplyMeta, Reply } from './commands.js';

/** The reply with this refusal. */
export function refusedWith({ index, term }: ApplyMeta, refusal: Refusal): Reply {
  return { kind: 'refused', refusal, index, term };
}

/** The reply with a refusal of this code. */
export function refused(meta: ApplyMeta, code: ErrorCode, message: string): Reply {
  return refusedWith(meta, { code, message });
}
