/**
 * What the core wants done: a closed union of duties for the driver (replica/).
 *
 * THE ORDER LAW (asserted by the driver)
 *  1. `persist`s reach the disk in the order in which they were given out.
 *  2. A `send` with after: 'persisted' leaves only when every persist given out before it is on
 *     disk (votes, append replies: what is promised is on disk before it is said).
 *  3. A `send` with after: 'now' may overtake the disk (the leader's appends: its own write runs
 *     beside the followers'). The leader counts itself only after its own `persisted`.
 *  4. `apply`s run in order, each index once.
 *  5. A `persisted` fact carries the term of the entry it speaks of; one that speaks of an entry
 *     since truncated is stale, and the core drops it.
 * Source: Raft thesis 10.2.1 (writing to the leader's disk in parallel); etcd-io/raft's Ready.
 */

import type { ErrorCode } from '../base/errors.js';
import type { Message } from './messages.js';
import type { Configuration, Entry, HardState, Index, MemberId, Term } from './types.js';

/** Where a server stands in its term. */
export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** Everything that the core may want done. */
export type Effect =
  /** Write to the log, in this order: cut the tail from `truncateFrom`, hard state, entries. */
  | {
      readonly type: 'persist';
      readonly hardState: HardState | null;
      readonly truncateFrom: Index | null;
      readonly entries: readonly Entry[];
      /** Last index and its term after this persist: what `persisted` must answer. */
      readonly lastIndex: Index;
      readonly lastTerm: Term;
    }
  | { readonly type: 'send'; readonly message: Message; readonly after: 'now' | 'persisted' }
  /** Everything up to here is committed: apply it in order and answer `applied`. */
  | { readonly type: 'apply'; readonly upTo: Index }
  /** Read entries from disk for a follower that is behind the memory; answer `fetched`. */
  | {
      readonly type: 'fetch';
      readonly to: MemberId;
      readonly firstIndex: Index;
      readonly lastIndex: Index;
      readonly bytesMax: number;
    }
  /** The log no longer reaches back far enough for `to`: send it the newest snapshot. */
  | { readonly type: 'sendSnapshot'; readonly to: MemberId }
  /** Reads that wait behind `ref` may be answered once `index` is applied. */
  | { readonly type: 'answerRead'; readonly ref: number; readonly index: Index }
  /** The wish `ref` stands in the log at (index, term); not yet committed. */
  | { readonly type: 'accepted'; readonly ref: number; readonly index: Index; readonly term: Term }
  /** The wish `ref` was not taken. `leader` is `nobody` when unknown. */
  | {
      readonly type: 'refused';
      readonly ref: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly leader: MemberId;
    }
  /** The configuration in force is now this one (from the moment it is in the log; truncation takes
   * it back: thesis 4.1). */
  | { readonly type: 'configured'; readonly index: Index; readonly configuration: Configuration }
  /** Role, term or known leader changed. */
  | {
      readonly type: 'roleChanged';
      readonly role: Role;
      readonly term: Term;
      readonly leader: MemberId;
    }
  /** An event worth a log line; fields are flat and plain. */
  | {
      readonly type: 'note';
      readonly event: string;
      readonly fields: Readonly<Record<string, string | number | boolean>>;
    };
