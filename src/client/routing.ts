/**
 * What a client does after a refusal that is no final answer: ask again here or elsewhere, and how
 * soon. Pure arithmetic; the table of codes and their `retry` is base/errors. It leaves the asking
 * to the request or the session that was refused.
 */

import { type ErrorCode, errorTable, type Refusal } from '../base/errors.js';

/** How to go on. */
export interface NextStep {
  /** Another server should be asked, not this one. */
  readonly move: boolean;
  /** When to ask again at the earliest, milliseconds from now. */
  readonly delayMillis: number;
}

/** Faults of the server at hand: any other may do better. */
const faultsOfServer: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NOT_LEADER',
  'STOPPING',
  'NOT_MEMBER',
  'WRONG_CLUSTER',
  'DAMAGED',
  'DISK_FAILED',
]);

/** Leaderless answers in a row after which another server is asked: this one may be cut off. */
const leaderlessMax = 8;

const retryMillisFirst = 10;
const retryMillisMax = 500;

/** Whether the refusal is the last word, as opposed to "not now" and "not here". */
export function isFinal(code: ErrorCode): boolean {
  return errorTable[code].retry === 'never' && !faultsOfServer.has(code);
}

/**
 * How to go on after a refusal that is not final.
 * @param failures how many in a row this one makes, from 1 on.
 */
export function nextStep(refusal: Refusal, failures: number): NextStep {
  const grownMillis = Math.min(retryMillisFirst * 2 ** Math.min(failures - 1, 8), retryMillisMax);
  if (faultsOfServer.has(refusal.code)) {
    // The next server is asked at once; a whole round in vain is paused for by `Targets`.
    return { move: true, delayMillis: 0 };
  }
  switch (refusal.code) {
    case 'OVERLOADED':
      return { move: false, delayMillis: refusal.retryAfterMillis ?? grownMillis };
    case 'NO_LEADER':
      // An election takes a few hundred milliseconds; asking often finds its end soon.
      return { move: failures % leaderlessMax === 0, delayMillis: Math.min(grownMillis, 50) };
    case 'OUT_OF_ORDER':
    case 'LEADER_CHANGED':
      return { move: false, delayMillis: failures === 1 ? 0 : grownMillis };
    default:
      return { move: false, delayMillis: grownMillis };
  }
}
