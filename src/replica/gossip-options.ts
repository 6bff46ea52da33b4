/**
 * How gossip is timed, who it speaks for, and what it tells the rest of the replica.
 */

import type { Rng } from '../base/rng.js';
import type { Signer } from '../base/signer.js';
import type { MemberRecord } from '../membership/table.js';
import type { Configuration } from '../raft/types.js';
import type { DiskNews } from './disk-alarm.js';
import type { HealthSource } from './membership-runner.js';

/** How gossip is timed; all waits grow with this server's own bad health. */
export interface GossipOptions {
  /** One probe in so many milliseconds. @default 200 */
  readonly probeMillis: number;
  /** How long a suspicion lasts that others confirm, milliseconds. @default 1600 */
  readonly suspicionMillisMin: number;
  /** How long one lasts that nobody confirms, milliseconds. @default 2800 */
  readonly suspicionMillisMax: number;
  /** How often tables are compared with one other, milliseconds. @default 10_000 */
  readonly compareMillis: number;
}

/** Dead within three seconds at five servers. */
export const gossipDefaults: GossipOptions = Object.freeze({
  probeMillis: 200,
  suspicionMillisMin: 1600,
  suspicionMillisMax: 2800,
  compareMillis: 10_000,
});

/** What a server says of itself for as long as it lives. */
export interface GossipSelf {
  readonly clusterName: string;
  readonly incarnation: string;
  readonly name: string;
  readonly version: string;
  /** Where it stands, in the operator's word. @default not said */
  readonly zone?: string | null;
}

/** What the surroundings of a replica give its gossip. */
export interface GossipPorts {
  readonly signer: Signer;
  /** Of its own: what gossip draws must not move what consensus draws. */
  readonly rng: Rng;
  /** How late the event loop ran in the last seconds, milliseconds. */
  readonly loopDelayMillis: () => number;
}

/** What consensus asks of gossip, and tells it. */
export interface GossipOfMembers extends HealthSource, DiskNews {
  /** The configuration in force. */
  configured(configuration: Configuration): void;
}

/** What servers said of themselves. */
export interface RecordSource {
  /** What this server or another said of itself last; null: nothing was heard. */
  record(peerId: string): MemberRecord | null;
}

/** Everything that gossip knows, for people. */
export interface GossipView {
  readonly self: MemberRecord;
  readonly records: readonly MemberRecord[];
  /** Records dropped for their signatures. */
  readonly forgeries: number;
  /** Records dropped unchecked since too many came. */
  readonly crowded: number;
  /** Publications that were no records. */
  readonly unreadable: number;
}
