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
  /** All of them must hold, or nothing is appended. */
  readonly conditions?: AppendConditions;
}

/** Under which conditions records are appended; null: that one is not asked for. */
export interface AppendConditions {
  /** The sequence that the first record must get. Else CONFLICT, with the one it would get. */
  readonly expectSeq: number | null;
  /** The writer's fencing token, from 1 on. A smaller one than the stream has seen is FENCED; a
   * greater one takes force with the append. */
  readonly fence: number | null;
  /** The view that the records are meant for, from 1 on. One that is over is SEALED, with where it
   * ended (unless that is forgotten); one that has not begun CONFLICT. */
  readonly view: number | null;
}

/** What a stream keeps; null: without that limit. What is over goes with the next append to the
 * stream; by age also as the log's time passes. Bytes and age go by stretches of the stream, each
 * of less than a second and, but for its last entry, of less than 64 KiB and 1000 records. */
export interface Retention {
  readonly recordsMax: number | null;
  /** Bytes of records, as they were appended: as many of the newest stretches stay as have no more
   * together, at least the last one. */
  readonly bytesMax: number | null;
  /** By the log's time. No record goes before it is that old; each within two seconds after. */
  readonly ageMillisMax: number | null;
}

/** What may be done to a stream beside appending to it. */
export type StreamChange =
  /** Closes the newest view for ever. `view`: only if that is the newest one, else CONFLICT; null:
   * whichever it is. Sealed already: the same answer. A stream that does not exist is made, empty,
   * and sealed. */
  | { readonly kind: 'seal'; readonly view: number | null }
  /** Opens view `after` + 1. CONFLICT unless `after` is the newest view and sealed; NOT_FOUND where
   * there is no stream. */
  | { readonly kind: 'openView'; readonly after: number }
  /** Forgets records below `beforeSeq`, at most all there are. Never takes anything back. NOT_FOUND
   * where there is no stream. */
  | { readonly kind: 'trim'; readonly beforeSeq: number }
  /** Says what is kept from now on; a limit is 1 or more. A stream that does not exist is made. */
  | ({ readonly kind: 'setRetention' } & Retention);

/** Changes a stream. Reply: `streamChanged`. */
export interface ChangeStream {
  readonly op: 'changeStream';
  readonly tag: SessionTag | null;
  readonly stream: string;
  readonly change: StreamChange;
}

/** A view of a stream: a range of its sequences, closed once the view is sealed. */
export interface StreamView {
  /** Counts from 1. */
  readonly view: number;
  readonly firstSeq: number;
  /** Where it ended: the first sequence that is not its own; null: it is open. */
  readonly endSeq: number | null;
}

/** How a stream stands. */
export interface StreamState {
  /** The first record that is kept, or `nextSeq` when none is. */
  readonly firstSeq: number;
  readonly nextSeq: number;
  /** Bytes of the records kept, at least: trimmed in the middle of a stretch, the stretch counts
   * until all of it is gone. */
  readonly bytes: number;
  /** The greatest fence seen; 0: none. */
  readonly fence: number;
  /** The newest 100 views, the oldest first, without a gap between them. Those whose records are
   * all trimmed away are forgotten, but for the newest. */
  readonly views: readonly StreamView[];
  readonly retention: Retention;
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
export type Command =
  | RegisterSession
  | CloseSession
  | Append
  | ChangeStream
  | Put
  | Delete
  | SetPolicy;

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
      readonly kind: 'streamChanged';
      /** As it stood right after the change. */
      readonly state: StreamState;
      readonly index: Index;
      readonly term: Term;
    }
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
