/**
 * Sessions: each command of a client is done once, in the client's order, however often it is sent.
 * A session awaits one sequence number. That one is done and its reply kept, an earlier one gets
 * its kept reply, a later one is refused and leaves no trace. Replies are kept until the client
 * says that it has them. Everything is decided by the order of the log, so all replicas forget
 * alike.
 * Source: Raft thesis 6.3; the least recently used session goes first when there are too many.
 */

import { assert } from '../base/assert.js';
import type { Refusal } from '../base/errors.js';
import type { Index } from '../raft/types.js';
import type { Reply, SessionTag } from './commands.js';
import { digestReply } from './reply-digest.js';
import type { StateDigest } from './state-digest.js';
import { type StateRow, StateRowError } from './state-rows.js';

/** Most sessions; one more, and the least recently used is closed. */
export const sessionsMax = 10_000;

/** Most replies kept for one session: its client must acknowledge before it may go on. */
export const storedRepliesMax = 4096;

/** When a client that does not acknowledge may come back, milliseconds. */
const retryAfterMillis = 100;

/** What a session says to a command: do it, or here is the answer. */
export type Admission =
  | { readonly kind: 'proceed' }
  | { readonly kind: 'repeat'; readonly reply: Reply }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const proceed: Admission = { kind: 'proceed' };

interface Session {
  readonly id: number;
  /** As of `Sessions.#epoch`: one of an older epoch is frozen, and is copied before it changes. */
  readonly epoch: number;
  nextSequence: number;
  /** Sequence of the first reply kept; all below are forgotten. */
  firstKept: number;
  /** Replies of firstKept … nextSequence − 1, from `head` on. */
  replies: (Reply | null)[];
  head: number;
}

/** All sessions of a machine. */
export class Sessions {
  /** In the order of their last use, the longest unused first. */
  readonly #byId = new Map<number, Session>();
  #newest = 0;
  /** Counts how often all sessions were frozen. */
  #epoch = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** Opens the session `id`, the index of the entry that registers it. */
  register(id: Index): void {
    assert(!this.#byId.has(id), 'a session is registered once');
    if (this.#byId.size >= sessionsMax) {
      for (const oldest of this.#byId.keys()) {
        this.#byId.delete(oldest);
        break;
      }
    }
    const epoch = this.#epoch;
    this.#byId.set(id, { id, epoch, nextSequence: 1, firstKept: 1, replies: [], head: 0 });
    this.#newest = id;
  }

  /** Closes a session; closing one that is not there does nothing. */
  close(id: number): void {
    this.#byId.delete(id);
  }

  /** Whether a command with this tag is to be done. Only 'proceed' leaves a trace, through
   * `store`. */
  admit(tag: SessionTag): Admission {
    const { session: id, sequence, acknowledgedBelow } = tag;
    const session = this.#byId.get(id);
    if (session === undefined) {
      return refused('SESSION_EXPIRED', `session ${id} is not known (any more): open another`);
    }
    if (sequence < 1 || acknowledgedBelow > sequence) {
      return refused('BAD_REQUEST', 'a sequence is 1 or more and not acknowledged beforehand');
    }
    const expected = session.nextSequence;
    if (sequence > expected) {
      const message = `session ${id} awaits sequence ${expected}, not ${sequence}`;
      return { kind: 'refused', refusal: { code: 'OUT_OF_ORDER', message, expected } };
    }
    if (sequence < expected) return this.#repeat(session, sequence);
    if (sequence - Math.max(session.firstKept, acknowledgedBelow) >= storedRepliesMax) {
      const message = `session ${id} has ${storedRepliesMax} replies that nobody acknowledged`;
      return { kind: 'refused', refusal: { code: 'OVERLOADED', message, retryAfterMillis } };
    }
    return proceed;
  }

  /** Keeps the reply of a command that was admitted just now, and forgets the acknowledged ones. */
  store(tag: SessionTag, reply: Reply): void {
    const known = this.#byId.get(tag.session);
    assert(known !== undefined, 'a reply is stored in the session that admitted the command');
    const session = this.#thawed(known);
    assert(tag.sequence === session.nextSequence, 'a session moves by one sequence at a time');
    session.replies.push(reply);
    session.nextSequence++;
    forget(session, tag.acknowledgedBelow);
    this.#use(session);
  }

  /** The rows of what stands here now, whatever comes later. Copies no session, but the list of
   * them; each is copied when it is changed for the first time after this. */
  freeze(): Iterable<StateRow> {
    this.#epoch += 1;
    return rowsOf([...this.#byId.values()]);
  }

  /** Takes back a session that was frozen, the longest unused first. Its replies follow.
   * @throws StateRowError when it is not one that could be here. */
  restore(id: number, nextSequence: number, firstKept: number): void {
    this.restored();
    const count = nextSequence - firstKept;
    if (this.#byId.has(id) || this.#byId.size >= sessionsMax) {
      throw new StateRowError('a session that is there already, or one too many');
    }
    if (id < 1 || firstKept < 1 || count < 0 || count > storedRepliesMax) {
      throw new StateRowError('a session that keeps no possible replies');
    }
    const epoch = this.#epoch;
    this.#byId.set(id, { id, epoch, nextSequence, firstKept, replies: [], head: 0 });
    this.#newest = id;
  }

  /** Takes back the next reply of the session that came last. @throws StateRowError for one too
   * many. */
  restoreReply(reply: Reply): void {
    const session = this.#byId.get(this.#newest);
    if (session === undefined || missingReplies(session) === 0) {
      throw new StateRowError('a reply of no session');
    }
    session.replies.push(reply);
  }

  /** The last session is whole. @throws StateRowError when replies of it are missing. */
  restored(): void {
    const session = this.#byId.get(this.#newest);
    if (session !== undefined && missingReplies(session) > 0) {
      throw new StateRowError('a session without all its replies');
    }
  }

  /** Adds every session, the longest unused first. */
  digest(into: StateDigest): void {
    into.number(this.#byId.size);
    for (const session of this.#byId.values()) {
      into.number(session.id);
      into.number(session.nextSequence);
      into.number(session.firstKept);
      for (let at = session.head; at < session.replies.length; at++) {
        digestReply(session.replies[at] as Reply, into);
      }
    }
  }

  #repeat(session: Session, sequence: number): Admission {
    if (sequence < session.firstKept) {
      const message = `the reply of sequence ${sequence} was acknowledged and is forgotten`;
      return refused('REPLY_FORGOTTEN', message);
    }
    this.#use(session);
    const reply = session.replies[session.head + (sequence - session.firstKept)];
    assert(reply !== undefined && reply !== null, 'an unacknowledged reply is kept');
    return { kind: 'repeat', reply };
  }

  /** The session, to be changed: a copy in its place if it is frozen. */
  #thawed(session: Session): Session {
    if (session.epoch === this.#epoch) return session;
    const replies = session.replies.slice(session.head);
    const copy = { ...session, epoch: this.#epoch, replies, head: 0 };
    // Set again, a key of a Map keeps its place.
    this.#byId.set(session.id, copy);
    return copy;
  }

  /** Makes this session the most recently used: a Map keeps the order of insertion. */
  #use(session: Session): void {
    if (session.id === this.#newest) return;
    this.#byId.delete(session.id);
    this.#byId.set(session.id, session);
    this.#newest = session.id;
  }
}

function* rowsOf(sessions: readonly Session[]): Generator<StateRow> {
  for (const { id, nextSequence, firstKept, replies, head } of sessions) {
    yield { kind: 'session', id, nextSequence, firstKept };
    for (let at = head; at < replies.length; at++) {
      yield { kind: 'reply', reply: replies[at] as Reply };
    }
  }
}

function missingReplies({ nextSequence, firstKept, replies }: Session): number {
  return nextSequence - firstKept - replies.length;
}

function forget(session: Session, below: number): void {
  while (session.firstKept < below) {
    session.replies[session.head++] = null;
    session.firstKept++;
  }
  // Half of the array is holes: moving the other half costs a constant per reply forgotten.
  if (session.head >= 32 && session.head * 2 >= session.replies.length) {
    session.replies = session.replies.slice(session.head);
    session.head = 0;
  }
}

function refused(code: Refusal['code'], message: string): Admission {
  return { kind: 'refused', refusal: { code, message } };
}
