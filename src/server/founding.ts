/**
 * Founds a cluster of one: the founding record, the cluster id that is its hash, and the base that
 * the log of every later member starts from. (Founding by several servers signs one record; the
 * base has the same shape.)
 *
 * The base stands at index n for n founders, so that the founders' ids 1 … n never meet the log
 * indexes that later become members' ids (docs/adr/0006).
 */

import { createHash, randomBytes } from 'node:crypto';
import type { LogBase, MemberInfo } from '../raft/types.js';

/** Who founds. */
export interface Founder {
  readonly peerId: string;
  readonly incarnation: string;
  readonly name: string;
}

/** A cluster that begins. */
export interface Founding {
  /** SHA-256 of the founding record, hex. */
  readonly clusterId: string;
  readonly memberId: number;
  readonly base: LogBase;
}

/** Founds a cluster with this server as its only voter. */
export function foundAlone(clusterName: string, founder: Founder): Founding {
  const member: MemberInfo = { id: 1, ...founder };
  const record = {
    format: 1,
    clusterName,
    founders: [member],
    nonce: randomBytes(16).toString('hex'),
  };
  const clusterId = createHash('sha256').update(JSON.stringify(record)).digest('hex');
  const base: LogBase = {
    index: 1,
    term: 0,
    configurationIndex: 1,
    configuration: {
      voters: [1],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      members: [member],
      reason: `founded by ${founder.name}`,
    },
  };
  return { clusterId, memberId: 1, base };
}
