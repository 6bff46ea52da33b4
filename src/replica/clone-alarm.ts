/**
 * What a server does when it hears that a copy of its data folder runs elsewhere: one of two such
 * processes may have voted or acknowledged what the other knows nothing of, so the one that is
 * refused ends. Its own transport cannot know; the others tell it, who have seen both
 * (transport/clone-watch.ts).
 *
 * Invariant: only a member of the configuration in this server's own log is believed. Anybody may
 * answer at an address, and say anything.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { MemberInfo } from '../raft/types.js';
import type { CloneNotice, PeerId } from '../transport/transport.js';

/** The same is said again after this at the earliest, milliseconds: all others tell it, and tell it
 * whenever the copy is started again. */
const againMillis = 60_000;

/** What the alarm works with. */
export interface CloneAlarmDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Who is in the cluster, by this server's log; nobody while it is in none. */
  readonly members: () => readonly MemberInfo[];
  /** A server refused this one, and is no member. */
  readonly refused: (peer: PeerId, reason: string) => void;
  /** The process must end at once, and its folder must not be used again as it is. */
  readonly ranTwice: (reason: string) => void;
}

/** See the head of the file. */
export class CloneAlarm {
  readonly #deps: CloneAlarmDeps;
  #saidAtMillis = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(deps: CloneAlarmDeps) {
    this.#deps = deps;
  }

  /** `peer` tells that another process has this server's key and incarnation. */
  cloned(peer: PeerId, { isRefused, reason }: CloneNotice): void {
    if (this.#isOver) return;
    const { log, members, refused, ranTwice } = this.#deps;
    const member = members().find(({ peerId }) => peerId === peer);
    if (member === undefined) {
      if (isRefused) refused(peer, reason);
      return;
    }
    const server = member.name;
    if (!isRefused) return this.#warn(server, reason);
    this.#isOver = true;
    log.error({ server, reason }, 'the data folder of this server runs twice: it ends');
    ranTwice(`${server} refuses it: ${reason}`);
  }

  #warn(server: string, reason: string): void {
    const { clock, log } = this.#deps;
    const now = clock.monotonicMillis();
    if (now - this.#saidAtMillis < againMillis) return;
    this.#saidAtMillis = now;
    log.error({ server, reason }, 'a copy of the data folder of this server was refused');
  }
}
