/**
 * How servers of the false world found: alone, by a record of one as src/server/founding.ts makes
 * it but without chance, or together, with the file that their data folder holds
 * (src/server/data-folder.ts).
 */

import type { Founder, SignedFounding } from '../../src/base/founding-record.js';
import {
  clusterIdOf,
  foundingBase,
  foundingRecord,
  signRecord,
} from '../../src/membership/founding-record.js';
import type { LogBase } from '../../src/raft/types.js';
import { sha256 } from './founding-checker.js';
import { simSigner } from './sim-signer.js';

/** The name of the cluster in every world. */
export const clusterName = 'sim';

/** What a world that is founded together gives its servers. */
export interface FoundingHabits {
  /** EXPECT of this server; null: it only joins. */
  readonly expect: number | null;
  readonly randomHex: () => string;
}

/** A cluster of one. */
export function foundedAlone(founder: Founder): {
  readonly clusterId: string;
  readonly base: LogBase;
  readonly signed: SignedFounding;
} {
  const record = foundingRecord(clusterName, [founder], 'c0ffeec0ffeec0ff');
  const signatures = [signRecord(record, simSigner(founder.peerId))];
  const signed = { record, signatures };
  return { clusterId: clusterIdOf(record, sha256), base: foundingBase(record), signed };
}

/** What the log of any cluster of so many founders begins with, but for who they are. */
export function baseOf(founders: number): LogBase {
  const nobodies = Array.from({ length: founders }, (_, i) => {
    return { peerId: `p${i}`, incarnation: '', name: '' };
  });
  return foundingBase(foundingRecord(clusterName, nobodies, ''));
}
