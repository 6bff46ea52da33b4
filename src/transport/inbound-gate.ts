/**
 * Bounds what strangers may hold open: connections that have not proved a key (over all, and for
 * each host; how many in a time, too), connections in all, and connections that proved a key but
 * ask for nothing; and tells of those who lack the secret of a closed cluster. libp2p's
 * own limits count every host together and refuse peers along with strangers, so they are set out
 * of the way (libp2p-node.ts) and these stand in their place.
 *
 * Peers that the owner keeps get in when all places are taken: a full gate turns strangers away
 * before their handshake as long as no such peer is missing, and after it, when the key has told
 * who it is, otherwise. What we dial is not asked for a place.
 */

import type {
  Connection,
  ConnectionGater,
  MessageStream,
  MultiaddrConnection,
} from '@libp2p/interface';
import type { Log } from '../base/log.js';
import { fromMultiaddr } from './addresses.js';
import { HandshakeRate } from './handshake-rate.js';
import type { PeerId } from './transport.js';
import type { CompleteOptions } from './transport-options.js';

/** Refusals are logged at most this often, milliseconds. */
const logEveryMillis = 10_000;

/** Those for whom there is always a place. */
interface KeptPeers {
  keeps(peer: PeerId): boolean;
  /** One of them has no connection. */
  readonly isMissingOne: boolean;
  /** One of them has no connection and may be at this host. */
  misses(host: string): boolean;
}

/** See the head of the file. */
export class InboundGate {
  readonly #options: CompleteOptions;
  readonly #log: Log;
  readonly #kept: KeptPeers;
  /** Sockets in their handshake, for each host. */
  readonly #handshakes = new Map<string, number>();
  /** How to take a connection out of the count of handshakes. */
  readonly #settles = new WeakMap<MultiaddrConnection, () => void>();
  #handshakeCount = 0;
  #connectionCount = 0;
  /** Inbound connections on which nothing was asked yet, and for how long. */
  readonly #idle = new Map<Connection, number>();
  readonly #rate: HandshakeRate;
  #refused = 0;
  #strangers = 0;
  /** The last of them. */
  #stranger: { readonly remote: string; readonly reason: string } | null = null;
  #sinceLogMillis = logEveryMillis;

  constructor(options: CompleteOptions, log: Log, kept: KeptPeers) {
    this.#options = options;
    this.#log = log;
    this.#kept = kept;
    this.#rate = new HandshakeRate(options.handshakesPerHostPerSecondMax);
  }

  /** What libp2p asks at each step of a connection that comes in. */
  readonly gater: ConnectionGater = {
    denyInboundConnection: (connection) => !this.#admit(connection),
    // The key is proved and the handshake is over.
    denyInboundEncryptedConnection: (peer, connection) => {
      this.#settles.get(connection)?.();
      if (!this.#isFull || this.#kept.keeps(peer.toString())) return false;
      this.#refused += 1;
      return true;
    },
  };

  /** A connection was turned away because its dialler lacks the secret. */
  readonly stranger = (connection: MessageStream, reason: string): void => {
    this.#strangers += 1;
    const remote = fromMultiaddr((connection as MultiaddrConnection).remoteAddr) ?? 'unknown';
    this.#stranger = { remote, reason };
  };

  /** A connection has proved its key. */
  opened(connection: Connection): void {
    this.#connectionCount += 1;
    if (connection.direction === 'inbound') this.#idle.set(connection, 0);
  }

  closed(connection: Connection): void {
    this.#connectionCount -= 1;
    this.#idle.delete(connection);
  }

  /** Something was asked on the connection: a greeting, or a client stream. */
  used(connection: Connection): void {
    this.#idle.delete(connection);
  }

  /** All that was asked on it is over; its opener should close it. */
  unused(connection: Connection): void {
    if (connection.status === 'open') this.#idle.set(connection, 0);
  }

  /** Once for each tick of the transport. */
  tick(elapsedMillis: number): void {
    for (const [connection, millis] of this.#idle) {
      this.#idle.set(connection, millis + elapsedMillis);
      if (millis + elapsedMillis < this.#options.handshakeMillisMax) continue;
      this.#idle.delete(connection);
      connection.abort(new Error('nothing was asked on this connection'));
    }
    this.#rate.tick(elapsedMillis);
    this.#sinceLogMillis += elapsedMillis;
    if (this.#sinceLogMillis >= logEveryMillis) this.#tell();
  }

  #tell(): void {
    if (this.#refused > 0) {
      this.#log.warn({ connections: this.#refused }, 'connections refused: too many are open');
      this.#sinceLogMillis = 0;
    }
    if (this.#stranger !== null) {
      const { remote, reason } = this.#stranger;
      const told = { connections: this.#strangers, last: remote, reason };
      this.#log.warn(told, 'connections refused: they lack the secret of this cluster');
      this.#sinceLogMillis = 0;
    }
    this.#refused = 0;
    this.#strangers = 0;
    this.#stranger = null;
  }

  get #isFull(): boolean {
    return this.#connectionCount >= this.#options.connectionsMax;
  }

  #admit(connection: MultiaddrConnection): boolean {
    const remote = fromMultiaddr(connection.remoteAddr) ?? 'unknown';
    const host = remote.slice(0, remote.lastIndexOf(':'));
    const ofHost = this.#handshakes.get(host) ?? 0;
    const { handshakesMax, handshakesPerHostMax } = this.#options;
    if (
      this.#handshakeCount >= handshakesMax ||
      ofHost >= handshakesPerHostMax ||
      (this.#isFull && !this.#kept.isMissingOne) ||
      !(this.#rate.take(host) || this.#kept.misses(host))
    ) {
      this.#refused += 1;
      return false;
    }
    this.#handshakeCount += 1;
    this.#handshakes.set(host, ofHost + 1);
    this.#watch(connection, host, remote);
    return true;
  }

  /** Counts the handshake until it is over, well or badly. */
  #watch(connection: MultiaddrConnection, host: string, remote: string): void {
    let over = false;
    const settle = (): void => {
      if (over) return;
      over = true;
      this.#handshakeCount -= 1;
      const left = (this.#handshakes.get(host) ?? 1) - 1;
      if (left === 0) this.#handshakes.delete(host);
      else this.#handshakes.set(host, left);
    };
    this.#settles.set(connection, settle);
    connection.addEventListener('close', (event) => {
      const reason = event.error?.message ?? 'it closed';
      if (!over) this.#log.debug({ remote, reason }, 'a connection ended in its handshake');
      settle();
    });
  }
}
