/**
 * What the tests of the client share: a cluster in virtual time, and ways to expect errors.
 */

import * as assert from 'uvu/assert';
import { type ErrorCode, QuorateError, type Refusal } from '../../src/base/errors.js';
import { MemoryCluster } from './memory-cluster.js';
import { VirtualClock } from './virtual-clock.js';

/** Three servers. */
export const three = ['a:1', 'b:1', 'c:1'];

/** A cluster and its time. */
export function world(addresses: readonly string[] = three) {
  const clock = new VirtualClock();
  return { clock, cluster: new MemoryCluster(clock, addresses) };
}

/** What a promise rejects with; fails when it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<QuorateError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, QuorateError);
  return error as QuorateError;
}

/** A refusal with this code. */
export function refusal(code: ErrorCode, more: Partial<Refusal> = {}): Refusal {
  return { code, message: `refused: ${code}`, ...more };
}
