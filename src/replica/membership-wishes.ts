/**
 * The wishes that wait for their turn at the leader: applicants and members that are to go. First
 * come, first served, each kind by itself; none waits for ever.
 *
 * Invariant: every wish is answered once: when it is done or refused, by its deadline, or when this
 * server stops leading.
 */

import type { Refusal } from '../base/errors.js';
import type { LeaveWish } from '../membership/leaving.js';
import type { MemberId, MemberInfo } from '../raft/types.js';
import type { Outcome } from './api.js';

/** The most applicants and removals that wait for their turn. */
const waitingMax = 64;

/** How long an applicant or a removal waits for its turn and its commit, milliseconds. */
export const changeMillisMax = 20_000;

/** Somebody who asks to be taken in, without the id that only the log can give. */
export type Applicant = Omit<MemberInfo, 'id'>;

/** Where the end of a wish is told, once. */
export type Answer<T> = (outcome: Outcome<T>) => void;

/** An applicant. */
export interface Join {
  readonly kind: 'join';
  readonly applicant: Applicant;
  readonly answer: Answer<MemberId>;
  readonly deadline: number;
}

/** A member that is to go; it may take several changes. */
export interface Removal {
  readonly kind: 'removal';
  readonly wish: LeaveWish;
  readonly answer: Answer<string>;
  readonly deadline: number;
  /** What it was put back for last; null: nothing yet. */
  waitsFor: string | null;
}

/** The wishes that wait. */
export class MembershipWishes {
  #waiting: (Join | Removal)[] = [];

  /** Applicants that wait, in order. */
  applicants(): readonly Applicant[] {
    return this.#waiting.flatMap((wish) => (wish.kind === 'join' ? [wish.applicant] : []));
  }

  /** Whether a member waits to be taken out. */
  isLeaving(member: MemberId): boolean {
    return this.#waiting.some((one) => one.kind === 'removal' && one.wish.member === member);
  }

  /** Takes a wish in; answers it at once when too many wait. */
  add(wish: Join | Removal): void {
    if (this.#waiting.length >= waitingMax) {
      return wish.answer({ ok: false, refusal: tooManyWaiting });
    }
    this.#waiting.push(wish);
  }

  /** A removal that is not finished, before all others. @param waitsFor one line. */
  putBack(removal: Removal, waitsFor: string): void {
    removal.waitsFor = waitsFor;
    this.#waiting.unshift(removal);
  }

  /** The first applicant. */
  takeJoin(): Join | null {
    return this.#take((wish) => wish.kind === 'join') as Join | null;
  }

  /** The first removal. */
  takeRemoval(): Removal | null {
    return this.#take((wish) => wish.kind === 'removal') as Removal | null;
  }

  /** Answers what has waited too long. */
  expire(nowMillis: number): void {
    const late = this.#waiting.filter(({ deadline }) => deadline <= nowMillis);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > nowMillis);
    for (const wish of late) {
      const waitsFor = wish.kind === 'removal' ? wish.waitsFor : null;
      const why = waitsFor === null ? 'see "quorate members"' : waitsFor;
      const message = `the change got no turn within ${changeMillisMax} ms: ${why}`;
      wish.answer({ ok: false, refusal: { code: 'TIMEOUT', message } });
    }
  }

  /** Answers all that waits. */
  refuseAll(refusal: Refusal): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { answer } of waiting) answer({ ok: false, refusal });
  }

  #take(which: (wish: Join | Removal) => boolean): Join | Removal | null {
    const at = this.#waiting.findIndex(which);
    return at < 0 ? null : (this.#waiting.splice(at, 1)[0] ?? null);
  }
}

const tooManyWaiting: Refusal = {
  code: 'OVERLOADED',
  message: `${waitingMax} membership changes are waiting already`,
  retryAfterMillis: 1000,
};
