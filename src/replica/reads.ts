/**
 * Read barriers: a linearizable read waits until this server has applied everything that was
 * committed when it was asked. All reads that arrive in one turn share one read index, and so one
 * round of heartbeats (Raft thesis 6.4).
 *
 * Invariant: a barrier opens only for a read index that the core answered for a `read` input given
 * after the barrier was asked for; a reference is never used again (trap 33).
 */

import type { Clock } from '../base/clock.js';
import type { Refusal } from '../base/errors.js';
import type { Index } from '../raft/types.js';
import type { Driver, RefusedWish } from './driver.js';
import type { Refs } from './refs.js';

/** How long a read waits for a read index and its application, milliseconds. */
const readMillisMax = 3000;

/** After how long without an answer the leader is asked again: the message may have been lost. */
const askAgainMillis = 300;

/** What read barriers work with. */
export interface ReadsDeps {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly refs: Refs;
  /** The last index that this server may come to apply for now: its disk takes no more. */
  readonly reach: () => Index;
}

/** Opened with null when the read may go on, or with the reason why not. */
export type BarrierOpened = (refusal: Refusal | null) => void;

interface Waiting {
  readonly opened: BarrierOpened;
  readonly deadline: number;
}

interface Asked {
  readonly waiting: readonly Waiting[];
  readonly askedAt: number;
}

/** The read barriers of one replica. */
export class Reads {
  readonly #driver: Driver;
  readonly #clock: Clock;
  #appliedIndex: Index;
  readonly #refs: Refs;
  readonly #reach: () => Index;
  /** Asked for in this turn; they leave together when the turn of the core begins. */
  #gathering: Waiting[] = [];
  #gatherScheduled = false;
  /** The leader was asked; by reference. */
  readonly #asked = new Map<number, Asked>();
  /** The read index is known and not applied yet. */
  #applying: { readonly index: Index; readonly waiting: readonly Waiting[] }[] = [];
  #stopped = false;

  constructor(appliedIndex: Index, deps: ReadsDeps) {
    this.#refs = deps.refs;
    this.#reach = deps.reach;
    this.#appliedIndex = appliedIndex;
    this.#driver = deps.driver;
    this.#clock = deps.clock;
  }

  /** Asks for a barrier. */
  barrier(opened: BarrierOpened): void {
    if (this.#stopped) return opened({ code: 'STOPPING', message: 'the server is stopping' });
    this.#gather({ opened, deadline: this.#clock.monotonicMillis() + readMillisMax });
  }

  /** Ends all that waits. */
  stop(): void {
    this.#stopped = true;
    const all = [
      ...this.#gathering,
      ...[...this.#asked.values()].flatMap((asked) => asked.waiting),
      ...this.#applying.flatMap((group) => group.waiting),
    ];
    this.#gathering = [];
    this.#asked.clear();
    this.#applying = [];
    for (const { opened } of all) opened({ code: 'STOPPING', message: 'the server is stopping' });
  }

  // ---- facts ----

  answered(ref: number, index: Index): void {
    const asked = this.#asked.get(ref);
    if (asked === undefined) return;
    this.#asked.delete(ref);
    if (index <= this.#appliedIndex) open(asked.waiting, null);
    else if (index > this.#reach()) open(asked.waiting, outOfReach);
    else this.#applying.push({ index, waiting: asked.waiting });
  }

  /** The core took the read back: it is asked again at the next tick, until its time is over. */
  refused(wish: RefusedWish): boolean {
    const asked = this.#asked.get(wish.ref);
    if (asked === undefined) return false;
    // Asked "long ago", so that the next tick asks again.
    this.#asked.set(wish.ref, { waiting: asked.waiting, askedAt: Number.NEGATIVE_INFINITY });
    return true;
  }

  applied(index: Index): void {
    this.#appliedIndex = index;
    if (this.#applying.length === 0) return;
    const ready = this.#applying.filter((group) => group.index <= index);
    if (ready.length === 0) return;
    this.#applying = this.#applying.filter((group) => group.index > index);
    for (const group of ready) open(group.waiting, null);
  }

  /** Once a tick: asks again what got no answer, gives up what waited too long. */
  expire(): void {
    const now = this.#clock.monotonicMillis();
    for (const [ref, asked] of this.#asked) {
      const live = dropExpired(asked.waiting, now);
      if (asked.askedAt + askAgainMillis > now && live.length === asked.waiting.length) continue;
      this.#asked.delete(ref);
      if (live.length === 0) continue;
      if (asked.askedAt + askAgainMillis > now) {
        this.#asked.set(ref, { waiting: live, askedAt: asked.askedAt });
      } else {
        for (const waiting of live) this.#gather(waiting);
      }
    }
    if (this.#applying.length === 0) return;
    this.#applying = this.#applying
      .map((group) => ({ index: group.index, waiting: dropExpired(group.waiting, now) }))
      .filter((group) => group.waiting.length > 0);
  }

  // ---- within ----

  #gather(waiting: Waiting): void {
    this.#gathering.push(waiting);
    if (this.#gatherScheduled) return;
    this.#gatherScheduled = true;
    // Before the core's turn: the driver was not woken yet by these reads, so its turn comes after.
    this.#clock.afterTurn(() => this.#ask());
  }

  #ask(): void {
    this.#gatherScheduled = false;
    if (this.#gathering.length === 0) return;
    const ref = this.#refs.next();
    this.#asked.set(ref, {
      waiting: this.#gathering,
      askedAt: this.#clock.monotonicMillis(),
    });
    this.#gathering = [];
    this.#driver.read(ref);
  }
}

const outOfReach: Refusal = {
  code: 'DISK_FAILED',
  message: 'this server is behind, for its disk is full: ask another, or read stale',
  retryAfterMillis: 500,
};

function open(waiting: readonly Waiting[], refusal: Refusal | null): void {
  for (const { opened } of waiting) opened(refusal);
}

/** Refuses those whose time is over; gives the others. */
function dropExpired(waiting: readonly Waiting[], now: number): readonly Waiting[] {
  if (waiting.every((one) => one.deadline > now)) return waiting;
  open(
    waiting.filter((one) => one.deadline <= now),
    {
      code: 'NO_LEADER',
      message: 'no leader confirmed the read in time: is a majority of the voters up?',
      retryAfterMillis: 200,
    },
  );
  return waiting.filter((one) => one.deadline > now);
}
