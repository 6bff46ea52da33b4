/**
 * Applies committed entries to the machine, in order, each once, in slices: after a slice the event
 * loop has its turn, so that heartbeats are never late behind a long log (a restart, a joiner).
 *
 * Invariant: `machine.appliedIndex` never passes the index that the core called committed, and
 * grows by exactly one an entry. An entry that cannot be understood halts the server: skipping it
 * would make this replica another machine than the others (trap 46).
 */

import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import type { Reply } from '../machine/commands.js';
import type { Machine } from '../machine/machine.js';
import type { RaftCore } from '../raft/core.js';
import type { Entry, Index } from '../raft/types.js';
import type { LogStore } from '../storage/log-store.js';
import { decodeCommand } from '../wire/command-codec.js';

/** The longest that a slice may keep the event loop, milliseconds. */
const sliceMillisMax = 8;

/** How many entries are applied between two looks at the clock. */
const entriesBetweenLooks = 128;

/** The most bytes that one read of the log on disk brings. */
const readBytesMax = 1024 * 1024;

/** Who is told of applied entries. */
export interface AppliedListener {
  /** `reply` is null for entries that are no command. */
  applied(entry: Entry, reply: Reply | null): void;
  /** A slice ended; all up to `index` is applied. */
  sliceEnded(index: Index): void;
  fatal(reason: string): void;
}

/** What an applier works on. */
export interface ApplierDeps {
  readonly machine: Machine;
  readonly core: RaftCore;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly listener: AppliedListener;
}

/** The one that drives the machine. */
export class Applier {
  readonly #deps: ApplierDeps;
  #target: Index = 0;
  #busy = false;
  #stopped = false;

  constructor(deps: ApplierDeps) {
    this.#deps = deps;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Everything up to `index` is committed. */
  applyUpTo(index: Index): void {
    assert(index >= this.#target, 'the commit index never falls');
    this.#target = index;
    if (!this.#busy) this.#slice();
  }

  #slice(): void {
    if (this.#stopped) return;
    const { machine, clock, listener } = this.#deps;
    const until = clock.monotonicMillis() + sliceMillisMax;
    const before = machine.appliedIndex;
    while (machine.appliedIndex < this.#target) {
      const first = machine.appliedIndex + 1;
      const last = Math.min(this.#target, machine.appliedIndex + entriesBetweenLooks);
      const entries = this.#deps.core.entriesInMemory(first, last);
      if (entries === null) {
        this.#readFromDisk(first, last);
        break;
      }
      if (!this.#applyAll(entries)) return;
      if (machine.appliedIndex < this.#target && clock.monotonicMillis() >= until) {
        this.#busy = true;
        clock.afterTurn(() => this.#resume());
        break;
      }
    }
    if (machine.appliedIndex > before) listener.sliceEnded(machine.appliedIndex);
  }

  #resume(): void {
    this.#busy = false;
    this.#slice();
  }

  #readFromDisk(first: Index, last: Index): void {
    this.#busy = true;
    this.#deps.store.read(first, this.#target, readBytesMax, (error, entries) => {
      if (this.#stopped) return;
      if (error !== null) return this.#deps.listener.fatal(error.message);
      assert(entries.length > 0, `committed entries ${first} to ${last} are not in the log`);
      if (!this.#applyAll(entries)) return;
      this.#deps.listener.sliceEnded(this.#deps.machine.appliedIndex);
      this.#deps.clock.afterTurn(() => this.#resume());
    });
  }

  /** False when the server had to halt. */
  #applyAll(entries: readonly Entry[]): boolean {
    for (const entry of entries) {
      const reply = this.#apply(entry);
      if (reply === 'halted') return false;
      this.#deps.listener.applied(entry, reply);
    }
    return true;
  }

  #apply(entry: Entry): Reply | null | 'halted' {
    const { machine, listener } = this.#deps;
    assert(entry.index === machine.appliedIndex + 1, 'entries are applied one after the other');
    const meta = { index: entry.index, term: entry.term, timeMillis: entry.timeMillis };
    if (entry.kind === 'noop') {
      machine.applyNoop(meta);
      return null;
    }
    if (entry.kind === 'configuration') {
      assert(entry.configuration !== null, 'a configuration entry holds one');
      machine.applyConfiguration(meta, entry.configuration);
      return null;
    }
    try {
      return machine.apply(meta, decodeCommand(entry.data));
    } catch (error) {
      this.#stopped = true;
      const why = error instanceof Error ? error.message : String(error);
      listener.fatal(
        `log entry ${entry.index} cannot be applied (${why}): start a version that knows it`,
      );
      return 'halted';
    }
  }
}
