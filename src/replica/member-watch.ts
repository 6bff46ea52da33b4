/**
 * What the leader sees of each member over time: for how long it has answered, been silent, or got
 * nowhere. It decides nothing: the planner is handed these as views.
 *
 * Invariant: the leader's own sleep is nobody's silence. Each look adds at most a short step,
 * however long ago the look before was, so a leader that was paused for a minute does not wake up
 * among the dead.
 */

import type { Hearsay, MemberView } from '../membership/plan.js';
import type { CoreStatus } from '../raft/core.js';
import type { MemberId } from '../raft/types.js';

/** The most that one look adds, milliseconds: five times the pace of looking. */
const stepMillisMax = 500;

interface Seen {
  match: number;
  alive: boolean;
  aliveForMillis: number;
  silentForMillis: number;
  stalledForMillis: number;
}

/** What is seen of the members while this server leads. */
export class MemberWatch {
  readonly #seen = new Map<MemberId, Seen>();
  #lookedAt: number | null = null;

  /** Another term of leading begins: nothing is known any more. */
  restart(): void {
    this.#seen.clear();
    this.#lookedAt = null;
  }

  /** Takes in the core's view. @param lagEntriesMax behind by more is not caught up. */
  look(status: CoreStatus, lagEntriesMax: number, nowMillis: number): void {
    const { progress, lastIndex } = status;
    const step = Math.min(stepMillisMax, nowMillis - (this.#lookedAt ?? nowMillis));
    this.#lookedAt = nowMillis;
    for (const [id, { match, recentlyActive }] of progress) {
      const seen = this.#of(id, match);
      const wasAlive = seen.alive;
      seen.alive = recentlyActive;
      seen.aliveForMillis = recentlyActive && wasAlive ? seen.aliveForMillis + step : 0;
      seen.silentForMillis = recentlyActive ? 0 : seen.silentForMillis + step;
      const hasCaughtUp = match >= id && lastIndex - match <= lagEntriesMax;
      const isStalled = !hasCaughtUp && match === seen.match;
      seen.stalledForMillis = isStalled ? seen.stalledForMillis + step : 0;
      seen.match = match;
    }
    for (const id of this.#seen.keys()) if (!progress.has(id)) this.#seen.delete(id);
  }

  /** The view of one member at the last look. */
  view(id: MemberId, matchIndex: number, hearsay: Hearsay): MemberView {
    const { alive, aliveForMillis, silentForMillis, stalledForMillis } = this.#of(id, matchIndex);
    return { ...hearsay, matchIndex, alive, aliveForMillis, silentForMillis, stalledForMillis };
  }

  #of(id: MemberId, match: number): Seen {
    let seen = this.#seen.get(id);
    if (seen === undefined) {
      seen = { match, alive: false, aliveForMillis: 0, silentForMillis: 0, stalledForMillis: 0 };
      this.#seen.set(id, seen);
    }
    return seen;
  }
}
