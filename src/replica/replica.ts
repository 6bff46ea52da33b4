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
import type { ClusterStatus, Consistency } from '../wire/client-messages.js';
import { decodeForward, encodeForward } from '../wire/peer-codec.js';
import type { PeerAddresses } from '../wire/peer-messages.js';
import { WireError } from '../wire/wire-error.js';
import type { KeysRead, Outcome, RecordsRead, ReplicaApi } from './api.js';
import { AppendListeners } from './append-listeners.js';
import { CatchUp } from './catch-up.js';
import { Consensus, type ConsensusOptions, type OpenedLog } from './consensus.js';
import { Control } from './control.js';
import type { DataFolder } from './data-folder.js';
import { type Joined, Joiner } from './joiner.js';
import { Peers, type SelfIdentity } from './peers.js';
import { Refs } from './refs.js';
import { Seeker } from './seeker.js';
import { clusterStatus } from './status.js';

/** How a replica is to behave. */
export interface ReplicaOptions {
  readonly consensus: ConsensusOptions;
  readonly self: Omit<SelfIdentity, 'clusterId' | 'memberId'>;
  /** Addresses to ask for a cluster, `host:port`. */
  readonly seeds: readonly string[];
  /** Addresses of peers known from a former life. */
  readonly book: readonly PeerAddresses[];
}

/** What a replica works with. */
export interface ReplicaDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly rng: Rng;
  readonly transport: Transport;
  readonly folder: DataFolder;
  /** A client opened a stream: a front serves it. */
  readonly client: (stream: ClientStream) => void;
  /** None of the seeds is in a cluster (told after every round, while joining). */
  readonly foundNone: () => void;
  /** This server was removed from its cluster by the entry at `index`. */
  readonly removed: (index: Index) => void;
  /** The process cannot go on. */
  readonly fatal: (reason: string) => void;
}

/** A server's share in the cluster. */
export class Replica implements ReplicaApi {
  readonly #options: ReplicaOptions;
  readonly #deps: ReplicaDeps;
  readonly #refs: Refs;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #seeker: Seeker;
  #joiner: Joiner | null = null;
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
    this.#seeker = new Seeker(options.seeds, { transport, peers, clock, log });
    this.#control = new Control({
      clock,
      log,
      transport,
      peers: this.#peers,
      refs: this.#refs,
      consensus: () => this.#consensus,
      joinAnswered: (message) => this.#joiner?.answered(message),
      removed: (index) => this.#removed(index),
    });
  }

  // ---- life ----

  /** Opens the network and takes part: as the member that `place` says, or on the way to one. */
  async start(
    member: { readonly place: Membership; readonly opened: OpenedLog } | null,
  ): Promise<void> {
    if (member !== null) this.#become(member.place, member.opened);
    await this.#deps.transport.start(this.#handlers());
    if (this.#consensus !== null) this.#consensus.start();
    else this.#startJoiner();
  }

  /** Asks nobody any more to be taken in: this server is about to found a cluster. */
  stopJoining(): void {
    this.#joiner?.stop();
    this.#joiner = null;
  }

  /** Becomes a member with a log that exists already: the founder's way. */
  found(place: Membership, opened: OpenedLog): void {
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
    this.#joiner?.stop();
    this.#seeker.stop();
    this.#control.stop();
    const consensus = this.#consensus;
    if (consensus !== null) await new Promise<void>((closed) => consensus.stop(closed));
    await this.#deps.transport.stop();
  }

  #startJoiner(): void {
    const { transport, clock, log, foundNone } = this.#deps;
    this.#joiner = new Joiner(this.#options.seeds, {
      transport,
      clock,
      log,
      foundNone,
      peers: this.#peers,
      refs: this.#refs,
      send: (peer, message) => this.#control.send(peer, message),
      joined: (joined) => this.#joined(joined),
    });
    this.#joiner.start();
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
      listener: {
        roleChanged: (role, term, leader) => this.#roleChanged(role, term, leader),
        applied: (index) => this.#applied(index),
        configurationApplied: (index, configuration) => this.#configured(index, configuration),
        ticked: (leader) => this.#seeker.ticked(leader !== nobody),
        fatal: (reason) => this.#deps.fatal(reason),
      },
    });
    this.#peers.becameMember(place.clusterId, place.memberId);
  }

  /** A cluster took us in: first the disk knows it, then we take part. */
  #joined(joined: Joined): void {
    const { clusterId, memberId, base, lastIndex, peers } = joined;
    const { clusterName } = this.#options.self;
    const place = { clusterName, clusterId, memberId, joinIndex: memberId };
    const { folder, log, clock } = this.#deps;
    this.#peers.keepForNow(peers);
    folder.createLog(place, base, (error, opened) => {
      if (opened === null) return this.#deps.fatal(`the log cannot be made: ${error?.message}`);
      folder.saveMembership(place, (failed) => {
        if (failed !== null) return this.#deps.fatal(`identity not written: ${failed.message}`);
        log.info({ clusterId: clusterId.slice(0, 12), memberId, lastIndex }, 'joined the cluster');
        this.#joiner = null;
        this.#catchUp = new CatchUp(lastIndex, { clock, log });
        this.#become(place, opened);
        this.#consensus?.start();
      });
    });
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
        this.#control.linkDown(peer);
        this.#joiner?.linkDown(peer);
      },
      refused: (peer, address, reason) => {
        if (!this.#peers.isNews(peer, reason)) return;
        this.#deps.log.warn({ peer, address, reason }, 'a server refused to talk to this one');
      },
      frames: (peer, channel, frames) => this.#frames(peer, channel, frames),
      discovered: (peer, addresses) => {
        this.#joiner?.discovered(peer, addresses);
        if (this.#consensus !== null) this.#peers.learnMember(peer, addresses);
      },
      client: (stream) => this.#deps.client(stream),
    };
  }

  #greeted(peer: PeerId, hello: Hello): string | null {
    const reason = this.#peers.greeted(peer, hello);
    if (reason !== null && this.#peers.isNews(peer, reason)) {
      this.#deps.log.warn({ server: hello.name, peer, reason }, 'greeting refused');
    }
    return reason;
  }

  #linkUp(peer: PeerId): void {
    this.#consensus?.linkUp();
    this.#control.linkUp(peer);
    this.#joiner?.linkUp();
  }

  #frames(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): void {
    try {
      if (channel === 'consensus') this.#consensus?.frames(peer, frames);
      else if (channel === 'forward') for (const frame of frames) this.#forwarded(peer, frame);
      else for (const frame of frames) this.#control.frame(peer, frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.log.warn({ peer, channel, error: error.message }, 'unreadable frame dropped');
    }
  }

  #forwarded(peer: PeerId, frame: Uint8Array): void {
    const message = decodeForward(frame);
    const consensus = this.#consensus;
    if (message.type !== 'execute') {
      const from = this.#peers.greeting(peer)?.memberId ?? nobody;
      return consensus?.requests.answered(from, message);
    }
    const { ref } = message;
    const answer = (outcome: Outcome<Reply>): void => {
      const reply = outcome.ok
        ? encodeForward({ type: 'executed', ref, reply: outcome.value })
        : encodeForward({ type: 'notExecuted', ref, refusal: outcome.refusal });
      this.#deps.transport.send(peer, 'forward', [reply]);
    };
    if (consensus === null) return answer({ ok: false, refusal: this.#notMember() });
    // Only servers of this cluster may pass requests on: clients have a channel of their own.
    if (this.#peers.greeting(peer)?.clusterId !== consensus.place.clusterId) return;
    consensus.requests.executeForwarded(message.command, answer);
  }

  // ---- what consensus decides ----

  #roleChanged(role: Role, term: Term, leader: MemberId): void {
    const name = this.#consensus?.membership.nameOf(leader) ?? 'nobody';
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
    if (!configuration.members.some(({ id }) => id === self)) this.#removed(index);
  }

  #removed(index: Index): void {
    if (this.#removedAt !== null) return;
    this.#removedAt = index;
    this.#deps.removed(index);
  }

  // ---- ReplicaApi ----

  execute(command: Uint8Array, answer: (outcome: Outcome<Reply>) => void): void {
    if (this.#consensus === null) answer({ ok: false, refusal: this.#notMember() });
    else this.#consensus.requests.execute(command, answer);
  }

  readRecords(
    stream: string,
    fromSeq: number,
    limit: number,
    consistency: Consistency,
    answer: (outcome: Outcome<RecordsRead>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, (consensus) =>
      consensus.records.read(stream, fromSeq, limit, answer),
    );
  }

  get(
    key: Uint8Array,
    consistency: Consistency,
    answer: (outcome: Outcome<KeysRead>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, ({ machine }) => {
      const found = machine.get(key);
      const keys = found === null ? [] : [found];
      answer({ ok: true, value: { revision: machine.revision, keys, more: false } });
    });
  }

  list(
    start: Uint8Array,
    end: Uint8Array,
    limit: number,
    consistency: Consistency,
    answer: (outcome: Outcome<KeysRead>) => void,
  ): void {
    this.#behindBarrier(consistency, answer, ({ machine }) => {
      const { keys, more } = machine.list(start, end, limit);
      answer({ ok: true, value: { revision: machine.revision, keys, more } });
    });
  }

  onAppended(stream: string, changed: () => void): () => void {
    return this.#appendListeners.add(stream, changed);
  }

  status(): ClusterStatus {
    return clusterStatus({
      peers: this.#peers,
      selfPeerId: this.#deps.transport.self,
      consensus: this.#consensus,
      waitingFor: this.#joiner?.waitingFor() ?? null,
    });
  }

  transferLeader(to: string, answer: (outcome: Outcome<string>) => void): void {
    this.#control.administer({ type: 'transferLeader', to }, answer);
  }

  removeMember(name: string, answer: (outcome: Outcome<string>) => void): void {
    this.#control.administer({ type: 'removeMember', name }, answer);
  }

  otherAddresses(): readonly string[] {
    return this.#peers
      .bookOfMembers()
      .flatMap(({ peerId, addresses }) => (peerId === this.#deps.transport.self ? [] : addresses));
  }

  #behindBarrier<T>(
    consistency: Consistency,
    answer: (outcome: Outcome<T>) => void,
    read: (consensus: Consensus) => void,
  ): void {
    const consensus = this.#consensus;
    if (consensus === null) return answer({ ok: false, refusal: this.#notMember() });
    if (consistency === 'stale') return read(consensus);
    consensus.reads.barrier((refusal) => {
      if (refusal === null) read(consensus);
      else answer({ ok: false, refusal });
    });
  }

  #notMember(): Refusal {
    const waitingFor = this.#joiner?.waitingFor() ?? 'its start';
    return {
      code: 'NOT_MEMBER',
      message: `this server is in no cluster yet; it waits for ${waitingFor}`,
      retryAfterMillis: 500,
    };
  }
}
