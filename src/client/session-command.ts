/**
 * One command of a session on its way, and the callers who wait for it. Several appends of one turn
 * may share a command. A command outlives its callers: one that ran out of time stays in the
 * session, because those behind it need its sequence number. The invariant: each caller is settled
 * exactly once.
 */

import { QuorateError } from '../base/errors.js';
import { counterMax } from '../base/limits.js';
import type {
  AppendConditions,
  Command,
  Reply,
  SessionTag,
  StreamChange,
} from '../machine/commands.js';
import type { ClientReply } from '../wire/client-messages.js';
import type { AbortWatch } from './abort.js';
import type { Receiver } from './link.js';

/** A reply that is no refusal. */
export type DoneReply = Exclude<Reply, { kind: 'refused' }>;

/** Who waits for a command: in a group of appends, for the `place`-th of its records. */
export interface Waiter {
  readonly resolve: (reply: DoneReply, place: number) => void;
  readonly reject: (error: unknown) => void;
  watch: AbortWatch | null;
}

/** A command before it has a session. */
export type Order =
  | {
      readonly op: 'append';
      readonly stream: string;
      readonly records: Uint8Array[];
      /** Left out where none was asked for. */
      readonly conditions?: AppendConditions;
    }
  | { readonly op: 'changeStream'; readonly stream: string; readonly change: StreamChange }
  | {
      readonly op: 'put';
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly expectedModRevision: number | null;
    }
  | {
      readonly op: 'delete';
      readonly key: Uint8Array;
      readonly expectedModRevision: number | null;
    };

/** The session's side of a command. */
export interface CommandOwner {
  replied(command: SessionCommand, reply: ClientReply, id: number): void;
}

/** A command and its callers. */
export class SessionCommand implements Receiver {
  readonly manner = 'request';
  readonly order: Order;
  readonly deadlineMillis: number;
  /** Bytes of the records, keys and values in it. */
  bytes: number;
  /** One for each record of a group, else one. */
  waiters: Waiter[];
  /** More single appends may still join; then `waiters` and the records run in parallel. */
  readonly isGroup: boolean;
  /** 0 until it is sent for the first time. */
  sequence = 0;
  /** The bytes of the command, from the first sending on. */
  encoded: Uint8Array | null = null;
  /** Stands in for a command that a server would not pass on. */
  isFiller = false;
  /** The id it was asked under last; 0: it is not on its way. */
  id = 0;
  sentMillis = 0;
  /** The machine's word, once it came; it is passed on when all before it are settled. */
  outcome: Reply | null = null;
  /** It left the session: whatever else comes for it is of no interest. */
  isGone = false;
  readonly #owner: CommandOwner;

  constructor(owner: CommandOwner, order: Order, waiter: Waiter, size: CommandSize) {
    this.#owner = owner;
    this.order = order;
    this.waiters = [waiter];
    this.bytes = size.bytes;
    this.isGroup = size.isGroup;
    this.deadlineMillis = size.deadlineMillis;
  }

  replied(reply: ClientReply, id: number): void {
    this.#owner.replied(this, reply, id);
  }

  /** The machine command under `tag`. */
  under(tag: SessionTag): Command {
    return { ...this.order, tag };
  }

  /** Passes the outcome on to every caller who still waits. */
  settle(reply: Reply): void {
    if (reply.kind === 'refused') {
      this.fail(QuorateError.from(reply.refusal));
      return;
    }
    const { waiters } = this;
    this.waiters = [];
    for (let place = 0; place < waiters.length; place++) {
      const waiter = waiters[place] as Waiter;
      waiter.watch?.stop();
      waiter.resolve(reply, place);
    }
  }

  /** Fails every caller who still waits. */
  fail(error: unknown): void {
    const { waiters } = this;
    this.waiters = [];
    for (const waiter of waiters) {
      waiter.watch?.stop();
      waiter.reject(error);
    }
  }
}

/** What a command weighs, and how it came to be. */
export interface CommandSize {
  readonly bytes: number;
  readonly isGroup: boolean;
  readonly deadlineMillis: number;
}

/**
 * A command that changes nothing but uses up its sequence number: it stands in for one that a
 * server would not pass to the machine, so that those behind it are not kept out for ever. If an
 * earlier copy of the refused one did get through, the machine answers with that one's reply, and
 * no later command can be mistaken for it; giving its number to the next command could.
 */
export function fillerUnder(tag: SessionTag): Command {
  // No write of this revision can exist, so the condition never holds.
  return { op: 'delete', tag, key: Uint8Array.of(0), expectedModRevision: counterMax };
}
