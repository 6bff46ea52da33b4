/**
 * What a front may ask of the replica: types only, so that a front depends on no class. Every call
 * may be made on any server; what only the leader can do is passed to it. Callbacks come once, from
 * the event loop, never from within the call.
 */

import type { Refusal } from '../base/errors.js';
import type { KeyValue, Reply, StreamState } from '../machine/commands.js';
import type {
  ClusterStatus,
  Consistency,
  NamedStream,
  OperatorReply,
  OperatorRequest,
  ReadRange,
  StreamRecord,
} from '../wire/client-messages.js';

/** Either what was asked for, or why not. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** Records read from a stream. */
export interface RecordsRead {
  readonly records: readonly StreamRecord[];
  /** The stream's next sequence when it was read. */
  readonly nextSeq: number;
  /** The first record that was kept then. */
  readonly firstSeq: number;
  /** False when a size limit cut the answer short of its limit. */
  readonly complete: boolean;
}

/** Streams, by rising name. */
export interface StreamsListed {
  readonly streams: readonly NamedStream[];
  /** There are more behind the last. */
  readonly more: boolean;
}

/** Keys read from the key-value store. */
export interface KeysRead {
  readonly revision: number;
  readonly keys: readonly KeyValue[];
  readonly more: boolean;
}

/** The replica as fronts see it. */
export interface ReplicaApi {
  /**
   * Puts a command (its bytes, wire/command-codec) into the log, here or through the leader, and
   * answers with the machine's reply once it is applied. A reply of kind `refused` is the machine's
   * word; a refusal of the outcome means the command may not have reached the machine: its code
   * says whether it may be repeated (base/errors).
   */
  execute(command: Uint8Array, answer: (outcome: Outcome<Reply>) => void): void;
  /** Reads records of a stream, as many as exist and fit one answer (10,000 records, 2 MiB). A
   * stream that does not exist has none. TRIMMED: the range begins at one that is trimmed away. */
  readRecords(
    stream: string,
    range: ReadRange,
    consistency: Consistency,
    answer: (outcome: Outcome<RecordsRead>) => void,
  ): void;
  /** How a stream stands; NOT_FOUND when there is none. */
  tail(
    stream: string,
    consistency: Consistency,
    answer: (outcome: Outcome<StreamState>) => void,
  ): void;
  /** Streams by name that begin with `prefix`, behind `after`, at most `limit` of them and at most
   * `streamsListedMax` (base/limits). */
  streams(
    page: { readonly prefix: string; readonly after: string; readonly limit: number },
    consistency: Consistency,
    answer: (outcome: Outcome<StreamsListed>) => void,
  ): void;
  get(
    key: Uint8Array,
    consistency: Consistency,
    answer: (outcome: Outcome<KeysRead>) => void,
  ): void;
  list(
    start: Uint8Array,
    end: Uint8Array,
    limit: number,
    consistency: Consistency,
    answer: (outcome: Outcome<KeysRead>) => void,
  ): void;
  /** Calls `changed` after every turn in which the stream grew here. Returns how to stop it. */
  onAppended(stream: string, changed: () => void): () => void;
  status(): ClusterStatus;
  /** For how long this server knows of no leader, and who was the last; null while there is one. */
  leaderless(): ClusterStatus['self']['leaderless'];
  /** What operators ask and tell, here or through the leader. Answers a wish when it is done: when
   * the other leads, when the change is committed, when the policy is applied. */
  operate(request: OperatorRequest, answer: (outcome: Outcome<OperatorReply>) => void): void;
  /** Addresses of the other members, the leader's first: where a client may go. */
  otherAddresses(): readonly string[];
}
