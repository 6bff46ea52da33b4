/**
 * Faults of the disk as a server tells them to people: each with its code of `base/errors.ts`, and
 * with what to do next.
 */

import { type ErrorCode, QuorateError } from '../base/errors.js';
import { type DiskError, isOutOfRoom } from '../storage/disk.js';

/**
 * A callback of the disk's kind as a promise: starting and ending are no hot path.
 * @param advice what to do next, by the code of the fault.
 */
export function promised<T>(
  work: (done: (error: DiskError | null, value: T | null) => void) => void,
  advice: Readonly<Record<string, string>> = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    work((error, value) => {
      if (error === null) return resolve(value as T);
      const next = advice[error.code] ?? (isOutOfRoom(error) ? makeRoom : undefined);
      const message = next === undefined ? error.message : `${error.message}; ${next}`;
      reject(new QuorateError(codeOf(error), message));
    });
  });
}

/** A server that runs waits for room by itself; one that starts cannot. */
const makeRoom = 'make room, then start this server again';

/** Why the log stopped, and what to do. Nothing that was acknowledged is lost by such an end. */
export function logFault(error: DiskError): string {
  return (
    `the log cannot be written (${error.code}): ${error.message}; see to the disk ` +
    `before starting this server again`
  );
}

function codeOf(error: DiskError): ErrorCode {
  if (error.code === 'DAMAGED') return 'DAMAGED';
  if (error.code === 'WRONG_CLUSTER') return 'WRONG_CLUSTER';
  return 'DISK_FAILED';
}
