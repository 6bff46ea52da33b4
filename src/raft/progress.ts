/**
 * What a leader knows of one follower and may send it next. A follower is in one of four states:
 *  - probe      where its log meets ours is not known: one append at a time,
 *  - replicate  it is known: appends are pipelined within the window, `next` runs ahead of `match`,
 *  - fetching   paused while the driver reads old entries from disk,
 *  - snapshot   paused while it gets a snapshot instead of entries.
 * Invariant: match < next; match falls only when the follower is proved to have lost its data.
 * Refusals older than `floor` are stale: a duplicate never starts a second chain of replication.
 * After a loss the pipeline begins anew with one append and doubles with each that arrived, as TCP
 * starts: else a follower behind a queue or link that takes less than a whole window is sent the
 * same window again every round trip, and may never get on.
 */

import { assert } from '../base/assert.js';
import type { Index, MemberId } from './types.js';

/** The four states above. */
export type ProgressState = 'probe' | 'replicate' | 'fetching' | 'snapshot';

/** The window of one follower: how much may be on its way. */
export interface Window {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** One follower, as its leader sees it. */
export class Progress {
  readonly id: MemberId;
  /** Last index known to be the same here and there, and on its disk. */
  match: Index = 0;
  /** First index not sent yet (probe: to be tried). */
  next: Index;
  state: ProgressState = 'probe';
  /** Index of the snapshot on its way; 0 when none is. */
  pendingSnapshot: Index = 0;
  /** Number of the last append sent. */
  sequence = 0;
  /** Number of the last append sent before the present state began. */
  floor = 0;
  /** A probe is out; the next waits for its reply, or for a heartbeat's that says it was lost. */
  probeSent = false;
  /** Tick at which it was last heard. */
  heardTick: number;
  /** Newest read round that it confirmed. */
  ackedRound = 0;
  /** Largest commit index sent in an append. */
  sentCommit: Index = 0;
  /** Tick of the last append, whatever made it go. */
  sentTick = -1;
  /** Number of the append that asks whether it still has `match`; 0 when none is out. */
  lossCheckSequence = 0;
  lossCheckTick = 0;
  /**
   * Number of the last append sent before it lost its data: older answers speak of what is gone.
   */
  forgottenSequence = 0;

  readonly #window: Window;
  // The window as a ring: last index and bytes of each append on its way, oldest at #head.
  readonly #lastIndexes: Index[] = [];
  readonly #bytes: number[] = [];
  #head = 0;
  #count = 0;
  #bytesTotal = 0;
  /** Appends that may be on their way: fewer than the window has, for a while after a loss. */
  #allowed: number;

  constructor(id: MemberId, next: Index, heardTick: number, window: Window) {
    this.id = id;
    this.next = next;
    this.heardTick = heardTick;
    this.#window = window;
    this.#allowed = window.messagesMax;
  }

  /** True while another append may be sent on top of those on their way. */
  get windowOpen(): boolean {
    return this.#count < this.#allowed && this.#bytesTotal < this.#window.bytesMax;
  }

  /** Appends on their way. */
  get inflightMessages(): number {
    return this.#count;
  }

  /** Bytes of entries on their way. */
  get inflightBytes(): number {
    return this.#bytesTotal;
  }

  /** Tries whether the logs meet at `next` − 1; what was in the pipeline counts as lost. */
  becomeProbe(next: Index): void {
    if (this.state !== 'probe') this.#allowed = 1;
    this.#become('probe');
    this.next = Math.max(next, this.match + 1);
  }

  /** The logs meet at `match`: pipeline from there. */
  becomeReplicate(): void {
    this.#become('replicate');
    this.next = this.match + 1;
  }

  /** Waits for entries from disk, keeping what is on its way. */
  pauseForFetch(): void {
    assert(this.state === 'replicate', 'only a pipeline fetches');
    this.state = 'fetching';
  }

  /** The entries came (or did not): goes on pipelining. */
  resumeFromFetch(): void {
    assert(this.state === 'fetching', 'nothing was being fetched');
    this.state = 'replicate';
  }

  /** Waits for a snapshot up to `index` to be installed. */
  becomeSnapshot(index: Index): void {
    this.#become('snapshot');
    this.pendingSnapshot = index;
  }

  /** The follower was proved to have lost what it had acknowledged: nothing is known of it. */
  forget(): void {
    this.match = 0;
    this.forgottenSequence = this.sequence;
  }

  #become(state: ProgressState): void {
    this.state = state;
    this.floor = this.sequence;
    this.probeSent = false;
    this.pendingSnapshot = 0;
    this.lossCheckSequence = 0;
    this.#head = 0;
    this.#count = 0;
    this.#bytesTotal = 0;
  }

  /** An append that ends at `lastIndex` went out in the pipeline. */
  sent(lastIndex: Index, bytes: number): void {
    assert(lastIndex >= this.next, 'the pipeline sends each entry once');
    const at = (this.#head + this.#count) % this.#window.messagesMax;
    this.#lastIndexes[at] = lastIndex;
    this.#bytes[at] = bytes;
    this.#count++;
    this.#bytesTotal += bytes;
    this.next = lastIndex + 1;
  }

  /** Everything up to `index` is the same and on its disk. Returns true when that is news. */
  acknowledged(index: Index): boolean {
    while (this.#count > 0 && (this.#lastIndexes[this.#head] as Index) <= index) {
      this.#bytesTotal -= this.#bytes[this.#head] as number;
      this.#head = (this.#head + 1) % this.#window.messagesMax;
      this.#count--;
    }
    if (index <= this.match) return false;
    this.match = index;
    this.#allowed = Math.min(this.#allowed * 2, this.#window.messagesMax);
    if (this.next <= index) this.next = index + 1;
    return true;
  }
}
