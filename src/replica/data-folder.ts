/**
 * The port of the data folder, as far as a replica writes it: server/data-folder.ts is the real
 * one, a simulator has its own. What a callback says is done is on disk.
 */

import type { LogBase, Membership } from '../raft/types.js';
import type { DiskError } from '../storage/disk.js';
import type { PeerAddresses } from '../wire/peer-messages.js';
import type { OpenedLog } from './consensus.js';

/** The data folder of one server. */
export interface DataFolder {
  /** Makes an empty log on `base` and opens it; a log left by an unfinished attempt is replaced. */
  createLog(
    place: Membership,
    base: LogBase,
    done: (error: DiskError | null, opened: OpenedLog | null) => void,
  ): void;
  /** Writes cluster, member id and join index to the identity file, durably. */
  saveMembership(place: Membership, done: (error: DiskError | null) => void): void;
  /** Keeps the address book; best effort. */
  saveAddresses(book: readonly PeerAddresses[]): void;
}
