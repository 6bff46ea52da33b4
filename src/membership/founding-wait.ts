/**
 * Says in one line what a founding waits for, so that a person knows what to do: start another
 * server, mend an option, or give up a record that can no longer be completed.
 */

import type { Founder, FoundingRecord, SignedFounding } from '../base/founding-record.js';
import { namesTwice } from './founding-candidates.js';
import type { SeenServer, Sighting } from './founding-io.js';

/** What a server without a record sees. */
export interface Looking {
  readonly self: Founder;
  readonly version: string;
  readonly expect: number | null;
  readonly seen: ReadonlyMap<string, SeenServer>;
  readonly sightings: ReadonlyMap<string, Sighting>;
  /** Seen for so long that they would have said what they want. */
  readonly silent: ReadonlySet<string>;
}

/** What is told. */
export interface Waiting extends Looking {
  readonly held: {
    readonly record: FoundingRecord;
    readonly signatures: SignedFounding['signatures'];
    readonly reasons: ReadonlyMap<string, string>;
  } | null;
  /** A server of a cluster that the record did not found. */
  readonly foreign: SeenServer | null;
}

/** One line. */
export function foundingWait(waiting: Waiting): string {
  if (waiting.held !== null) return missingSigners(waiting, waiting.held);
  const { foreign } = waiting;
  if (foreign !== null) {
    return `the cluster that ${foreign.name} is in; a server that has seen one founds no other`;
  }
  return missingFounders(waiting);
}

function missingSigners(
  { seen, foreign }: Waiting,
  { record, signatures, reasons }: NonNullable<Waiting['held']>,
): string {
  const signed = new Set(signatures.map(({ peerId }) => peerId));
  const { founders } = record;
  const unsigned = founders.filter(({ peerId }) => !signed.has(peerId));
  const missing = unsigned.map(({ peerId, name }) => {
    if (seen.has(peerId)) return `${name} (${reasons.get(peerId) ?? 'asked'})`;
    const hasHeir = [...seen.values()].some((one) => one.name === name && one.peerId !== peerId);
    return `${name} (not reached${hasHeir ? '; another disk has come under its name' : ''})`;
  });
  const names = founders.map(({ name }) => name).join(', ');
  if (missing.length === 0) return `the cluster of ${names} to be written to disk`;
  const other = foreign === null ? '' : `; ${foreign.name} is in another cluster of this name`;
  const head = `signatures for the cluster of ${names}; missing: ${missing.join(', ')}${other}`;
  if (unsigned.every(({ peerId }) => seen.has(peerId))) return head;
  return (
    `${head}. If one that is not reached is lost for good, stop the others, move their data ` +
    `folders away (they hold no records yet) and start them again`
  );
}

function missingFounders(looking: Looking): string {
  const { self, expect, version, seen, sightings, silent } = looking;
  if (expect === null) return 'a cluster to join';
  const faults: string[] = [];
  const founders: Founder[] = [self];
  let isSigning = false;
  for (const { peerId, name, incarnation, version: theirs, clusterId } of seen.values()) {
    const sighting = sightings.get(peerId);
    if (clusterId !== null) continue;
    isSigning ||= sighting?.isSigned === true;
    if (sighting === undefined) {
      if (silent.has(peerId)) faults.push(`${name} was started without EXPECT`);
    } else if (sighting.expect !== expect) {
      faults.push(`${name} was started with EXPECT=${sighting.expect}, this server with ${expect}`);
    } else if (theirs !== version) {
      faults.push(`${name} is of version ${theirs}, this server of ${version}`);
    } else {
      if (sighting.sawCluster) faults.push(`${name} has seen a cluster, and founds no other`);
      founders.push({ peerId, name, incarnation });
    }
  }
  const twice = [...namesTwice(founders)].sort();
  for (const name of twice) {
    faults.push(`${name} is the name of two servers: give each another (SERVER_ID)`);
  }
  const counted = founders.filter(({ name }) => !twice.includes(name));
  const names = counted.map(({ name }) => name).sort();
  const head = `${names.length} of ${expect} founders seen: ${names.join(', ')}`;
  return [`${head}; ${nextStep(expect - names.length, isSigning)}`, ...faults].join('; ');
}

function nextStep(lacking: number, isSigning: boolean): string {
  if (isSigning) return 'some of those seen sign already: waiting for their cluster';
  if (lacking <= 0) return 'waiting until all have seen one another';
  return `waiting for ${lacking === 1 ? 'one' : lacking} more`;
}
