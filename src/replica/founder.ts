/**
 * Runs a founding (membership/founding.ts): brings it what links, greetings, messages and the disk
 * say, and carries out what it asks for. It decides nothing.
 *
 * Invariant: what the founding was told to be written is on disk before it hears so, and it hears
 * of one write at a time.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { SignedFounding } from '../base/founding-record.js';
import type { Log } from '../base/log.js';
import type { Signer } from '../base/signer.js';
import { Founding } from '../membership/founding.js';
import type { FoundingInput, FoundingOutput, Sighting } from '../membership/founding-io.js';
import type { Hash } from '../membership/founding-record.js';
import type { LogBase } from '../raft/types.js';
import type { DiskError } from '../storage/disk.js';
import type { Hello, PeerId, Transport } from '../transport/transport.js';
import type { ControlMessage, FoundingMessage } from '../wire/peer-messages.js';
import type { Peers } from './peers.js';

/**
 * How long the founders must have seen one another before one proposes, milliseconds: time for a
 * server of a cluster, or a founder with a lower id, to be seen as well. Within the three seconds
 * that a founding may take, an election is the larger part.
 */
const marginMillis = 400;

/** Between two sendings of the same, milliseconds. Links lose nothing while they are up; a server
 * that refused may change its mind. */
const repeatMillis = 500;

/** How often time is told, milliseconds. */
const tickMillis = 50;

/** The data folder as a founding writes it. What `done` says is done is on disk. */
export interface FoundingStore {
  saveFounding(founding: SignedFounding, done: (error: DiskError | null) => void): void;
  /** The folder becomes that of a server that has signed nothing. */
  saveIncarnation(incarnation: string, done: (error: DiskError | null) => void): void;
}

/** What a server may found with others. */
export interface FoundingPlan {
  /** EXPECT; null: it founds with nobody new, but keeps what it has signed. */
  readonly expect: number | null;
  /** What the data folder holds. */
  readonly signed: SignedFounding | null;
  readonly signer: Signer;
  readonly hash: Hash;
  readonly store: FoundingStore;
  /** Sixteen random bytes, hex. */
  readonly randomHex: () => string;
}

/** What a founder works with. */
export interface FounderDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly peers: Peers;
  readonly transport: Transport;
  readonly send: (peer: PeerId, message: ControlMessage) => boolean;
  /** Another founder says where a third can be dialled. */
  readonly discovered: (peer: PeerId, addresses: readonly string[]) => void;
  /** All have signed, and that is on disk. */
  readonly founded: (cluster: {
    readonly clusterId: string;
    readonly memberId: number;
    readonly base: LogBase;
  }) => void;
  /** What it waits for may have changed. */
  readonly changed: () => void;
  readonly fatal: (reason: string) => void;
}

/** A server that founds with others, or has. */
export class Founder {
  readonly #plan: FoundingPlan;
  readonly #deps: FounderDeps;
  readonly #founding: Founding;
  #timer: Timer | null = null;
  #stopped = false;

  /** @param clusterId the cluster that the server is in already, or null. */
  constructor(plan: FoundingPlan, clusterId: string | null, deps: FounderDeps) {
    this.#plan = plan;
    this.#deps = deps;
    const { clusterName, version, incarnation, name } = deps.peers.self;
    const options = {
      clusterName,
      version,
      self: { peerId: deps.transport.self, incarnation, name },
      expect: plan.expect,
      clusterId,
      signed: plan.signed,
      nonce: plan.randomHex(),
      marginMillis,
      repeatMillis,
    };
    this.#founding = new Founding(options, { signer: plan.signer, hash: plan.hash });
  }

  /** Begins, once the network is open. */
  start(): void {
    const { record } = this.#plan.signed ?? { record: null };
    if (!this.#founding.mayJoin && !this.#founding.isOver && record !== null) {
      const names = record.founders.map(({ name }) => name);
      this.#deps.log.info({ founders: names }, 'founding goes on');
      const { peers } = this.#deps;
      const others = record.founders.map(({ peerId }) => peerId);
      peers.keepForNow(others.map((peerId) => ({ peerId, addresses: peers.addressesOf(peerId) })));
    }
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Whether the server may ask a cluster to take it in. */
  get mayJoin(): boolean {
    return this.#founding.mayJoin;
  }

  /** Whether there is anything to say but what a joining server says. */
  get isActive(): boolean {
    return !this.#founding.isOver && (this.#plan.expect !== null || !this.#founding.mayJoin);
  }

  waitingFor(): string {
    return this.#founding.waitingFor();
  }

  // ---- facts ----

  /** A link is up, or its other end greeted anew. */
  seen(peerId: PeerId, hello: Hello): void {
    const { incarnation, name, version, clusterId, addresses } = hello;
    if (this.isActive && clusterId === null) {
      this.#deps.peers.keepForNow([{ peerId, addresses }]);
    }
    this.#step({ type: 'seen', server: { peerId, incarnation, name, version, clusterId } });
  }

  linkDown(peerId: PeerId): void {
    this.#step({ type: 'lost', peerId });
  }

  message(peerId: PeerId, message: FoundingMessage): void {
    switch (message.type) {
      case 'sighting': {
        const { expect, sawCluster, isSigned, sees } = message;
        for (const seen of sees) this.#heardOf(seen.peerId, seen.addresses);
        const keys = sees.map(({ peerId: id, incarnation }) => ({ peerId: id, incarnation }));
        const sighting: Sighting = { expect, sawCluster, isSigned, sees: keys };
        return this.#step({ type: 'sighted', peerId, sighting });
      }
      case 'foundingOffer':
        return this.#step({ type: 'offered', peerId, founding: message.founding });
      case 'foundingRefused': {
        const { recordId, never, reason } = message;
        return this.#step({ type: 'refused', peerId, recordId, never, reason });
      }
    }
  }

  /** The server is a member of a cluster that it did not found with others; that is on disk. */
  joined(clusterId: string): void {
    this.#step({ type: 'joined', clusterId });
  }

  #heardOf(peer: PeerId, addresses: readonly string[]): void {
    const { transport, discovered } = this.#deps;
    if (!this.isActive || peer === transport.self || transport.isLinked(peer)) return;
    discovered(peer, addresses);
  }

  // ---- duties ----

  #tick(): void {
    if (this.#stopped || !this.isActive) return;
    this.#step({ type: 'tick' });
    this.#timer = this.#deps.clock.after(tickMillis, () => this.#tick());
  }

  #step(input: FoundingInput): void {
    if (this.#stopped) return;
    const outputs = this.#founding.step(input, this.#deps.clock.monotonicMillis());
    for (const output of outputs) this.#perform(output);
    if (this.isActive) this.#deps.changed();
  }

  #perform(output: FoundingOutput): void {
    const { send, log, founded } = this.#deps;
    switch (output.type) {
      case 'tell':
        return this.#tell(output.to, output.sighting);
      case 'offer':
        send(output.to, { type: 'foundingOffer', founding: output.founding });
        return;
      case 'refuse': {
        const { to, recordId, never, reason } = output;
        log.info({ to, recordId: recordId.slice(0, 12), never, reason }, 'founding record refused');
        send(to, { type: 'foundingRefused', recordId, never, reason });
        return;
      }
      case 'write':
        return this.#write(output.founding);
      case 'renew':
        return this.#renew(output.reason);
      case 'found': {
        const { clusterId, memberId, base } = output;
        return founded({ clusterId, memberId, base });
      }
    }
  }

  #tell(to: readonly PeerId[], { expect, sawCluster, isSigned, sees }: Sighting): void {
    const { peers, send } = this.#deps;
    const known = sees.map((seen) => ({ ...seen, addresses: peers.addressesOf(seen.peerId) }));
    for (const peer of to) {
      send(peer, { type: 'sighting', expect, sawCluster, isSigned, sees: known });
    }
  }

  #write(founding: SignedFounding): void {
    const { log, fatal } = this.#deps;
    const founders = founding.record.founders.map(({ name }) => name);
    const signed = founding.signatures.length;
    this.#plan.store.saveFounding(founding, (error) => {
      if (error !== null) return fatal(`the founding record is not written: ${error.message}`);
      log.info({ founders, signed }, 'founding record signed');
      this.#step({ type: 'written' });
    });
  }

  /** The record is dead: this server begins anew, as one that has signed nothing. */
  #renew(reason: string): void {
    const { peers, log, fatal } = this.#deps;
    const incarnation = this.#plan.randomHex();
    this.#plan.store.saveIncarnation(incarnation, (error) => {
      if (error !== null) return fatal(`the identity is not written: ${error.message}`);
      log.info({ reason }, 'the founding record is void; looking for founders anew');
      peers.renewed(incarnation);
      this.#step({ type: 'renewed', incarnation, nonce: this.#plan.randomHex() });
    });
  }
}
