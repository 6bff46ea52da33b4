/**
 * A Quorate server: builds every part from a configuration and connects them. It holds no rule of
 * the cluster; it knows the classes, the order in which they start and end, and what a data folder
 * that does not fit means.
 */

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { QuorateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Rng } from '../base/rng.js';
import { NativeFront } from '../front/native/native-front.js';
import { defaultPolicy } from '../membership/policy.js';
import { raftOptionsDefault } from '../raft/options.js';
import type { Membership } from '../raft/types.js';
import type { OpenedLog } from '../replica/consensus.js';
import { Replica } from '../replica/replica.js';
import { createTransport } from '../transport/libp2p-transport.js';
import { nodeClock } from '../transport/node-clock.js';
import { peerIdOfKey } from '../transport/peer-key.js';
import type { ClusterStatus } from '../wire/client-messages.js';
import type { ServerConfig } from './config.js';
import { type OpenFolder, openDataFolder } from './data-folder.js';
import { foundAlone } from './founding.js';
import { checkPort } from './port-check.js';

/** Ticks of the core in one heartbeat: fine enough that two candidates seldom draw the same. */
const ticksPerHeartbeat = 5;

/** How long a leader that stops may take to hand over, milliseconds. */
const handOverMillisMax = 600;

/** How long --leader with peers asks them before it founds, milliseconds. */
const foundAfterMillis = 3000;

/** How a server ended. */
export interface ServerEnd {
  /** `stopped`: as asked; `removed`: by the cluster. */
  readonly reason: 'stopped' | 'removed';
  /** One line. */
  readonly message: string;
}

/** What the surroundings of a server provide. */
export interface ServerSurroundings {
  readonly log: Log;
  /** Called when a disk failed or an invariant broke: nothing more may be written, so it must end
   * the process, at once. */
  readonly fatal: (reason: string) => void;
}

/** A server that runs. */
export interface Server {
  readonly peerId: string;
  /** Where it can be dialled, `host:port`. */
  readonly addresses: readonly string[];
  status(): ClusterStatus;
  /** Hands over leadership, answers what waits, closes the network and the log. */
  stop(): Promise<void>;
  /** Settles when the server has ended, for whatever reason. */
  readonly ended: Promise<ServerEnd>;
}

/**
 * Starts a server.
 * @throws QuorateError with one line that says what is wrong and what to do: port taken, data
 * folder
 *   unreadable, damaged, in use, or of another cluster or server.
 */
export async function startServer(
  config: ServerConfig,
  surroundings: ServerSurroundings,
): Promise<Server> {
  const folder = await openDataFolder(
    { path: config.data, serverName: config.id, clusterName: config.cluster },
    { clock: nodeClock, ...surroundings },
  );
  const server = new RunningServer(config, folder, surroundings);
  try {
    await server.start();
  } catch (error) {
    await server.abandon();
    throw error;
  }
  return server;
}

class RunningServer implements Server {
  readonly peerId: string;
  readonly ended: Promise<ServerEnd>;
  readonly #config: ServerConfig;
  readonly #folder: OpenFolder;
  readonly #log: Log;
  readonly #fatal: (reason: string) => void;
  readonly #transport: ReturnType<typeof createTransport>;
  readonly #replica: Replica;
  readonly #front: NativeFront;
  #end: (end: ServerEnd) => void = () => {};
  #stopping: Promise<void> | null = null;
  #founding = false;
  readonly #startedAt = nodeClock.monotonicMillis();

  constructor(config: ServerConfig, folder: OpenFolder, surroundings: ServerSurroundings) {
    this.#config = config;
    this.#folder = folder;
    this.#log = surroundings.log;
    this.#fatal = surroundings.fatal;
    this.peerId = peerIdOfKey(folder.identity.privateKey);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const clock = nodeClock;
    const rng = new Rng(randomInt(2 ** 47));
    const { host, port, mdns, cluster: clusterName } = config;
    this.#transport = createTransport(
      { privateKey: folder.identity.privateKey, host, port, mdns, clusterName },
      { clock, log: this.#log, seed: rng.uint32() },
    );
    this.#replica = new Replica(
      {
        consensus: consensusOptions(config),
        self: {
          clusterName,
          incarnation: folder.identity.incarnation,
          name: config.id,
          version: programVersion(),
        },
        seeds: config.peers,
        book: folder.addresses,
      },
      {
        clock,
        rng,
        log: this.#log,
        transport: this.#transport,
        folder,
        client: (stream) => this.#front.accept(stream),
        foundNone: () => this.#foundNone(),
        removed: (index) => this.#removed(index),
        fatal: this.#fatal,
      },
    );
    const { recordBytesMax } = config;
    this.#front = new NativeFront(
      { recordBytesMax },
      { replica: this.#replica, clock, log: this.#log },
    );
  }

  get addresses(): readonly string[] {
    return this.#transport.addresses();
  }

  status(): ClusterStatus {
    return this.#replica.status();
  }

  async start(): Promise<void> {
    const { membership } = this.#folder;
    if (membership !== null) {
      const opened = await this.#folder.openLog(membership);
      return this.#replica.start({ place: membership, opened });
    }
    if (this.#config.peers.length > 0) return this.#replica.start(null);
    await checkPort(this.#config.host, this.#config.port);
    return this.#replica.start(await this.#found());
  }

  /** Gives back what a start that failed had taken. */
  async abandon(): Promise<void> {
    await this.#replica.stop().catch(() => {});
    await this.#folder.close();
  }

  stop(): Promise<void> {
    return this.#stop({ reason: 'stopped', message: 'stopped' });
  }

  #stop(end: ServerEnd): Promise<void> {
    this.#stopping ??= this.#stopOnce(end);
    return this.#stopping;
  }

  async #stopOnce(end: ServerEnd): Promise<void> {
    await new Promise<void>((handedOver) => {
      const late = nodeClock.after(handOverMillisMax, handedOver);
      this.#replica.handOver(() => {
        late.cancel();
        handedOver();
      });
    });
    this.#front.stop();
    await this.#replica.stop();
    await this.#folder.close();
    this.#log.info({}, end.message);
    this.#end(end);
  }

  /** Writes a cluster of one to the data folder, and opens its log. */
  async #found(): Promise<{ readonly place: Membership; readonly opened: OpenedLog }> {
    const { cluster: clusterName, id: name } = this.#config;
    const { incarnation } = this.#folder.identity;
    const founding = foundAlone(clusterName, { peerId: this.peerId, incarnation, name });
    const { clusterId, memberId, base } = founding;
    const place: Membership = { clusterName, clusterId, memberId, joinIndex: 0 };
    const opened = await this.#folder.foundLog(place, base);
    this.#log.info({ clusterId: clusterId.slice(0, 12) }, 'founded a cluster');
    return { place, opened };
  }

  /** The operator said --leader: when no peer is in a cluster, this server founds one. */
  #foundNone(): void {
    if (!this.#config.leader || this.#founding) return;
    // A peer may be starting too: it gets a moment to be found in a cluster.
    if (nodeClock.monotonicMillis() - this.#startedAt < foundAfterMillis) return;
    this.#founding = true;
    this.#replica.stopJoining();
    this.#found().then(
      ({ place, opened }) => this.#replica.found(place, opened),
      (error: unknown) => this.#fatal(`founding failed: ${(error as Error).message}`),
    );
  }

  #removed(index: number): void {
    const message =
      `this server was removed from the cluster by log entry ${index}; to come back as a ` +
      `new member, ` +
      `move ${this.#config.data} away and start it again`;
    this.#log.warn({ index }, message);
    void this.#stop({ reason: 'removed', message });
  }
}

function consensusOptions(
  config: ServerConfig,
): ConstructorParameters<typeof Replica>[0]['consensus'] {
  const tickMillis = config.heartbeatInterval / ticksPerHeartbeat;
  const electionTicksMin = Math.round(config.electionTimeoutMin / tickMillis);
  const electionTicksMax = Math.max(
    electionTicksMin + 1,
    Math.round(config.electionTimeoutMax / tickMillis),
  );
  return {
    tickMillis,
    raft: {
      ...raftOptionsDefault,
      heartbeatTicks: ticksPerHeartbeat,
      electionTicksMin,
      electionTicksMax,
      transferTicksMax: electionTicksMax,
    },
    policy: {
      ...defaultPolicy,
      votersWanted: config.voters,
      stabilisationMillis: config.stabilisation,
    },
  };
}

/** The version in package.json, which stands beside src and dist alike. */
function programVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version?: string };
  if (version === undefined) throw new QuorateError('DAMAGED', 'package.json names no version');
  return version;
}
