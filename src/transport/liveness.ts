/**
 * Judges by silence whether the other end of a connection lives. Both ends send something at least
 * every `speakMillis`; who hears nothing for `silenceMillisMax` gives the connection up. Raft's
 * elections do not depend on this: it frees what a pulled cable or a stopped process would hold.
 *
 * Time is counted in ticks of the transport, each at most two intervals long: when this process
 * itself was stalled, the bytes that came meanwhile are read before anybody is called dead.
 * libp2p's own monitor counts the stall as the other's silence, and opens a stream for each ping.
 */

/** What to do after a tick. */
export type LivenessVerdict = 'quiet' | 'speak' | 'dead';

/** See the head of the file. */
export class Liveness {
  readonly #speakMillis: number;
  readonly #silenceMillisMax: number;
  #heard = true;
  #spoke = true;
  #silentMillis = 0;
  #unspokenMillis = 0;

  /**
   * @param speakMillis speak when nothing was sent for this long; 0: at every tick.
   * @param silenceMillisMax the other end is dead when nothing was heard for this long.
   */
  constructor(speakMillis: number, silenceMillisMax: number) {
    this.#speakMillis = speakMillis;
    this.#silenceMillisMax = silenceMillisMax;
  }

  /** How long nothing has been heard, milliseconds, in whole ticks. */
  get silentMillis(): number {
    return this.#heard ? 0 : this.#silentMillis;
  }

  /** Bytes came. */
  heard(): void {
    this.#heard = true;
  }

  /** Bytes went. */
  spoke(): void {
    this.#spoke = true;
  }

  /** @param elapsedMillis since the last tick, not counting a stall of this process. */
  tick(elapsedMillis: number): LivenessVerdict {
    this.#silentMillis = this.#heard ? 0 : this.#silentMillis + elapsedMillis;
    this.#heard = false;
    this.#unspokenMillis = this.#spoke ? 0 : this.#unspokenMillis + elapsedMillis;
    this.#spoke = false;
    if (this.#silentMillis >= this.#silenceMillisMax) return 'dead';
    return this.#unspokenMillis >= this.#speakMillis ? 'speak' : 'quiet';
  }
}
