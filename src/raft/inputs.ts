/**
 * What is told to the core: facts (`tick`, `message`, `persisted` …) and wishes (`propose`, `read`,
 * `change`, `transfer`). A closed union; `core.step` takes one and answers with effects.
 */

import type { Message } from './messages.js';
import type { Entry, Index, LogBase, MemberChange, MemberId, Term } from './types.js';

/** One wished command: `ref` comes back in `accepted` or `refused`. */
export interface Proposal {
  readonly ref: number;
  readonly timeMillis: number;
  readonly data: Uint8Array;
}

/** Everything that may be told to the core. */
export type Input =
  /** One tick of time has passed. */
  | { readonly type: 'tick' }
  /** A message arrived from a peer whose identity was proved. */
  | { readonly type: 'message'; readonly message: Message }
  /** Commands to append, in order; all that arrived in one turn of the event loop. */
  | { readonly type: 'propose'; readonly proposals: readonly Proposal[] }
  /** Wants a read index; many reads may stand behind one `ref`. */
  | { readonly type: 'read'; readonly ref: number }
  /** Wants a membership change, planned from the configuration at index `expected`. */
  | {
      readonly type: 'change';
      readonly ref: number;
      readonly expected: Index;
      readonly timeMillis: number;
      readonly reason: string;
      readonly changes: readonly MemberChange[];
    }
  /** Wants `to` to lead instead (`nobody`: the best of the followers). */
  | { readonly type: 'transfer'; readonly ref: number; readonly to: MemberId }
  /** All `persist` effects up to and including the one that ended at (index, term) are on disk. For
   * a persist without entries: the last index and its term at that time. */
  | { readonly type: 'persisted'; readonly index: Index; readonly term: Term }
  /** The machine has applied up to `index`. */
  | { readonly type: 'applied'; readonly index: Index }
  /** Answers a `fetch`: the entries read back from disk (`entries` empty: they are gone). */
  | { readonly type: 'fetched'; readonly to: MemberId; readonly entries: readonly Entry[] }
  /** A snapshot of the machine up to `base.index` is on disk; the log before it may go. */
  | { readonly type: 'snapshotTaken'; readonly base: LogBase }
  /** A snapshot from the leader is on disk whole and replaces log and machine. */
  | { readonly type: 'snapshotInstalled'; readonly base: LogBase; readonly from: MemberId }
  /** The sending of a snapshot to `to` ended without its reply. */
  | { readonly type: 'snapshotFailed'; readonly to: MemberId }
  /** The link to `peer` broke, or a frame for it was dropped. A hint, never a verdict. */
  | { readonly type: 'unreachable'; readonly peer: MemberId };
