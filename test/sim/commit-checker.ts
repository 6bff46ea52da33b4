/**
 * What is committed is on a majority of disks, of both sets in a joint phase, counting the disks of
 * dead members too; and everybody commits the same at every index.
 */

import type { Index, MemberId, Term } from '../../src/raft/types.js';
import type { CommittedPrefixes } from './log-checker.js';
import { moreThanHalf } from './majorities.js';
import type { Shadow } from './shadow.js';
import { demand } from './violation.js';

/** The one committed log. */
export class CommitChecker implements CommittedPrefixes {
  commitMax: Index = 0;
  readonly #hashes: number[] = [];
  /** Up to where it was committed in each term, in order. */
  readonly #byTerm: { readonly term: Term; upTo: Index }[] = [];
  readonly #shadows: ReadonlyMap<MemberId, Shadow>;

  constructor(shadows: ReadonlyMap<MemberId, Shadow>) {
    this.#shadows = shadows;
  }

  hash(index: Index): number {
    return this.#hashes[index] ?? 0;
  }

  /** What leaders of earlier terms than `term` committed: a leader of it must have all that. */
  committedBefore(term: Term): Index {
    for (let i = this.#byTerm.length - 1; i >= 0; i--) {
      const part = this.#byTerm[i] as { readonly term: Term; readonly upTo: Index };
      if (part.term < term) return part.upTo;
    }
    return 0;
  }

  /** A member has learnt that everything up to `upTo` is committed. */
  committed(shadow: Shadow, upTo: Index): void {
    const { memory, name } = shadow;
    demand(upTo <= memory.lastIndex, () => `${name} commits ${upTo} beyond its log`);
    const isNew = upTo > this.commitMax;
    for (let index = shadow.commit + 1; index <= upTo; index++) {
      const hash = memory.hash(index);
      if (index > this.commitMax) this.#hashes[index] = hash;
      else {
        demand(
          hash === this.hash(index),
          () => `${name} commits another entry at ${index} than was committed before`,
        );
      }
    }
    shadow.commit = upTo;
    if (!isNew) return;
    this.commitMax = upTo;
    const newest = this.#byTerm[this.#byTerm.length - 1];
    if (newest !== undefined && newest.term >= shadow.term) newest.upTo = upTo;
    else this.#byTerm.push({ term: shadow.term, upTo });
    // A prefix hash stands for all before it: the last one is enough.
    this.#demandDurable(shadow, upTo);
  }

  #demandDurable(shadow: Shadow, index: Index): void {
    const { configuration, name } = shadow;
    const hash = this.hash(index);
    for (const voters of [configuration.voters, configuration.votersOutgoing]) {
      if (voters.length === 0) continue;
      let holding = 0;
      for (const id of voters) {
        const disk = this.#shadows.get(id)?.disk;
        if (disk !== undefined && disk.lastIndex >= index && disk.hash(index) === hash) holding++;
      }
      demand(
        holding >= moreThanHalf(voters.length),
        () => `${name} commits ${index} with ${holding} of ${voters.length} disks`,
      );
    }
  }
}
