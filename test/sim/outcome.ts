/**
 * What an error says of a write: that it was certainly not done, or that nobody knows. All that is
 * judged of refused and doubtful writes rests on this one table.
 */

import type { ErrorCode, QuorateError } from '../../src/base/errors.js';

/** Codes after which nobody knows whether a write was done. */
const doubtful: ReadonlySet<ErrorCode> = new Set(['TIMEOUT', 'SESSION_EXPIRED', 'DISCONNECTED']);

/** Whether the write was certainly not done, and never will be: what every other code promises. */
export function isRefusal({ code }: QuorateError): boolean {
  return !doubtful.has(code);
}
