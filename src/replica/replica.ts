/**
 * A server's share in the cluster, from its first greeting to its end: first a joiner (when its
 * data folder names no cluster), then a member (Consensus). It takes what the transport brings and
 * leads it to the part concerned, and is the `ReplicaApi` that fronts talk to.
 *
 * Invariant: nothing is acknowledged to anybody before the data folder names the cluster and the
 * member id (identity is on disk before the first vote or append reply).
 */

import type { Clock } from '../base/clock.js';
import type { Refusal } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { mayRejoin } from '../base/putting-out.js';
import type { Rng } from '../base/rng.js';
import type { Reply } from '../machine/commands.js';
import type { Role } from '../raft/effects.js';
import type { Configuration, Index, MemberId, Membership, Term } from '../raft/types.js';
import { nobody } from '../raft/types.js';
import type {
  Channel,
  ClientStream,
  Hello,
  PeerId,
  Transport,
  TransportHandlers,
} from '../transport/transport.js';
import type { ClusterStatus, OperatorReply, OperatorRequest } from '../wire/client-messages.js';
import type { PeerAddresses } from '../wire/peer-messages.js';
import { WireError } from '../wire/wire-error.js';
import type { Outcome, ReplicaApi } from './api.js';
import { AppendListeners } from './append-listeners.js';
import { CatchUp } from './catch-up.js';
import { CloneAlarm } from './clone-alarm.js';
import { Consensus, type ConsensusOptions, type OpenedLog } from './consensus.js';
import { Control } from './control.js';
import type { DataFolder } from './data-folder.js';
import { takeForwarded } from './forwarded.js';
import type { FoundingPlan } from './founder.js';
import { Gossip } from './gossip.js';
import type { GossipOptions, GossipPorts } from './gossip-options.js';
import { LeaderMemory } from './leader-memory.js';
import { LocalReads } from './local-reads.js';
import { Newcomer, type NewPlace } from './newcomer.js';
import { Operator } from './operator.js';
import { OtherClusters } from './other-clusters.js';
import { Peers, type SelfIdentity } from './peers.js';
import { Refs } from './refs.js';
import { Seeker } from './seeker.js';
import { SelfReport } from './self-report.js';
import { clusterStatus } from './status.js';

/** How a replica is to behave. */
export interface ReplicaOptions {
  readonly consensus: ConsensusOptions;
  readonly self: Omit<SelfIdentity, 'clusterId' | 'memberId'>;
  /** Where it stands, in the operator's word. @default not said */
  readonly zone?: string | null;
  /** Addresses to ask for a cluster, `host:port`. */
  readonly seeds: readonly string[];
  /** Addresses of peers known from a former life. */
  readonly book: readonly PeerAddresses[];
  /** With whom to found. @default never with others */
  readonly founding?: FoundingPlan;
  readonly gossip?: Partial<GossipOptions>;
}

/** What a replica works with. */
export interface ReplicaDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly rng: Rng;
  readonly transport: Transport;
  readonly folder: DataFolder;
  readonly gossip: GossipPorts;
  /** A client opened a stream: a front serves it. */
  readonly client: (stream: ClientStream) => void;
  /** None of the seeds is in a cluster (told after every round, while joining). */
  readonly foundNone: () => void;
  /** This server was removed from its cluster by the entry at `index`. `mayRejoin`: not by an
   * operator, so it may set aside what it has, and ask to join as a newcomer. */
  readonly removed: (index: Index, mayRejoin: boolean) => void;
  /** A member refused this process as one of two on copies of one data folder: it must end at once,
   * and must not be started on that folder again before somebody has looked. */
  readonly ranTwice: (reason: string) => void;
  /** The process cannot go on. */
  readonly fatal: (reason: string) => void;
}

/** A server's share in the cluster. */
export class Replica implements ReplicaApi {
  readonly #options: ReplicaOptions;
  readonly #deps: ReplicaDeps;
  readonly #refs: Refs;
  readonly #peers: Peers;
  readonly #others: OtherClusters;
  readonly #gossip: Gossip;
  readonly #control: Control;
  readonly #seeker: Seeker;
  readonly #operator: Operator;
  readonly #leaders: LeaderMemory;
  readonly #report: SelfReport;
  readonly #reads: LocalReads;
  readonly #clones: CloneAlarm;
  #newcomer: Newcomer | null = null;
  #consensus: Consensus | null = null;
  #catchUp: CatchUp | null = null;
  readonly #appendListeners = new AppendListeners();
  #removedAt: Index | null = null;

  constructor(options: ReplicaOptions, deps: ReplicaDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#refs = new Refs(deps.rng);
    const { transport, clock, log, folder } = deps;
    const save = (book: readonly PeerAddresses[]): void => folder.saveAddresses(book);
    const self = { ...options.self, clusterId: null, memberId: null };
    this.#peers = new Peers(self, options.book, { transport, clock, log, save });
    const peers = this.#peers;
    const consensus = (): Consensus | null => this.#consensus;
    const told = { ...self, zone: options.zone ?? null };
    this.#others = new OtherClusters({ clock, self: () => peers.self });
    const world = { ...deps, ...deps.gossip, peers, others: this.#others };
    this.#gossip = new Gossip(options.gossip ?? {}, told, world);
    this.#seeker = new Seeker(options.seeds, { transport, peers, clock, log });
    this.#control = new Control({
      clock,
      log,
      transport,
      peers: this.#peers,
      refs: this.#refs,
      consensus,
      founding: (peer, message) => this.#newcomer?.founding(peer, message),
      joinAnswered: (message) => this.#newcomer?.joinAnswered(message),
      removed: (index, isFree) => this.#removed(index, isFree),
    });
    this.#leaders = new LeaderMemory(clock);
    this.#clones = new CloneAlarm({
      clock,
      log,
      members: () => this.#consensus?.core.status().configuration.members ?? [],
      refused: (peer, reason) => peers.refusedBy(peer, null, reason),
      ranTwice: deps.ranTwice,
    });
    const { loopDelayMillis } = deps.gossip;
    const gossip = this.#gossip;
    this.#report = new SelfReport({ clock, log, gossip, loopDelayMillis, consensus });
    this.#reads = new LocalReads({ consensus, notMember: () => this.#notMember() });
    const control = this.#control;
    this.#operator = new Operator({ control, consensus, status: () => this.status() });
  }

  // ---- life ----

  /** Opens the network and takes part: as the member that `place` says, or on the way to one. */
  async start(
    member: { readonly place: Membership; readonly opened: OpenedLog } | null,
  ): Promise<void> {
    this.#newcomer = this.#makeNewcomer(member?.place ?? null);
    if (member !== null) this.#become(member.place, member.opened);
    await this.#deps.transport.start(this.#handlers());
    this.#gossip.start();
    this.#report.start();
    if (this.#consensus !== null) this.#consensus.start();
    else this.#newcomer.start();
  }

  /** Asks nobody any more to be taken in: this server is about to found a cluster. */
  stopJoining(): void {
    this.#newcomer?.stopJoining();
  }

  /** Becomes a member with a log that exists already: the lone founder's way. */
  found(place: Membership, opened: OpenedLog): void {
    this.#newcomer?.foundedAlone(place.clusterId);
    this.#become(place, opened);
    this.#consensus?.start();
  }

  /** Hands over leadership if this server has it; answers when another leads or there is none
   * to. */
  handOver(done: () => void): void {
    const consensus = this.#consensus;
    const status = consensus?.core.status();
    const leads = status?.role === 'leader';
    if (!leads || consensus === null || status.configuration.voters.length < 2) return done();
    consensus.membership.transfer(nobody, () => done());
  }

  /** Ends: answers what waits, closes log and network. */
  async stop(): Promise<void> {
    this.#newcomer?.stop();
    this.#seeker.stop();
    this.#control.stop();
    this.#report.stop();
    this.#gossip.stop();
    const consensus = this.#consensus;
    if (consensus !== null) await new Promise<void>((closed) => consensus.stop(closed));
    await this.#deps.transport.stop();
  }

  #makeNewcomer(place: Membership | null): Newcomer {
    const { transport, clock, log, folder, foundNone, fatal } = this.#deps;
    const { seeds, founding } = this.#options;
    return new Newcomer(seeds, founding ?? null, place, {
      transport,
      clock,
      log,
      folder,
      foundNone,
      fatal,
      peers: this.#peers,
      refs: this.#refs,
      send: (peer, message) => this.#control.send(peer, message),
      became: (place) => this.#became(place),
    });
  }

  #became({ place, opened, lastIndex }: NewPlace): void {
    const { clock, log } = this.#deps;
    if (lastIndex !== null) this.#catchUp = new CatchUp(lastIndex, { clock, log });
    this.#become(place, opened);
    this.#consensus?.start();
  }

  #become(place: Membership, opened: OpenedLog): void {
    const { clock, log, rng, transport } = this.#deps;
    this.#consensus = new Consensus(this.#options.consensus, place, opened, {
      clock,
      log,
      rng,
      transport,
      refs: this.#refs,
      peers: this.#peers,
      gossip: this.#gossip,
      listener: {
        roleChanged: (role, term, leader) => this.#roleChanged(role, term, leader),
        applied: (index) => this.#applied(index),
        configurationApplied: (index, configuration) => this.#configured(index, configuration),
        ticked: (leader) => this.#seeker.ticked(leader !== nobody),
        fatal: (reason) => this.#deps.fatal(reason),
      },
    });
    this.#peers.becameMember(place.clusterId, place.memberId);
    this.#gossip.becameMember({ ...place, incarnation: this.#peers.self.incarnation });
  }

  // ---- what the transport brings ----

  #handlers(): TransportHandlers {
    return {
      hello: () => this.#peers.hello(),
      greeted: (peer, hello) => this.#greeted(peer, hello),
      linkUp: (peer) => this.#linkUp(peer),
      linkDown: (peer) => {
        // Before the peers forget who it was.
        this.#consensus?.linkDown(peer);
        this.#peers.linkDown(peer);
        this.#gossip.linkDown(peer);
        this.#control.linkDown(peer);
        this.#newcomer?.linkDown(peer);
      },
      refused: (peer, address, reason) => this.#peers.refusedBy(peer, address, reason),
      cloned: (peer, notice) => this.#clones.cloned(peer, notice),
      frames: (peer, channel, frames) => this.#frames(peer, channel, frames),
      published: (bytes) => this.#gossip.published(bytes),
      discovered: (peer, addresses) => {
        this.#newcomer?.discovered(peer, addresses);
        if (this.#consensus !== null) this.#peers.learnMember(peer, addresses);
      },
      client: (stream) => this.#deps.client(stream),
    };
  }

  #greeted(peer: PeerId, hello: Hello): string | null {
    const reason = this.#peers.greeted(peer, hello);
    this.#others.met(peer, hello);
    if (reason !== null && this.#peers.isNews(peer, reason)) {
      this.#deps.log.warn({ server: hello.name, peer, reason }, 'greeting refused');
    }
    // The first greeting of a link comes before the link is up, and is told with it.
    if (reason === null && this.#deps.transport.isLinked(peer)) this.#newcomer?.seen(peer, hello);
    return reason;
  }

  #linkUp(peer: PeerId): void {
    this.#consensus?.linkUp();
    this.#control.linkUp(peer);
    this.#gossip.linkUp(peer);
    this.#newcomer?.linkUp(peer, this.#peers.greeting(peer));
  }

  #frames(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): void {
    try {
      if (channel === 'consensus') this.#consensus?.frames(peer, frames);
      else if (channel === 'gossip') this.#gossip.frames(peer, frames);
      else if (channel === 'forward') for (const frame of frames) this.#forwarded(peer, frame);
      else for (const frame of frames) this.#control.frame(peer, frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.log.warn({ peer, channel, error: error.message }, 'unreadable frame dropped');
    }
  }

  #forwarded(peer: PeerId, frame: Uint8Array): void {
    const { transport } = this.#deps;
    const notMember = (): Refusal => this.#notMember();
    takeForwarded(peer, frame, {
      transport,
      peers: this.#peers,
      consensus: this.#consensus,
      notMember,
    });
  }

  // ---- what consensus decides ----

  #roleChanged(role: Role, term: Term, leader: MemberId): void {
    const name = this.#consensus?.membership.nameOf(leader) ?? 'nobody';
    this.#leaders.changed(leader === nobody ? null : name);
    this.#deps.log.debug({ role, term, leader: name }, 'role changed');
  }

  #applied(index: Index): void {
    this.#catchUp?.applied(index);
    this.#appendListeners.applied((s) => this.#consensus?.machine.stream(s)?.nextSeq ?? 1);
  }

  #configured(index: Index, configuration: Configuration): void {
    this.#control.configured(index);
    const self = this.#consensus?.place.memberId ?? nobody;
    const joint = configuration.votersOutgoing.length > 0;
    const voters = configuration.voters.map((id) => this.#consensus?.membership.nameOf(id));
    this.#deps.log.info({ index, voters, joint, reason: configuration.reason }, 'membership');
    // Older configurations than the admission say nothing of this server, nor of whom it needs.
    if (index < (this.#consensus?.place.joinIndex ?? 0)) return;
    this.#peers.settle(configuration);
    if (configuration.members.some(({ id }) => id === self)) return;
    this.#removed(index, mayRejoin(configuration.reason));
  }

  #removed(index: Index, isFree: boolean): void {
    if (this.#removedAt !== null) return;
    this.#removedAt = index;
    this.#deps.removed(index, isFree);
  }

  // ---- ReplicaApi ----

  execute(command: Uint8Array, answer: (outcome: Outcome<Reply>) => void): void {
    if (this.#consensus === null) answer({ ok: false, refusal: this.#notMember() });
    else this.#consensus.requests.execute(command, answer);
  }

  readonly readRecords: ReplicaApi['readRecords'] = (...words) => this.#reads.readRecords(...words);
  readonly tail: ReplicaApi['tail'] = (...words) => this.#reads.tail(...words);
  readonly streams: ReplicaApi['streams'] = (...words) => this.#reads.streams(...words);
  readonly get: ReplicaApi['get'] = (...words) => this.#reads.get(...words);
  readonly list: ReplicaApi['list'] = (...words) => this.#reads.list(...words);

  onAppended(stream: string, changed: () => void): () => void {
    return this.#appendListeners.add(stream, changed);
  }

  status(): ClusterStatus {
    return clusterStatus({
      peers: this.#peers,
      gossip: this.#gossip,
      selfPeerId: this.#deps.transport.self,
      consensus: this.#consensus,
      waitingFor: this.#newcomer?.waitingFor() ?? null,
      otherClusters: this.#others.list(),
      leaderless: this.#leaders.leaderless(),
      gossipSent: this.#deps.transport.gossipSent(),
    });
  }

  leaderless(): ClusterStatus['self']['leaderless'] {
    return this.#leaders.leaderless();
  }

  operate(request: OperatorRequest, answer: (outcome: Outcome<OperatorReply>) => void): void {
    this.#operator.perform(request, answer);
  }

  otherAddresses(): readonly string[] {
    return this.#peers
      .bookOfMembers()
      .flatMap(({ peerId, addresses }) => (peerId === this.#deps.transport.self ? [] : addresses));
  }

  #notMember(): Refusal {
    const waitingFor = this.#newcomer?.waitingFor() ?? 'its start';
    return {
      code: 'NOT_MEMBER',
      message: `this server is in no cluster yet; it waits for ${waitingFor}`,
      retryAfterMillis: 500,
    };
  }
}
