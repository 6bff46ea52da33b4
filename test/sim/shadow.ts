/**
 * What the checkers know of one member: its log as the core has it, its log as its disk has it, and
 * its hard state, each entry by the hash of the whole prefix that it ends. It is kept beside the
 * member, from what the core gave out and the store called done, over all its lives.
 */

import type { Effect, Role } from '../../src/raft/effects.js';
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  MemberId,
  Term,
} from '../../src/raft/types.js';
import { nobody } from '../../src/raft/types.js';
import { mix } from './trace.js';

/** A persist of the core. */
export type Persist = Extract<Effect, { type: 'persist' }>;

/** The hash and the term of every prefix of a log, from its base on. */
export class PrefixLog {
  lastIndex: Index;
  readonly #hashes: number[] = [];
  readonly #terms: Term[] = [];
  readonly baseIndex: Index;

  constructor(baseIndex: Index) {
    this.baseIndex = baseIndex;
    this.lastIndex = baseIndex;
  }

  /** The hash of the prefix up to `index`; all logs agree up to the base. */
  hash(index: Index): number {
    return index <= this.baseIndex ? 0 : (this.#hashes[index - this.baseIndex] as number);
  }

  term(index: Index): Term {
    return index <= this.baseIndex ? 0 : (this.#terms[index - this.baseIndex] as number);
  }

  cut(from: Index): void {
    this.lastIndex = Math.min(this.lastIndex, from - 1);
  }

  add(index: Index, term: Term, hash: number): void {
    this.#hashes[index - this.baseIndex] = hash;
    this.#terms[index - this.baseIndex] = term;
    this.lastIndex = index;
  }

  /** Becomes the same as `other`. */
  copy(other: PrefixLog): void {
    this.lastIndex = other.lastIndex;
    for (let i = 1; i <= other.lastIndex - other.baseIndex; i++) {
      this.#hashes[i] = other.#hashes[i] as number;
      this.#terms[i] = other.#terms[i] as number;
    }
  }
}

/** A persist on its way to the disk, with the prefix hashes of its entries. */
export interface Pending {
  readonly persist: Persist;
  readonly hashes: readonly number[];
}

/** See the head of the file. */
export class Shadow {
  readonly id: MemberId;
  /** The host's name, for messages. */
  readonly name: string;
  readonly memory: PrefixLog;
  readonly disk: PrefixLog;
  /** On disk. */
  hardState: HardState = { term: 0, vote: nobody };
  pending: Pending[] = [];
  role: Role = 'follower';
  term: Term = 0;
  commit: Index;
  configuration: Configuration;
  configurationIndex: Index;
  /** Where configurations stand in its log as the core has it, behind the base. */
  configurationIndexes: Index[] = [];
  /** Commit index when each read began, by its reference. */
  readonly reads = new Map<number, Index>();
  /** Its machine in its present life. */
  machine: object | null = null;
  machineIndex = 0;

  constructor(id: MemberId, name: string, base: { index: Index; configuration: Configuration }) {
    this.id = id;
    this.name = name;
    this.memory = new PrefixLog(base.index);
    this.disk = new PrefixLog(base.index);
    this.commit = base.index;
    this.configuration = base.configuration;
    this.configurationIndex = base.index;
  }

  get leads(): boolean {
    return this.role === 'leader';
  }
}

/** The hash of the prefix that `entry` ends. */
export function prefixHash(before: number, entry: Entry): number {
  let hash = mix(before, entry.index);
  hash = mix(hash, entry.term);
  hash = mix(hash, entry.timeMillis);
  hash = mix(hash, entry.kind === 'noop' ? 1 : entry.kind === 'command' ? 2 : 3);
  const { data, configuration } = entry;
  for (let i = 0; i < data.length; i++) hash = mix(hash, data[i] as number);
  if (configuration !== null) {
    for (const id of configuration.voters) hash = mix(hash, id);
    for (const id of configuration.votersOutgoing) hash = mix(hash, id + 7);
    for (const id of configuration.learners) hash = mix(hash, id + 13);
    for (const { id, incarnation } of configuration.members) {
      hash = mix(hash, id);
      for (let i = 0; i < incarnation.length; i++) hash = mix(hash, incarnation.charCodeAt(i));
    }
  }
  return hash;
}
