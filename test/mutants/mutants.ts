/**
 * All mutants. docs/traps.md has them beside the traps they belong to, and run.ts sees that each is
 * killed.
 */

import { cloneMutants } from './clone-mutants.js';
import { electionMutants } from './election-mutants.js';
import { gossipMutants } from './gossip-mutants.js';
import { membershipMutants } from './membership-mutants.js';
import type { Mutant } from './mutant.js';
import { readerMutants } from './reader-mutants.js';
import { replicaMutants } from './replica-mutants.js';
import { replicationMutants } from './replication-mutants.js';
import { snapshotMutants } from './snapshot-mutants.js';
import { storageMutants } from './storage-mutants.js';
import { streamMutants } from './stream-mutants.js';

/** Every mutant, each name once. */
export const mutants: readonly Mutant[] = [
  ...electionMutants,
  ...replicationMutants,
  ...storageMutants,
  ...snapshotMutants,
  ...replicaMutants,
  ...streamMutants,
  ...readerMutants,
  ...membershipMutants,
  ...gossipMutants,
  ...cloneMutants,
];
