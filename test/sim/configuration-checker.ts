/**
 * Membership: one change at a time, each begun when the one before is committed and so is an entry
 * of the leader's own term; the newest configuration of a log is in force, committed or not; any
 * two that follow each other have a member in common in every two of their quorums.
 */

import type { Configuration, Entry, Index, MemberId } from '../../src/raft/types.js';
import { moreThanHalf } from './majorities.js';
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
      shadow.memory.term(shadow.commit) === shadow.term,
      () => `${shadow.name} begins change ${entry.index} before it committed in its own term`,
    );
    demand(
      shadow.configurationIndex <= shadow.commit,
      () =>
        `${shadow.name} begins change ${entry.index} while ${shadow.configurationIndex} is not committed`,
    );
  }

  /** After a step: what a member goes by is the newest in its log, cut or grown (thesis 4.1). */
  inForce({ name, configurationIndex, configurationIndexes, memory }: Shadow): void {
    const newest = configurationIndexes[configurationIndexes.length - 1];
    demand(
      newest === undefined ? configurationIndex <= memory.baseIndex : configurationIndex === newest,
      () => `${name} goes by configuration ${configurationIndex}, its log ends with ${newest}`,
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
      return moreThanHalf(left.length) + moreThanHalf(right.length) > union;
    }),
  );
}
