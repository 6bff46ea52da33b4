/**
 * Keeps dialling the peers that the owner keeps, with a pause that doubles up to a limit, until
 * there is a link; a link that came in from the other side counts. Each peer is dialled by its id:
 * whoever else answers at its address is turned away (docs/libp2p.md, trap 13). After the loss of a
 * link the side with the lower id dials first, so that both seldom dial at once.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { Rng } from '../base/rng.js';
import type { PeerId } from './transport.js';

/** Head start of the side with the lower id, milliseconds. */
const headStartMillis = 50;

/** A link that lasted for this long is dialled again at once when it is lost, milliseconds. */
const lastingMillis = 1000;

/** What a dialler needs. */
export interface DiallerDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly self: PeerId;
  readonly redialMillisMin: number;
  readonly redialMillisMax: number;
  /** There is a connection to the peer, up or in its greeting: no dial is needed now. */
  isConnected(peer: PeerId): boolean;
  /** Dials the peer once. Resolves when a connection is open, rejects with one line. */
  dial(peer: PeerId, addresses: readonly string[]): Promise<void>;
  /** A dial failed: for the log. */
  failed(peer: PeerId, reason: string, nextMillis: number): void;
}

interface Kept {
  addresses: readonly string[];
  /** The pause after the next failure, milliseconds. */
  pauseMillis: number;
  timer: Timer | null;
  dialling: boolean;
  /** When the link came up last, monotonic milliseconds; null before. */
  linkedAtMillis: number | null;
}

/** See the head of the file. */
export class Dialler {
  readonly #deps: DiallerDeps;
  readonly #kept = new Map<PeerId, Kept>();

  constructor(deps: DiallerDeps) {
    this.#deps = deps;
  }

  /** Keeps dialling a peer; other addresses are tried at once. */
  keep(peer: PeerId, addresses: readonly string[]): void {
    const known = this.#kept.get(peer);
    if (known === undefined) {
      const pauseMillis = this.#deps.redialMillisMin;
      const kept = { addresses, pauseMillis, timer: null, dialling: false, linkedAtMillis: null };
      this.#kept.set(peer, kept);
      this.#arm(peer, kept, this.#deps.rng.below(10));
      return;
    }
    const same =
      known.addresses.length === addresses.length &&
      known.addresses.every((address, i) => address === addresses[i]);
    if (same) return;
    known.addresses = addresses;
    known.pauseMillis = this.#deps.redialMillisMin;
    if (!known.dialling) this.#arm(peer, known, 0);
  }

  release(peer: PeerId): void {
    this.#kept.get(peer)?.timer?.cancel();
    this.#kept.delete(peer);
  }

  /** The owner keeps the peer. */
  keeps(peer: PeerId): boolean {
    return this.#kept.has(peer);
  }

  /** Some peer that the owner keeps has no connection. */
  get isMissingOne(): boolean {
    for (const peer of this.#kept.keys()) if (!this.#deps.isConnected(peer)) return true;
    return false;
  }

  /** Some peer that the owner keeps has no connection, and an address at this host. */
  misses(host: string): boolean {
    for (const [peer, { addresses }] of this.#kept) {
      if (this.#deps.isConnected(peer)) continue;
      const isThere = (one: string): boolean => one.slice(0, one.lastIndexOf(':')) === host;
      if (addresses.some(isThere)) return true;
    }
    return false;
  }

  /** The link is up. */
  linked(peer: PeerId): void {
    const kept = this.#kept.get(peer);
    if (kept !== undefined) kept.linkedAtMillis = this.#deps.clock.monotonicMillis();
  }

  /** A connection to the peer is gone. */
  lost(peer: PeerId): void {
    const kept = this.#kept.get(peer);
    if (kept === undefined || kept.dialling || this.#deps.isConnected(peer)) return;
    const linkedAtMillis = kept.linkedAtMillis;
    kept.linkedAtMillis = null;
    const now = this.#deps.clock.monotonicMillis();
    if (linkedAtMillis === null || now - linkedAtMillis < lastingMillis) {
      // It failed as soon as it was up, or in its greeting: not in a tight loop.
      this.#armAfterFailure(peer, kept, 'the connection closed');
      return;
    }
    kept.pauseMillis = this.#deps.redialMillisMin;
    const behind = this.#deps.self < peer ? 0 : headStartMillis;
    this.#arm(peer, kept, behind + this.#deps.rng.below(headStartMillis));
  }

  stop(): void {
    for (const kept of this.#kept.values()) kept.timer?.cancel();
    this.#kept.clear();
  }

  #arm(peer: PeerId, kept: Kept, delayMillis: number): void {
    kept.timer?.cancel();
    kept.timer = this.#deps.clock.after(delayMillis, () => {
      kept.timer = null;
      this.#dial(peer, kept);
    });
  }

  #dial(peer: PeerId, kept: Kept): void {
    if (this.#deps.isConnected(peer)) return;
    kept.dialling = true;
    this.#deps.dial(peer, kept.addresses).then(
      () => {
        kept.dialling = false;
        if (this.#kept.get(peer) === kept && !this.#deps.isConnected(peer)) this.lost(peer);
      },
      (error: Error) => {
        kept.dialling = false;
        if (this.#kept.get(peer) === kept) this.#armAfterFailure(peer, kept, error.message);
      },
    );
  }

  #armAfterFailure(peer: PeerId, kept: Kept, reason: string): void {
    // Full pause to half of it: servers that lost the same peer do not dial it in step.
    const half = Math.ceil(kept.pauseMillis / 2);
    const delayMillis = half + this.#deps.rng.below(half + 1);
    kept.pauseMillis = Math.min(kept.pauseMillis * 2, this.#deps.redialMillisMax);
    this.#deps.failed(peer, reason, delayMillis);
    this.#arm(peer, kept, delayMillis);
  }
}
