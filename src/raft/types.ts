/**
 * The nouns of consensus, shared by all rings: entries, hard state, configurations.
 * Source: Ongaro's thesis, chapters 3 and 4; the configuration's four sets are those of etcd's
 * tracker.Config, with automatic leave as the only way.
 */

/** Position in the replicated log. The first entry after founding by n servers has index n + 1. */
export type Index = number;

/** Election term. 0 is before any election. */
export type Term = number;

/**
 * A member, for ever: the index of the log entry that admitted it; the n founders are 1 … n by
 * their place in the founding record, whose own index is n. Never used again after removal.
 */
export type MemberId = number;

/** No member: "voted for nobody", "leader unknown". */
export const nobody: MemberId = 0;

/** Who a member is, beyond its id. Addresses are not identity and so are not here. */
export interface MemberInfo {
  readonly id: MemberId;
  /** libp2p peer id, base58: the hash of the server's public key. */
  readonly peerId: string;
  /** Random, made when the data folder was made, hex: a wiped folder is another server. */
  readonly incarnation: string;
  /** SERVER_ID: a label for people. */
  readonly name: string;
}

/**
 * Who decides. Outside a joint phase `votersOutgoing` and `learnersNext` are empty. In one, a
 * decision needs a majority of `voters` and a majority of `votersOutgoing`; `learnersNext` are
 * outgoing voters that become learners when the phase ends. All sets are sorted, without repeats;
 * `learners` shares no id with either set of voters.
 */
export interface Configuration {
  readonly voters: readonly MemberId[];
  readonly votersOutgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly learnersNext: readonly MemberId[];
  /** Everyone named by the four sets, sorted by id. */
  readonly members: readonly MemberInfo[];
  /** Why this change was made: one line for people, kept for `members history`. */
  readonly reason: string;
}

/** What an entry holds. */
export type EntryKind = 'noop' | 'command' | 'configuration';

/**
 * One entry of the replicated log. All fields are always present, so that every entry has one
 * hidden class. Immutable but for `encoded`, a cache that only the codec fills.
 */
export interface Entry {
  readonly index: Index;
  readonly term: Term;
  readonly kind: EntryKind;
  /** The leader's wall clock when it proposed, milliseconds since 1970. */
  readonly timeMillis: number;
  /** The command's bytes for `command`; empty for the other kinds. */
  readonly data: Uint8Array;
  /** Present for `configuration` alone. */
  readonly configuration: Configuration | null;
  /** The entry's bytes on the wire and on disk (wire/entry-codec), once somebody encoded it. */
  encoded: Uint8Array | null;
}

/** What a server must never forget, in the same log as the entries. */
export interface HardState {
  readonly term: Term;
  /** Whom this server voted for in `term`, or `nobody`. */
  readonly vote: MemberId;
}

/** A configuration and the index of the entry it came from. */
export interface ConfigurationAt {
  readonly index: Index;
  readonly configuration: Configuration;
}

/** The first index of a run of entries of one term. */
export interface TermRun {
  readonly firstIndex: Index;
  readonly term: Term;
}

/** Everything before the log: the founding record, or later a snapshot. */
export interface LogBase {
  /** Index of the last entry that the base stands for. */
  readonly index: Index;
  readonly term: Term;
  readonly configuration: Configuration;
  /** Index of the entry that `configuration` came from: at most `index`. */
  readonly configurationIndex: Index;
}

/** One step of a membership change; several make one joint change. */
export type MemberChange =
  /** A newcomer becomes a learner; its id is the index of the entry made of this change. At most
   * one newcomer a change. */
  | { readonly op: 'addLearner'; readonly member: Omit<MemberInfo, 'id'> }
  /** A learner becomes a voter. */
  | { readonly op: 'promote'; readonly id: MemberId }
  /** A voter becomes a learner (through `learnersNext`). */
  | { readonly op: 'demote'; readonly id: MemberId }
  /** A voter or a learner leaves. */
  | { readonly op: 'remove'; readonly id: MemberId };

/** A cluster and a server's place in it, as its data folder keeps them. */
export interface Membership {
  readonly clusterName: string;
  /** Hash of the founding record, hex. */
  readonly clusterId: string;
  readonly memberId: MemberId;
  /** Index of the entry that admitted it; 0 for founders. */
  readonly joinIndex: Index;
}
