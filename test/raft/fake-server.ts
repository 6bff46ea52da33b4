/**
 * A server around a real core for tests: a false disk whose writes end when they are told to, a
 * false machine that remembers what it applied, and the order law carried out and asserted. The
 * network is whoever is handed the messages. A crash loses what was not on disk.
 */

import { assert } from '../../src/base/assert.js';
import { type CoreStatus, RaftCore, type RaftOptions } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Input } from '../../src/raft/inputs.js';
import type { Message } from '../../src/raft/messages.js';
import type {
  ConfigurationAt,
  Entry,
  HardState,
  Index,
  LogBase,
  MemberId,
  TermRun,
} from '../../src/raft/types.js';

/** What a server is made of. */
export interface FakeServerInit {
  readonly id: MemberId;
  readonly joinIndex: Index;
  readonly seed: number;
  readonly base: LogBase;
  readonly options: RaftOptions;
}

/** Who watches a server: tests, checkers, the false network. */
export interface Watcher {
  /** A message leaves, its promises kept. */
  sent(server: FakeServer, message: Message): void;
  /** An effect was given out, before it is carried out. */
  effect(server: FakeServer, effect: Effect): void;
  /** The machine applies an entry. */
  applied(server: FakeServer, entry: Entry): void;
  /** Entries reached the disk. */
  written(entries: readonly Entry[]): void;
  /** A write was given out and waits for `syncOne`. */
  writing(server: FakeServer): void;
}

type Persist = Extract<Effect, { type: 'persist' }>;

/** A log: base and entries after it. */
interface Image {
  base: LogBase;
  entries: Entry[];
}

function cutImage(image: Image, from: Index): void {
  assert(from > image.base.index, 'the disk is never asked to cut its base');
  image.entries.length = Math.max(0, from - image.base.index - 1);
}

function writeImage(image: Image, persist: Persist): void {
  if (persist.truncateFrom !== null) cutImage(image, persist.truncateFrom);
  for (const entry of persist.entries) {
    assert(entry.index === image.base.index + image.entries.length + 1, 'writes follow each other');
    image.entries.push(entry);
  }
}

/** Where the configuration in force at `index` stands in an image. */
function configurationAt(image: Image, index: Index): ConfigurationAt {
  for (let i = Math.min(index - image.base.index, image.entries.length) - 1; i >= 0; i--) {
    const entry = image.entries[i]!;
    if (entry.configuration !== null) {
      return { index: entry.index, configuration: entry.configuration };
    }
  }
  return { index: image.base.configurationIndex, configuration: image.base.configuration };
}

/** One server. */
export class FakeServer {
  readonly id: MemberId;
  core: RaftCore;
  alive = true;
  starts = 0;
  /** What a power cut leaves. */
  readonly durable: Image;
  hardState: HardState = { term: 0, vote: 0 };
  /** What the process believes it wrote. */
  image: Image;
  appliedIndex: Index;
  /** Answers to wishes, newest last. */
  readonly answers: Effect[] = [];
  readonly #init: FakeServerInit;
  readonly #watcher: Watcher;
  #writes: Persist[] = [];
  readonly #inputs: Input[] = [];
  #busy = false;
  #issued = 0;
  #durableCount = 0;
  #held: { need: number; message: Message }[] = [];

  constructor(init: FakeServerInit, watcher: Watcher) {
    this.id = init.id;
    this.#init = init;
    this.#watcher = watcher;
    this.durable = { base: init.base, entries: [] };
    this.image = { base: init.base, entries: [] };
    this.appliedIndex = init.base.index;
    this.core = this.#boot();
  }

  get status(): CoreStatus {
    return this.core.status();
  }

  /** Writes that were given out and are not on disk. */
  get writes(): number {
    return this.#writes.length;
  }

  #boot(): RaftCore {
    const { id, joinIndex, seed, options } = this.#init;
    const { base, entries } = this.durable;
    this.image = { base, entries: [...entries] };
    this.appliedIndex = base.index;
    this.#writes = [];
    this.#held = [];
    this.#issued = 0;
    this.#durableCount = 0;
    this.starts++;
    const termRuns: TermRun[] = [];
    const configurations: ConfigurationAt[] = [];
    for (const { index, term, configuration } of entries) {
      if (termRuns.at(-1)?.term !== term) termRuns.push({ firstIndex: index, term });
      if (configuration !== null) configurations.push({ index, configuration });
    }
    return new RaftCore(options, {
      self: id,
      joinIndex,
      seed: seed * 1000 + this.starts,
      hardState: this.hardState,
      base,
      termRuns,
      configurations,
      lastIndex: base.index + entries.length,
      tail: entries.slice(-4),
      applied: base.index,
    });
  }

  /** Tells the first effects. Apart from the constructor, so that the watcher knows the server. */
  start(): void {
    this.#busy = true;
    this.#perform(this.core.start());
    this.#busy = false;
    const next = this.#inputs.shift();
    if (next !== undefined) this.step(next);
  }

  /**
   * The power fails: what was not on disk is gone. `kept` of the waiting writes made it, unheard.
   */
  crash(kept: number): void {
    for (const write of this.#writes.slice(0, kept)) this.#toDisk(write);
    this.#writes = [];
    this.alive = false;
  }

  restart(): void {
    this.core = this.#boot();
    this.alive = true;
    this.start();
  }

  /** Someone takes the disk away and puts an empty one in (which the product forbids). */
  wipe(): void {
    this.durable.entries.length = 0;
    this.hardState = { term: 0, vote: 0 };
  }

  /** Tells the core; what comes of its own effects waits until all of them are carried out. */
  step(input: Input): void {
    if (!this.alive) return;
    this.#inputs.push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.#perform(this.core.step(next));
      }
    } finally {
      this.#busy = false;
    }
  }

  /** The oldest write ends. */
  syncOne(): void {
    const write = this.#writes.shift();
    if (write === undefined) return;
    this.#toDisk(write);
    this.#durableCount++;
    this.#release();
    this.step({ type: 'persisted', index: write.lastIndex, term: write.lastTerm });
  }

  /** The machine's state up to what it applied goes to disk and stands for the log before it. */
  takeSnapshot(): void {
    const index = this.appliedIndex;
    const durableLast = this.durable.base.index + this.durable.entries.length;
    if (index <= this.image.base.index || index > durableLast || this.#writes.length > 0) return;
    const at = configurationAt(this.image, index);
    const term = this.core.termAt(index);
    assert(term !== null, 'what was applied has a term');
    const base: LogBase = {
      index,
      term,
      configuration: at.configuration,
      configurationIndex: at.index,
    };
    for (const image of [this.image, this.durable]) {
      image.entries = image.entries.slice(index - image.base.index);
      image.base = base;
    }
    this.step({ type: 'snapshotTaken', base });
  }

  /** A snapshot arrived whole. Returns false when it cannot be installed now. */
  install(base: LogBase, from: MemberId): boolean {
    if (!this.alive || this.#writes.length > 0) return false;
    if (base.index > this.status.commit) {
      const meets = this.core.termAt(base.index) === base.term;
      for (const image of [this.image, this.durable]) {
        image.entries = meets ? image.entries.slice(base.index - image.base.index) : [];
        image.base = base;
      }
      this.appliedIndex = base.index;
    }
    this.step({ type: 'snapshotInstalled', base, from });
    return true;
  }

  #toDisk(write: Persist): void {
    if (write.hardState !== null) this.hardState = write.hardState;
    writeImage(this.durable, write);
    this.#watcher.written(write.entries);
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.#watcher.effect(this, effect);
      this.#carryOut(effect);
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        this.#issued++;
        this.#writes.push(effect);
        writeImage(this.image, effect);
        this.#watcher.writing(this);
        return;
      case 'send':
        this.#held.push({
          need: effect.after === 'now' ? 0 : this.#issued,
          message: effect.message,
        });
        this.#release();
        return;
      case 'apply':
        this.#apply(effect.upTo);
        return;
      case 'fetch': {
        const { base, entries } = this.image;
        const from = effect.firstIndex - base.index - 1;
        const found = from < 0 ? [] : entries.slice(from, effect.lastIndex - base.index);
        this.step({ type: 'fetched', to: effect.to, entries: found });
        return;
      }
      case 'answerRead':
      case 'accepted':
      case 'refused':
        this.answers.push(effect);
        return;
      default:
    }
  }

  #apply(upTo: Index): void {
    while (this.appliedIndex < upTo) {
      const entry = this.image.entries[this.appliedIndex - this.image.base.index];
      assert(entry !== undefined, 'what is applied is in the log');
      this.appliedIndex++;
      this.#watcher.applied(this, entry);
    }
    this.step({ type: 'applied', index: upTo });
  }

  #release(): void {
    const ready = this.#held.filter((held) => held.need <= this.#durableCount);
    this.#held = this.#held.filter((held) => held.need > this.#durableCount);
    for (const { message } of ready) this.#watcher.sent(this, message);
  }
}
