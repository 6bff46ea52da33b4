/**
 * The core's view of the replicated log: where each term begins, the newest entries in memory,
 * every configuration, and how much of it is on disk. Writes nothing itself: whoever changes it
 * gives out the matching `persist`.
 * Invariants: base.index ≤ persisted ≤ lastIndex; terms never fall; the tail in memory ends at
 * lastIndex; an acknowledgement of the disk counts only for what no later cut took back (trap 39).
 */

import { assert } from '../base/assert.js';
import type {
  Configuration,
  ConfigurationAt,
  Entry,
  Index,
  LogBase,
  Term,
  TermRun,
} from './types.js';

/** What a log on disk said when it was opened. */
export interface LogInit {
  readonly base: LogBase;
  readonly termRuns: readonly TermRun[];
  readonly configurations: readonly ConfigurationAt[];
  readonly lastIndex: Index;
  /** The newest entries; at least one, where there is any. */
  readonly tail: readonly Entry[];
  /** The newest stamp that the state has seen which this server starts with, milliseconds.
   * @default 0 */
  readonly timeMillis?: number;
}

/** A write given out and not answered: the end of the log after it, and where it cut. */
interface PendingWrite {
  readonly index: Index;
  readonly term: Term;
  readonly cutFrom: Index;
}

// An entry's header on the wire, and a member's description: what the windows should count besides
// data.
const entryOverheadBytes = 32;
const memberBytes = 128;

/** What an entry weighs in windows and memory, bytes. */
export function entryBytes(entry: Entry): number {
  const members = entry.configuration === null ? 0 : entry.configuration.members.length;
  return entryOverheadBytes + entry.data.length + members * memberBytes;
}

/** The log, from its base to its last entry. */
export class RaftLog {
  #base: LogBase;
  #lastIndex: Index;
  #lastTerm: Term;
  // No entry that this log ever held has a later stamp: it outlives cuts, and what leaves memory.
  #lastTimeMillis: number;
  #persisted: Index;
  #runs: TermRun[];
  #configurations: ConfigurationAt[];
  // Entries in memory: #tail[#head …], a queue that is shifted by moving its head.
  #tail: Entry[];
  #head = 0;
  #tailBytes = 0;
  #writes: PendingWrite[] = [];
  #cutsPending = 0;
  #slice: readonly Entry[] = [];

  constructor(init: LogInit) {
    this.#base = init.base;
    this.#lastIndex = init.lastIndex;
    this.#persisted = init.lastIndex;
    this.#runs = [...init.termRuns];
    this.#configurations = [...init.configurations];
    this.#tail = [...init.tail];
    this.#lastTimeMillis = init.timeMillis ?? 0;
    for (const entry of init.tail) {
      this.#tailBytes += entryBytes(entry);
      this.#lastTimeMillis = Math.max(this.#lastTimeMillis, entry.timeMillis);
    }
    assert(init.lastIndex >= init.base.index, 'a log ends at its base or later');
    assert(init.lastIndex > init.base.index === this.#runs.length > 0, 'entries come in term runs');
    const last = init.tail.at(-1);
    assert(last === undefined || last.index === init.lastIndex, 'the tail ends where the log ends');
    assert(init.tail.length <= init.lastIndex - init.base.index, 'the tail begins after the base');
    this.#lastTerm = this.#runs.at(-1)?.term ?? init.base.term;
  }

  get base(): LogBase {
    return this.#base;
  }

  get lastIndex(): Index {
    return this.#lastIndex;
  }

  get lastTerm(): Term {
    return this.#lastTerm;
  }

  /** Last index that is on this server's disk and that no write under way takes back. */
  get persisted(): Index {
    return this.#persisted;
  }

  /** First index that is in memory; lastIndex + 1 when none is. */
  get memoryFirst(): Index {
    return this.#lastIndex - (this.#tail.length - this.#head) + 1;
  }

  /** The configuration in force: the last one in the log, committed or not (thesis 4.1). */
  get configuration(): Configuration {
    return this.#configurations.at(-1)?.configuration ?? this.#base.configuration;
  }

  /** Index of the entry that `configuration` came from. */
  get configurationIndex(): Index {
    return this.#configurations.at(-1)?.index ?? this.#base.configurationIndex;
  }

  /** The configuration that a cut of the newest one would bring back. */
  get previousConfiguration(): Configuration {
    return this.#configurations.at(-2)?.configuration ?? this.#base.configuration;
  }

  /** The newest stamp of all entries there were: a later entry has no earlier one. */
  get lastTimeMillis(): number {
    return this.#lastTimeMillis;
  }

  /** The term of an index; null before the base and after the end. */
  termAt(index: Index): Term | null {
    if (index > this.#lastIndex || index < this.#base.index) return null;
    if (index === this.#base.index) return this.#base.term;
    return (this.#runs[this.#runAt(index)] as TermRun).term;
  }

  /** Place of the run that holds `index`, which is after the base and in the log. */
  #runAt(index: Index): number {
    let low = 0;
    let high = this.#runs.length - 1;
    if ((this.#runs[high] as TermRun).firstIndex <= index) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#runs[middle] as TermRun).firstIndex <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * The largest index up to `index` whose term is at most `term`: where this log may still meet one
   * that has `term` there. Never below the base, which is committed.
   */
  lastOfTermAtMost(index: Index, term: Term): Index {
    if (index <= this.#base.index) return this.#base.index;
    let end = Math.min(index, this.#lastIndex);
    if (end <= this.#base.index) return this.#base.index;
    for (let i = this.#runAt(end); i >= 0; i--) {
      const run = this.#runs[i] as TermRun;
      if (run.term <= term) return end;
      end = run.firstIndex - 1;
    }
    return this.#base.index;
  }

  /** True when a log ending at (lastTerm, lastIndex) is at least as up to date as this one. */
  isUpToDate(lastIndex: Index, lastTerm: Term): boolean {
    return (
      lastTerm > this.#lastTerm || (lastTerm === this.#lastTerm && lastIndex >= this.#lastIndex)
    );
  }

  /** Entries first … last from memory; null when part of them is not there. */
  entries(first: Index, last: Index): readonly Entry[] | null {
    if (first < this.memoryFirst || last > this.#lastIndex || first > last + 1) return null;
    const from = this.#head + first - this.memoryFirst;
    return this.#tail.slice(from, from + last - first + 1);
  }

  /**
   * Entries from `first` on, in memory, as many as fit (at least one): what one append carries. The
   * same array again when two followers are at the same place.
   */
  batch(first: Index, bytesMax: number, countMax: number): readonly Entry[] {
    const from = this.#head + first - this.memoryFirst;
    const end = Math.min(this.#tail.length, from + countMax);
    let to = from;
    let bytes = 0;
    for (; to < end; to++) {
      bytes += entryBytes(this.#tail[to] as Entry);
      if (bytes > bytesMax && to > from) break;
    }
    const known = this.#slice;
    if (known.length === to - from && known[0] === this.#tail[from]) {
      if (known[known.length - 1] === this.#tail[to - 1]) return known;
    }
    this.#slice = this.#tail.slice(from, to);
    return this.#slice;
  }

  /** Bytes of the entries first … last, as far as they are in memory. */
  bytesBetween(first: Index, last: Index): number {
    const offset = this.#head - this.memoryFirst;
    let bytes = 0;
    for (let index = Math.max(first, this.memoryFirst); index <= last; index++) {
      bytes += entryBytes(this.#tail[offset + index] as Entry);
    }
    return bytes;
  }

  /** Adds entries at the end. Returns true when one of them is a configuration. */
  append(entries: readonly Entry[]): boolean {
    let configured = false;
    for (const entry of entries) {
      assert(entry.index === this.#lastIndex + 1, 'entries follow each other');
      assert(entry.term >= this.#lastTerm, 'terms never fall along the log');
      if (entry.term !== this.#lastTerm || this.#runs.length === 0) {
        this.#runs.push({ firstIndex: entry.index, term: entry.term });
      }
      this.#lastIndex = entry.index;
      this.#lastTerm = entry.term;
      this.#lastTimeMillis = Math.max(this.#lastTimeMillis, entry.timeMillis);
      this.#tail.push(entry);
      this.#tailBytes += entryBytes(entry);
      if (entry.configuration !== null) {
        this.#configurations.push({ index: entry.index, configuration: entry.configuration });
        configured = true;
      }
    }
    return configured;
  }

  /** Takes back everything from `from` on. Returns true when a configuration went with it. */
  truncate(from: Index): boolean {
    assert(from > this.#base.index && from <= this.#lastIndex, 'a cut lies within the log');
    const kept = Math.max(0, from - this.memoryFirst);
    for (let i = this.#tail.length - 1; i >= this.#head + kept; i--) {
      this.#tailBytes -= entryBytes(this.#tail[i] as Entry);
    }
    this.#tail.length = this.#head + kept;
    while (this.#runs.length > 0 && (this.#runs.at(-1) as TermRun).firstIndex >= from)
      this.#runs.pop();
    this.#lastIndex = from - 1;
    this.#lastTerm = this.#runs.at(-1)?.term ?? this.#base.term;
    this.#persisted = Math.min(this.#persisted, from - 1);
    const before = this.#configurations.length;
    while ((this.#configurations.at(-1)?.index ?? 0) >= from) this.#configurations.pop();
    return this.#configurations.length < before;
  }

  /**
   * Remembers a write given out: the log as it is now, cut from `cutFrom` on the way, if at all.
   */
  writing(cutFrom: Index | null): void {
    if (cutFrom !== null) this.#cutsPending++;
    const end = cutFrom ?? Number.POSITIVE_INFINITY;
    this.#writes.push({ index: this.#lastIndex, term: this.#lastTerm, cutFrom: end });
  }

  /**
   * The disk has the log as it was when it ended at (index, term). Of writes that ended alike the
   * oldest is meant: to believe too little is safe. Returns false when the fact is stale.
   */
  written(index: Index, term: Term): boolean {
    const at = this.#writes.findIndex((write) => write.index === index && write.term === term);
    if (at < 0) return false;
    if (this.#cutsPending > 0) {
      for (let i = 0; i <= at; i++) {
        if (Number.isFinite((this.#writes[i] as PendingWrite).cutFrom)) this.#cutsPending--;
      }
    }
    this.#writes.splice(0, at + 1);
    let reached = index;
    if (this.#cutsPending > 0) {
      // Writes still under way may cut what this one wrote, and a crash may fall between the two.
      for (const write of this.#writes) reached = Math.min(reached, write.cutFrom - 1);
    }
    this.#persisted = Math.max(this.#persisted, Math.min(reached, this.#lastIndex));
    return true;
  }

  /**
   * Frees entries up to `upTo` until the memory is within `bytesMax`; the last one always stays.
   */
  evict(upTo: Index, bytesMax: number): void {
    let head = this.#head;
    while (this.#tailBytes > bytesMax && head < this.#tail.length - 1) {
      const entry = this.#tail[head] as Entry;
      if (entry.index > upTo) break;
      this.#tailBytes -= entryBytes(entry);
      head++;
    }
    this.#head = head;
    // Shifting costs the length of the rest, so it waits until half of the array is garbage. Until
    // then the places before the head would still hold their entries in memory.
    if (head > 64 && head * 2 > this.#tail.length) {
      this.#tail = this.#tail.slice(head);
      this.#head = 0;
    }
  }

  /** The log up to `base.index`, which is in it, is now stood for by `base`. */
  compact(base: LogBase): void {
    assert(this.termAt(base.index) === base.term, 'a log is compacted at an entry of its own');
    const run = base.index < this.#lastIndex ? this.#runAt(base.index + 1) : this.#runs.length;
    const first = this.#runs[run];
    this.#runs = this.#runs.slice(run);
    if (first !== undefined && first.firstIndex <= base.index) {
      this.#runs[0] = { firstIndex: base.index + 1, term: first.term };
    }
    this.#configurations = this.#configurations.filter((at) => at.index > base.index);
    const gone = Math.max(
      0,
      Math.min(this.#tail.length - this.#head, base.index - this.memoryFirst + 1),
    );
    for (let i = 0; i < gone; i++)
      this.#tailBytes -= entryBytes(this.#tail[this.#head + i] as Entry);
    this.#tail = this.#tail.slice(this.#head + gone);
    this.#head = 0;
    this.#base = base;
    this.#persisted = Math.max(this.#persisted, base.index);
  }

  /**
   * The whole log gives way to a snapshot: nothing of it, no configuration either, stays (trap 12).
   */
  reset(base: LogBase): void {
    this.#base = base;
    this.#lastIndex = base.index;
    this.#lastTerm = base.term;
    this.#persisted = base.index;
    this.#runs = [];
    this.#configurations = [];
    this.#tail = [];
    this.#head = 0;
    this.#tailBytes = 0;
    this.#writes = [];
    this.#cutsPending = 0;
    this.#slice = [];
  }
}
