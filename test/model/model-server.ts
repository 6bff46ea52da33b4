/**
 * One server of the model: a real core, a disk whose writes end when told to, and what waits for
 * them. It is a deterministic automaton: an action in, messages out. Time is the adversary's: a
 * timer runs out, a leader is forgotten or resigns whenever an action says so.
 */

import { RaftCore } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Input } from '../../src/raft/inputs.js';
import type { Message } from '../../src/raft/messages.js';
import { raftOptionsDefault } from '../../src/raft/options.js';
import type {
  ConfigurationAt,
  Entry,
  HardState,
  LogBase,
  MemberChange,
  MemberId,
  TermRun,
} from '../../src/raft/types.js';
import { copyCore, stateOf } from './plain-core.js';

/** What may happen to a server. */
export type Action =
  | { readonly kind: 'deliver'; readonly message: Message }
  /** Its election timer runs out, and its pre-vote is won: voters' promises leave no trace. */
  | { readonly kind: 'campaign' }
  /** A leader that heard nobody for long. */
  | { readonly kind: 'resign' }
  /** A leader's tick: heartbeats. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'propose'; readonly value: number }
  | { readonly kind: 'change'; readonly changes: readonly MemberChange[] }
  /** The oldest write ends. */
  | { readonly kind: 'sync' }
  /** Power cut and restart; so many of the writes under way made it to the disk. */
  | { readonly kind: 'crash'; readonly kept: number };

type Persist = Extract<Effect, { type: 'persist' }>;

const options = Object.freeze({
  ...raftOptionsDefault,
  electionTicksMin: 50,
  electionTicksMax: 90,
});

function write(entries: Entry[], base: LogBase, persist: Persist): void {
  if (persist.truncateFrom !== null) entries.length = persist.truncateFrom - base.index - 1;
  entries.push(...persist.entries);
}

/** One server. */
export class ModelServer {
  readonly id: MemberId;
  readonly base: LogBase;
  core: RaftCore;
  /** What a power cut leaves. */
  hardState: HardState = { term: 0, vote: 0 };
  durable: Entry[] = [];
  /** What was given out to be written, in all. */
  image: Entry[] = [];
  writes: Persist[] = [];
  /** Messages that wait for so many of the writes. */
  held: { readonly need: number; readonly message: Message }[] = [];
  appliedIndex: number;
  /** What the last action sent. */
  sent: Message[] = [];

  /** @param from the server to go on from; null: a new one. */
  constructor(id: MemberId, base: LogBase, from: ModelServer | null = null) {
    this.id = id;
    this.base = base;
    this.appliedIndex = base.index;
    if (from === null) {
      this.core = this.#boot();
      this.#perform(this.core.start());
      return;
    }
    this.core = copyCore(from.core);
    this.hardState = from.hardState;
    this.durable = from.durable.slice();
    this.image = from.image.slice();
    this.writes = from.writes.slice();
    this.held = from.held.slice();
    this.appliedIndex = from.appliedIndex;
  }

  /** A server that goes on from here. */
  copy(): ModelServer {
    return new ModelServer(this.id, this.base, this);
  }

  /**
   * Carries out an action that `isEnabled`.
   * @param quickDisk every write ends with the action that gave it out.
   * @throws AssertionError when the core says no.
   */
  act(action: Action, quickDisk: boolean): void {
    this.sent = [];
    this.#act(action);
    while (quickDisk && this.writes.length > 0) this.#sync();
  }

  #act(action: Action): void {
    const state = stateOf(this.core);
    switch (action.kind) {
      case 'deliver':
        // Whoever is asked for a vote has not heard its leader for long.
        if (action.message.type === 'voteRequest') state.leaderHeardTick = state.now - 1000;
        return this.#step({ type: 'message', message: action.message });
      case 'campaign':
        return this.#campaign();
      case 'resign':
        if (state.leading !== null) this.#silence(state.leading);
        return this.#step({ type: 'tick' });
      case 'tick':
        return this.#step({ type: 'tick' });
      case 'propose': {
        const data = new Uint8Array([action.value]);
        return this.#step({ type: 'propose', proposals: [{ ref: 1, timeMillis: 0, data }] });
      }
      case 'change': {
        const expected = state.log.configurationIndex;
        const wish = { ref: 1, expected, timeMillis: 0, reason: '', changes: action.changes };
        return this.#step({ type: 'change', ...wish });
      }
      case 'sync':
        return this.#sync();
      case 'crash':
        return this.#crash(action.kept);
    }
  }

  #silence(leading: NonNullable<ReturnType<typeof stateOf>['leading']>): void {
    (leading as { sinceTick: number }).sinceTick = -1000;
    for (const progress of leading.followers.values()) {
      progress.heardTick = Number.NEGATIVE_INFINITY;
    }
  }

  /** A pre-vote that is always won allows more elections than the real one, never fewer. */
  #campaign(): void {
    const state = stateOf(this.core);
    state.timerTick = state.now - 1000;
    this.#step({ type: 'tick' });
    this.sent = [];
    const { voters, votersOutgoing } = state.log.configuration;
    const term = state.term + 1;
    for (const from of new Set([...voters, ...votersOutgoing])) {
      if (from === this.id || state.role !== 'preCandidate') continue;
      const reply = { from, to: this.id, term, preVote: true, granted: true } as const;
      this.#step({ type: 'message', message: { type: 'voteReply', ...reply } });
    }
  }

  #step(input: Input): void {
    this.#perform(this.core.step(input));
  }

  #sync(): void {
    const persist = this.writes.shift() as Persist;
    this.#toDisk(persist);
    for (const { need, message } of this.held) if (need === 1) this.sent.push(message);
    this.held = this.held
      .filter(({ need }) => need > 1)
      .map(({ need, message }) => ({ need: need - 1, message }));
    this.#step({ type: 'persisted', index: persist.lastIndex, term: persist.lastTerm });
  }

  #toDisk(persist: Persist): void {
    if (persist.hardState !== null) this.hardState = persist.hardState;
    write(this.durable, this.base, persist);
  }

  #crash(kept: number): void {
    for (const persist of this.writes.slice(0, kept)) this.#toDisk(persist);
    this.writes = [];
    this.held = [];
    this.appliedIndex = this.base.index;
    this.core = this.#boot();
    this.#perform(this.core.start());
  }

  #boot(): RaftCore {
    const { base, durable } = this;
    this.image = durable.slice();
    const termRuns: TermRun[] = [];
    const configurations: ConfigurationAt[] = [];
    for (const { index, term, configuration } of durable) {
      if (termRuns.at(-1)?.term !== term) termRuns.push({ firstIndex: index, term });
      if (configuration !== null) configurations.push({ index, configuration });
    }
    return new RaftCore(options, {
      self: this.id,
      joinIndex: 0,
      seed: 1,
      hardState: this.hardState,
      base,
      termRuns,
      configurations,
      lastIndex: base.index + durable.length,
      tail: durable,
      applied: base.index,
    });
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'persist') {
        this.writes.push(effect);
        write(this.image, this.base, effect);
      } else if (effect.type === 'send') {
        const need = effect.after === 'now' ? 0 : this.writes.length;
        if (need === 0) this.sent.push(effect.message);
        else this.held.push({ need, message: effect.message });
      } else if (effect.type === 'apply') {
        this.appliedIndex = effect.upTo;
        this.#step({ type: 'applied', index: effect.upTo });
      }
    }
  }
}

/** Whether an action can do anything at all to this server. */
export function isEnabled(server: ModelServer, action: Action, termMax: number): boolean {
  const { role, term, leading } = stateOf(server.core);
  switch (action.kind) {
    case 'deliver':
      // Whoever is told to stand at once begins a term without a campaign of its own.
      return action.message.type !== 'timeoutNow' || term < termMax;
    case 'campaign':
      return role !== 'leader' && term < termMax && stateOf(server.core).isPromotable;
    case 'resign':
      return leading !== null && term < termMax;
    case 'tick':
    case 'propose':
    case 'change':
      return leading !== null;
    case 'sync':
      return server.writes.length > 0;
    case 'crash':
      return action.kept <= server.writes.length;
  }
}
