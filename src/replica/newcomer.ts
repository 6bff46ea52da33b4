/**
 * A server's way from an empty data folder to a place in a cluster: it asks others to take it in
 * (Joiner) and, where it was told to, founds with them (Founder). Whichever comes first writes the
 * place to disk; then the server is a member, and this part only answers founders that are late.
 *
 * Invariant: the place is on disk, log first and identity last, before anybody hears of it; and
 * nobody asks to join while a signature of this server may be on its way.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { LogBase, Membership } from '../raft/types.js';
import type { Hello, PeerId, Transport } from '../transport/transport.js';
import type { ControlMessage, FoundingMessage } from '../wire/peer-messages.js';
import type { OpenedLog } from './consensus.js';
import type { DataFolder } from './data-folder.js';
import { Founder, type FoundingPlan } from './founder.js';
import { type Joined, Joiner } from './joiner.js';
import type { Peers } from './peers.js';
import type { Refs } from './refs.js';
import { WaitingLine } from './waiting-line.js';

/** A place, with the log that was made for it. */
export interface NewPlace {
  readonly place: Membership;
  readonly opened: OpenedLog;
  /** The leader's last index when it took this server in; null for a founder. */
  readonly lastIndex: number | null;
}

/** What a newcomer works with. */
export interface NewcomerDeps {
  readonly transport: Transport;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly log: Log;
  readonly refs: Refs;
  readonly folder: DataFolder;
  readonly send: (peer: PeerId, message: ControlMessage) => boolean;
  readonly became: (place: NewPlace) => void;
  /** A whole round of asking found no cluster. */
  readonly foundNone: () => void;
  readonly fatal: (reason: string) => void;
}

/** One server on its way. */
export class Newcomer {
  readonly #seeds: readonly string[];
  readonly #deps: NewcomerDeps;
  readonly #founder: Founder | null;
  #joiner: Joiner | null = null;
  readonly #line = new WaitingLine();
  #foundersWord = '';

  /**
   * @param seeds addresses to ask, `host:port`.
   * @param founding null: this server never founds with others.
   * @param member the place it has already, or null.
   */
  constructor(
    seeds: readonly string[],
    founding: FoundingPlan | null,
    member: Membership | null,
    deps: NewcomerDeps,
  ) {
    this.#seeds = seeds;
    this.#deps = deps;
    const { clock, log, peers, transport, send, fatal } = deps;
    this.#founder =
      founding === null
        ? null
        : new Founder(founding, member?.clusterId ?? null, {
            clock,
            log,
            peers,
            transport,
            send,
            fatal,
            discovered: (peer, addresses) => this.#joiner?.discovered(peer, addresses),
            changed: () => this.#founderChanged(),
            founded: (cluster) => this.#founded(cluster),
          });
  }

  /** Begins to look for a cluster, once the network is open. */
  start(): void {
    const { transport, peers, clock, log, refs, send, foundNone } = this.#deps;
    this.#joiner = new Joiner(this.#seeds, {
      transport,
      peers,
      clock,
      log,
      refs,
      send,
      mayAsk: (peer, hello) => this.#mayAsk(peer, hello),
      say: () => this.#say(),
      joined: (joined) => this.#joined(joined),
      foundNone: () => {
        if (this.#founder?.mayJoin !== false) foundNone();
      },
    });
    this.#founder?.start();
    this.#joiner.start();
  }

  /** Asks nobody any more to be taken in: this server is about to found a cluster alone. */
  stopJoining(): void {
    this.#joiner?.stop();
    this.#joiner = null;
  }

  stop(): void {
    this.stopJoining();
    this.#founder?.stop();
  }

  /** One line, or null once there is nothing to wait for. */
  waitingFor(): string | null {
    if (this.#joiner === null) return null;
    const isFounding = this.#founder?.isActive === true;
    return isFounding ? this.#parts(this.#joiner).join('; ') : this.#joiner.waitingFor();
  }

  /** What makes up what it waits for, a line each. */
  #parts(joiner: Joiner): readonly string[] {
    const founder = this.#founder;
    if (founder?.isActive === true) {
      // Who does not answer matters while somebody is looked for.
      return [founder.waitingFor(), ...(founder.mayJoin ? joiner.troubles() : [])];
    }
    const findings = joiner.findings();
    return findings.length > 0 ? findings : [joiner.waitingFor()];
  }

  // ---- facts ----

  seen(peer: PeerId, hello: Hello | undefined): void {
    if (hello !== undefined) this.#founder?.seen(peer, hello);
  }

  linkUp(peer: PeerId, hello: Hello | undefined): void {
    this.seen(peer, hello);
    this.#joiner?.linkUp();
  }

  linkDown(peer: PeerId): void {
    this.#founder?.linkDown(peer);
    this.#joiner?.linkDown(peer);
  }

  discovered(peer: PeerId, addresses: readonly string[]): void {
    this.#joiner?.discovered(peer, addresses);
  }

  founding(peer: PeerId, message: FoundingMessage): void {
    this.#founder?.message(peer, message);
  }

  joinAnswered(message: ControlMessage): void {
    this.#joiner?.answered(message);
  }

  /** This server founded a cluster alone; that is on disk. */
  foundedAlone(clusterId: string): void {
    this.#founder?.joined(clusterId);
  }

  // ---- ways in ----

  /** A cluster was seen, which the founder must know before anybody is asked to take us in. */
  #mayAsk(peer: PeerId, hello: Hello): boolean {
    this.#founder?.seen(peer, hello);
    return this.#founder?.mayJoin !== false;
  }

  /** A cluster took us in: first the disk knows it, then we take part. */
  #joined(joined: Joined): void {
    const { clusterId, memberId, base, lastIndex, peers } = joined;
    const { log, peers: book } = this.#deps;
    const { clusterName } = book.self;
    const place = { clusterName, clusterId, memberId, joinIndex: memberId };
    book.keepForNow(peers);
    this.#enter(place, base, (opened) => {
      log.info({ clusterId: clusterId.slice(0, 12), memberId, lastIndex }, 'joined the cluster');
      this.#founder?.joined(clusterId);
      this.#deps.became({ place, opened, lastIndex });
    });
  }

  /** All founders have signed. */
  #founded(cluster: {
    readonly clusterId: string;
    readonly memberId: number;
    readonly base: LogBase;
  }): void {
    const { clusterId, memberId, base } = cluster;
    const { log, peers } = this.#deps;
    const place = { clusterName: peers.self.clusterName, clusterId, memberId, joinIndex: 0 };
    this.stopJoining();
    this.#enter(place, base, (opened) => {
      const founders = base.configuration.members.map(({ name }) => name);
      log.info({ clusterId: clusterId.slice(0, 12), founders }, 'founded a cluster');
      this.#deps.became({ place, opened, lastIndex: null });
    });
  }

  #enter(place: Membership, base: LogBase, done: (opened: OpenedLog) => void): void {
    const { folder, fatal } = this.#deps;
    folder.createLog(place, base, (error, opened) => {
      if (opened === null) return fatal(`the log cannot be made: ${error?.message}`);
      folder.saveMembership(place, (failed) => {
        if (failed !== null) return fatal(`identity not written: ${failed.message}`);
        this.stopJoining();
        done(opened);
      });
    });
  }

  #founderChanged(): void {
    const word = this.#founder?.waitingFor();
    if (word === undefined || word === this.#foundersWord) return;
    this.#foundersWord = word;
    this.#say();
  }

  /** Says what it waits for, when that is news. The rounds of asking call it again and again. */
  #say(): void {
    const waitingFor = this.waitingFor();
    if (waitingFor === null || this.#joiner === null) return;
    const { clock, log } = this.#deps;
    const parts = this.#parts(this.#joiner);
    if (!this.#line.isDue(waitingFor, parts, clock.monotonicMillis())) return;
    if (this.#founder?.isActive === true) log.info({ waitingFor }, 'founding together');
    else log.warn({ waitingFor }, 'not in a cluster yet; still asking');
  }
}
