/**
 * Which records a caller of `read` means, in the words of the protocol. Only what cannot be meant
 * is refused here; what does not exist the server says.
 */

import { QuorateError } from '../base/errors.js';
import type { ReadRange } from '../wire/client-messages.js';
import type { ReadOptions } from './calls.js';

/** The range that the options ask for. @throws QuorateError BAD_REQUEST when they contradict. */
export function rangeOf(options: ReadOptions): ReadRange {
  const { from, since, backwards = false, limit = 1000, bytesMax = 0 } = options;
  if (since === undefined) return { from: { seq: from ?? 0 }, backwards, limit, bytesMax };
  if (from !== undefined) {
    throw new QuorateError('BAD_REQUEST', 'a read begins at a sequence or at a time, not at both');
  }
  const millis = since instanceof Date ? since.getTime() : since;
  if (!Number.isFinite(millis)) {
    throw new QuorateError('BAD_REQUEST', 'since is a date, or milliseconds since 1970');
  }
  // Records have whole milliseconds, none of them before 1970.
  const timeMillis = Math.max(0, Math.ceil(millis));
  return { from: { timeMillis }, backwards, limit, bytesMax };
}
