/**
 * What the calls of a client take, and what they give: plain shapes, part of the library's face.
 * What the calls do stands in client.ts.
 */

import type { KeyValue, Retention, StreamState } from '../machine/commands.js';
import type { Consistency, NamedStream, StreamRecord } from '../wire/client-messages.js';

/** Bytes, or text that is sent as UTF-8. Bytes must not be changed before the answer is there. */
export type Data = Uint8Array | string;

/** What every call takes. */
export interface CallOptions {
  /** How long the call may take, milliseconds. @default the client's `timeoutMillis` */
  readonly timeoutMillis?: number;
  /** Gives the call up; a write on its way may still be done. */
  readonly signal?: AbortSignal;
}

/** What calls about a stream take. */
export interface StreamOptions extends CallOptions {
  /** Name of the stream. @default 'log' */
  readonly stream?: string;
}

/** How records are appended. Every condition given must hold, or nothing is appended. */
export interface AppendOptions extends StreamOptions {
  /** The sequence that the (first) record must get. Else CONFLICT; `hints.expected`: the one it
   * would have got. */
  readonly expectSeq?: number;
  /** The writer's fencing token, from 1 on. Once a greater one was used on the stream it is FENCED;
   * `hints.expected`: the greatest. */
  readonly fence?: number;
  /** The view that the records are meant for. Once that is sealed: SEALED; `hints.expected`: where
   * it ended. Before it is opened: CONFLICT. */
  readonly view?: number;
}

/** Where a record went. */
export interface AppendResult {
  readonly seq: number;
  readonly index: number;
  readonly term: number;
}

/** Where a batch of records went: all of them, at consecutive sequence numbers. */
export interface BatchResult {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly index: number;
  readonly term: number;
}

/** How a stream, or the names of streams, are read. */
export interface StreamReadOptions extends StreamOptions {
  /** @default 'linearizable' */
  readonly consistency?: Consistency;
}

/** How a read is made. */
export interface ReadOptions extends StreamReadOptions {
  /**
   * First sequence wanted; streams count from 1. One that is trimmed away is refused with TRIMMED;
   * `hints.expected`: the first that is kept.
   * @default the first that is kept; with `backwards` the last
   */
  readonly from?: number;
  /** Instead of `from`: the first record appended at or after this time (milliseconds since 1970),
   * or with `backwards` the last one before it. Times are the leader's clock. */
  readonly since?: Date | number;
  /** Towards the first record: falling sequences. @default false */
  readonly backwards?: boolean;
  /** Records wanted at most. @default 1000 */
  readonly limit?: number;
  /** Bytes of records at most, but at least one record. @default what an answer takes, 2 MiB */
  readonly bytesMax?: number;
}

/** What a read gives. */
export interface ReadResult {
  readonly records: readonly StreamRecord[];
  /** The stream's next sequence when it was read. */
  readonly nextSeq: number;
  /** The first record that was kept then: nextSeq − firstSeq records are in the stream. */
  readonly firstSeq: number;
  /** False when a limit of bytes or of an answer cut it short: read on behind the last record. */
  readonly complete: boolean;
}

/** How a stream is followed. */
export interface FollowOptions {
  /** Name of the stream. @default 'log' */
  readonly stream?: string;
  /** First sequence wanted. @default the first that is kept */
  readonly from?: number;
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Which streams to list. */
export interface StreamsOptions extends CallOptions {
  /** Those whose names begin with it. @default '' */
  readonly prefix?: string;
  /** Those behind this name: the last of the answer before. @default '' */
  readonly after?: string;
  /** Streams wanted at most; an answer has 1000 at most. @default 1000 */
  readonly limit?: number;
  /** @default 'linearizable' */
  readonly consistency?: Consistency;
}

/** Streams by name. */
export interface StreamsResult {
  readonly streams: readonly NamedStream[];
  /** There are more: ask on with `after`. */
  readonly more: boolean;
}

/** How a stream is sealed. */
export interface SealOptions extends StreamOptions {
  /** Only if the newest view is this one. Else CONFLICT. @default whichever it is */
  readonly view?: number;
}

/** What a stream is to keep; a limit that is left out is none. */
export type RetentionLimits = { readonly [Limit in keyof Retention]?: number };

/** How a stream stands right after it was changed, and the log entry that did it. */
export interface StreamChanged {
  readonly state: StreamState;
  readonly index: number;
  readonly term: number;
}

/** How a key is written. */
export interface WriteOptions extends CallOptions {
  /** Only if the key's mod revision is this one; 0: only if there is no such key. */
  readonly expectedModRevision?: number;
}

/** What a `put` did. */
export interface PutResult {
  readonly revision: number;
  readonly createRevision: number;
  readonly version: number;
  readonly index: number;
  readonly term: number;
}

/** What a `delete` did. */
export interface DeleteResult {
  /** How many keys went: 0 or 1. */
  readonly count: number;
  readonly revision: number;
  readonly index: number;
  readonly term: number;
}

/** How keys are read. */
export interface GetOptions extends CallOptions {
  /** @default 'linearizable' */
  readonly consistency?: Consistency;
}

/** Which keys to list: all that begin with `prefix`, or from `start` up to but without `end`. */
export interface ListOptions extends GetOptions {
  readonly prefix?: Data;
  readonly start?: Data;
  readonly end?: Data;
  /** @default 1000 */
  readonly limit?: number;
}

/** How a member is removed. */
export interface RemoveOptions extends CallOptions {
  /** Also where only one voter would be left. @default false */
  readonly force?: boolean;
}

/** Keys in order. */
export interface ListResult {
  readonly keys: readonly KeyValue[];
  readonly revision: number;
  /** There are more keys in the range. */
  readonly more: boolean;
}
