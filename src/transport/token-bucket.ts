/**
 * A bound on a rate: so much at once, and so much for each second after. What was not spent is kept
 * up to the burst; what is over it is gone. Time is told to it, so it holds no clock.
 */

/** The bound. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** See the head of the file. */
export class TokenBucket {
  readonly #rate: Rate;
  #left: number;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** There is as much left. */
  has(amount: number): boolean {
    return this.#left >= amount;
  }

  /** Takes it, into debt if need be: then nothing is left until the time has paid for it. */
  spend(amount: number): void {
    this.#left -= amount;
  }

  elapsed(millis: number): void {
    const { burst, perSecond } = this.#rate;
    this.#left = Math.min(burst, this.#left + (perSecond * millis) / 1000);
  }
}
