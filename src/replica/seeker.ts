/**
 * Looks for the cluster when a member has lost sight of it: while nobody leads as far as it knows,
 * it asks the addresses it was started with (PEERS) and all that it remembers who is there. Whoever
 * answers greets, and greetings carry addresses: so a server, or all of them at once, come back
 * under new addresses, and a newcomer whose log is young finds members that its log does not name
 * yet.
 *
 * It makes nobody a member: it only opens links, on which the log's rules hold.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Transport } from '../transport/transport.js';
import type { Peers } from './peers.js';

/** A leader must be unknown for this long before the search begins, milliseconds: an election is no
 * reason to search. */
const patienceMillis = 1500;

/** The pause between two questions, milliseconds. */
const pauseMillis = 250;

/** How long one address may take, milliseconds. */
const probeMillisMax = 2000;

/** What a seeker works with. */
export interface SeekerDeps {
  readonly transport: Transport;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly log: Log;
}

/** The search of one member. */
export class Seeker {
  readonly #seeds: readonly string[];
  readonly #deps: SeekerDeps;
  #leaderlessSince: number | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #next = 0;
  /** Seeds that were never asked: each is asked once, leader or not, so that an operator who named
   * a server of another cluster hears of it. */
  readonly #unasked: string[];
  #isAsking = false;
  #isTold = false;
  #isStopped = false;

  /** @param seeds addresses given by the operator, `host:port`. */
  constructor(seeds: readonly string[], deps: SeekerDeps) {
    this.#seeds = seeds;
    this.#unasked = [...seeds];
    this.#deps = deps;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Once a tick. */
  ticked(hasLeader: boolean): void {
    const now = this.#deps.clock.monotonicMillis();
    if (this.#isAsking || this.#isStopped || now - this.#askedAt < pauseMillis) return;
    const unasked = this.#unasked.shift();
    if (hasLeader) {
      this.#leaderlessSince = null;
      this.#isTold = false;
      if (unasked !== undefined) this.#ask(unasked, now);
      return;
    }
    this.#leaderlessSince ??= now;
    if (unasked !== undefined) this.#ask(unasked, now);
    else if (now - this.#leaderlessSince >= patienceMillis) this.#askNext(now);
  }

  #askNext(now: number): void {
    const { peers, log } = this.#deps;
    const addresses = [...new Set([...this.#seeds, ...peers.unlinkedAddresses()])];
    const address = addresses[this.#next % Math.max(1, addresses.length)];
    if (address === undefined) return;
    this.#next += 1;
    if (!this.#isTold) log.info({ addresses }, 'no leader; looking for the others');
    this.#isTold = true;
    this.#ask(address, now);
  }

  #ask(address: string, now: number): void {
    const { transport, clock } = this.#deps;
    this.#askedAt = now;
    this.#isAsking = true;
    const giveUp = new AbortController();
    const timer = clock.after(probeMillisMax, () => giveUp.abort());
    const ended = (): void => {
      timer.cancel();
      this.#isAsking = false;
    };
    // Whoever answered has greeted by now, which is all that was wanted; who did not is asked
    // again.
    transport.probe(address, giveUp.signal).then(ended, ended);
  }
}
