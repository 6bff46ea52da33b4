/**
 * The native front: one connection object for each client stream, and what concerns them all,
 * that is telling clients to go elsewhere when this server stops or is cut off from every leader.
 * Who may connect at all is the transport's affair. The invariant: after `stop` no request
 * reaches the replica any more.
 */

import type { Clock, Timer } from '../../base/clock.js';
import { recordBytesMaxDefault } from '../../base/limits.js';
import type { Log } from '../../base/log.js';
import type { ReplicaApi } from '../../replica/api.js';
import type { ClientStream } from '../../transport/transport.js';
import { NativeConnection } from './native-connection.js';

/** How much one client may ask for at a time. */
export interface NativeFrontOptions {
  /** Largest record or value, bytes. @default 1048576 */
  readonly recordBytesMax?: number;
  /** Requests of one stream without a reply; beyond, OVERLOADED. @default 8192 */
  readonly inflightRequestsMax?: number;
  /** Reads of one stream that the replica works on at once, by weight: a `get` or `tail`
   * weighs 1, a `read`, `streams` or `list` 8. The others wait in order. @default 64 */
  readonly readWeightMax?: number;
  /** Follows of one stream. @default 64 */
  readonly followsMax?: number;
  /** Bytes of requests held back while a client does not take its replies; beyond, the stream is
   * closed. @default 16777216 */
  readonly heldBytesMax?: number;
  /** How long this server may know no leader before it sends its clients elsewhere, milliseconds.
   * @default 900 */
  readonly leaderlessMillisMax?: number;
}

/** The options, settled. */
export type NativeFrontSettings = Required<NativeFrontOptions>;

/** Every default. */
const nativeFrontDefaults: NativeFrontSettings = Object.freeze({
  recordBytesMax: recordBytesMaxDefault,
  // Twice what our own client has on its way (1,024 commands) with copies sent again.
  inflightRequestsMax: 8192,
  readWeightMax: 64,
  followsMax: 64,
  heldBytesMax: 16 * 1024 * 1024,
  leaderlessMillisMax: 900,
});

/** What the front works with. */
export interface NativeFrontDeps {
  readonly replica: ReplicaApi;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often it is looked whether there is a leader, milliseconds. */
const leaderCheckMillis = 100;

/** A server that led until it heard no quorum is cut off: its clients need not wait longer. Within
 * this time it may hear that it handed over, milliseconds. */
const exLeaderMillisMax = 250;

/** A client that comes to a server without a leader is sent on after this, milliseconds: not at
 * once, or clients of a cluster that lost its majority would do nothing but come and go. */
const newcomerMillisMax = 300;

/** Serves client streams. */
export class NativeFront {
  readonly #settings: NativeFrontSettings;
  readonly #deps: NativeFrontDeps;
  /** With when each came, monotonic milliseconds. */
  readonly #connections = new Map<NativeConnection, number>();
  /** Those that were sent elsewhere in this spell without a leader. */
  readonly #sentOn = new Set<NativeConnection>();
  #leaderCheck: Timer | null = null;
  #leaderlessSinceMillis: number | null = null;
  #isStopped = false;

  constructor(options: NativeFrontOptions, deps: NativeFrontDeps) {
    this.#settings = { ...nativeFrontDefaults, ...options };
    this.#deps = deps;
  }

  /** Streams that are served now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Serves a stream until it ends. */
  accept(stream: ClientStream): void {
    if (this.#isStopped) {
      stream.close();
      return;
    }
    const connection = new NativeConnection(stream, this.#settings, this.#deps);
    this.#connections.set(connection, this.#deps.clock.monotonicMillis());
    connection.onEnd((reason) => {
      this.#connections.delete(connection);
      this.#sentOn.delete(connection);
      this.#deps.log.debug({ peer: stream.remotePeer, reason }, 'client gone');
    });
    this.#deps.log.debug(
      { peer: stream.remotePeer, address: stream.remoteAddress },
      'client connected',
    );
    this.#watchLeader();
  }

  /** Tells every client where to go, and closes. What is under way is not waited for. */
  stop(): void {
    this.#isStopped = true;
    this.#leaderCheck?.cancel();
    const addresses = this.#deps.replica.otherAddresses();
    for (const connection of [...this.#connections.keys()]) connection.goAway(addresses, true);
    this.#connections.clear();
  }

  /** While there are clients, looks now and then whether this server can be of use to them. */
  #watchLeader(): void {
    if (this.#leaderCheck) return;
    this.#leaderCheck = this.#deps.clock.after(leaderCheckMillis, () => {
      this.#leaderCheck = null;
      this.#checkLeader();
      if (this.#connections.size > 0) this.#watchLeader();
    });
  }

  #checkLeader(): void {
    const { replica, clock, log } = this.#deps;
    const leaderless = replica.leaderless();
    if (leaderless === null) {
      this.#leaderlessSinceMillis = null;
      this.#sentOn.clear();
      return;
    }
    const nowMillis = clock.monotonicMillis();
    this.#leaderlessSinceMillis ??= nowMillis;
    const hasLed = leaderless.lastLeader === replica.status().self.name;
    const { leaderlessMillisMax } = this.#settings;
    const millisMax = hasLed
      ? Math.min(exLeaderMillisMax, leaderlessMillisMax)
      : leaderlessMillisMax;
    if (nowMillis - this.#leaderlessSinceMillis < millisMax) return;
    const addresses = replica.otherAddresses();
    if (addresses.length === 0) return;
    const isFirst = this.#sentOn.size === 0;
    for (const [connection, cameAtMillis] of this.#connections) {
      if (this.#sentOn.has(connection) || nowMillis - cameAtMillis < newcomerMillisMax) continue;
      this.#sentOn.add(connection);
      connection.goAway(addresses, false);
    }
    if (isFirst && this.#sentOn.size > 0) {
      log.info({ clients: this.#sentOn.size }, 'no leader known: clients sent elsewhere');
    }
  }
}
