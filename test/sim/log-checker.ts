/**
 * Raft's promises about logs and leaders: one leader a term, logs that match, a leader that only
 * appends, nothing committed ever cut, leaders that have all that is committed.
 */

import type { Index, MemberId, Term } from '../../src/raft/types.js';
import type { Marks } from './marks.js';
import type { Persist, Shadow } from './shadow.js';
import { demand } from './violation.js';

/** Hashes of all prefixes that are committed. */
export interface CommittedPrefixes {
  readonly commitMax: Index;
  committedBefore(term: Term): Index;
  hash(index: Index): number;
}

/** Checks elections, appends and truncations. */
export class LogChecker {
  readonly #committed: CommittedPrefixes;
  readonly #marks: Marks;
  readonly #leaders = new Map<Term, MemberId>();
  /** Prefix hashes on any disk, by index and term. */
  readonly #prefixes = new Map<number, number>();
  elections = 0;

  constructor(committed: CommittedPrefixes, marks: Marks) {
    this.#committed = committed;
    this.#marks = marks;
  }

  /**
   * A member cuts or appends, as leader or not, in `term`; `shadow` is as it was before.
   * A late append of a leader of this term may cut what a later leader has committed: this member
   * was not asked for that, or it would be in the later term. What was committed up to this term
   * must stay.
   */
  persists(
    shadow: Shadow,
    { truncateFrom, entries }: Persist,
    { leads, term }: { readonly leads: boolean; readonly term: Term },
  ): void {
    const { memory, name } = shadow;
    if (truncateFrom !== null && truncateFrom <= memory.lastIndex) {
      demand(!leads, () => `leader append-only: ${name} leads and cuts its log at ${truncateFrom}`);
      const held = Math.min(this.#committed.committedBefore(term + 1), memory.lastIndex);
      const isCommitted =
        truncateFrom <= held && memory.hash(truncateFrom) === this.#committed.hash(truncateFrom);
      demand(!isCommitted, () => `${name} cuts at ${truncateFrom} what is committed`);
      demand(
        truncateFrom > shadow.commit,
        () => `${name} cuts at ${truncateFrom} below its commit`,
      );
      this.#marks.hit('log truncated');
      if (truncateFrom <= shadow.configurationIndex) {
        this.#marks.hit('uncommitted configuration truncated');
      }
    }
    const last = truncateFrom === null ? memory.lastIndex : truncateFrom - 1;
    const first = entries[0]?.index ?? last + 1;
    demand(first === last + 1, () => `${name} appends ${first} behind ${last}`);
  }

  /** A prefix is on a disk: all disks that have an entry of this index and term have the same. */
  onDisk(shadow: Shadow, index: Index, term: Term, hash: number): void {
    const key = index * 0x1_0000 + term;
    const known = this.#prefixes.get(key);
    if (known === undefined) this.#prefixes.set(key, hash);
    else {
      demand(known === hash, () => `logs do not match at ${index} of term ${term}: ${shadow.name}`);
    }
  }

  elected(shadow: Shadow, term: Term): void {
    const { id, name, memory } = shadow;
    const before = this.#leaders.get(term);
    demand(
      before === undefined || before === id,
      () => `two leaders in term ${term}: members ${before} and ${id} (${name})`,
    );
    if (before === undefined) this.elections += 1;
    this.#leaders.set(term, id);
    // A late vote may make a leader of a term that is over: it need not know of later ones.
    const least = this.#committed.committedBefore(term);
    demand(
      memory.lastIndex >= least && memory.hash(least) === this.#committed.hash(least),
      () => `leader completeness: ${name} leads in term ${term} without all up to ${least}`,
    );
    if (memory.lastIndex > this.#committed.commitMax)
      this.#marks.hit('leader with entries not yet committed');
  }
}
