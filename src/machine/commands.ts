/**
 * The commands of the replicated machine and their replies: plain data, the vocabulary that wire
 * encodes, clients speak and fronts translate to. Bytes are opaque; nothing here interprets them.
 */

import type { Refusal } from '../base/errors.js';
import type { Index, Term } from '../raft/types.js';

/**
 * Which command of which session this is. A session's commands are applied in the order of their
 * sequence numbers, 1, 2, 3 …, each once: a repeat gets the stored reply; a gap is refused with
 * OUT_OF_ORDER and the sequence awaited, and leaves no trace.
 */
export interface SessionTag {
  /** Index of the entry that registered the session. */
  readonly session: number;
  readonly sequence: number;
  /** The client has the replies of all sequences below this one: they may be forgotten. */
  readonly acknowledgedBelow: number;
}

/** Opens a session. Reply: `session`. Not itself in a session: a repeat opens another, unused. */
export interface RegisterSession {
  readonly op: 'registerSession';
}

/** Closes a session and frees its replies. */
export interface CloseSession {
  readonly op: 'closeSession';
  readonly session: number;
}

/** Appends records to a stream, all or none, at consecutive sequence numbers. */
export interface Append {
  readonly op: 'append';
  readonly tag: SessionTag | null;
  /** Name of the stream; `log` is the default one. */
  readonly stream: string;
  readonly records: readonly Uint8Array[];
}

/** Writes one key. */
export interface Put {
  readonly op: 'put';
  readonly tag: SessionTag | null;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Only if the key's mod revision is this one (0: the key must not exist); null: always. */
  readonly expectedModRevision: number | null;
}

/** Deletes one key. */
export interface Delete {
  readonly op: 'delete';
  readonly tag: SessionTag | null;
  readonly key: Uint8Array;
  /** As in `Put`. */
  readonly expectedModRevision: number | null;
}

/** One word of the operator's policy: `voters` and `5`. What it means, membership knows. */
export interface PolicyWord {
  readonly name: string;
  /** Empty in a command: the word is taken back, its default holds again. */
  readonly value: string;
}

/**
 * Sets words of the policy; what is not named stays as it is. Not in a session: set again, it is
 * the same policy.
 */
export interface SetPolicy {
  readonly op: 'setPolicy';
  readonly words: readonly PolicyWord[];
  /** Only if the policy was set last by the entry at this index (0: never); null: always. */
  readonly expectedIndex: number | null;
}

/** Every command. */
export type Command = RegisterSession | CloseSession | Append | Put | Delete | SetPolicy;

/** What the runner knows of the entry that carries a command. */
export interface ApplyMeta {
  readonly index: Index;
  readonly term: Term;
  /** The leader's stamp, made monotone by the machine. Milliseconds since 1970. */
  readonly timeMillis: number;
}

/** The reply of a command that was done, or the refusal of one that was not. Index and term are
 * those of the entry that did it: a repeat gives those of the first time. */
export type Reply =
  | {
      readonly kind: 'session';
      readonly session: number;
      readonly index: Index;
      readonly term: Term;
    }
  | { readonly kind: 'closed'; readonly index: Index; readonly term: Term }
  | {
      readonly kind: 'appended';
      /** Sequence numbers of the first and the last record; streams count from 1. */
      readonly firstSeq: number;
      readonly lastSeq: number;
      readonly index: Index;
      readonly term: Term;
    }
  | {
      readonly kind: 'put';
      readonly revision: number;
      readonly createRevision: number;
      readonly version: number;
      readonly index: Index;
      readonly term: Term;
    }
  | {
      readonly kind: 'deleted';
      readonly revision: number;
      /** How many keys went: 0 or 1. */
      readonly count: number;
      readonly index: Index;
      readonly term: Term;
    }
  | { readonly kind: 'policySet'; readonly index: Index; readonly term: Term }
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      readonly index: Index;
      readonly term: Term;
    };

/** One key as readers see it. */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Writes since the key was made: 1 for a new one. */
  readonly version: number;
}

/** Where a record of a stream stands: in the log entry `index`, as the `offset`-th of its
 * records. */
export interface RecordPlace {
  readonly seq: number;
  readonly index: Index;
  readonly offset: number;
}
