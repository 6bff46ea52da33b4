/**
 * Judges foundings: an incarnation signs once, a signature leaves after it is on disk, "never" is
 * kept, no two records that all have signed name a common server, and nobody is in a cluster but
 * one that all its founders have signed.
 */

import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import type { FoundingRecord, SignedFounding } from '../../src/base/founding-record.js';
import { clusterIdOf } from '../../src/membership/founding-record.js';

/** SHA-256, hex. */
export const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What survives a crash of a server. */
export interface Folder {
  readonly peerId: string;
  incarnation: string;
  signed: SignedFounding | null;
  clusterId: string | null;
}

/** All that was ever on a disk or said for good. */
export class FoundingJudge {
  /** Records that somebody has signed, by id. */
  readonly records = new Map<string, FoundingRecord>();
  readonly #signers = new Map<string, Set<string>>();
  readonly #signedBy = new Map<string, string>();
  readonly #nevers = new Set<string>();

  /** The folder holds a signature now. */
  signed({ peerId, incarnation, signed }: Folder): void {
    const { record, signatures } = signed as SignedFounding;
    const id = clusterIdOf(record, hash);
    assert.ok(signatures.some((each) => each.peerId === peerId));
    const life = `${peerId} ${incarnation}`;
    const before = this.#signedBy.get(life);
    assert.ok(before === undefined || before === id, 'an incarnation signed twice');
    assert.not.ok(this.#nevers.has(`${peerId} ${id}`), 'signed what it said it never would');
    this.#signedBy.set(life, id);
    this.records.set(id, record);
    const signers = this.#signers.get(id) ?? new Set();
    this.#signers.set(id, signers.add(peerId));
  }

  /** A server sends signatures. */
  offered({ peerId, incarnation }: Folder, { record, signatures }: SignedFounding): void {
    if (!signatures.some((each) => each.peerId === peerId)) return;
    const id = clusterIdOf(record, hash);
    assert.is(this.#signedBy.get(`${peerId} ${incarnation}`), id, 'not on disk before it left');
  }

  /** A server says that it will never sign. */
  never({ peerId }: Folder, recordId: string): void {
    assert.not.ok(this.isComplete(recordId), 'said never of a record that all have signed');
    this.#nevers.add(`${peerId} ${recordId}`);
  }

  /** Whether all founders of the record have had their signatures on disk. */
  isComplete(recordId: string): boolean {
    const founders = this.records.get(recordId)?.founders ?? [];
    const signers = this.#signers.get(recordId);
    return founders.length > 0 && founders.every(({ peerId }) => signers?.has(peerId) === true);
  }

  /** Judges all records, and where all servers are. */
  clusters(folders: readonly Folder[]): void {
    const home = new Map<string, string>();
    for (const [id, { founders }] of this.records) {
      if (!this.isComplete(id)) continue;
      for (const { peerId } of founders) {
        assert.is(home.get(peerId) ?? id, id, 'two clusters over a common server');
        home.set(peerId, id);
      }
    }
    for (const { peerId, clusterId } of folders) {
      if (clusterId === null) continue;
      assert.ok(this.isComplete(clusterId), 'in a cluster that not all have signed');
      assert.is(home.get(peerId) ?? clusterId, clusterId, 'a founder is in another cluster');
    }
  }
}
