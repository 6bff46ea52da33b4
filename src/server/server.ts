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
import { createSigner } from '../transport/signer.js';
import type { ClusterStatus } from '../wire/client-messages.js';
import type { ServerConfig } from './config.js';
import { type OpenFolder, openDataFolder } from './data-folder.js';
import { foundAlone, randomHex, sha256 } from './founding.js';
import { type Life, type LifeEnd, Lives } from './lives.js';
import { LoopDelay } from './loop-delay.js';
import { checkPort } from './port-check.js';
import { markRanTwice } from './ran-twice.js';

/** Ticks of the core in one heartbeat: fine enough that two candidates seldom draw the same. */
const ticksPerHeartbeat = 5;

/** How long a leader that stops may take to hand over, milliseconds. */
const handOverMillisMax = 600;

/** How long --leader with peers asks them before it founds, milliseconds. */
const foundAfterMillis = 3000;

/** The word by which two processes of one data folder are told apart, bytes. */
const lifeBytes = 8;

/** At how many addresses a server that was put out asks in each round. */
const seedsMax = 64;

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
  const server = new Lives({
    peerId: peerIdOfKey(folder.identity.privateKey),
    build: (others) => new ServerLife(config, folder, others, surroundings),
    setAside: async () => {
      if (folder.membership !== null) await folder.setAside(folder.membership);
    },
    close: () => folder.close(),
    fatal: surroundings.fatal,
  });
  await server.start();
  return server;
}

/** One life of a server: from its start, as whatever its data folder says, to its end. */
class ServerLife implements Life {
  readonly ended: Promise<LifeEnd>;
  readonly #config: ServerConfig;
  readonly #folder: OpenFolder;
  readonly #log: Log;
  readonly #fatal: (reason: string) => void;
  readonly #transport: ReturnType<typeof createTransport>;
  readonly #replica: Replica;
  readonly #front: NativeFront;
  readonly #loopDelay = new LoopDelay();
  #end: (end: LifeEnd) => void = () => {};
  #stopping: Promise<void> | null = null;
  #founding = false;
  readonly #startedAt = nodeClock.monotonicMillis();

  constructor(
    config: ServerConfig,
    folder: OpenFolder,
    others: readonly string[],
    surroundings: ServerSurroundings,
  ) {
    this.#config = config;
    this.#folder = folder;
    this.#log = surroundings.log;
    this.#fatal = surroundings.fatal;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const clock = nodeClock;
    const rng = new Rng(randomInt(2 ** 47));
    const { host, port, mdns, secret, cluster: clusterName } = config;
    const signer = createSigner(folder.identity.privateKey);
    const founding = {
      expect: foundsTogether(config) ? config.expect : null,
      signed: folder.signed,
      signer,
      hash: sha256,
      store: folder,
      randomHex,
    };
    // Who was put out of a cluster founds none and joins no other, whatever it is started with.
    const { former } = folder.identity;
    const gossipRng = new Rng(randomInt(2 ** 47));
    const loopDelayMillis = (): number => this.#loopDelay.millis();
    this.#transport = createTransport(
      { privateKey: folder.identity.privateKey, host, port, mdns, clusterName, secret },
      { clock, log: this.#log, seed: rng.uint32(), life: randomHex(lifeBytes) },
    );
    this.#replica = new Replica(
      {
        consensus: consensusOptions(config),
        self: {
          clusterName,
          incarnation: folder.identity.incarnation,
          name: config.id,
          version: programVersion(),
          ...(former === undefined ? {} : { formerClusterId: former.clusterId }),
        },
        zone: config.zone,
        seeds: former === undefined ? config.peers : seedsOf(config, folder, others),
        book: folder.addresses,
        ...(former === undefined ? { founding } : {}),
      },
      {
        clock,
        rng,
        log: this.#log,
        transport: this.#transport,
        folder,
        gossip: { signer, rng: gossipRng, loopDelayMillis },
        client: (stream) => this.#front.accept(stream),
        foundNone: () => this.#foundNone(),
        removed: (index, mayRejoin) => this.#removed(index, mayRejoin),
        ranTwice: (reason) => this.#ranTwice(reason),
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
    // Who has signed a founding record goes on with that, whatever it is started with now.
    const looksForOthers = this.#config.peers.length > 0 || foundsTogether(this.#config);
    const wasPutOut = this.#folder.identity.former !== undefined;
    if (looksForOthers || wasPutOut || this.#folder.signed !== null) {
      this.#folder.prepareLog();
      return this.#replica.start(null);
    }
    await checkPort(this.#config.host, this.#config.port);
    return this.#replica.start(await this.#found());
  }

  /** Gives back what a start that failed had taken. */
  async abandon(): Promise<void> {
    await this.#replica.stop().catch(() => {});
    this.#loopDelay.stop();
  }

  stop(): Promise<void> {
    return this.#stop({ reason: 'stopped', message: 'stopped' });
  }

  #stop(end: Omit<LifeEnd, 'others'>): Promise<void> {
    this.#stopping ??= this.#stopOnce(end);
    return this.#stopping;
  }

  async #stopOnce(end: Omit<LifeEnd, 'others'>): Promise<void> {
    await new Promise<void>((handedOver) => {
      const late = nodeClock.after(handOverMillisMax, handedOver);
      this.#replica.handOver(() => {
        late.cancel();
        handedOver();
      });
    });
    const others = this.#replica.otherAddresses();
    this.#front.stop();
    await this.#replica.stop();
    this.#loopDelay.stop();
    if (end.reason !== 'putOut') this.#log.info({}, end.message);
    this.#end({ ...end, others });
  }

  /** Writes a cluster of one to the data folder, and opens its log. */
  async #found(): Promise<{ readonly place: Membership; readonly opened: OpenedLog }> {
    const { cluster: clusterName, id: name } = this.#config;
    const { incarnation, privateKey } = this.#folder.identity;
    const peerId = peerIdOfKey(privateKey);
    const founding = foundAlone(clusterName, { peerId, incarnation, name });
    const { clusterId, memberId, base } = founding;
    const place: Membership = { clusterName, clusterId, memberId, joinIndex: 0 };
    const opened = await this.#folder.foundLog(place, base);
    this.#log.info({ clusterId: clusterId.slice(0, 12) }, 'founded a cluster');
    return { place, opened };
  }

  /** The operator said --leader: when no peer is in a cluster, this server founds one. */
  #foundNone(): void {
    if (!this.#config.leader || this.#founding) return;
    if (this.#folder.identity.former !== undefined) return;
    // A peer may be starting too: it gets a moment to be found in a cluster.
    if (nodeClock.monotonicMillis() - this.#startedAt < foundAfterMillis) return;
    this.#founding = true;
    this.#replica.stopJoining();
    this.#found().then(
      ({ place, opened }) => this.#replica.found(place, opened),
      (error: unknown) => this.#fatal(`founding failed: ${(error as Error).message}`),
    );
  }

  #ranTwice(reason: string): void {
    const { incarnation } = this.#folder.identity;
    const time = new Date(nodeClock.wallMillis()).toISOString();
    markRanTwice(this.#config.data, { incarnation, time, reason }, this.#log);
    this.#fatal(reason);
  }

  #removed(index: number, mayRejoin: boolean): void {
    if (mayRejoin) {
      const message =
        `the cluster put this server out by log entry ${index}, not by an operator's wish: it ` +
        `sets its log aside and asks to join again`;
      this.#log.warn({ index }, message);
      void this.#stop({ reason: 'putOut', message });
      return;
    }
    const message =
      `this server was removed from the cluster by log entry ${index}; to come back as a ` +
      `new member, ` +
      `move ${this.#config.data} away and start it again`;
    this.#log.warn({ index }, message);
    void this.#stop({ reason: 'removed', message });
  }
}

/** Where a server that was put out looks for its cluster: it may have been started without PEERS. */
function seedsOf(
  { peers }: ServerConfig,
  { addresses }: OpenFolder,
  others: readonly string[],
): readonly string[] {
  const known = addresses.flatMap((peer) => peer.addresses);
  return [...new Set([...peers, ...others, ...known])].slice(0, seedsMax);
}

function foundsTogether({ expect }: ServerConfig): boolean {
  return expect !== null && expect > 1;
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
    snapshotEntries: config.snapshotEntries,
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
