/**
 * How many connections each remote host may open in a time: a bucket for each host, filled at an
 * even pace, of which each connection takes one. What is over at once, a burst of clients after a
 * fail-over, fits in the bucket; what goes on for longer does not.
 *
 * Invariant: a host is remembered only as long as its bucket is not full, so that the memory held
 * is bounded by what the hosts did in the last few seconds.
 */

/** How many seconds of its pace a host may take at once. */
const burstSeconds = 5;

/** See the head of the file. */
export class HandshakeRate {
  readonly #perSecond: number;
  /** How many each host may still take. */
  readonly #left = new Map<string, number>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes one for a host. False: it has none left. */
  take(host: string): boolean {
    const left = this.#left.get(host) ?? this.#full;
    if (left < 1) return false;
    this.#left.set(host, left - 1);
    return true;
  }

  /** Fills the buckets for a time that has passed. */
  tick(elapsedMillis: number): void {
    const more = (this.#perSecond * elapsedMillis) / 1000;
    for (const [host, left] of this.#left) {
      if (left + more >= this.#full) this.#left.delete(host);
      else this.#left.set(host, left + more);
    }
  }

  /** Hosts that are remembered. */
  get hosts(): number {
    return this.#left.size;
  }

  get #full(): number {
    return this.#perSecond * burstSeconds;
  }
}
