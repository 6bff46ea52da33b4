/**
 * The data folder of a server: lock, identity, log and address book, opened in the order that keeps
 * one server one server. Everything that does not fit is one line that says what is wrong and what
 * to do; nothing is ever repaired by forgetting.
 *
 *   lock            one process at a time
 *   identity.json   key, incarnation, place in a cluster
 *   ran-twice.json  that a copy of it ran beside it: then it is not opened
 *   founding.json   what this server has signed to found a cluster with others
 *   peers.json      where the others were last seen (a cache)
 *   log/            the write-ahead log
 *   snapshots/      the machine as it was at entries of that log
 */

import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Clock } from '../base/clock.js';
import { QuorateError } from '../base/errors.js';
import type { SignedFounding } from '../base/founding-record.js';
import type { Log } from '../base/log.js';
import type { LogBase, Membership } from '../raft/types.js';
import type { OpenedLog } from '../replica/consensus.js';
import type { DataFolder } from '../replica/data-folder.js';
import type { FoundingStore } from '../replica/founder.js';
import { loadAddressBook, saveAddressBook } from '../storage/address-book.js';
import type { CheckedFolder } from '../storage/checked-file.js';
import type { Checksum } from '../storage/checksum.js';
import type { DiskError, Done } from '../storage/disk.js';
import { type FolderLock, lockFolder } from '../storage/folder-lock.js';
import { loadFounding, saveFounding } from '../storage/founding-file.js';
import { type Identity, loadIdentity, saveIdentity } from '../storage/identity.js';
import { NodeDisk } from '../storage/node-disk.js';
import { settleLog } from '../storage/rescue.js';
import { createWal, type OpenedWal, openWal } from '../storage/wal.js';
import type { WalDeps, WalOptions } from '../storage/wal-options.js';
import { generatePeerKey } from '../transport/peer-key.js';
import type { PeerAddresses } from '../wire/peer-messages.js';
import { logFault, promised } from './disk-faults.js';
import { randomHex } from './founding.js';
import { asideName, setLogAside } from './log-aside.js';
import { PreparedLog, removePrepared } from './prepared-log.js';
import { refuseRanTwice } from './ran-twice.js';
import { removeSnapshots, withoutSnapshots, withSnapshots } from './snapshots.js';

const checksum: Checksum = (bytes, seed) => crc32(bytes, seed);

/** Whose folder it should be. */
export interface FolderOptions {
  readonly path: string;
  readonly serverName: string;
  readonly clusterName: string;
}

/** What a folder works with. */
export interface FolderDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** The log could not be written: the process must end at once. */
  readonly fatal: (reason: string) => void;
}

/**
 * Opens (or makes) a data folder and takes its lock.
 * @throws QuorateError with one line: not readable, in use, damaged, of another cluster.
 */
export async function openDataFolder(
  options: FolderOptions,
  deps: FolderDeps,
): Promise<OpenFolder> {
  const { path } = options;
  makeFolder(path);
  const lock = await takeLock(path);
  try {
    return await readFolder(options, lock, deps);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function readFolder(
  options: FolderOptions,
  lock: FolderLock,
  deps: FolderDeps,
): Promise<OpenFolder> {
  const disk = new NodeDisk();
  const checked = { disk, directory: options.path, checksum };
  const { path, clusterName } = options;
  let identity = await promised<Identity | null>((done) => loadIdentity(checked, done), {
    DAMAGED: 'restore that file from a copy, or move the folder away and start anew',
  });
  if (identity === null) {
    if (fs.existsSync(`${path}/log`)) {
      throw new QuorateError(
        'DAMAGED',
        `${path} holds a log but no identity.json: restore that file, or move the folder ` +
          `away and start anew`,
      );
    }
    const made = {
      privateKey: await generatePeerKey(),
      incarnation: randomHex(),
      membership: null,
    };
    await promised<null>((done) => saveIdentity(checked, made, (error) => done(error, null)));
    identity = made;
  }
  const belongsTo = identity.membership?.clusterName;
  if (belongsTo !== undefined && belongsTo !== clusterName) {
    throw new QuorateError(
      'WRONG_CLUSTER',
      `data folder ${path} belongs to cluster "${belongsTo}", not "${clusterName}": use ` +
        `another folder, or --cluster ${belongsTo}`,
    );
  }
  refuseRanTwice(path, identity.incarnation);
  if (identity.former !== undefined) setLogAside(path, identity.former, deps.log);
  removePrepared(path);
  const signed = await readFounding(options, checked, identity);
  const addresses = await new Promise<readonly PeerAddresses[]>((resolve) => {
    loadAddressBook(checked, deps.log, resolve);
  });
  return new OpenFolder(options, { lock, disk, identity, signed, addresses, ...deps });
}

/** What the folder's incarnation has signed; a record of an older one is void. */
async function readFounding(
  { path, serverName, clusterName }: FolderOptions,
  checked: CheckedFolder,
  { incarnation, membership }: Identity,
): Promise<SignedFounding | null> {
  const signed = await promised<SignedFounding | null>((done) => loadFounding(checked, done), {
    // A new folder is a new server, which has signed nothing.
    DAMAGED:
      membership === null
        ? 'move the folder away and start this server anew'
        : 'move that file away: this server is a member and needs it no more',
  });
  const founder = signed?.record.founders.find((each) => each.incarnation === incarnation);
  if (signed === null || founder === undefined) return null;
  if (membership === null && signed.record.clusterName !== clusterName) {
    const other = signed.record.clusterName;
    throw new QuorateError(
      'WRONG_CLUSTER',
      `data folder ${path} has signed to found cluster "${other}", not "${clusterName}": use ` +
        `another folder, or --cluster ${other}`,
    );
  }
  if (membership === null && founder.name !== serverName) {
    throw new QuorateError(
      'WRONG_CLUSTER',
      `data folder ${path} has signed as server "${founder.name}", not "${serverName}": use ` +
        `another folder, or --id ${founder.name}`,
    );
  }
  return signed;
}

interface OpenFolderDeps extends FolderDeps {
  readonly lock: FolderLock;
  readonly disk: NodeDisk;
  readonly identity: Identity;
  readonly signed: SignedFounding | null;
  readonly addresses: readonly PeerAddresses[];
}

/** A data folder that this process holds. */
export class OpenFolder implements DataFolder, FoundingStore {
  /** What its incarnation has signed to found a cluster with others. */
  readonly signed: SignedFounding | null;
  /** Where peers were last seen, as the last life of this server left it. */
  addresses: readonly PeerAddresses[];
  readonly #options: FolderOptions;
  readonly #deps: OpenFolderDeps;
  #identity: Identity;
  readonly #prepared: PreparedLog;
  #bookToSave: readonly PeerAddresses[] | null = null;
  #isSavingBook = false;
  /** Set when the folder is to be closed. */
  #idle: (() => void) | null = null;

  constructor(options: FolderOptions, deps: OpenFolderDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#identity = deps.identity;
    this.signed = deps.signed;
    this.addresses = deps.addresses;
    this.#prepared = new PreparedLog(deps.disk, options.path, () => this.#maybeIdle());
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** The place in a cluster that the folder holds; null while there is none. */
  get membership(): Membership | null {
    return this.#identity.membership;
  }

  /**
   * Opens the log of a member, and reads its newest snapshot.
   * @throws QuorateError when it is damaged, missing, or another server's.
   */
  async openLog(place: Membership): Promise<OpenedLog> {
    const { path: directory } = this.#options;
    await promised<null>((done) => {
      settleLog(this.#deps.disk, directory, place.clusterId, (error) => done(error, null));
    });
    const opened = await promised<OpenedWal>(
      (done) => openWal(this.#walOptions(place), this.#walDeps(), done),
      { ENOENT: 'restore that folder from a copy, or move the data folder away and start anew' },
    );
    const { configurations, base } = opened.recovered;
    const newest = configurations[configurations.length - 1]?.configuration ?? base.configuration;
    const name = newest.members.find(({ id }) => id === place.memberId)?.name;
    const { path, serverName } = this.#options;
    if (name !== undefined && name !== serverName) {
      await new Promise<void>((closed) => opened.store.close(closed));
      throw new QuorateError(
        'WRONG_CLUSTER',
        `data folder ${path} belongs to server "${name}", not "${serverName}": use another ` +
          `folder, or --id ${name}`,
      );
    }
    return withSnapshots(path, place.clusterId, opened, this.#deps.log);
  }

  /** Makes an empty log and then this server the member that owns it, durably. */
  async foundLog(place: Membership, base: LogBase): Promise<OpenedLog> {
    const opened = await promised<OpenedLog>((done) => this.createLog(place, base, done));
    await promised<null>((done) => this.saveMembership(place, (error) => done(error, null)));
    return opened;
  }

  createLog(
    place: Membership,
    base: LogBase,
    done: (error: DiskError | null, opened: OpenedLog | null) => void,
  ): void {
    const options = this.#walOptions(place);
    const { path } = this.#options;
    const { log } = this.#deps;
    const failed = ({ code = 'EIO', message }: NodeJS.ErrnoException): void => {
      done({ code, message }, null);
    };
    const create = (prepared: string | null): void => {
      createWal(options, base, { ...this.#walDeps(), prepared }, (error, opened) => {
        done(error, opened === null ? null : withoutSnapshots(path, opened, log));
      });
    };
    // A log without a membership in the identity was never acknowledged to anybody: an attempt to
    // join that was cut short left it.
    removeSnapshots(path, (error) => {
      if (error !== null) return failed(error);
      fs.rm(options.directory, { recursive: true, force: true }, (fault) => {
        if (fault !== null) failed(fault);
        else this.#prepared.take(create);
      });
    });
  }

  /** Makes the first segment of a log ahead, for a server that looks for its cluster. */
  prepareLog(): void {
    this.#prepared.prepare();
  }

  saveMembership(place: Membership, done: Done): void {
    const { privateKey, incarnation } = this.#identity;
    this.#saveIdentity({ privateKey, incarnation, membership: place }, done);
  }

  /** Its cluster put this server out: it gets another incarnation, and its log, which is closed,
   * another name. Cut short at any step, the next opening of the folder goes on with it. */
  async setAside(place: Membership): Promise<void> {
    const { clusterId, memberId } = place;
    const { clock, log } = this.#deps;
    const former = { clusterId, memberId, log: asideName(memberId, clock.wallMillis()) };
    const { privateKey } = this.#identity;
    const young = { privateKey, incarnation: randomHex(), membership: null, former };
    await promised<null>((done) => this.#saveIdentity(young, (error) => done(error, null)));
    setLogAside(this.#options.path, former, log);
  }

  saveFounding(founding: SignedFounding, done: Done): void {
    saveFounding(this.#checked(), founding, done);
  }

  saveIncarnation(incarnation: string, done: Done): void {
    // The record that the old incarnation signed stays in its file, and is void from now on.
    this.#saveIdentity({ ...this.#identity, incarnation }, done);
  }

  saveAddresses(book: readonly PeerAddresses[]): void {
    // What was learned last may come when the folder is another's already.
    if (this.#idle !== null) return;
    this.addresses = book;
    this.#bookToSave = book;
    if (!this.#isSavingBook) this.#saveBook();
  }

  /** One after the other: both would write the same temporary file. Only the latest counts. */
  #saveBook(): void {
    const book = this.#bookToSave;
    this.#bookToSave = null;
    this.#isSavingBook = book !== null;
    if (book === null) return this.#maybeIdle();
    saveAddressBook(this.#checked(), book, (error) => {
      const { log } = this.#deps;
      if (error !== null) log.warn({ error: error.message }, 'address book not saved');
      this.#saveBook();
    });
  }

  /** Gives the folder free, once nothing is written there any more. The log is closed by then. */
  async close(): Promise<void> {
    await new Promise<void>((idle) => {
      this.#idle = idle;
      this.#maybeIdle();
    });
    this.#deps.lock.release();
  }

  /** Whoever takes the folder next makes files of the same names. */
  #maybeIdle(): void {
    if (!this.#prepared.isUnderWay && !this.#isSavingBook) this.#idle?.();
  }

  #saveIdentity(identity: Identity, done: Done): void {
    saveIdentity(this.#checked(), identity, (error) => {
      if (error === null) this.#identity = identity;
      done(error);
    });
  }

  #checked(): CheckedFolder {
    return { disk: this.#deps.disk, directory: this.#options.path, checksum };
  }

  #walOptions({ clusterId, memberId }: Membership): WalOptions {
    return { directory: `${this.#options.path}/log`, clusterId, memberId };
  }

  #walDeps(): WalDeps {
    const { disk, clock, log, fatal } = this.#deps;
    return {
      disk,
      checksum,
      clock,
      log,
      onFatal: (error) => fatal(logFault(error)),
    };
  }
}

function makeFolder(path: string): void {
  try {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 });
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' || code === 'EEXIST') {
      throw new QuorateError(
        'DISK_FAILED',
        `data folder ${path} cannot be used: it, or what should be a folder above it, is a ` +
          `file; choose another with --data`,
      );
    }
    throw new QuorateError(
      'DISK_FAILED',
      `data folder ${path} cannot be used (${code}): choose another with --data, or give ` +
        `this user the right to write it`,
    );
  }
}

function takeLock(path: string): Promise<FolderLock> {
  return new Promise((resolve, reject) => {
    lockFolder(path, (reason, lock) => {
      if (lock !== null) resolve(lock);
      else reject(new QuorateError('CONFLICT', `${reason}: stop it first, or use another folder`));
    });
  });
}
