/**
 * Who this server is, in the file `identity.json` of its data folder: its private key, its
 * incarnation (random, made with the folder, so that a wiped folder is another server) and, once it
 * belongs to a cluster, to which one and as whom. A damaged file is never replaced by a new
 * identity: the server would come back as somebody else and leave a dead member behind.
 */

import type { MemberId, Membership } from '../raft/types.js';
import {
  type CheckedFields,
  type CheckedFolder,
  readChecked,
  writeChecked,
} from './checked-file.js';
import type { DiskError, Done } from './disk.js';

/** What the file holds. */
export interface Identity {
  /** The private key's bytes, as libp2p's protobuf or raw: opaque here. */
  readonly privateKey: Uint8Array;
  /** Hex. */
  readonly incarnation: string;
  readonly membership: Membership | null;
  /** Of a server that a cluster put out, until it is in it again: it founds nothing and joins no
   * other. @default it was in none */
  readonly former?: Former;
}

/** What a server that was put out was. */
export interface Former {
  readonly clusterId: string;
  readonly memberId: MemberId;
  /** Name of the folder, in the data folder, where its log lies or is to be moved. */
  readonly log: string;
}

const fileName = 'identity.json';
const format = 1;
/** With `former`: a version that does not know it would found a cluster with such a folder. */
const formatWithFormer = 2;

/**
 * Reads the identity; null when the folder has none yet.
 * Errors: DAMAGED, NEWER_FORMAT, or the disk's own.
 */
export function loadIdentity(
  folder: CheckedFolder,
  done: (error: DiskError | null, identity: Identity | null) => void,
): void {
  readChecked(folder, fileName, formatWithFormer, (error, fields) => {
    if (fields === null) return done(error, null);
    const identity = identityFrom(fields);
    // The name may be in the cache alone: a process killed between renaming the file and syncing
    // the folder leaves it so, and a power cut later would take back what this server has said
    // since.
    if (identity !== null) {
      return folder.disk.syncDirectory(folder.directory, (failed) => {
        done(failed, failed === null ? identity : null);
      });
    }
    const path = `${folder.directory}/${fileName}`;
    done({ code: 'DAMAGED', message: `${path}: fields are missing` }, null);
  });
}

/** Writes the identity; the directory must exist. On disk when done. */
export function saveIdentity(folder: CheckedFolder, identity: Identity, done: Done): void {
  const { incarnation, membership, former } = identity;
  const privateKey = toHex(identity.privateKey);
  const fields = { privateKey, incarnation, membership };
  const whole =
    former === undefined ? { format, ...fields } : { format: formatWithFormer, ...fields, former };
  writeChecked(folder, fileName, whole, done);
}

function identityFrom(fields: CheckedFields): Identity | null {
  const { privateKey, incarnation } = fields;
  if (typeof privateKey !== 'string' || typeof incarnation !== 'string') return null;
  if (!/^([0-9a-f]{2})+$/.test(privateKey)) return null;
  const membership = membershipFrom(fields['membership']);
  const former = formerFrom(fields['former']);
  if (membership === undefined || former === null) return null;
  const identity = { privateKey: fromHex(privateKey), incarnation, membership };
  return former === undefined ? identity : { ...identity, former };
}

/** Undefined when it is neither null nor whole. */
function membershipFrom(value: unknown): Membership | null | undefined {
  if (value === null) return null;
  if (typeof value !== 'object') return undefined;
  const { clusterName, clusterId, memberId, joinIndex } = value as Record<string, unknown>;
  if (typeof clusterName !== 'string' || typeof clusterId !== 'string') return undefined;
  if (!isCounter(memberId) || !isCounter(joinIndex)) return undefined;
  return { clusterName, clusterId, memberId, joinIndex };
}

/** Undefined when there is none, null when it is not whole. */
function formerFrom(value: unknown): Former | null | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return null;
  const { clusterId, memberId, log } = value as Record<string, unknown>;
  if (typeof clusterId !== 'string' || typeof log !== 'string' || !isCounter(memberId)) return null;
  // A name, never a path out of the folder.
  return log.includes('/') ? null : { clusterId, memberId, log };
}

function isCounter(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}
