/**
 * Gossipers in virtual time over a false network: frames are late and lost, ways are cut in one
 * direction, links break when nothing comes through, servers stall, die and come back. What counts
 * for a run follows from its seed.
 */

import type { Log, LogFields } from '../../src/base/log.js';
import { Rng } from '../../src/base/rng.js';
import { neighbourhood } from '../../src/membership/ring.js';
import type { Configuration } from '../../src/raft/types.js';
import { Gossip } from '../../src/replica/gossip.js';
import type { GossipOptions } from '../../src/replica/gossip-options.js';
import { OtherClusters } from '../../src/replica/other-clusters.js';
import { Scheduler } from '../sim/scheduler.js';
import { SimProcess } from '../sim/sim-process.js';
import { simSigner } from '../sim/sim-signer.js';

/** A link on which nothing comes through is given up after so long, milliseconds. */
const silenceMillis = 1500;

/** Of all that are members. */
const clusterId = 'c0ffee00c0ffee00';

/** How the world behaves. */
export interface WorldOptions {
  readonly seed: number;
  readonly servers: number;
  readonly lossPermille?: number;
  readonly gossip?: Partial<GossipOptions>;
}

/** One life of a server. */
export class Gossiper {
  readonly peerId: string;
  readonly process: SimProcess;
  readonly gossip: Gossip;
  readonly others: OtherClusters;
  readonly linked = new Set<string>();
  readonly located = new Map<string, readonly string[]>();
  readonly said: string[] = [];
  address: string;
  /** What comes before this is read only then. */
  deafUntilMillis = 0;
  /** Whether it knows already that it is one. */
  isMember = false;
  framesSent = 0;
  bytesSent = 0;

  constructor(world: GossipWorld, peerId: string, process: SimProcess, address: string) {
    this.peerId = peerId;
    this.process = process;
    this.address = address;
    const say = (_: LogFields, event: string): void => void this.said.push(event);
    const log: Log = { error: say, warn: say, info: say, debug: () => {} };
    const self = { clusterName: 'c', clusterId };
    this.others = new OtherClusters({ clock: process, self: () => self });
    this.gossip = new Gossip(
      world.options.gossip ?? {},
      { clusterName: 'c', incarnation: incarnationOf(peerId), name: peerId, version: '1' },
      {
        clock: process,
        log,
        rng: new Rng(world.rng.uint32()),
        signer: simSigner(peerId),
        transport: {
          self: peerId,
          addresses: () => [this.address],
          isLinked: (peer) => this.linked.has(peer),
          send: (peer, _, frames) => world.send(this, peer, frames),
          publish: (bytes) => world.flood(this, bytes),
        },
        loopDelayMillis: () => 0,
        others: this.others,
        peers: {
          isOfCluster: (peer) => this.isMember && world.servers.get(peer)?.isMember === true,
          located: (peer, addresses) => void this.located.set(peer, addresses),
        },
      },
    );
  }
}

/** See the head of the file. */
export class GossipWorld {
  readonly options: WorldOptions;
  readonly rng: Rng;
  readonly scheduler = new Scheduler();
  readonly configuration: Configuration;
  readonly servers = new Map<string, Gossiper>();
  lossPermille: number;
  readonly #cut = new Set<string>();
  #floods = 0;
  #processes = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.rng = new Rng(options.seed);
    this.lossPermille = options.lossPermille ?? 0;
    const peers = Array.from({ length: options.servers }, (_, i) => `p${i + 1}`);
    this.configuration = configurationOf(peers);
    for (const peerId of peers) this.start(peerId);
  }

  get now(): number {
    return this.scheduler.nowMillis;
  }

  run(millis: number, isDone: () => boolean = () => false): void {
    this.scheduler.run(this.now + millis, isDone);
  }

  of(peerId: string): Gossiper {
    return this.servers.get(peerId) as Gossiper;
  }

  /** A new life. @param wallStepMillis by how much its wall clock is off. */
  start(peerId: string, wallStepMillis = 0, address = `${peerId}:1`, isMember = true): Gossiper {
    this.#processes += 1;
    const process = new SimProcess(peerId, this.#processes, this.scheduler);
    process.stepWall(wallStepMillis);
    const server = new Gossiper(this, peerId, process, address);
    server.isMember = isMember;
    this.servers.set(peerId, server);
    const id = this.configuration.members.find((member) => member.peerId === peerId)?.id ?? 0;
    this.scheduler.at(this.now, process, () => {
      const incarnation = incarnationOf(peerId);
      if (isMember) server.gossip.becameMember({ clusterId, memberId: id, incarnation });
      if (isMember) server.gossip.configured(this.configuration);
      server.gossip.start();
      this.linkAll(server);
    });
    return server;
  }

  /** Ends a life at once. @param isDark its links are not closed: silence alone says so. */
  kill(peerId: string, isDark = false): void {
    const server = this.of(peerId);
    server.process.end();
    this.servers.delete(peerId);
    for (const other of this.servers.values()) {
      const after = isDark ? silenceMillis : this.#latency();
      this.scheduler.at(this.now + after, other.process, () => {
        if (!this.servers.has(peerId)) this.#down(other, peerId);
      });
    }
  }

  /** A server stands still; what came meanwhile it reads a while after it goes on, as one does
   * whose sockets are full. */
  stall(peerId: string, millis: number, unreadMillis = 40): void {
    const server = this.of(peerId);
    server.process.pause(millis);
    server.deafUntilMillis = this.now + millis + unreadMillis;
  }

  stop(peerId: string): void {
    this.of(peerId).gossip.stop();
    this.run(50);
    this.kill(peerId);
  }

  /** Nothing gets from `from` to `to` any more; where nothing gets through either way, or for long
   * in one, the link breaks at both ends, as it does when TCP gives up. */
  cut(from: string, to: string, breaksLink = true): void {
    this.#cut.add(`${from} ${to}`);
    if (!breaksLink) return;
    this.scheduler.at(this.now + silenceMillis, null, () => {
      if (!this.#cut.has(`${from} ${to}`)) return;
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        const server = this.servers.get(one);
        if (server !== undefined) {
          this.scheduler.at(this.now, server.process, () => this.#down(server, other));
        }
      }
    });
  }

  heal(): void {
    this.#cut.clear();
    for (const server of this.servers.values()) this.linkAll(server);
  }

  /** Links of a server as its neighbourhood has them, soon. */
  linkAll(server: Gossiper): void {
    for (const peer of neighbourhood(this.configuration, server.peerId).links) {
      this.scheduler.at(this.now + this.#latency(), null, () => this.#link(server.peerId, peer));
    }
  }

  send(from: Gossiper, to: string, frames: readonly Uint8Array[]): boolean {
    if (!from.linked.has(to)) return false;
    for (const frame of frames) {
      from.framesSent += 1;
      from.bytesSent += frame.length;
      if (this.#isLost(from.peerId, to)) continue;
      this.#deliver(to, from.peerId, (server) => server.gossip.frames(from.peerId, [frame]));
    }
    return true;
  }

  /** As a broadcast topic does it: each passes it on once, over its links. */
  flood(from: Gossiper, bytes: Uint8Array): void {
    this.#floods += 1;
    this.#pass(from, bytes, new Set([from.peerId]));
  }

  #pass(from: Gossiper, bytes: Uint8Array, seen: Set<string>): void {
    for (const peer of from.linked) {
      from.framesSent += 1;
      from.bytesSent += bytes.length;
      if (seen.has(peer) || this.#isLost(from.peerId, peer)) continue;
      this.#deliver(peer, from.peerId, (server) => {
        if (seen.has(peer)) return;
        seen.add(peer);
        server.gossip.published(bytes);
        this.#pass(server, bytes, seen);
      });
    }
  }

  #deliver(to: string, from: string, take: (server: Gossiper) => void): void {
    const server = this.servers.get(to);
    if (server === undefined) return;
    const arrival = Math.max(this.now + this.#latency(), server.deafUntilMillis);
    this.scheduler.at(arrival, server.process, () => {
      if (server.linked.has(from)) take(server);
    });
  }

  #isLost(from: string, to: string): boolean {
    if (this.#cut.has(`${from} ${to}`)) return true;
    return this.rng.below(1000) < this.lossPermille;
  }

  #latency(): number {
    return 0.2 + this.rng.below(1000) / 1000;
  }

  #link(one: string, other: string): void {
    if (this.#cut.has(`${one} ${other}`) || this.#cut.has(`${other} ${one}`)) return;
    const ends = [this.servers.get(one), this.servers.get(other)] as const;
    if (ends[0] === undefined || ends[1] === undefined) return;
    for (const [server, peer] of [
      [ends[0], other],
      [ends[1], one],
    ] as const) {
      if (server.linked.has(peer)) continue;
      server.linked.add(peer);
      this.scheduler.at(this.now, server.process, () => server.gossip.linkUp(peer));
    }
  }

  #down(server: Gossiper, peer: string): void {
    if (server.linked.delete(peer)) server.gossip.linkDown(peer);
  }
}

/** The first five vote, the others learn. */
function configurationOf(peers: readonly string[]): Configuration {
  const ids = peers.map((_, i) => i + 1);
  return {
    voters: ids.slice(0, 5),
    votersOutgoing: [],
    learners: ids.slice(5),
    learnersNext: [],
    members: peers.map((peerId, i) => {
      return { id: i + 1, peerId, incarnation: incarnationOf(peerId), name: peerId };
    }),
    reason: '',
  };
}

function incarnationOf(peerId: string): string {
  return Buffer.from(peerId).toString('hex').padStart(16, '0');
}
