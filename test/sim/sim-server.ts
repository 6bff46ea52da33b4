/**
 * A server of the false world: what src/server/server.ts and data-folder.ts put together, over the
 * false disk, network and clock. The order in which files are opened and written is theirs; only
 * keys and the nonce of a lone founder are not random, and only in a world that is founded together
 * does anybody look for a signature.
 */

import { crc32 } from 'node:zlib';
import type { SignedFounding } from '../../src/base/founding-record.js';
import type { Log } from '../../src/base/log.js';
import { Rng } from '../../src/base/rng.js';
import { NativeFront } from '../../src/front/native/native-front.js';
import type { LogBase, Membership } from '../../src/raft/types.js';
import type { OpenedLog } from '../../src/replica/consensus.js';
import type { DataFolder } from '../../src/replica/data-folder.js';
import type { FoundingPlan, FoundingStore } from '../../src/replica/founder.js';
import { Replica } from '../../src/replica/replica.js';
import { loadAddressBook, saveAddressBook } from '../../src/storage/address-book.js';
import type { Checksum } from '../../src/storage/checksum.js';
import type { DiskError, Done } from '../../src/storage/disk.js';
import { loadFounding, saveFounding } from '../../src/storage/founding-file.js';
import { type Identity, loadIdentity, saveIdentity } from '../../src/storage/identity.js';
import type { LogStore } from '../../src/storage/log-store.js';
import { createWal, openWal } from '../../src/storage/wal.js';
import type { WalDeps, WalOptions } from '../../src/storage/wal-options.js';
import type { Channel } from '../../src/transport/transport.js';
import { decodeControl } from '../../src/wire/peer-codec.js';
import type { ControlMessage, PeerAddresses } from '../../src/wire/peer-messages.js';
import { type Life, sha256 } from './founding-checker.js';
import type { Network } from './network.js';
import type { Shadow } from './shadow.js';
import type { SimDisk } from './sim-disk.js';
import { clusterName, type FoundingHabits, foundedAlone } from './sim-founding.js';
import type { SimProcess } from './sim-process.js';
import { simSigner } from './sim-signer.js';
import { snapshotFolder, withoutSnapshots, withSnapshots } from './sim-snapshots.js';
import { SimTransport } from './sim-transport.js';
import { livesClass, type Swarm } from './swarm.js';

const folder = '/data';
const logFolder = '/data/log';

/** How long a leader that stops may take to hand over, milliseconds (server.ts). */
const handOverMillisMax = 600;

const checksum: Checksum = (bytes, seed) => crc32(bytes, seed);

/** What a server is started with. */
export interface ServerPlan {
  readonly name: string;
  readonly address: string;
  readonly host: number;
  /** Whom to ask for a cluster; empty: it founds one. */
  readonly seeds: readonly string[];
  /** Key and incarnation of a folder that is made anew. */
  readonly identity: Life;
  /** Null: nobody in this world founds with others. */
  readonly founding: FoundingHabits | null;
  readonly swarm: Swarm;
}

/** What a server lives in. */
export interface ServerDeps {
  readonly process: SimProcess;
  readonly disk: SimDisk;
  readonly network: Network;
  readonly rng: Rng;
  readonly gossipRng: Rng;
  readonly log: Log;
  readonly events: ServerEvents;
}

/** What the world wants to know. */
export interface ServerEvents {
  /** The log is open: `shadow` is what is known of this member. */
  opened(place: Membership, opened: OpenedLog): Shadow;
  persisted(shadow: Shadow): void;
  /** The log has room again, or none any more. */
  roomChanged(hasRoom: boolean): void;
  sending(shadow: Shadow, frame: Uint8Array): void;
  /** It tells another server something. */
  saying(life: Life, message: ControlMessage): void;
  /** Its disk says that it is this one. */
  lives(life: Life): void;
  /** It founded the cluster alone: its own writing on disk. */
  founded(): void;
  /** Its signature is on disk. */
  signed(life: Life, founding: SignedFounding): void;
  /** Its place in a cluster is on disk. */
  placed(): void;
  /** A server that was restarted greeted it, which had not heard of the end of the life before. */
  secondLife(): void;
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
    const { events } = this.#deps;
    events.lives(this.#life);
    if (identity.membership !== null) events.placed();
    if (this.#plan.founding === null) return this.#readBook(identity, null);
    loadFounding(this.#checked(), (error, signed) => {
      if (error !== null) return this.#fail(error.message);
      const { incarnation } = identity;
      const isOwn = signed?.record.founders.some((each) => each.incarnation === incarnation);
      if (signed === null || isOwn !== true) return this.#readBook(identity, null);
      events.signed(this.#life, signed);
      this.#readBook(identity, signed);
    });
  }

  #readBook(identity: Identity, signed: SignedFounding | null): void {
    loadAddressBook(this.#checked(), this.#deps.log, (book) => {
      this.#build(identity, book, signed);
    });
  }

  /** Who it is. */
  get #life(): Life {
    const { privateKey, incarnation } = this.#identity as Identity;
    return { peerId: Buffer.from(privateKey).toString(), incarnation };
  }

  #build(identity: Identity, book: readonly PeerAddresses[], signed: SignedFounding | null): void {
    const { name, address, host, seeds, swarm } = this.#plan;
    const { process, network, rng, gossipRng, log } = this.#deps;
    const transport = new SimTransport(this.#life.peerId, address, {
      host,
      process,
      network,
      habits: swarm.transport,
      below: (bound) => rng.below(bound),
      sending: (channel, frame) => this.#sending(channel, frame),
      tellsLife: swarm.faults.has(livesClass),
      secondLife: () => this.#deps.events.secondLife(),
    });
    const clock = process;
    const { raft, policy, tickMillis, snapshotEntries } = swarm;
    const { incarnation } = identity;
    const replica = new Replica(
      {
        consensus: { raft, policy, tickMillis, snapshotEntries },
        self: { clusterName, incarnation, name, version: 'sim' },
        seeds,
        book,
        ...this.#foundingPlan(signed),
      },
      {
        clock,
        log,
        rng: new Rng(rng.uint32() * 0x10_0000 + rng.below(0x10_0000)),
        transport,
        folder: this.#dataFolder(),
        gossip: {
          signer: simSigner(transport.self),
          rng: new Rng(gossipRng.uint32()),
          loopDelayMillis: () => 0,
        },
        client: (stream) => front.accept(stream),
        foundNone: () => {},
        removed: () => {
          this.#deps.events.removed();
          this.stop();
        },
        ranTwice: (reason) => this.#fail(reason),
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
    else if (seeds.length > 0 || signed !== null) go(null);
    else this.#found(transport.self, go);
  }

  #open(place: Membership, go: (member: { place: Membership; opened: OpenedLog }) => void): void {
    openWal(this.#walOptions(place), this.#walDeps(), (error, opened) => {
      if (opened === null) return this.#fail(`${error?.code}: ${error?.message}`);
      const watched = this.#watched(place, opened);
      withSnapshots(this.#deps, place.clusterId, watched, (all) => go({ place, opened: all }));
    });
  }

  #found(peerId: string, go: (member: { place: Membership; opened: OpenedLog }) => void): void {
    const { name } = this.#plan;
    const { incarnation } = this.#identity as Identity;
    const { clusterId, base, signed } = foundedAlone({ peerId, incarnation, name });
    const place = { clusterName, clusterId, memberId: 1, joinIndex: 0 };
    this.#deps.events.signed(this.#life, signed);
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
      for (const each of [snapshotFolder, logFolder]) {
        for (const name of disk.media.list(each)) disk.media.delete(`${each}/${name}`);
      }
    };
    disk.change(removeAll, 0, () => {
      createWal(this.#walOptions(place), base, this.#walDeps(), (error, opened) => {
        if (opened === null) done(error, null);
        else done(null, withoutSnapshots(this.#deps, this.#watched(place, opened)));
      });
    });
  }

  #saveMembership(place: Membership, done: Done): void {
    this.#saveIdentity({ ...(this.#identity as Identity), membership: place }, (failed) => {
      if (failed === null) this.#deps.events.placed();
      done(failed);
    });
  }

  #saveIdentity(identity: Identity, done: Done): void {
    saveIdentity(this.#checked(), identity, (failed) => {
      if (failed === null) this.#identity = identity;
      done(failed);
    });
  }

  #foundingPlan(signed: SignedFounding | null): { readonly founding?: FoundingPlan } {
    const { founding } = this.#plan;
    if (founding === null) return {};
    const { expect, randomHex } = founding;
    const { peerId } = this.#life;
    const store = this.#foundingStore();
    const signer = simSigner(peerId);
    return { founding: { expect, signed, signer, hash: sha256, store, randomHex } };
  }

  #foundingStore(): FoundingStore {
    const { events } = this.#deps;
    return {
      saveFounding: (founding, done) => {
        saveFounding(this.#checked(), founding, (failed) => {
          if (failed === null) events.signed(this.#life, founding);
          done(failed);
        });
      },
      saveIncarnation: (incarnation, done) => {
        this.#saveIdentity({ ...(this.#identity as Identity), incarnation }, (failed) => {
          if (failed === null) events.lives(this.#life);
          done(failed);
        });
      },
    };
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
      watchRoom: (watcher) => {
        store.watchRoom((shortage) => {
          events.roomChanged(shortage === null);
          watcher(shortage);
        });
      },
      writeTimes: () => store.writeTimes(),
      close: (done) => store.close(done),
    };
    return { store: watched, recovered };
  }

  #sending(channel: Channel, frame: Uint8Array): void {
    if (channel === 'consensus' && this.shadow !== null) {
      this.#deps.events.sending(this.shadow, frame);
    } else if (channel === 'control' && this.#plan.founding !== null) {
      this.#deps.events.saying(this.#life, decodeControl(frame));
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
