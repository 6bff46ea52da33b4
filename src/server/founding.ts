/**
 * What the founding of a cluster needs of the world: the hash and chance. A cluster of one is
 * founded here and now, by the same record that several sign (membership/founding-record.ts).
 */

import { createHash, randomBytes } from 'node:crypto';
import type { Founder } from '../base/founding-record.js';
import {
  clusterIdOf,
  foundingBase,
  foundingRecord,
  type Hash,
} from '../membership/founding-record.js';
import type { LogBase } from '../raft/types.js';

/** A cluster that begins. */
export interface Founding {
  /** SHA-256 of the founding record, hex. */
  readonly clusterId: string;
  readonly memberId: number;
  readonly base: LogBase;
}

/** SHA-256, hex. */
export const sha256: Hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** So many random bytes, hex. */
export function randomHex(bytes = 16): string {
  return randomBytes(bytes).toString('hex');
}

/** Founds a cluster with this server as its only voter. */
export function foundAlone(clusterName: string, founder: Founder): Founding {
  const record = foundingRecord(clusterName, [founder], randomHex());
  return { clusterId: clusterIdOf(record, sha256), memberId: 1, base: foundingBase(record) };
}
