/**
 * Founding: a life of a server (peer id and incarnation) signs one record, and its signature leaves
 * when that is on disk; nobody says "never" of a record that all have signed, nor signs one of
 * which it said so; a log begins only with the base of a record that all have signed, under its
 * cluster id; and no two such records name one peer id.
 * A world has one cluster at a time: there are never servers enough for two (swarm.ts).
 */

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { FoundingRecord, SignedFounding } from '../../src/base/founding-record.js';
import { clusterIdOf, foundingBase, type Hash } from '../../src/membership/founding-record.js';
import type { LogBase, Membership } from '../../src/raft/types.js';
import type { ControlMessage } from '../../src/wire/peer-messages.js';
import { demand } from './violation.js';

/** SHA-256, hex. */
export const sha256: Hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** One life of a server's data folder. */
export interface Life {
  readonly peerId: string;
  readonly incarnation: string;
}

/** Checks all that is signed, said and founded. */
export class FoundingChecker {
  /** The cluster that there is; null: nobody has begun its log yet. */
  clusterId: string | null = null;
  readonly #records = new Map<string, FoundingRecord>();
  /** The id of the record that a life has signed, on its disk. */
  readonly #signedBy = new Map<string, string>();
  /** Who said "never" of which record: peer id and record id. */
  readonly #nevers = new Set<string>();
  /** The cluster of each peer id that was named in a record which all have signed: a folder that
   * has begun anew is at home in no other, for what it had signed can never be complete. */
  readonly #homes = new Map<string, string>();

  /** The disk of a life holds its signature. */
  signed(life: Life, { record, signatures }: SignedFounding): void {
    const id = clusterIdOf(record, sha256);
    const key = keyOf(life);
    const before = this.#signedBy.get(key);
    demand(before === undefined || before === id, () => `${key} has signed two founding records`);
    demand(
      signatures.some(({ peerId }) => peerId === life.peerId),
      () => `${key} holds a founding record that it has not signed`,
    );
    demand(
      !this.#nevers.has(`${life.peerId} ${id}`),
      () => `${key} has signed a founding record of which it said never`,
    );
    this.#records.set(id, record);
    this.#signedBy.set(key, id);
    if (!this.#isComplete(id)) return;
    for (const founder of record.founders) {
      const home = this.#homes.get(founder.peerId);
      demand(
        home === undefined || home === id,
        () => `two clusters are founded over ${founder.peerId}: ${home} and ${id}`,
      );
      this.#homes.set(founder.peerId, id);
    }
  }

  /** A life sends a message. */
  said(life: Life, message: ControlMessage): void {
    if (message.type === 'foundingRefused') {
      demand(
        !message.never || !this.#isComplete(message.recordId),
        () => `${keyOf(life)} says never of a record that all have signed: ${message.reason}`,
      );
      if (message.never) this.#nevers.add(`${life.peerId} ${message.recordId}`);
    } else if (message.type === 'foundingOffer') {
      const { record, signatures } = message.founding;
      if (!signatures.some(({ peerId }) => peerId === life.peerId)) return;
      demand(
        this.#signedBy.get(keyOf(life)) === clusterIdOf(record, sha256),
        () => `${keyOf(life)} gives its signature away before that is on its disk`,
      );
    }
  }

  /** A log was made or opened for a place in a cluster. */
  opened({ clusterId }: Membership, base: LogBase): void {
    const record = this.#records.get(clusterId);
    demand(
      record !== undefined && this.#isComplete(clusterId),
      () => `a log of cluster ${clusterId}, which not all its founders have signed`,
    );
    demand(
      isDeepStrictEqual(base, foundingBase(record)),
      () => `a log of cluster ${clusterId} begins otherwise than its record says`,
    );
    const known = this.clusterId;
    demand(known === null || known === clusterId, () => `clusters ${known} and ${clusterId}`);
    this.clusterId = clusterId;
  }

  /** Every server that had signed was given up, nothing was written yet: all may begin anew. */
  givenUp(): void {
    this.clusterId = null;
  }

  /** The record that a life has signed, as far as its disk has said so. */
  recordOf(life: Life): FoundingRecord | null {
    return this.#records.get(this.#signedBy.get(keyOf(life)) ?? '') ?? null;
  }

  /** The record of the cluster that there is. */
  get founded(): FoundingRecord | null {
    return this.#records.get(this.clusterId ?? '') ?? null;
  }

  #isComplete(id: string): boolean {
    const founders = this.#records.get(id)?.founders ?? [];
    return founders.length > 0 && founders.every((one) => this.#signedBy.get(keyOf(one)) === id);
  }
}

function keyOf({ peerId, incarnation }: Life): string {
  return `${peerId} ${incarnation}`;
}
