/**
 * A cluster of many servers in one false world, at rest: real replicas with their gossip, five
 * voters and the others stand-bys. It measures what gossip costs each server, and how long a change
 * of the members and a death take until every server knows of them.
 *
 * Nothing is disturbed but by what is measured, and the checkers look on as in any world.
 */

import { defaultPolicy } from '../../src/membership/policy.js';
import { raftOptionsDefault } from '../../src/raft/options.js';
import type { Index } from '../../src/raft/types.js';
import { watch } from './hooks.js';
import type { SimHost } from './sim-host.js';
import type { Swarm } from './swarm.js';
import { demand } from './violation.js';
import { World } from './world.js';

/** What was seen at one size. Times in milliseconds, of virtual time. */
export interface Measured {
  readonly servers: number;
  /** Of the busiest server, at rest, in a second; each way of a publication counts. */
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  /** The same of a server in the middle. */
  readonly bytesPerSecondMedian: number;
  /** From the leader's append of a configuration until all have it committed: the longest. */
  readonly changeMillis: number;
  /** From that append until all know where the newcomer is. */
  readonly addressMillis: number;
  /** From a power cut until all others call the server dead: median and longest. */
  readonly deadMillisMedian: number;
  readonly deadMillis: number;
}

/** Rounds of each measurement. */
const rounds = 5;

/** How long traffic is counted, milliseconds: three comparisons of tables at least. */
const restMillis = 40_000;

/** No wait in here is longer, milliseconds. */
const patienceMillis = 240_000;

/** Measures a cluster of so many servers. Call it `inMacroTask`. */
export function measureServers(servers: number, seed: number): Measured {
  const options = { seed, seconds: 0, servers, without: new Set<never>(), traceLines: 0 };
  const world = new World(options, calmSwarm(servers));
  watch(world.checkers);
  try {
    return new Scale(world).measure();
  } finally {
    watch(null);
  }
}

class Scale {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  measure(): Measured {
    const { hosts, swarm } = this.#world;
    this.#world.populate();
    for (const client of this.#world.clients) client.rest();
    const voters = Math.min(swarm.policy.votersWanted, swarm.servers - 1 + (swarm.servers % 2));
    this.#until(() => this.#isWhole(voters), 'the cluster never comes to be whole');
    this.#pass(5000);
    const traffic = this.#traffic();
    const deaths = Array.from({ length: rounds }, () => this.#death()).sort((a, b) => a - b);
    const changes = Array.from({ length: rounds }, () => this.#newcomer());
    demand(
      hosts.every(({ isUp }) => isUp),
      () => 'a server has ended',
    );
    return {
      servers: swarm.servers,
      ...traffic,
      changeMillis: Math.max(...changes.map(({ changeMillis }) => changeMillis)),
      addressMillis: Math.max(...changes.map(({ addressMillis }) => addressMillis)),
      deadMillisMedian: deaths[Math.floor(rounds / 2)] as number,
      deadMillis: deaths[rounds - 1] as number,
    };
  }

  #isWhole(voters: number): boolean {
    const { hosts } = this.#world;
    return hosts.every(({ shadow, server }) => {
      if (shadow === null || server?.replica === null) return false;
      const { configuration, configurationIndex, commit } = shadow;
      const { members, votersOutgoing } = configuration;
      if (members.length !== hosts.length || configuration.voters.length !== voters) return false;
      return votersOutgoing.length === 0 && commit >= configurationIndex;
    });
  }

  #traffic(): Pick<Measured, 'framesPerSecond' | 'bytesPerSecond' | 'bytesPerSecondMedian'> {
    const { hosts, network } = this.#world;
    const sums = new Map(hosts.map(({ number }) => [number, { frames: 0, bytes: 0 }]));
    network.onGossip = (host, frames, bytes) => {
      const sum = sums.get(host);
      if (sum === undefined) return;
      sum.frames += frames;
      sum.bytes += bytes;
    };
    this.#pass(restMillis);
    network.onGossip = null;
    const all = [...sums.values()].sort((a, b) => a.bytes - b.bytes);
    const perSecond = (count: number): number => count / (restMillis / 1000);
    return {
      framesPerSecond: perSecond(Math.max(...all.map(({ frames }) => frames))),
      bytesPerSecond: perSecond(all[all.length - 1]?.bytes ?? 0),
      bytesPerSecondMedian: perSecond(all[Math.floor(all.length / 2)]?.bytes ?? 0),
    };
  }

  /** A server loses power; it comes back when all have seen that. */
  #death(): number {
    const { hosts, chances } = this.#world;
    const candidates = hosts.filter(({ shadow }) => shadow?.leads === false);
    const victim = candidates[chances.faults.below(candidates.length)] as SimHost;
    const { peerId } = victim.life;
    const others = hosts.filter((host) => host !== victim);
    const areSaying = (health: string) => (): boolean =>
      others.every((host) => memberAt(host, peerId)?.health === health);
    const begunMillis = this.#now;
    victim.kill(true);
    this.#until(areSaying('dead'), `${victim.name} is not dead to all`);
    const millis = this.#now - begunMillis;
    victim.start();
    this.#until(areSaying('alive'), `${victim.name} is not alive again to all`);
    this.#pass(2000);
    return millis;
  }

  /** A server joins. */
  #newcomer(): { readonly changeMillis: number; readonly addressMillis: number } {
    const world = this.#world;
    const { hosts, checkers } = world;
    let admitted: { readonly index: Index; readonly atMillis: number } | null = null;
    const host = world.addHost([world.addresses()[0] as string]);
    const { peerId } = host.life;
    checkers.onSight = (sight) => {
      if (admitted !== null || sight.type !== 'appends' || !sight.leads) return;
      const entry = sight.entries.find(({ configuration }) => {
        return configuration?.members.some((member) => member.peerId === peerId) === true;
      });
      if (entry !== undefined) admitted = { index: entry.index, atMillis: this.#now };
    };
    host.start();
    this.#until(() => admitted !== null, 'the newcomer is not admitted');
    checkers.onSight = null;
    const { index, atMillis } = admitted as unknown as { index: Index; atMillis: number };
    const others = hosts.filter((other) => other !== host);
    this.#until(() => others.every(({ shadow }) => (shadow?.commit ?? 0) >= index), 'not to all');
    const changeMillis = this.#now - atMillis;
    const isKnown = (): boolean =>
      others.every((other) => memberAt(other, peerId)?.addresses.includes(host.address) === true);
    this.#until(isKnown, 'not all know where the newcomer is');
    const addressMillis = this.#now - atMillis;
    this.#pass(3000);
    return { changeMillis, addressMillis };
  }

  get #now(): number {
    return this.#world.scheduler.nowMillis;
  }

  #pass(millis: number): void {
    this.#world.runTo(this.#now + millis);
  }

  /** Looks every five milliseconds. */
  #until(isSo: () => boolean, what: string): void {
    const endMillis = this.#now + patienceMillis;
    while (!isSo()) {
      demand(this.#now < endMillis, () => what);
      this.#pass(5);
    }
  }
}

function memberAt(
  { server }: SimHost,
  peerId: string,
): { readonly health: string; readonly addresses: readonly string[] } | undefined {
  return server?.replica?.status().members.find((member) => member.peerId === peerId);
}

/** No faults; waits as servers have them, but for those that only make growing slow. */
export function calmSwarm(servers: number): Swarm {
  return {
    servers,
    expect: null,
    clients: 1,
    faults: new Set(),
    faultEveryMillis: 1000,
    tickMillis: 50,
    raft: {
      ...raftOptionsDefault,
      heartbeatTicks: 1,
      electionTicksMin: 6,
      electionTicksMax: 12,
      transferTicksMax: 12,
    },
    policy: { ...defaultPolicy, stabilisationMillis: 200, learnersCatchingUpMax: 8 },
    segmentBytesMax: 65_536,
    snapshotEntries: 1_000_000,
    walTailBytesMax: 1 << 20,
    network: { latencyMillisMin: 0.5, latencyMillisSpread: 1, tailEvery: 0, tailMillis: 0 },
    transport: {
      lossPermille: 0,
      doublingPermille: 0,
      delayPermille: 0,
      delayMillisMax: 0,
      consensusQueueBytesMax: 64 << 20,
      queueBytesMax: 16 << 20,
      unkeptMillisMax: 10_000,
    },
    disk: {
      syncMillisMin: 0.5,
      syncMillisSpread: 1,
      tailEvery: 0,
      tailMillis: 0,
      names: 'ordered',
      roomBytes: Number.POSITIVE_INFINITY,
      isCopying: false,
      failNext: null,
    },
    workload: {
      pauseMillis: 1000,
      keys: 1,
      streams: 1,
      ruledStreams: 0,
      timeoutMillis: 5000,
      attemptTimeoutMillis: 1000,
      inflightCommandsMax: 1,
      groupRecordsMax: 1,
      preferLeader: false,
    },
  };
}
