/**
 * The door of the table: checks signatures, and counts and tells what stays outside. Checking one
 * costs some hundred microseconds and anybody can publish, so of unproved senders only so many are
 * checked a second; what was right among the rest comes again by the comparing of tables.
 *
 * Invariant: no record enters without its author's signature.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Signer } from '../base/signer.js';
import type { MemberRecord, RecordTable, SignedRecord } from '../membership/table.js';
import { signedBytes } from '../wire/record-codec.js';
import type { OtherClusters } from './other-clusters.js';

/** Checks a second for unproved senders: a fiftieth of a core or so. */
const checksPerSecond = 100;

/** What the door works with. */
export interface RecordIntakeDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly signer: Signer;
  readonly table: RecordTable;
  readonly others: OtherClusters;
  /** The sequence of this server's own record. */
  readonly ownSequence: () => number;
}

/** What came of a record. `entered`: it is in the table. `ours`: another life of this server made
 * it, and numbered it higher than this one has come. `dropped`: everything else. */
export type Intake = 'entered' | 'ours' | 'dropped';

/** See the head of the file. */
export class RecordIntake {
  readonly #deps: RecordIntakeDeps;
  #checksLeft = checksPerSecond;
  #filledAt: number;
  #forgeries = 0;
  #crowded = 0;

  constructor(deps: RecordIntakeDeps) {
    this.#deps = deps;
    this.#filledAt = deps.clock.monotonicMillis();
  }

  /** Records dropped for their signatures. */
  get forgeries(): number {
    return this.#forgeries;
  }

  /** Records dropped unchecked since too many came. */
  get crowded(): number {
    return this.#crowded;
  }

  /** @param isTrusted a server of this cluster sent it by itself. */
  take(signed: SignedRecord, isTrusted: boolean): Intake {
    const { record, payload, signature } = signed;
    const { table, signer, others, ownSequence } = this.#deps;
    const verdict = table.judge(record);
    const isOfUse =
      verdict === 'newer' ||
      verdict === 'otherCluster' ||
      (verdict === 'ours' && record.sequence > ownSequence());
    if (!isOfUse) return 'dropped';
    if (!isTrusted && !this.#mayCheck()) {
      this.#crowded += 1;
      return 'dropped';
    }
    if (!signer.verify(record.peerId, signedBytes(payload), signature)) {
      this.#forgeries += 1;
      return 'dropped';
    }
    if (verdict === 'ours') return 'ours';
    if (verdict === 'otherCluster') {
      if (others.met(record.peerId, record)) this.#tellOfCluster(record);
      return 'dropped';
    }
    table.take(signed);
    return 'entered';
  }

  #tellOfCluster({ name, clusterId, addresses }: MemberRecord): void {
    this.#deps.log.warn({ clusterId, server: name, addresses }, 'another cluster has this name');
  }

  #mayCheck(): boolean {
    const now = this.#deps.clock.monotonicMillis();
    const gained = ((now - this.#filledAt) * checksPerSecond) / 1000;
    this.#checksLeft = Math.min(checksPerSecond, this.#checksLeft + gained);
    this.#filledAt = now;
    if (this.#checksLeft < 1) return false;
    this.#checksLeft -= 1;
    return true;
  }
}
