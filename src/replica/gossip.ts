/**
 * Who is where, and who is alive: joins the table of records, the states of members, the probes and
 * what is yet to be passed on, and talks to the others. Records go out over the broadcast topic;
 * rumours ride on probes and, while new, are told to three others at once; what got lost is found
 * by comparing tables with one other every few seconds.
 *
 * Invariants: a record enters only with its author's signature; rumours count only from servers of
 * this cluster; nothing here votes, elects or admits. Frames are small and their number per second
 * does not depend on how many servers there are.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { Log } from '../base/log.js';
import { type LifeState, Liveness } from '../membership/liveness.js';
import { OwnHealth } from '../membership/own-health.js';
import type { Hearsay } from '../membership/plan.js';
import { neighbourhood } from '../membership/ring.js';
import {
  type DiskFitness,
  type MemberRecord,
  RecordTable,
  type SignedRecord,
  type Standbys,
} from '../membership/table.js';
import type { Configuration, MemberId } from '../raft/types.js';
import type { PeerId, Transport } from '../transport/transport.js';
import { decodeGossip } from '../wire/gossip-codec.js';
import type { GossipBody } from '../wire/gossip-messages.js';
import { decodeSignedRecord, encodeSignedRecord } from '../wire/record-codec.js';
import { WireError } from '../wire/wire-error.js';
import {
  type GossipOfMembers,
  type GossipOptions,
  type GossipPorts,
  type GossipSelf,
  type GossipView,
  gossipDefaults,
  type RecordSource,
} from './gossip-options.js';
import { GossipPost } from './gossip-post.js';
import type { OtherClusters } from './other-clusters.js';
import { type OwnFacts, OwnRecord } from './own-record.js';
import type { Peers } from './peers.js';
import { Prober, shuffled } from './prober.js';
import { RecordIntake } from './record-intake.js';
import { Rumours } from './rumours.js';
import { TableCompare } from './table-compare.js';

/** A delay of the event loop below this is not told, milliseconds: every busy server has one. */
const loopDelayToldMillis = 64;

/** What gossip works with. */
export interface GossipDeps extends GossipPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: Pick<Transport, 'self' | 'addresses' | 'isLinked' | 'send' | 'publish'>;
  readonly peers: Pick<Peers, 'isOfCluster' | 'located'>;
  readonly others: OtherClusters;
}

/** The gossip of one server. */
export class Gossip implements GossipOfMembers, RecordSource {
  readonly #options: GossipOptions;
  readonly #deps: GossipDeps;
  readonly #own: OwnRecord;
  readonly #table: RecordTable;
  readonly #liveness: Liveness;
  readonly #health = new OwnHealth();
  readonly #prober: Prober;
  readonly #post: GossipPost;
  readonly #compare: TableCompare;
  readonly #rumours: Rumours;
  readonly #intake: RecordIntake;
  #configuration: Configuration | null = null;
  #compareTimer: Timer | null = null;
  #running = false;
  #unreadable = 0;

  constructor(given: Partial<GossipOptions>, self: GossipSelf, deps: GossipDeps) {
    const options = { ...gossipDefaults, ...given };
    this.#options = options;
    this.#deps = deps;
    const { clock, rng, signer, transport } = deps;
    this.#own = new OwnRecord(firstFacts(self), clock.wallMillis(), signer);
    this.#table = new RecordTable({ peerId: transport.self, clusterName: self.clusterName });
    this.#liveness = new Liveness(transport.self, options);
    this.#intake = new RecordIntake({
      clock,
      log: deps.log,
      signer,
      table: this.#table,
      others: deps.others,
      ownSequence: () => this.#own.sequence,
    });
    const { loopDelayMillis, peers } = deps;
    const isOfCluster = (peer: PeerId): boolean => peers.isOfCluster(peer);
    const liveness = this.#liveness;
    this.#post = new GossipPost({ clock, rng, transport, liveness, isOfCluster });
    this.#compare = new TableCompare({
      self: transport.self,
      own: this.#own,
      table: this.#table,
      liveness,
      post: this.#post,
      rumour: (rumour, from) => this.#rumours.heard(rumour, from, new Set()),
    });
    this.#rumours = new Rumours({
      clock,
      liveness,
      log: deps.log,
      self: transport.self,
      own: this.#own,
      health: this.#health,
      post: this.#post,
      refute: () => this.#refute(),
      probeNext: (peer) => this.#prober.next(peer),
      nameOf: (peer) => this.#nameOf(peer),
    });
    this.#prober = new Prober(options, {
      clock,
      rng,
      loopDelayMillis,
      health: this.#health,
      sequence: () => this.#own.sequence,
      send: (peer, body) => this.#post.send(peer, body),
      isGone: (peer) => isGone(this.#liveness.stateOf(peer)),
      relays: (target) => this.#relays(target),
      failed: (target) => this.#rumours.accuse(target),
      stoodStill: (millis) => this.#liveness.stoodStill(millis),
    });
  }

  // ---- life ----

  /** Begins: the transport has started. */
  start(): void {
    this.#running = true;
    this.#own.say({ addresses: this.#deps.transport.addresses() });
    this.#publish();
    this.#prober.start();
    this.#compareLater();
  }

  /** Says that this server goes, and ends. */
  stop(): void {
    if (!this.#running) return;
    this.#own.say({ leaving: true });
    this.#publish();
    for (const peer of this.#post.linked) this.#post.tell(peer, [this.#own.signed]);
    this.#running = false;
    this.#post.stop();
    this.#prober.stop();
    this.#compareTimer?.cancel();
    this.#rumours.stop();
  }

  /** This server is a member now. */
  becameMember(self: { clusterId: string; memberId: MemberId; incarnation: string }): void {
    this.#table.joined(self.clusterId);
    const { clusterId, memberId, incarnation } = self;
    this.#say({ clusterId, memberId, incarnation });
  }

  /** The configuration in force: whose life is watched. */
  configured(configuration: Configuration): void {
    const { self } = this.#deps.transport;
    this.#configuration = configuration;
    const others = configuration.members
      .map(({ peerId }) => peerId)
      .filter((peerId) => peerId !== self);
    this.#post.members = others;
    this.#table.configured(configuration.members);
    const held = others.map((peerId): [string, { sequence: number; leaving: boolean }] => {
      const record = this.#table.get(peerId)?.record;
      // What it said before it was one says nothing of the member.
      const sequence = record === undefined || record.clusterId === null ? 0 : record.sequence;
      return [peerId, { sequence, leaving: record?.leaving ?? false }];
    });
    this.#liveness.configured(new Map(held), this.#deps.clock.monotonicMillis());
    this.#prober.watch(neighbourhood(configuration, self).watched);
  }

  /** How the disk is doing. */
  disk(fitness: DiskFitness): void {
    this.#say({ disk: fitness });
  }

  /** Who stands by, while this server leads; null: it does not, or nobody does. */
  standbys(told: Standbys | null): void {
    this.#say({ standbys: told });
  }

  // ---- questions ----

  isDiskFull(peer: PeerId): boolean {
    return this.#table.get(peer)?.record.disk === 'full';
  }

  health(peer: PeerId): Hearsay {
    if (peer === this.#deps.transport.self) return { rumour: 'alive', deadForMillis: 0 };
    const now = this.#deps.clock.monotonicMillis();
    return {
      rumour: this.#liveness.stateOf(peer),
      deadForMillis: this.#liveness.deadForMillis(peer, now),
    };
  }

  record(peer: PeerId): MemberRecord | null {
    if (peer === this.#deps.transport.self) return this.#own.signed.record;
    return this.#table.get(peer)?.record ?? null;
  }

  /** Whether this server's word about others counts. */
  ownHealthGood(): boolean {
    return this.#health.isGood;
  }

  view(): GossipView {
    return {
      self: this.#own.signed.record,
      records: this.#table.records(),
      forgeries: this.#intake.forgeries,
      crowded: this.#intake.crowded,
      unreadable: this.#unreadable,
    };
  }

  // ---- the transport's facts ----

  linkUp(peer: PeerId): void {
    this.#post.linkUp(peer);
    if (!this.#running) return;
    this.#post.tell(peer, [this.#own.signed]);
    if (this.#deps.peers.isOfCluster(peer)) this.#compare.begin(peer);
  }

  linkDown(peer: PeerId): void {
    this.#post.linkDown(peer);
    this.#prober.next(peer);
  }

  /** Takes what somebody published: anybody, anything. */
  published(bytes: Uint8Array): void {
    if (!this.#running) return;
    try {
      this.#record(decodeSignedRecord(bytes), null);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#unreadable += 1;
    }
  }

  /** Takes frames of the channel. @throws WireError for bytes that are no frame. */
  frames(peer: PeerId, frames: readonly Uint8Array[]): void {
    if (!this.#running) return;
    for (const bytes of frames) {
      const { body, rumours, records } = decodeGossip(bytes);
      for (const record of records) this.#record(record, peer);
      // Of strangers only what is signed counts, and that they are there.
      if (this.#deps.peers.isOfCluster(peer)) {
        const lackedThere = new Set<PeerId>();
        for (const rumour of rumours) this.#rumours.heard(rumour, peer, lackedThere);
        this.#compare.sendRecords(peer, lackedThere);
        this.#body(peer, body);
      } else if (body.type === 'ping') this.#prober.pinged(peer, body.nonce);
      else if (body.type === 'ack') this.#prober.acked(peer, body.nonce, body.sequence);
    }
  }

  #body(peer: PeerId, body: GossipBody): void {
    switch (body.type) {
      case 'ping':
        this.#prober.pinged(peer, body.nonce);
        return this.#numbered(peer, body.sequence, peer);
      case 'ack': {
        const subject = this.#prober.acked(peer, body.nonce, body.sequence);
        if (subject !== null) this.#numbered(subject, body.sequence, peer);
        return;
      }
      case 'ask':
        return this.#prober.asked(peer, body.nonce, body.target);
      case 'nack':
        return this.#prober.nacked(peer, body.nonce);
      case 'summary':
        return this.#compare.summary(peer, body.hash);
      case 'digest':
        return this.#compare.digest(peer, body.rows);
      case 'want':
        return this.#compare.sendRecords(peer, body.peerIds);
      case 'tell':
        return;
    }
  }

  // ---- records ----

  /** Says something new of this server. */
  #say(facts: Parameters<OwnRecord['say']>[0]): void {
    if (this.#own.say(facts)) this.#publish();
  }

  #publish(): void {
    if (this.#running) this.#deps.transport.publish(encodeSignedRecord(this.#own.signed));
  }

  #record(signed: SignedRecord, from: PeerId | null): void {
    const { record } = signed;
    const { clock, log, peers } = this.#deps;
    const intake = this.#intake.take(signed, from !== null && peers.isOfCluster(from));
    if (intake === 'dropped') return;
    if (intake === 'ours') {
      log.info({ sequence: record.sequence }, 'a newer record of this server was about');
      this.#own.goOnFrom(record.sequence, this.#deps.rng);
      return this.#refute();
    }
    peers.located(record.peerId, record.addresses);
    if (record.clusterId === null) return;
    const refuted = this.#liveness.recorded(record.peerId, record, clock.monotonicMillis());
    if (!refuted) return;
    log.info({ server: record.name }, 'a member that was suspected is alive');
    this.#post.passOnRefutation(signed);
  }

  #refute(): void {
    this.#publish();
    this.#post.passOnRefutation(this.#own.signed);
  }

  /** The record of `subject` has this sequence, as it said itself; it came by `peer`. */
  #numbered(subject: PeerId, sequence: number, peer: PeerId): void {
    const held = this.#table.sequenceOf(subject);
    if (sequence > held) this.#post.send(peer, { type: 'want', peerIds: [subject] });
    // It does not know how far its own number went in a life before.
    else if (sequence < held && peer === subject) this.#compare.sendRecords(peer, [subject]);
  }

  // ---- what changes by itself ----

  #compareLater(): void {
    const { clock, rng } = this.#deps;
    const { compareMillis } = this.#options;
    // Spread over time: servers started together must not compare in step.
    const delay = compareMillis * 0.8 + rng.below(Math.ceil(compareMillis * 0.4));
    this.#compareTimer = clock.after(delay, () => {
      this.#refresh();
      const [peer] = shuffled(this.#post.linkedMembers(), rng);
      if (peer !== undefined) this.#compare.begin(peer);
      this.#compareLater();
    });
  }

  /** Looked at here and no oftener, and small changes are none: each is a record to everybody. */
  #refresh(): void {
    const { transport, loopDelayMillis } = this.#deps;
    const late = loopDelayMillis();
    // In powers of two: a delay that wavers is no news.
    const rounded = late < loopDelayToldMillis ? 0 : 2 ** Math.round(Math.log2(late));
    this.#say({
      addresses: transport.addresses(),
      loopDelayMillis: rounded,
      ownHealth: this.#health.isGood ? 0 : this.#health.score,
    });
  }

  #nameOf(peer: PeerId): string {
    return this.#configuration?.members.find(({ peerId }) => peerId === peer)?.name ?? peer;
  }

  /** Who may ping the target for this server: whoever is linked to both, and alive. */
  #relays(target: PeerId): readonly PeerId[] {
    if (this.#configuration === null) return [];
    const { links } = neighbourhood(this.#configuration, target);
    return this.#post
      .linkedMembers()
      .filter((peer) => links.has(peer) && !isGone(this.#liveness.stateOf(peer)));
  }
}

function isGone(state: LifeState): boolean {
  return state === 'dead' || state === 'left';
}

/** What a server says of itself before it knows more. */
function firstFacts(self: GossipSelf): OwnFacts {
  return {
    clusterName: self.clusterName,
    incarnation: self.incarnation,
    name: self.name,
    version: self.version,
    zone: self.zone ?? null,
    clusterId: null,
    memberId: null,
    addresses: [],
    loopDelayMillis: 0,
    ownHealth: 0,
    disk: 'well',
    standbys: null,
    leaving: false,
  };
}
