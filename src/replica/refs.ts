/**
 * References by which this process knows its wishes again: proposals, reads, changes, forwarded
 * requests. One counter for all of them, so that an answer can never be taken for another's; it
 * starts at a random place, so that a late answer to a former life of this server meets no wish of
 * this one.
 */

import type { Rng } from '../base/rng.js';

/** Gives out references, each once. */
export class Refs {
  #next: number;

  constructor(rng: Rng) {
    // 2³² starts, 2¹⁶ apart, and room for 2⁴ times as many references as there are starts.
    this.#next = 1 + rng.uint32() * 0x1_0000;
  }

  next(): number {
    const ref = this.#next;
    this.#next += 1;
    return ref;
  }
}
