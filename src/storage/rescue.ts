/**
 * Makes the data folder of a stopped member that of the first member of another cluster, with the
 * same log (membership/rescue.ts says when). The entries are copied, as they stand, into a log of
 * the new cluster beside the old one, and the forced configuration goes behind them. Then the
 * identity is written, in one step, and names the new cluster. That is the point of no return.
 *
 *   log-of-ID      the new cluster's log, until it has the name `log`
 *   before-ID/     the folder as it was: `identity.json` and `log`
 *
 * Invariant: at whatever moment the power goes, the folder is that of the old member, as it was, or
 * that of the new one, whole and with the forced configuration on disk. `settleLog` gives the logs
 * their names, at once or when the folder is opened next.
 */

import type { Entry, HardState, Membership } from '../raft/types.js';
import type { CheckedFolder } from './checked-file.js';
import type { Disk, DiskError, Done } from './disk.js';
import { type Identity, saveIdentity } from './identity.js';
import type { LogStore } from './log-store.js';
import { createWal, type OpenedWal } from './wal.js';
import type { WalDeps } from './wal-options.js';
import { inTurn } from './wal-recovery.js';

/** How much is read from the old log and written to the new one at a time, bytes. */
const copyBytes = 4 * 1024 * 1024;

/** What is to be done. */
export interface RescueOrder {
  readonly folder: CheckedFolder;
  /** As it is until now. */
  readonly identity: Identity;
  /** As it shall be: of another cluster. */
  readonly next: Identity & { readonly membership: Membership };
  /** The folder's log; closed by this. */
  readonly source: OpenedWal;
  /** The forced configuration, behind the last entry of the log, and the hard state with it. */
  readonly entry: Entry;
  readonly hardState: HardState;
  /** See `WalOptions`. */
  readonly segmentBytesMax?: number;
}

/** Where the folder as it was is kept. */
export function asideFolder(directory: string, clusterId: string): string {
  return `${directory}/before-${clusterId.slice(0, 12)}`;
}

/** Name of the new cluster's log until it is the folder's. */
function rescuedLogName(clusterId: string): string {
  return `log-of-${clusterId}`;
}

/** Does it; on disk when done. After an error the folder is to be opened anew. */
export function writeRescued(order: RescueOrder, deps: WalDeps, done: Done): void {
  const { folder, identity, next, source, entry, hardState } = order;
  const { disk, directory, checksum } = folder;
  const { clusterId, memberId } = next.membership;
  const aside = asideFolder(directory, clusterId);
  let target: LogStore | null = null;
  let isOver = false;
  const over: Done = (error) => {
    if (!isOver) done(error);
    isOver = true;
  };
  const syncAround = (then: Done): Done => {
    return (error) => (error === null ? disk.syncDirectory(directory, then) : then(error));
  };
  const keep = (then: Done): void => {
    disk.makeDirectory(aside, (error) => {
      if (error !== null) then(error);
      else saveIdentity({ disk, directory: aside, checksum }, identity, syncAround(then));
    });
  };
  const found = (then: Done): void => {
    const { segmentBytesMax } = order;
    const sized = segmentBytesMax === undefined ? {} : { segmentBytesMax };
    const log = `${directory}/${rescuedLogName(clusterId)}`;
    const options = { directory: log, clusterId, memberId, ridesOutFullDisk: false, ...sized };
    const walDeps = { ...deps, onFatal: over };
    createWal(options, source.recovered.base, walDeps, (error, opened) => {
      target = opened?.store ?? null;
      then(error);
    });
  };
  const copy = (then: Done): void => copyEntries(source, target as LogStore, then);
  const force = (then: Done): void => {
    (target as LogStore).append({ truncateFrom: null, hardState, entries: [entry] }, () =>
      then(null),
    );
  };
  const close = (then: Done): void => {
    (target as LogStore).close(() => source.store.close(() => then(null)));
  };
  const claim = (then: Done): void => saveIdentity(folder, next, then);
  const settle = (then: Done): void => settleLog(disk, directory, clusterId, then);
  inTurn([found, keep, copy, force, close, claim, settle], over);
}

/**
 * Gives the log of a folder whose identity names the cluster `clusterId` the name `log`, if that
 * has not been done. To be called before the log is opened.
 */
export function settleLog(disk: Disk, directory: string, clusterId: string, done: Done): void {
  const made = `${directory}/${rescuedLogName(clusterId)}`;
  const log = `${directory}/log`;
  const aside = asideFolder(directory, clusterId);
  holdsFiles(disk, made, (error, isThere) => {
    if (!isThere) return done(error);
    holdsFiles(disk, log, (failed, hasOld) => {
      if (failed !== null) return done(failed);
      const sync = (then: Done): void => disk.syncDirectory(directory, then);
      const setAside = [
        (then: Done) => disk.rename(log, `${aside}/log`, then),
        (then: Done) => disk.syncDirectory(aside, then),
        sync,
      ];
      const rename = (then: Done): void => disk.rename(made, log, then);
      inTurn([...(hasOld ? setAside : []), rename, sync], done);
    });
  });
}

function holdsFiles(
  disk: Disk,
  directory: string,
  done: (error: DiskError | null, isThere: boolean) => void,
): void {
  disk.list(directory, (error, names) => {
    if (error !== null && error.code !== 'ENOENT') done(error, false);
    else done(null, names.length > 0);
  });
}

/** Copies all entries, each part on disk before the next is read. */
function copyEntries({ store, recovered }: OpenedWal, target: LogStore, done: Done): void {
  const { base, lastIndex } = recovered;
  const copyFrom = (first: number): void => {
    if (first > lastIndex) return done(null);
    store.read(first, lastIndex, copyBytes, (error, entries) => {
      const last = entries.at(-1);
      if (last === undefined) {
        const message = `entry ${first} cannot be read`;
        return done(error ?? { code: 'DAMAGED', message });
      }
      target.append({ truncateFrom: null, hardState: null, entries }, () => {
        copyFrom(last.index + 1);
      });
    });
  };
  copyFrom(base.index + 1);
}
