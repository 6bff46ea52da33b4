/**
 * The small worlds that the model explores. Every bound multiplies the worlds, so each world is
 * generous in one thing and sparing in the others.
 */

import type { MemberChange } from '../../src/raft/types.js';
import type { Bounds } from './explore.js';

/** Any founder gives way to member 4, which begins as a learner: three voters before and after. */
const swaps: readonly (readonly MemberChange[])[] = [1, 2, 3].map((id) => [
  { op: 'remove', id },
  { op: 'promote', id: 4 },
]);

const none: Bounds = {
  voters: 3,
  learners: 0,
  termMax: 2,
  proposalsMax: 0,
  changesMax: 0,
  changes: [],
  crashesMax: 0,
  ticksMax: 0,
  quickDisks: true,
};

/** By name. */
export const worlds = {
  /** One server with a slow disk: the whole space, and small. */
  alone: { ...none, voters: 1, proposalsMax: 2, crashesMax: 1, quickDisks: false },
  /** Two terms, and nothing but the leaders' own first entries. */
  terms: { ...none },
  /** One term: two entries, and a power cut at any moment. */
  'one-term': { ...none, termMax: 1, proposalsMax: 2, crashesMax: 1, quickDisks: false },
  /** One term: one voter gives way to another while an entry is written. */
  'one-change': {
    ...none,
    learners: 1,
    termMax: 1,
    proposalsMax: 1,
    changesMax: 1,
    changes: swaps,
  },
  /** Elections alone, with a power cut. */
  election: { ...none, crashesMax: 1, quickDisks: false },
  /** Two entries through two terms. */
  entries: { ...none, proposalsMax: 2 },
  /** One entry, a power cut, and heartbeats that mend what was lost. */
  crash: { ...none, proposalsMax: 1, crashesMax: 1, quickDisks: false },
  /** One voter gives way to another. */
  change: { ...none, learners: 1, changesMax: 1, changes: swaps },
  /** All of it at once: as far as it gets. */
  all: {
    ...none,
    learners: 1,
    proposalsMax: 2,
    changesMax: 1,
    changes: swaps,
    crashesMax: 1,
    ticksMax: 1,
  },
} as const satisfies Record<string, Bounds>;
