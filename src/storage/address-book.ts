/**
 * Where peers were last seen, in the file `peers.json`: a cache that saves a restarted server the
 * search. Best effort: a file that cannot be read is an empty book and a warning, and what it says
 * is only ever a place to dial; who answers there is proved by the transport.
 */

import type { Log } from '../base/log.js';
import type { PeerAddresses } from '../wire/peer-messages.js';
import {
  type CheckedFields,
  type CheckedFolder,
  readChecked,
  writeChecked,
} from './checked-file.js';
import type { Done } from './disk.js';

const fileName = 'peers.json';
const format = 1;

/** Most peers, and addresses of one, that are kept. */
const peersMax = 1024;
const addressesMax = 16;

/** Reads the book; empty when there is none or it cannot be read. */
export function loadAddressBook(
  folder: CheckedFolder,
  log: Log,
  done: (peers: readonly PeerAddresses[]) => void,
): void {
  readChecked(folder, fileName, format, (error, fields) => {
    if (error !== null)
      log.warn({ error: error.message }, 'address book unreadable, starting anew');
    done(fields === null ? [] : peersFrom(fields));
  });
}

/** Replaces the book. */
export function saveAddressBook(
  folder: CheckedFolder,
  peers: readonly PeerAddresses[],
  done: Done,
): void {
  const kept = peers.slice(0, peersMax).map(({ peerId, addresses }) => {
    return { peerId, addresses: addresses.slice(0, addressesMax) };
  });
  writeChecked(folder, fileName, { format, peers: kept }, done);
}

function peersFrom(fields: CheckedFields): readonly PeerAddresses[] {
  const listed: unknown = fields['peers'];
  if (!Array.isArray(listed)) return [];
  const peers: PeerAddresses[] = [];
  for (const each of listed as readonly unknown[]) {
    if (typeof each !== 'object' || each === null) continue;
    const { peerId, addresses } = each as Record<string, unknown>;
    if (typeof peerId !== 'string' || !Array.isArray(addresses)) continue;
    const texts = (addresses as readonly unknown[]).filter((text) => typeof text === 'string');
    peers.push({ peerId, addresses: texts });
  }
  return peers;
}
