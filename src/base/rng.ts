/**
 * A seeded generator of pseudo-random numbers (sfc32, by Chris Doty-Humphrey, public domain
 * algorithm). The pure ring has no other source of chance, so a seed replays a run exactly.
 * Not for secrets.
 */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any number; its low 53 bits count. */
  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) >>> 0;
    this.#c = 0x9e3779b9;
    // Twelve rounds mix the seed into all the state: neighbouring seeds give unrelated streams.
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** A whole number in 0 … 2³²−1. */
  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** A whole number in 0 … bound−1. `bound` is at most 2³². */
  below(bound: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * bound);
  }

  /** A whole number in min … max, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }
}
