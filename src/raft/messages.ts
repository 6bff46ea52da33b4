/**
 * What Raft cores say to each other: a closed union, plain data, no bytes of their own (wire
 * encodes them). `from` and `to` are member ids; the transport has proved who `from` is before the
 * core sees a message. Every message carries the sender's `term` (a pre-vote request the term it
 * would stand in). Source: Raft thesis 3.3–3.5, 6.4, 9.6; etcd-io/raft for pre-vote and read index.
 */

import type { Entry, Index, MemberId, Term } from './types.js';

interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: Term;
}

/** Asks for a vote, or in a pre-vote whether one would be given. */
export interface VoteRequest extends Envelope {
  readonly type: 'voteRequest';
  readonly preVote: boolean;
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  /**
   * The old leader asked this candidate to stand: followers may vote though their leader is alive.
   */
  readonly transfer: boolean;
}

/**
 * Answers a `voteRequest`. A granted pre-vote carries the request's term, all else the voter's own.
 */
export interface VoteReply extends Envelope {
  readonly type: 'voteReply';
  readonly preVote: boolean;
  readonly granted: boolean;
}

/** The leader's entries after (prevIndex, prevTerm); none at all in a probe. */
export interface Append extends Envelope {
  readonly type: 'append';
  /** Counts the leader's appends to this follower; the reply repeats it, so that a duplicated or
   * reordered reply starts no second chain of replication. */
  readonly sequence: number;
  readonly prevIndex: Index;
  readonly prevTerm: Term;
  readonly commit: Index;
  readonly entries: readonly Entry[];
}

/** Answers an `append`. */
export interface AppendReply extends Envelope {
  readonly type: 'appendReply';
  readonly sequence: number;
  readonly ok: boolean;
  /**
   * ok: the last index known to be the same and on disk. Refused: the `prevIndex` that was refused.
   */
  readonly index: Index;
  /** Refused: the follower's best guess of the last index in common, and its term there. */
  readonly hintIndex: Index;
  readonly hintTerm: Term;
}

/** The leader is alive. `commit` never exceeds what this follower is known to hold. */
export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat';
  readonly commit: Index;
  /** The newest round of reads to confirm; 0 when none waits. Never used again. */
  readonly round: number;
}

/** Answers a `heartbeat`. */
export interface HeartbeatReply extends Envelope {
  readonly type: 'heartbeatReply';
  readonly round: number;
  /** The follower's last index on disk: less than the leader believes means it lost data. */
  readonly lastIndex: Index;
}

/** A follower asks the leader for a read index. */
export interface ReadRequest extends Envelope {
  readonly type: 'readRequest';
  /** The follower's own number for the waiting reads; never used again by this process. */
  readonly ref: number;
}

/** Answers a `readRequest`. */
export interface ReadReply extends Envelope {
  readonly type: 'readReply';
  readonly ref: number;
  readonly ok: boolean;
  /** ok: apply up to here, then read. */
  readonly index: Index;
}

/** The leader hands over: stand for election now. */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeoutNow';
}

/** A follower says that it installed a snapshot (sent on a stream of its own) up to `index`. */
export interface SnapshotReply extends Envelope {
  readonly type: 'snapshotReply';
  readonly ok: boolean;
  readonly index: Index;
}

/** Every message of the protocol. */
export type Message =
  | VoteRequest
  | VoteReply
  | Append
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | ReadRequest
  | ReadReply
  | TimeoutNow
  | SnapshotReply;
