/**
 * A stopped server's data folder in the hands of an operator who has lost the majority: who it is,
 * where its log ends, whom to ask, and the rebuilding itself. The rules are in
 * membership/rescue.ts, the steps on disk in storage/rescue.ts. The folder is locked for as long as
 * it is open here. Opening does to the log what a start of the server does, and no more.
 */

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { crc32 } from 'node:zlib';
import { QuorateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import {
  type AskedServer,
  rescueEntry,
  rescueLosses,
  rescueRefusal,
  type Survivor,
  votersOf,
} from '../membership/rescue.js';
import type { Membership } from '../raft/types.js';
import { loadAddressBook } from '../storage/address-book.js';
import type { CheckedFolder } from '../storage/checked-file.js';
import type { Disk, DiskError } from '../storage/disk.js';
import { type FolderLock, lockFolder } from '../storage/folder-lock.js';
import { type Identity, loadIdentity } from '../storage/identity.js';
import { NodeDisk } from '../storage/node-disk.js';
import { asideFolder, settleLog, writeRescued } from '../storage/rescue.js';
import { type OpenedWal, openWal } from '../storage/wal.js';
import type { WalDeps } from '../storage/wal-options.js';
import { nodeClock } from '../transport/node-clock.js';
import { peerIdOfKey } from '../transport/peer-key.js';
import type { PeerAddresses } from '../wire/peer-messages.js';
import { promised } from './disk-faults.js';
import { randomHex } from './founding.js';

/** What a server that was asked says, as the client library tells it. */
export interface AnsweredStatus {
  readonly clusterId: string | null;
  readonly leader: { readonly name: string } | null;
  readonly lastTerm: number;
  readonly lastIndex: number;
  readonly self: { readonly name: string; readonly peerId: string };
}

/** What an operator reads before giving the word. */
export interface RescueReport {
  readonly cluster: string;
  readonly clusterId: string;
  readonly name: string;
  readonly memberId: number;
  readonly role: 'voter' | 'learner' | 'none';
  /** Of the hard state. */
  readonly term: number;
  readonly lastTerm: number;
  readonly lastIndex: number;
  readonly configurationIndex: number;
  readonly voters: readonly string[];
  /** A joint change was under way: a majority of the old and of the new voters is needed. */
  readonly joint: boolean;
  readonly asked: readonly AskedServer[];
  /** Why it must not be done, or null. */
  readonly refusal: string | null;
  readonly losses: readonly string[];
}

/** A cluster that was rebuilt. */
export interface Rescued {
  readonly clusterId: string;
  /** Index and term of the forced configuration. */
  readonly index: number;
  readonly term: number;
  /** The data folder as it was. */
  readonly aside: string;
}

/**
 * Locks and opens the data folder of a stopped member. It changes nothing but what any start does.
 * @throws QuorateError when there is none, a server runs on it, or it is damaged.
 */
export async function openSurvivor(path: string): Promise<SurvivorFolder> {
  if (!fs.existsSync(`${path}/identity.json`)) {
    const message = `${path} is no server's data folder (data/<SERVER_ID>)`;
    throw new QuorateError('NOT_FOUND', message);
  }
  const lock = await new Promise<FolderLock>((resolve, reject) => {
    lockFolder(path, (reason, held) => {
      if (held !== null) resolve(held);
      else reject(new QuorateError('BAD_REQUEST', `${reason}: stop that server first`));
    });
  });
  try {
    return await readSurvivor(path, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function readSurvivor(path: string, lock: FolderLock): Promise<SurvivorFolder> {
  const disk = new NodeDisk();
  const folder = { disk, directory: path, checksum: crc32 };
  const identity = await promised<Identity | null>((done) => loadIdentity(folder, done));
  const place = identity?.membership ?? null;
  if (identity === null || place === null) {
    const message = `${path} belongs to no cluster: there is nothing to rebuild`;
    throw new QuorateError('NOT_MEMBER', message);
  }
  const { clusterId, memberId } = place;
  await promised<null>((done) => settleLog(disk, path, clusterId, (error) => done(error, null)));
  const directory = `${path}/log`;
  const options = { directory, clusterId, memberId, ridesOutFullDisk: false };
  const opened = await promised<OpenedWal>((done) => openWal(options, walDeps(disk), done));
  const book = await new Promise<readonly PeerAddresses[]>((resolve) => {
    loadAddressBook(folder, silent, resolve);
  });
  return new SurvivorFolder({ folder, lock, identity, place, opened, book });
}

interface SurvivorParts {
  readonly folder: CheckedFolder;
  readonly lock: FolderLock;
  readonly identity: Identity;
  readonly place: Membership;
  readonly opened: OpenedWal;
  readonly book: readonly PeerAddresses[];
}

/** The folder, open. */
export class SurvivorFolder {
  readonly #parts: SurvivorParts;
  readonly #survivor: Survivor;
  readonly #configurationIndex: number;
  readonly #peerId: string;
  #isUsed = false;

  constructor(parts: SurvivorParts) {
    this.#parts = parts;
    const { base, configurations, termRuns, lastIndex } = parts.opened.recovered;
    const newest = configurations.at(-1);
    this.#configurationIndex = newest?.index ?? base.configurationIndex;
    this.#survivor = {
      memberId: parts.place.memberId,
      configuration: newest?.configuration ?? base.configuration,
      lastTerm: termRuns.at(-1)?.term ?? base.term,
      lastIndex,
      hasEntries: lastIndex > base.index,
    };
    this.#peerId = peerIdOfKey(parts.identity.privateKey);
  }

  /** Where the other members were last seen, `host:port`. */
  get addresses(): readonly string[] {
    const { members } = this.#survivor.configuration;
    const others = new Set(members.map(({ peerId }) => peerId).filter((id) => id !== this.#peerId));
    return this.#parts.book
      .filter(({ peerId }) => others.has(peerId))
      .flatMap(({ addresses }) => addresses);
  }

  /** What there is to know, given what the others answered. */
  report(answers: readonly AnsweredStatus[]): RescueReport {
    const { place, opened } = this.#parts;
    const { configuration, memberId, lastTerm, lastIndex } = this.#survivor;
    const { members, votersOutgoing } = configuration;
    const asked = this.#asked(answers);
    const voters = votersOf(configuration);
    const self = members.find(({ id }) => id === memberId);
    const memberRole = self === undefined ? 'none' : 'learner';
    return {
      cluster: place.clusterName,
      clusterId: place.clusterId,
      name: self?.name ?? '',
      memberId,
      role: voters.includes(memberId) ? 'voter' : memberRole,
      term: opened.recovered.hardState.term,
      lastTerm,
      lastIndex,
      configurationIndex: this.#configurationIndex,
      voters: members.flatMap(({ id, name }) => (voters.includes(id) ? name : [])),
      joint: votersOutgoing.length > 0,
      asked,
      refusal: rescueRefusal(this.#survivor, asked),
      losses: rescueLosses(this.#survivor, asked),
    };
  }

  /**
   * Rebuilds the cluster, with this server as its only voter; on disk when it settles.
   * @throws QuorateError when the rules refuse it, or the disk fails.
   */
  async rebuild(answers: readonly AnsweredStatus[]): Promise<Rescued> {
    const { refusal, name } = this.report(answers);
    if (refusal !== null) throw new QuorateError('BAD_REQUEST', refusal);
    const { folder, identity, place, opened } = this.#parts;
    const { hardState, tail } = opened.recovered;
    const { memberId, lastTerm, lastIndex } = this.#survivor;
    const term = Math.max(hardState.term, lastTerm) + 1;
    const timeMillis = Math.max(nodeClock.wallMillis(), tail.at(-1)?.timeMillis ?? 0);
    const when = new Date(nodeClock.wallMillis()).toISOString();
    const reason =
      `rebuilt by the operator on ${hostname()} at ${when}, from cluster ` +
      `${place.clusterId.slice(0, 12)} at entry ${lastIndex}`;
    // The old one is a stranger to the new cluster, and what it signed is void.
    const incarnation = randomHex();
    const { privateKey } = identity;
    const self = { id: memberId, peerId: this.#peerId, incarnation, name };
    const clusterId = randomBytes(32).toString('hex');
    this.#isUsed = true;
    this.#removeAttempts();
    await promised<null>((done) => {
      const order = {
        folder,
        identity: { privateKey, incarnation: identity.incarnation, membership: place },
        next: { privateKey, incarnation, membership: { ...place, clusterId } },
        source: opened,
        entry: rescueEntry(this.#survivor, self, { term, timeMillis, reason }),
        hardState: { term, vote: memberId },
      };
      writeRescued(order, walDeps(folder.disk), (error) => done(error, null));
    });
    const aside = asideFolder(folder.directory, clusterId);
    return { clusterId, index: lastIndex + 1, term, aside };
  }

  /** Gives the folder free. */
  async close(): Promise<void> {
    if (!this.#isUsed) await new Promise<void>((done) => this.#parts.opened.store.close(done));
    this.#parts.lock.release();
  }

  /** Logs of attempts that were cut short: no identity ever named their cluster. */
  #removeAttempts(): void {
    const { directory } = this.#parts.folder;
    for (const name of fs.readdirSync(directory)) {
      if (!/^log-of-[0-9a-f]+$/.test(name)) continue;
      fs.rmSync(`${directory}/${name}`, { recursive: true, force: true });
      const aside = asideFolder(directory, name.slice('log-of-'.length));
      fs.rmSync(aside, { recursive: true, force: true });
    }
  }

  #asked(answers: readonly AnsweredStatus[]): readonly AskedServer[] {
    const { clusterId } = this.#parts.place;
    const told = new Map<string, AskedServer>();
    for (const answer of answers) {
      const { self, leader, lastTerm, lastIndex } = answer;
      const { name, peerId } = self;
      const joined = answer.clusterId === clusterId ? 'same' : 'other';
      const cluster = answer.clusterId === null ? 'none' : joined;
      told.set(peerId, {
        name,
        peerId,
        cluster,
        leader: leader?.name ?? null,
        lastTerm,
        lastIndex,
      });
    }
    return [...told.values()];
  }
}

/** What cannot be written is told by the step that wanted it. */
function walDeps(disk: Disk): WalDeps {
  const onFatal = (_error: DiskError): void => {};
  return { disk, checksum: crc32, clock: nodeClock, log: silent, onFatal };
}

/** A failure is said by the one line of the command. */
const silent: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
