/**
 * Membership: one change at a time, each begun when the one before is committed, and any two
 * configurations that follow each other have a member in common in every two of their quorums.
 */

import { majority } from '../../src/raft/quorum.js';
import type { Configuration, Entry, Index, MemberId } from '../../src/raft/types.js';
import type { Marks } from './marks.js';
import type { Shadow } from './shadow.js';
import { demand } from './violation.js';

/** Checks configuration entries. */
export class ConfigurationChecker {
  readonly #marks: Marks;
  #newest: Configuration | null = null;
  #newestIndex: Index = 0;
  changes = 0;

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  /** A leader puts a configuration into its log; `shadow` is as it was before. */
  proposed(shadow: Shadow, entry: Entry): void {
    demand(
      shadow.configurationIndex <= shadow.commit,
      () =>
        `${shadow.name} begins change ${entry.index} while ${shadow.configurationIndex} is not committed`,
    );
  }

  /** A configuration is committed, for the first time anywhere. */
  committed(index: Index, configuration: Configuration): void {
    const before = this.#newest;
    demand(index > this.#newestIndex, () => `configuration ${index} is committed late`);
    if (before !== null) {
      demand(
        quorumsMeet(before, configuration),
        () =>
          `configurations ${this.#newestIndex} and ${index} have quorums without a common member`,
      );
      if (configuration.votersOutgoing.length > 0) this.#marks.hit('joint change committed');
      const gone = before.members.filter(({ id }) => !has(configuration, id)).length;
      if (gone > 0) this.#marks.hit('member removed');
      const come = configuration.members.filter(({ id }) => !has(before, id)).length;
      if (come > 0) this.#marks.hit('member joined');
    }
    this.changes += 1;
    this.#newest = configuration;
    this.#newestIndex = index;
  }
}

function has({ members }: Configuration, id: MemberId): boolean {
  return members.some((member) => member.id === id);
}

/** Whether every quorum of one meets every quorum of the other: enough if one pair of sets does. */
function quorumsMeet(a: Configuration, b: Configuration): boolean {
  const ofA = [a.voters, a.votersOutgoing].filter((set) => set.length > 0);
  const ofB = [b.voters, b.votersOutgoing].filter((set) => set.length > 0);
  return ofA.some((left) =>
    ofB.some((right) => {
      const union = new Set([...left, ...right]).size;
      return majority(left.length) + majority(right.length) > union;
    }),
  );
}
