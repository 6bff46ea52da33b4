/**
 * Counts what gossip sends: the frames of its channel and what gossipsub writes, as the transport
 * hands them on. It only counts; what the numbers mean stands at `GossipSent`.
 *
 * Invariant: it never goes down, so whoever asks twice has the traffic in between.
 */

import type { GossipSent } from './transport.js';

/** What gossip of one server has sent so far. */
export class GossipCount {
  #frames = 0;
  #bytes = 0;

  /** These leave, each in a frame of its own. */
  add(frames: readonly { readonly byteLength: number }[]): void {
    this.#frames += frames.length;
    for (const { byteLength } of frames) this.#bytes += byteLength;
  }

  get sent(): GossipSent {
    return { frames: this.#frames, bytes: this.#bytes };
  }
}
