/**
 * A server of the false world: what src/server/server.ts and data-folder.ts put together, over the
 * false disk, network and clock. The order in which files are opened and written is theirs; only
 * keys and the founding nonce are not random.
 */

import { crc32 } from 'node:zlib';
import type { Log } from '../../src/base/log.js';
import { Rng } from '../../src/base/rng.js';
import { NativeFront } from '../../src/front/native/native-front.js';
import type { LogBase, Membership } from '../../src/raft/types.js';
import type { OpenedLog } from '../../src/replica/consensus.js';
import type { DataFolder } from '../../src/replica/data-folder.js';
import { Replica } from '../../src/replica/replica.js';
import { loadAddressBook, saveAddressBook } from '../../src/storage/address-book.js';
import type { Checksum } from '../../src/storage/checksum.js';
import type { DiskError, Done } from '../../src/storage/disk.js';
import { type Identity, loadIdentity, saveIdentity } from '../../src/storage/identity.js';
import type { LogStore } from '../../src/storage/log-store.js';
import { createWal, openWal } from '../../src/storage/wal.js';
import type { WalDeps, WalOptions } from '../../src/storage/wal-options.js';
import type { Channel } from '../../src/transport/transport.js';
import type { PeerAddresses } from '../../src/wire/peer-messages.js';
import type { Network } from './network.js';
import type { Shadow } from './shadow.js';
import type { SimDisk } from './sim-disk.js';
import type { SimProcess } from './sim-process.js';
import { SimTransport } from './sim-transport.js';
import type { Swarm } from './swarm.js';

const folder = '/data';
const logFolder = '/data/log';
const clusterName = 'sim';

/** How long a leader that stops may take to hand over, milliseconds (server.ts). */
const handOverMillisMax = 600;

const checksum: Checksum = (bytes, seed) => crc32(bytes, seed);

/** Where the cluster of every world begins. */
const clusterId = 'c0ffee'.repeat(10).padEnd(64, '0');

/** What a server is started with. */
export interface ServerPlan {
  readonly name: string;
  readonly address: string;
  readonly host: number;
  /** Whom to ask for a cluster; empty: it founds one. */
  readonly seeds: readonly string[];
  /** Key and incarnation of a folder that is made anew. */
  readonly identity: { readonly peerId: string; readonly incarnation: string };
  readonly swarm: Swarm;
}

/** What a server lives in. */
export interface ServerDeps {
  readonly process: SimProcess;
  readonly disk: SimDisk;
  readonly network: Network;
  readonly rng: Rng;
  readonly log: Log;
  readonly events: ServerEvents;
}

/** What the world wants to know. */
export interface ServerEvents {
  /** The log is open: `shadow` is what is known of this member. */
  opened(place: Membership, opened: OpenedLog): Shadow;
  persisted(shadow: Shadow): void;
  sending(shadow: Shadow, frame: Uint8Array): void;
  /** It founded the cluster: its own writing on disk. */
  founded(): void;
  /** It was removed from the cluster. */
  removed(): void;
  /** It ends: by its own will, or since it cannot go on. */
  ended(how: 'stopped' | 'failed', reason: string): void;
}

/** One life of a server. */
export class SimServer {
  /** Null until it is a member. */
  shadow: Shadow | null = null;
  /** True while it opens its folder. */
  isStarting = true;
  replica: Replica | null = null;
  readonly #plan: ServerPlan;
  readonly #deps: ServerDeps;
  #front: NativeFront | null = null;
  #identity: Identity | null = null;
  #stopping = false;

  constructor(plan: ServerPlan, deps: ServerDeps) {
    this.#plan = plan;
    this.#deps = deps;
  }

  start(): void {
    const checked = this.#checked();
    loadIdentity(checked, (error, identity) => {
      if (error !== null) return this.#fail(error.message);
      if (identity !== null) return this.#loaded(identity);
      if (this.#deps.disk.media.list(logFolder).length > 0) {
        return this.#fail('DAMAGED: a log but no identity');
      }
      const { peerId, incarnation } = this.#plan.identity;
      const made = { privateKey: Buffer.from(peerId), incarnation, membership: null };
      saveIdentity(checked, made, (failed) => {
        if (failed !== null) this.#fail(failed.message);
        else this.#loaded(made);
      });
    });
  }

  /** Ends in order: hands over, answers what waits, closes. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const { replica } = this;
    if (replica === null) return this.#deps.events.ended('stopped', 'before it was up');
    let isOver = false;
    const next = (): void => {
      if (isOver) return;
      isOver = true;
      late.cancel();
      this.#front?.stop();
      replica.stop().then(
        () => this.#deps.events.ended('stopped', 'stopped'),
        (error: unknown) => this.#fail(String(error)),
      );
    };
    const late = this.#deps.process.after(handOverMillisMax, next);
    replica.handOver(next);
  }

  #loaded(identity: Identity): void {
    this.#identity = identity;
    loadAddressBook(this.#checked(), this.#deps.log, (book) => this.#build(identity, book));
  }

  #build(identity: Identity, book: readonly PeerAddresses[]): void {
    const { name, address, host, seeds, swarm } = this.#plan;
    const { process, network, rng, log } = this.#deps;
    const transport = new SimTransport(Buffer.from(identity.privateKey).toString(), address, {
      host,
      process,
      network,
      habits: swarm.transport,
      below: (bound) => rng.below(bound),
      sending: (channel, frame) => this.#sending(channel, frame),
    });
    const clock = process;
    const { raft, policy, tickMillis } = swarm;
    const { incarnation } = identity;
    const replica = new Replica(
      {
        consensus: { raft, policy, tickMillis },
        self: { clusterName, incarnation, name, version: 'sim' },
        seeds,
        book,
      },
      {
        clock,
        log,
        rng: new Rng(rng.uint32() * 0x10_0000 + rng.below(0x10_0000)),
        transport,
        folder: this.#dataFolder(),
        client: (stream) => front.accept(stream),
        foundNone: () => {},
        removed: () => {
          this.#deps.events.removed();
          this.stop();
        },
        fatal: (reason) => this.#fail(reason),
      },
    );
    const front = new NativeFront({}, { replica, clock, log });
    this.#front = front;
    this.replica = replica;
    const go = (member: Parameters<Replica['start']>[0]): void => {
      this.isStarting = false;
      replica.start(member).catch((error: unknown) => this.#fail(String(error)));
    };
    const { membership } = identity;
    if (membership !== null) this.#open(membership, go);
    else if (seeds.length > 0) go(null);
    else this.#found(transport.self, go);
  }

  #open(place: Membership, go: (member: { place: Membership; opened: OpenedLog }) => void): void {
    openWal(this.#walOptions(place), this.#walDeps(), (error, opened) => {
      if (opened === null) return this.#fail(`${error?.code}: ${error?.message}`);
      go({ place, opened: this.#watched(place, opened) });
    });
  }

  #found(peerId: string, go: (member: { place: Membership; opened: OpenedLog }) => void): void {
    const { name } = this.#plan;
    const { incarnation } = this.#identity as Identity;
    const place = { clusterName, clusterId, memberId: 1, joinIndex: 0 };
    const base = foundingBase({ id: 1, peerId, incarnation, name });
    const data = this.#dataFolder();
    data.createLog(place, base, (error, opened) => {
      if (opened === null) return this.#fail(`${error?.code}: ${error?.message}`);
      data.saveMembership(place, (failed) => {
        if (failed !== null) return this.#fail(failed.message);
        this.#deps.events.founded();
        go({ place, opened });
      });
    });
  }

  #dataFolder(): DataFolder {
    return {
      createLog: (place, base, done) => this.#createLog(place, base, done),
      saveMembership: (place, done) => this.#saveMembership(place, done),
      saveAddresses: (book) => {
        saveAddressBook(this.#checked(), book, (error) => {
          if (error !== null) this.#deps.log.warn({ error: error.message }, 'book not saved');
        });
      },
    };
  }

  #createLog(
    place: Membership,
    base: LogBase,
    done: (error: DiskError | null, opened: OpenedLog | null) => void,
  ): void {
    const { disk } = this.#deps;
    const removeAll = (): void => {
      for (const name of disk.media.list(logFolder)) disk.media.delete(`${logFolder}/${name}`);
    };
    disk.change(removeAll, 0, () => {
      createWal(this.#walOptions(place), base, this.#walDeps(), (error, opened) => {
        done(error, opened === null ? null : this.#watched(place, opened));
      });
    });
  }

  #saveMembership(place: Membership, done: Done): void {
    const identity = { ...(this.#identity as Identity), membership: place };
    saveIdentity(this.#checked(), identity, done);
  }

  /** The log as the replica gets it: the checkers hear when a batch is on disk. */
  #watched(place: Membership, opened: OpenedLog): OpenedLog {
    const { events } = this.#deps;
    const shadow = events.opened(place, opened);
    this.shadow = shadow;
    const { store, recovered } = opened;
    const watched: LogStore = {
      append: (batch, done) => {
        store.append(batch, () => {
          events.persisted(shadow);
          done();
        });
      },
      read: (first, last, bytesMax, done) => store.read(first, last, bytesMax, done),
      close: (done) => store.close(done),
    };
    return { store: watched, recovered };
  }

  #sending(channel: Channel, frame: Uint8Array): void {
    if (channel === 'consensus' && this.shadow !== null) {
      this.#deps.events.sending(this.shadow, frame);
    }
  }

  #checked(): { disk: SimDisk; directory: string; checksum: Checksum } {
    return { disk: this.#deps.disk, directory: folder, checksum };
  }

  #walOptions({ clusterId: id, memberId }: Membership): WalOptions {
    const { segmentBytesMax, walTailBytesMax } = this.#plan.swarm;
    return {
      directory: logFolder,
      clusterId: id,
      memberId,
      segmentBytesMax,
      tailBytesMax: walTailBytesMax,
    };
  }

  #walDeps(): WalDeps {
    const { disk, process, log } = this.#deps;
    const onFatal = (error: DiskError): void => this.#fail(`${error.code}: ${error.message}`);
    return { disk, checksum, clock: process, log, onFatal };
  }

  #fail(reason: string): void {
    this.#deps.events.ended('failed', reason);
  }
}

/** The base of a cluster founded by one server (founding.ts). */
function foundingBase(founder: {
  readonly id: number;
  readonly peerId: string;
  readonly incarnation: string;
  readonly name: string;
}): LogBase {
  return {
    index: 1,
    term: 0,
    configurationIndex: 1,
    configuration: {
      voters: [1],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      members: [founder],
      reason: `founded by ${founder.name}`,
    },
  };
}
