/**
 * The data folder of a server: lock, identity, log and address book, opened in the order that keeps
 * one server one server. Everything that does not fit is one line that says what is wrong and what
 * to do; nothing is ever repaired by forgetting.
 *
 *   lock            one process at a time
 *   identity.json   key, incarnation, place in a cluster
 *   peers.json      where the others were last seen (a cache)
 *   log/            the write-ahead log
 */

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Clock } from '../base/clock.js';
import { type ErrorCode, QuorateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { LogBase, Membership } from '../raft/types.js';
import type { OpenedLog } from '../replica/consensus.js';
import type { DataFolder } from '../replica/data-folder.js';
import { loadAddressBook, saveAddressBook } from '../storage/address-book.js';
import type { Checksum } from '../storage/checksum.js';
import type { DiskError, Done } from '../storage/disk.js';
import { type FolderLock, lockFolder } from '../storage/folder-lock.js';
import { type Identity, loadIdentity, saveIdentity } from '../storage/identity.js';
import { NodeDisk } from '../storage/node-disk.js';
import { createWal, openWal } from '../storage/wal.js';
import type { WalDeps, WalOptions } from '../storage/wal-options.js';
import { generatePeerKey } from '../transport/peer-key.js';
import type { PeerAddresses } from '../wire/peer-messages.js';

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
      incarnation: randomBytes(16).toString('hex'),
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
  const addresses = await new Promise<readonly PeerAddresses[]>((resolve) => {
    loadAddressBook(checked, deps.log, resolve);
  });
  return new OpenFolder(options, { lock, disk, identity, addresses, ...deps });
}

interface OpenFolderDeps extends FolderDeps {
  readonly lock: FolderLock;
  readonly disk: NodeDisk;
  readonly identity: Identity;
  readonly addresses: readonly PeerAddresses[];
}

/** A data folder that this process holds. */
export class OpenFolder implements DataFolder {
  readonly identity: Identity;
  /** Where peers were last seen. */
  readonly addresses: readonly PeerAddresses[];
  readonly #options: FolderOptions;
  readonly #deps: OpenFolderDeps;

  constructor(options: FolderOptions, deps: OpenFolderDeps) {
    this.#options = options;
    this.#deps = deps;
    this.identity = deps.identity;
    this.addresses = deps.addresses;
  }

  /** The place in a cluster that the folder holds; null while there is none. */
  get membership(): Membership | null {
    return this.identity.membership;
  }

  /**
   * Opens the log of a member.
   * @throws QuorateError when it is damaged, missing, or another server's.
   */
  async openLog(place: Membership): Promise<OpenedLog> {
    const opened = await promised<OpenedLog>(
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
    return opened;
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
    // A log without a membership in the identity was never acknowledged to anybody: an attempt to
    // join that was cut short left it.
    fs.rm(options.directory, { recursive: true, force: true }, (error) => {
      if (error !== null) return done({ code: error.code ?? 'EIO', message: error.message }, null);
      createWal(options, base, this.#walDeps(), done);
    });
  }

  saveMembership(place: Membership, done: Done): void {
    const { disk, identity } = this.#deps;
    const checked = { disk, directory: this.#options.path, checksum };
    saveIdentity(checked, { ...identity, membership: place }, done);
  }

  saveAddresses(book: readonly PeerAddresses[]): void {
    const { disk, log } = this.#deps;
    const checked = { disk, directory: this.#options.path, checksum };
    saveAddressBook(checked, book, (error) => {
      if (error !== null) log.warn({ error: error.message }, 'address book not saved');
    });
  }

  /** Gives the folder free. The log is closed by then. */
  close(): Promise<void> {
    this.#deps.lock.release();
    return Promise.resolve();
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

/**
 * A callback of the disk's kind as a promise: starting and ending are no hot path.
 * @param advice what to do next, by the code of the fault.
 */
function promised<T>(
  work: (done: (error: DiskError | null, value: T | null) => void) => void,
  advice: Readonly<Record<string, string>> = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    work((error, value) => {
      if (error === null) return resolve(value as T);
      const next = advice[error.code];
      const message = next === undefined ? error.message : `${error.message}; ${next}`;
      reject(new QuorateError(codeOf(error), message));
    });
  });
}

/** Why the log stopped, and what to do. Nothing that was acknowledged is lost by such an end. */
function logFault(error: DiskError): string {
  if (error.code === 'ENOSPC') {
    return `the disk is full (ENOSPC): ${error.message}; make room, then start this server again`;
  }
  return (
    `the log cannot be written (${error.code}): ${error.message}; see to the disk ` +
    `before starting this server again`
  );
}

function codeOf(error: DiskError): ErrorCode {
  if (error.code === 'DAMAGED') return 'DAMAGED';
  if (error.code === 'WRONG_CLUSTER') return 'WRONG_CLUSTER';
  return 'DISK_FAILED';
}
