/**
 * The native client protocol: what a client and a server say to each other on one stream, many
 * requests in flight, replies by id in any order. Plain data; client-codec.ts has the bytes.
 *
 * All are laid out by hand; the answers to `status` and to an operator's questions carry JSON.
 */

import type { Refusal } from '../base/errors.js';
import type { KeyValue, Reply, StreamState } from '../machine/commands.js';
import type { HistoryRow, PlanReport, WhyReport } from '../membership/report.js';
import type { DiskFitness } from '../membership/table.js';

export type { HistoryRow, PlanReport, QuorumReport, WhyReport } from '../membership/report.js';

/** How fresh a read must be: `linearizable` sees every write acknowledged before it was asked;
 * `stale` sees what this server has applied. */
export type Consistency = 'linearizable' | 'stale';

/** A record as readers see it. */
export interface StreamRecord {
  readonly seq: number;
  readonly index: number;
  readonly term: number;
  /** The leader's stamp, milliseconds since 1970. */
  readonly timeMillis: number;
  readonly data: Uint8Array;
}

/** A stream among others. */
export interface NamedStream {
  readonly name: string;
  readonly state: StreamState;
}

/** Which records to read. */
export interface ReadRange {
  /**
   * Where to begin: at a sequence (0: the first record kept, or with `backwards` the last; one that
   * is trimmed away is TRIMMED), or at the first record appended at or after a time, milliseconds
   * since 1970 (with `backwards`: at the last one appended before it).
   */
  readonly from: { readonly seq: number } | { readonly timeMillis: number };
  /** Towards the first record of the stream: falling sequences. */
  readonly backwards: boolean;
  readonly limit: number;
  /** Bytes of records at most, but at least one record; 0: as many as an answer takes. */
  readonly bytesMax: number;
}

/** How a member does, as the asked server sees it. `left`: it was stopped in order, and said so. */
export type Health = 'alive' | 'suspect' | 'dead' | 'left' | 'unknown';

/** A row of `members` and `status`. */
export interface MemberStatus {
  readonly name: string;
  readonly memberId: number;
  readonly peerId: string;
  /** `standby`: a learner that has caught up and is kept as one, because voters rest at odd
   * numbers; in the leader's word, so a server that knows no leader says `learner`. */
  readonly role: 'voter' | 'learner' | 'standby';
  readonly health: Health;
  readonly addresses: readonly string[];
  /** Last index known to be on its disk; null when this server does not lead. */
  readonly matchIndex: number | null;
  /** For how long the asked server has had no link to it, milliseconds; 0 while there is one; null
   * when there was none since that server started. */
  readonly silentMillis: number | null;
  /** Where it stands, as its operator named it; null: not said, or not heard by the asked
   * server. */
  readonly zone: string | null;
  /** What it says of its disk; null: not heard by the asked server. */
  readonly disk: DiskFitness | null;
}

/** Another cluster of the same name, as the asked server met it. */
export interface OtherCluster {
  /** Its name. */
  readonly cluster: string;
  readonly clusterId: string;
  /** How many servers of it were met, this side of a limit. */
  readonly servers: number;
  /** Name and addresses of the one that was met last. */
  readonly server: string;
  readonly addresses: readonly string[];
  /** How long ago that was, milliseconds. */
  readonly seenMillis: number;
}

/** What `status` tells. Stable: `--json` prints just this. */
export interface ClusterStatus {
  readonly cluster: string;
  readonly clusterId: string | null;
  readonly version: string;
  readonly term: number;
  readonly leader: { readonly name: string; readonly memberId: number } | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  /** Term of the last entry: which of two logs is more advanced is told by term, then index. */
  readonly lastTerm: number;
  /** How many more voters may fail: of three that are all alive 1, of five 2; fewer when some do
   * not answer the asked server; 0 when one more would be too many, or one already is. */
  readonly faultTolerance: number;
  /** A joint change is under way. */
  readonly joint: boolean;
  /** Index of the entry that holds the configuration in force; 0: there is none. */
  readonly configurationIndex: number;
  readonly members: readonly MemberStatus[];
  /** Clusters of the same name that the asked server has met since it started. They never merge. */
  readonly otherClusters: readonly OtherCluster[];
  readonly self: {
    readonly name: string;
    readonly memberId: number | null;
    readonly peerId: string;
    readonly role: 'leader' | 'follower' | 'candidate' | 'joining';
    /** What a joining or leaderless server is waiting for, one line; null when nothing. */
    readonly waitingFor: string | null;
    /** Without a leader: since when, milliseconds ago, and who led before; else null. */
    readonly leaderless: {
      readonly millis: number;
      /** Null: nobody since this server started. */
      readonly lastLeader: string | null;
    } | null;
    /** What is wrong with this server, and what to do, one line; null: nothing. */
    readonly alarm: string | null;
    /** What its gossip has sent since the server began, each way of a publication counted; bytes
     * before framing and encryption. Null: it is a server from before this was told. */
    readonly gossipSent: { readonly frames: number; readonly bytes: number } | null;
  };
}

/** One word of the policy that is in force. */
export interface PolicyRow {
  readonly name: string;
  readonly value: string;
  /** `default`: of the asked server's settings; `log`: set by the operator, alike on all servers;
   * `ignored`: in the log, but the asked server's version does not know or allow it. */
  readonly from: 'default' | 'log' | 'ignored';
}

/** The policy as the asked server has it. */
export interface PolicyReport {
  /** Index of the entry that set it last; 0: it never was. */
  readonly index: number;
  readonly words: readonly PolicyRow[];
}

/** What an operator may ask, or tell the cluster to do. */
export type OperatorRequest =
  /** What the leader would change now, or why nothing. */
  | { readonly type: 'plan' }
  /** How one server stands: by its name, or its member id. */
  | { readonly type: 'why'; readonly name: string }
  /** The configurations of the past, as the asked server has applied them. */
  | { readonly type: 'history' }
  | { readonly type: 'policy' }
  /** `text`: words such as `voters=5 dead-after=10s`; `name=default` takes one back. */
  | { readonly type: 'setPolicy'; readonly text: string }
  /** `name`: who leaves. Never "the asked server": asked again elsewhere, that were another. */
  | { readonly type: 'leave'; readonly name: string }
  /** `to`: a member's name; empty: the best follower. */
  | { readonly type: 'transferLeader'; readonly to: string }
  /** `force`: also where it leaves a single voter. */
  | { readonly type: 'removeMember'; readonly name: string; readonly force: boolean };

/** What an operator is answered. */
export type OperatorReply =
  | { readonly type: 'plan'; readonly plan: PlanReport }
  | { readonly type: 'why'; readonly why: WhyReport }
  /** Oldest first. */
  | { readonly type: 'history'; readonly rows: readonly HistoryRow[] }
  | { readonly type: 'policy'; readonly policy: PolicyReport }
  | { readonly type: 'done'; readonly message: string };

/** What a client may ask. `id` is the client's own, not in use by another request of the stream. */
export type ClientRequest =
  /** `command`: the bytes of a machine command (wire/command-codec). */
  | { readonly type: 'command'; readonly id: number; readonly command: Uint8Array }
  | {
      readonly type: 'read';
      readonly id: number;
      readonly stream: string;
      readonly range: ReadRange;
      readonly consistency: Consistency;
    }
  /** How a stream stands; NOT_FOUND when there is none of that name. */
  | {
      readonly type: 'tail';
      readonly id: number;
      readonly stream: string;
      readonly consistency: Consistency;
    }
  /** Streams by name, behind `after` (empty: from the first), those that begin with `prefix`. */
  | {
      readonly type: 'streams';
      readonly id: number;
      readonly prefix: string;
      readonly after: string;
      readonly limit: number;
      readonly consistency: Consistency;
    }
  /** Records from `fromSeq` on, for as long as the stream is open, in `records` replies. The client
   * grants `credit` records at a time with `credit` requests of the same id. */
  | {
      readonly type: 'follow';
      readonly id: number;
      readonly stream: string;
      readonly fromSeq: number;
      readonly credit: number;
    }
  | { readonly type: 'credit'; readonly id: number; readonly records: number }
  | { readonly type: 'cancel'; readonly id: number }
  | {
      readonly type: 'get';
      readonly id: number;
      readonly key: Uint8Array;
      readonly consistency: Consistency;
    }
  /** Keys from `start` (included) to `end` (excluded; empty: to the end), in order. */
  | {
      readonly type: 'list';
      readonly id: number;
      readonly start: Uint8Array;
      readonly end: Uint8Array;
      readonly limit: number;
      readonly consistency: Consistency;
    }
  | { readonly type: 'status'; readonly id: number }
  | (OperatorRequest & { readonly id: number });

/** The requests that are answered from what a server has applied, each as fresh as it says. */
export type ReadRequest = Extract<ClientRequest, { readonly consistency: Consistency }>;

/** What a server answers. */
export type ClientReply =
  | { readonly type: 'refused'; readonly id: number; readonly refusal: Refusal }
  | { readonly type: 'commandReply'; readonly id: number; readonly reply: Reply }
  | {
      readonly type: 'records';
      readonly id: number;
      readonly records: readonly StreamRecord[];
      /** The stream's next sequence when it was read. */
      readonly nextSeq: number;
      /** The first record that was kept then. */
      readonly firstSeq: number;
      /** False in answers to `follow` and where a size limit cut a `read` short of its limit. */
      readonly complete: boolean;
    }
  | {
      readonly type: 'keys';
      readonly id: number;
      readonly revision: number;
      readonly keys: readonly KeyValue[];
      readonly more: boolean;
    }
  | { readonly type: 'tail'; readonly id: number; readonly state: StreamState }
  | {
      readonly type: 'streams';
      readonly id: number;
      readonly streams: readonly NamedStream[];
      readonly more: boolean;
    }
  | { readonly type: 'status'; readonly id: number; readonly status: ClusterStatus }
  | (OperatorReply & { readonly id: number })
  /** The server stops or no longer follows a leader: go elsewhere; `addresses` of other members. */
  | { readonly type: 'goAway'; readonly id: 0; readonly addresses: readonly string[] };
