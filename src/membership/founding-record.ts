/**
 * The founding record as a rule: its bytes, what makes it well formed, which signatures count, and
 * the base of the log that follows from it. Everything here is a function of the record, so all
 * founders, and all who join later, start from the same bytes.
 *
 * The base stands at index n for n founders, so that the founders' ids 1 … n never meet the log
 * indexes that later become members' ids (docs/adr/0006).
 */

import type {
  Founder,
  FoundingRecord,
  FoundingSignature,
  SignedFounding,
} from '../base/founding-record.js';
import type { Signer } from '../base/signer.js';
import { utf8Bytes } from '../base/utf8.js';
import type { LogBase, MemberInfo } from '../raft/types.js';

/** SHA-256 of some bytes, hex. Handed in: the pure ring has none. */
export type Hash = (bytes: Uint8Array) => string;

/** The record's own version: a server that does not know it signs nothing. */
const recordFormat = 1;

/** Keeps a signature of a founding from being one of anything else. */
const domain = 'quorate founding record\n';

/** Voters of a new cluster at most: the number at which the default policy rests. */
const votersMax = 5;

/** Longest list of names in a configuration's reason, UTF-16 units. */
const reasonCharsMax = 1024;

/** A record of these founders, in whatever order they are given. */
export function foundingRecord(
  clusterName: string,
  founders: readonly Founder[],
  nonce: string,
): FoundingRecord {
  return { format: recordFormat, clusterName, founders: founders.toSorted(byPeerId), nonce };
}

/** The order of founders: by peer id, code unit by code unit. */
export function byPeerId(one: Founder, other: Founder): number {
  if (one.peerId === other.peerId) return 0;
  return one.peerId < other.peerId ? -1 : 1;
}

/** What is signed and hashed. */
export function recordBytes(record: FoundingRecord): Uint8Array {
  const { format, clusterName, nonce } = record;
  const founders = record.founders.map(({ peerId, incarnation, name }) => {
    return { peerId, incarnation, name };
  });
  return utf8Bytes(domain + JSON.stringify({ format, clusterName, founders, nonce }));
}

/** The id of the cluster that the record founds. */
export function clusterIdOf(record: FoundingRecord, hash: Hash): string {
  return hash(recordBytes(record));
}

/** Why nobody may sign this record; null when it is well formed. One line. */
export function recordFault(record: FoundingRecord): string | null {
  const { format, founders } = record;
  if (format !== recordFormat) return `its format is ${format}, not ${recordFormat}`;
  if (founders.length === 0) return 'it names no founder';
  const isSorted = founders.every((founder, at) => {
    const before = founders[at - 1];
    return before === undefined || byPeerId(before, founder) < 0;
  });
  if (!isSorted) return 'its founders are not sorted, or one is named twice';
  const names = new Set(founders.map(({ name }) => name));
  return names.size < founders.length ? 'two of its founders have one name' : null;
}

/** The base that the log of every member starts from. */
export function foundingBase(record: FoundingRecord): LogBase {
  const { founders } = record;
  const members: MemberInfo[] = founders.map(({ peerId, incarnation, name }, at) => {
    return { id: at + 1, peerId, incarnation, name };
  });
  // Voters rest at odd numbers; who is over is a learner, until two can be made voters at once.
  const votersCount = Math.min(votersMax, founders.length - 1 + (founders.length % 2));
  const ids = members.map(({ id }) => id);
  const names = founders.map(({ name }) => name).join(', ');
  return {
    index: founders.length,
    term: 0,
    configurationIndex: founders.length,
    configuration: {
      voters: ids.slice(0, votersCount),
      votersOutgoing: [],
      learners: ids.slice(votersCount),
      learnersNext: [],
      members,
      reason: `founded by ${names.length <= reasonCharsMax ? names : `${founders.length} servers`}`,
    },
  };
}

/** The member id of a founder; 0 when the record does not name it. */
export function founderId(record: FoundingRecord, peerId: string): number {
  return record.founders.findIndex((founder) => founder.peerId === peerId) + 1;
}

/** This server's signature. */
export function signRecord(record: FoundingRecord, signer: Signer): FoundingSignature {
  const signature = hexOf(signer.sign(recordBytes(record)));
  return { peerId: signer.self, signature };
}

/**
 * The signatures of both that are a founder's and hold, at most one a founder, in the founders'
 * order. `known` are trusted: they were judged before, or are this server's own.
 */
export function mergedSignatures(
  record: FoundingRecord,
  known: readonly FoundingSignature[],
  offered: readonly FoundingSignature[],
  signer: Signer,
): readonly FoundingSignature[] {
  const bytes = recordBytes(record);
  return record.founders.flatMap(({ peerId }) => {
    const isTheirs = (each: FoundingSignature): boolean => each.peerId === peerId;
    const trusted = known.find(isTheirs);
    if (trusted !== undefined) return [trusted];
    const holds = offered.find(
      (each) => isTheirs(each) && signer.verify(peerId, bytes, bytesOf(each.signature)),
    );
    return holds === undefined ? [] : [holds];
  });
}

/** Whether all founders have signed. The signatures are trusted. */
export function isCertificate({ record, signatures }: SignedFounding): boolean {
  return signatures.length === record.founders.length;
}

function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Bytes of hexadecimal digits; none when they are no whole bytes, and then no signature either. */
function bytesOf(hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})+$/.test(hex)) return new Uint8Array(0);
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  }
  return bytes;
}
