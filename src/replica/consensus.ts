/**
 * The parts of a server that exist once it is a member of a cluster, wired to each other: driver,
 * applier, requests, reads and membership over one core, one log and one machine. It holds no rule
 * of its own: each effect goes to the part that it concerns.
 */

import type { Clock } from '../base/clock.js';
import type { Refusal } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Rng } from '../base/rng.js';
import type { Reply } from '../machine/commands.js';
import { Machine } from '../machine/machine.js';
import type { MembershipPolicy } from '../membership/policy.js';
import { type Standbys, standbysMax } from '../membership/table.js';
import { RaftCore, type RaftOptions } from '../raft/core.js';
import type { Role } from '../raft/effects.js';
import type { Message } from '../raft/messages.js';
import type {
  Configuration,
  Entry,
  Index,
  LogBase,
  MemberId,
  Membership,
  Term,
} from '../raft/types.js';
import { nobody } from '../raft/types.js';
import type { LogStore, RecoveredLog, WriteTimes } from '../storage/log-store.js';
import type { SnapshotStore } from '../storage/snapshot-store.js';
import type { PeerId, Transport } from '../transport/transport.js';
import { decodeMessage, encodeMessage } from '../wire/message-codec.js';
import { encodeForward } from '../wire/peer-codec.js';
import type { ForwardMessage } from '../wire/peer-messages.js';
import { Applier } from './applier.js';
import { DiskAlarm } from './disk-alarm.js';
import { type CoreNote, Driver, type RefusedWish } from './driver.js';
import type { GossipOfMembers } from './gossip-options.js';
import { MembershipRunner } from './membership-runner.js';
import type { Peers } from './peers.js';
import { PolicyInForce } from './policy-in-force.js';
import { Reads } from './reads.js';
import { RecordReader } from './record-reader.js';
import type { Refs } from './refs.js';
import { Requests } from './requests.js';
import { Snapshotter } from './snapshotter.js';

/** A log that is open, with what it said. */
export interface OpenedLog {
  readonly store: LogStore;
  readonly recovered: RecoveredLog;
  /** Its snapshots, and the machine as the newest good one has it (restore.ts), null: from the
   * log's base on. Without them none are made. */
  readonly snapshots?: { readonly store: SnapshotStore; readonly machine: Machine | null };
}

/** The options of consensus. */
export interface ConsensusOptions {
  readonly raft: RaftOptions;
  readonly policy: MembershipPolicy;
  /** One tick of the core, milliseconds. */
  readonly tickMillis: number;
  /** A snapshot is due after so many entries (snapshotter.ts). */
  readonly snapshotEntries: number;
}

/** What consensus works with. */
export interface ConsensusDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly rng: Rng;
  readonly refs: Refs;
  readonly transport: Transport;
  readonly peers: Peers;
  /** What gossip says of the members' health. */
  readonly gossip: GossipOfMembers;
  /** Told of the rest of what happens. */
  readonly listener: ConsensusListener;
}

/** Who wants to know what consensus decides. */
export interface ConsensusListener {
  roleChanged(role: Role, term: Term, leader: MemberId): void;
  /** A slice of entries was applied. */
  applied(index: Index): void;
  configurationApplied(index: Index, configuration: Configuration): void;
  /** Once a tick. `leader`: `nobody` when none is known. */
  ticked(leader: MemberId): void;
  fatal(reason: string): void;
}

/** A member at work. */
export class Consensus {
  readonly core: RaftCore;
  readonly machine: Machine;
  readonly requests: Requests;
  readonly reads: Reads;
  readonly records: RecordReader;
  readonly membership: MembershipRunner;
  readonly alarm: DiskAlarm;
  /** What the operator wants of the membership, as the applied log has it. */
  readonly policy: PolicyInForce;
  readonly #place: Membership;
  readonly #base: LogBase;
  readonly #deps: ConsensusDeps;
  readonly #store: LogStore;
  readonly #driver: Driver;
  readonly #applier: Applier;
  readonly #snapshotter: Snapshotter | null;
  #newestConfiguration: Index;
  #framesRefused = 0;

  constructor(
    options: ConsensusOptions,
    place: Membership,
    opened: OpenedLog,
    deps: ConsensusDeps,
  ) {
    const { clock, log, refs } = deps;
    const { store, recovered, snapshots } = opened;
    this.#place = place;
    this.#base = recovered.base;
    this.#deps = deps;
    this.#store = store;
    this.machine = snapshots?.machine ?? new Machine(recovered.base);
    const { appliedIndex } = this.machine;
    this.policy = new PolicyInForce(options.policy, () => this.machine.policy());
    const configurations = recovered.configurations;
    const newest = configurations[configurations.length - 1];
    this.#newestConfiguration = newest?.index ?? recovered.base.configurationIndex;
    this.core = new RaftCore(options.raft, {
      self: place.memberId,
      joinIndex: place.joinIndex,
      seed: deps.rng.uint32(),
      ...recovered,
      applied: appliedIndex,
      timeMillis: this.machine.timeMillis,
    });
    const core = this.core;
    this.#driver = new Driver(options.tickMillis, { core, store, clock, events: this.#events() });
    const driver = this.#driver;
    this.requests = new Requests(place.memberId, {
      driver,
      clock,
      refs,
      port: this.#forwardPort(),
    });
    this.reads = new Reads(appliedIndex, { driver, clock, refs, reach: () => this.alarm.reach });
    this.records = new RecordReader({ machine: this.machine, core, store });
    const configuration = newest?.configuration ?? recovered.base.configuration;
    this.membership = new MembershipRunner(place.memberId, configuration, {
      driver,
      core,
      clock,
      log,
      refs,
      policy: () => this.policy.policy,
      gossip: deps.gossip,
      graves: () => this.machine.tombstones(),
    });
    const { requests, membership } = this;
    const { gossip } = deps;
    const self = place.memberId;
    this.alarm = new DiskAlarm({ self, clock, log, core, membership, requests, gossip });
    store.watchRoom((shortage) => this.alarm.changed(shortage));
    this.#applier = new Applier({
      machine: this.machine,
      core,
      store,
      clock,
      listener: this.#sink(),
    });
    this.#snapshotter = this.#makeSnapshotter(options.snapshotEntries, snapshots?.store ?? null);
  }

  /** Begins to take part. */
  start(): void {
    // A machine from a snapshot was told of configurations in a former life: this one must hear of
    // the newest, which may be without this server.
    if (this.machine.appliedIndex > this.#base.index) {
      const { index, configuration } = this.machine.configuration();
      this.#deps.listener.configurationApplied(index, configuration);
    }
    this.#driver.start();
  }

  /** What the log starts from: newcomers start from the same. */
  get base(): LogBase {
    return this.#base;
  }

  /** This server's place in the cluster. */
  get place(): Membership {
    return this.#place;
  }

  /** Who stands by, as this server tells it while it leads; null: it does not, or nobody does. */
  standbys(): Standbys | null {
    const ids = this.membership.standbys().slice(0, standbysMax);
    return ids.length === 0 ? null : { term: this.core.status().term, ids };
  }

  /** How long the disk takes to write the log. */
  writeTimes(): WriteTimes {
    return this.#store.writeTimes();
  }

  /** Frames dropped because their sender may not speak for the member they came from. */
  get framesRefused(): number {
    return this.#framesRefused;
  }

  /** Ends: waiting requests are answered, the log is closed. */
  stop(closed: () => void): void {
    const refusal: Refusal = { code: 'STOPPING', message: 'the server is stopping' };
    this.requests.stop();
    this.reads.stop();
    this.membership.stop(refusal);
    this.#applier.stop();
    this.#driver.stop();
    const close = (): void => this.#store.close(closed);
    if (this.#snapshotter === null) close();
    else this.#snapshotter.stop(close);
  }

  /** Takes frames of the consensus channel. @throws WireError for bytes that are no message. */
  frames(peer: PeerId, frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const message = decodeMessage(frame);
      const allowed =
        message.to === this.#place.memberId &&
        this.#deps.peers.maySpeakFor(peer, message.from, this.#newestConfiguration);
      if (!allowed) this.#frameRefused(peer, message);
      else if (this.alarm.admits(message)) this.#driver.message(message);
    }
  }

  linkUp(): void {
    this.requests.releaseHeld();
  }

  linkDown(peer: PeerId): void {
    const member = this.#deps.peers.greeting(peer)?.memberId ?? nobody;
    if (member === nobody) return;
    this.requests.linkDown(member);
    this.#driver.unreachable(member);
  }

  /** Who leads, as far as is known. */
  leaderHint(): Refusal['leader'] {
    const { leader, configuration } = this.core.status();
    const member = configuration.members.find(({ id }) => id === leader);
    if (member === undefined) return undefined;
    return { name: member.name, addresses: this.#deps.peers.addressesOf(member.peerId) };
  }

  #frameRefused(peer: PeerId, message: Message): void {
    this.#framesRefused += 1;
    const { log } = this.#deps;
    log.debug({ peer, from: message.from, type: message.type }, 'consensus frame refused');
  }

  #send(message: Message): boolean {
    const peer = this.#deps.peers.peerOf(message.to);
    if (peer === undefined) return false;
    return this.#deps.transport.send(peer, 'consensus', [encodeMessage(message)]);
  }

  #forwardPort(): {
    forward(to: MemberId, message: ForwardMessage): boolean;
    leaderHint(): Refusal['leader'];
  } {
    return {
      forward: (to, message) => {
        const peer = this.#deps.peers.peerOf(to);
        if (peer === undefined) return false;
        return this.#deps.transport.send(peer, 'forward', [encodeForward(message)]);
      },
      leaderHint: () => this.leaderHint(),
    };
  }

  #events(): ConstructorParameters<typeof Driver>[1]['events'] {
    const { listener } = this.#deps;
    return {
      applyUpTo: (index) => this.#applier.applyUpTo(index),
      answerRead: (ref, index) => this.reads.answered(ref, index),
      accepted: (ref, index, term) => {
        this.requests.accepted(ref, index, term);
        this.membership.accepted(ref, index);
      },
      refused: (wish) => this.#refused(wish),
      configured: (index, configuration) => {
        this.#newestConfiguration = index;
        this.#deps.peers.follow(configuration);
        this.#deps.gossip.configured(configuration);
        this.membership.configured(configuration);
      },
      roleChanged: (role, term, leader) => {
        this.requests.leaderChanged(leader);
        this.membership.roleChanged(role === 'leader', term, leader);
        this.alarm.roleChanged(role === 'leader');
        listener.roleChanged(role, term, leader);
      },
      sendSnapshot: (to) => {
        listener.fatal(`member ${to} needs a snapshot, but this log was never compacted`);
      },
      note: (note) => this.#note(note),
      ticked: () => {
        this.requests.expire();
        this.reads.expire();
        this.membership.ticked();
        this.alarm.ticked();
        this.#snapshotter?.ticked();
        listener.ticked(this.core.leader);
      },
      send: (message) => this.#send(message),
      fatal: (reason) => listener.fatal(reason),
    };
  }

  #sink(): ConstructorParameters<typeof Applier>[0]['listener'] {
    const { listener } = this.#deps;
    return {
      applied: (entry: Entry, reply: Reply | null) => {
        this.requests.applied(entry, reply);
        this.#snapshotter?.applied(entry);
        if (entry.configuration === null) return;
        this.membership.configurationApplied(entry.index, entry.configuration);
        listener.configurationApplied(entry.index, entry.configuration);
      },
      sliceEnded: (index) => {
        this.#driver.applied(index);
        this.reads.applied(index);
        this.#snapshotter?.sliceEnded();
        listener.applied(index);
      },
      fatal: (reason) => listener.fatal(reason),
    };
  }

  #makeSnapshotter(entries: number, store: SnapshotStore | null): Snapshotter | null {
    if (store === null) return null;
    const { machine, core } = this;
    const { clock, log } = this.#deps;
    const { clusterId } = this.#place;
    const hasRoom = (): boolean => this.alarm.line === null;
    return new Snapshotter(entries, { clusterId, machine, core, store, hasRoom, clock, log });
  }

  #refused(wish: RefusedWish): void {
    if (this.requests.refused(wish)) return;
    if (this.reads.refused(wish)) return;
    this.membership.refused(wish);
  }

  #note(note: CoreNote): void {
    const fields = this.#named(note.fields);
    const { log } = this.#deps;
    // What is in the log but not committed is no news to an operator yet: 'membership' comes then.
    if (note.event === 'configuration entered') log.debug(fields, note.event);
    else log.info(fields, note.event);
  }

  /** People know members by name: ids in fields of that sense get the name beside them. */
  #named(fields: CoreNote['fields']): CoreNote['fields'] {
    const id = fields['leader'] ?? fields['member'] ?? fields['to'] ?? fields['from'];
    if (typeof id !== 'number' || id === nobody) return fields;
    const name = this.#deps.peers.member(id)?.name;
    return name === undefined ? fields : { ...fields, name };
  }
}
