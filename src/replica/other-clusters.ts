/**
 * Remembers which other clusters of this server's name it has met, for people: by greetings, which
 * it refuses, and by records. Clusters of one name never merge, so somebody has to be told.
 *
 * Invariant: only what a server proved by its key is kept, and no more than `clustersMax` clusters:
 * those that were met first, and of each the server that was met last.
 */

import type { Clock } from '../base/clock.js';
import type { PeerId } from '../transport/transport.js';
import type { ClusterStatus } from '../wire/client-messages.js';

/** The most other clusters that are told of, and servers counted in each. */
const clustersMax = 8;
const serversMax = 64;

/** What a server says of itself, by greeting or record. */
export interface MetServer {
  readonly clusterName: string;
  /** Null: it is in no cluster yet. */
  readonly clusterId: string | null;
  readonly name: string;
  readonly addresses: readonly string[];
}

/** What the memory works with. */
export interface OtherClustersDeps {
  readonly clock: Clock;
  readonly self: () => { readonly clusterName: string; readonly clusterId: string | null };
}

interface Met {
  readonly servers: Set<PeerId>;
  last: MetServer;
  atMillis: number;
}

/** See the head of the file. */
export class OtherClusters {
  readonly #deps: OtherClustersDeps;
  readonly #met = new Map<string, Met>();

  constructor(deps: OtherClustersDeps) {
    this.#deps = deps;
  }

  /** A server was met that proved its key. @returns whether its cluster is news. */
  met(peer: PeerId, server: MetServer): boolean {
    const { clusterName, clusterId } = this.#deps.self();
    const isOther = server.clusterId !== null && server.clusterId !== clusterId;
    if (server.clusterName !== clusterName || clusterId === null || !isOther) return false;
    const atMillis = this.#deps.clock.monotonicMillis();
    const known = this.#met.get(server.clusterId);
    if (known === undefined) {
      if (this.#met.size >= clustersMax) return false;
      this.#met.set(server.clusterId, { servers: new Set([peer]), last: server, atMillis });
      return true;
    }
    if (known.servers.size < serversMax) known.servers.add(peer);
    known.last = server;
    known.atMillis = atMillis;
    return false;
  }

  /** All that were met, in the order in which that was. */
  list(): ClusterStatus['otherClusters'] {
    const now = this.#deps.clock.monotonicMillis();
    return [...this.#met].map(([clusterId, { servers, last, atMillis }]) => ({
      cluster: last.clusterName,
      clusterId,
      servers: servers.size,
      server: last.name,
      addresses: last.addresses,
      seenMillis: Math.round(now - atMillis),
    }));
  }
}
