/**
 * The addresses a client may go to, and in which order and how soon: first those that a server just
 * recommended, then those the program was given, then those learned from answers. It decides only
 * order and waiting; `Link` dials. The invariant: every known address is tried once before any is
 * tried again, and rounds in vain are paused for longer and longer, each pause jittered.
 */

import type { Rng } from '../base/rng.js';

const pauseMillisFirst = 50;
const pauseMillisMax = 1000;
/** Learned addresses kept; a cluster of seven on hosts of several interfaces stays below it. */
const learnedMax = 64;

/** The ring of addresses. */
export class Targets {
  readonly #given: readonly string[];
  readonly #rng: Rng;
  #learned: string[] = [];
  #recommended: string[] = [];
  readonly #triedThisRound = new Set<string>();
  #roundsInVain = 0;

  constructor(given: readonly string[], rng: Rng) {
    this.#given = [...new Set(given)];
    this.#rng = rng;
  }

  /** The addresses the program was given, for messages. */
  get given(): readonly string[] {
    return this.#given;
  }

  /** The address to dial now, and how long to wait before. Counts as tried. */
  next(): { readonly address: string; readonly delayMillis: number } {
    let delayMillis = 0;
    let address = this.#untried();
    if (address === undefined) {
      this.#triedThisRound.clear();
      this.#roundsInVain += 1;
      delayMillis = this.#pause();
      address = this.#untried() ?? (this.#given[0] as string);
    }
    this.#triedThisRound.add(address);
    return { address, delayMillis };
  }

  /**
   * Addresses of a server that should be asked next. Those tried in this round still wait for the
   * next one: two servers that each believe the other to lead must not make us spin.
   */
  recommend(addresses: readonly string[]): void {
    this.#recommended = addresses.slice(0, learnedMax);
  }

  /** Addresses that an answer named; they replace those learned before. */
  learn(addresses: readonly string[]): void {
    if (addresses.length === 0) return;
    this.#learned = [...new Set(addresses)].slice(0, learnedMax);
  }

  /** The server at hand did what it was asked: the next search starts afresh, after `current`. */
  succeeded(current: string): void {
    this.#roundsInVain = 0;
    this.#triedThisRound.clear();
    this.#triedThisRound.add(current);
  }

  /** This address was tried since the last success. */
  isTried(address: string): boolean {
    return this.#triedThisRound.has(address);
  }

  #untried(): string | undefined {
    for (const list of [this.#recommended, this.#given, this.#learned]) {
      for (const address of list) if (!this.#triedThisRound.has(address)) return address;
    }
    return undefined;
  }

  /** Doubling from 50 ms to 1 s, then between half and all of it, so that clients spread. */
  #pause(): number {
    const exponent = Math.min(this.#roundsInVain - 1, 16);
    const full = Math.min(pauseMillisFirst * 2 ** exponent, pauseMillisMax);
    return this.#rng.between(Math.floor(full / 2), full);
  }
}
