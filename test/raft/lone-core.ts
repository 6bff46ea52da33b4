/**
 * A core by itself, made from a few words, for tables: `terms` are the terms of the entries after
 * the base. Messages come from a hand that fills in what a row does not care for.
 */

import { RaftCore } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Message } from '../../src/raft/messages.js';
import { type RaftOptions, raftOptionsDefault } from '../../src/raft/options.js';
import type { Configuration, ConfigurationAt, Entry, TermRun } from '../../src/raft/types.js';
import { founders } from './checker.js';

/** What a row says of a core. */
export interface LoneInit {
  readonly self?: number;
  /** Founders, all voters but the last `learners`. @default 3 */
  readonly members?: number;
  readonly learners?: number;
  readonly terms?: readonly number[];
  readonly term?: number;
  readonly vote?: number;
  readonly joinIndex?: number;
  readonly seed?: number;
  readonly applied?: number;
  readonly options?: Partial<RaftOptions>;
  /** Configurations in the log, by index. */
  readonly configurations?: ReadonlyMap<number, Configuration>;
}

/** An entry; `what` is its command, or a configuration. */
export function entry(
  index: number,
  term: number,
  what: string | Configuration | null = null,
): Entry {
  const isCommand = typeof what === 'string';
  return {
    index,
    term,
    kind: isCommand ? 'command' : what === null ? 'noop' : 'configuration',
    timeMillis: 0,
    data: isCommand ? new Uint8Array(Buffer.from(what)) : new Uint8Array(0),
    configuration: isCommand ? null : what,
    encoded: null,
  };
}

/** The founding configuration with the last `learners` of `members` as learners. */
export function configurationOf(members: number, learners = 0): Configuration {
  const all = founders(members);
  const ids = all.voters;
  return {
    ...all,
    voters: ids.slice(0, members - learners),
    learners: ids.slice(members - learners),
  };
}

/** A core of the words in `init`, started. */
export function loneCore(init: LoneInit): RaftCore {
  const members = init.members ?? 3;
  const terms = init.terms ?? [];
  const entries = terms.map((term, i) => {
    const index = members + i + 1;
    return entry(index, term, init.configurations?.get(index) ?? `c${index}`);
  });
  const termRuns: TermRun[] = [];
  const configurations: ConfigurationAt[] = [];
  for (const { index, term, configuration } of entries) {
    if (termRuns.at(-1)?.term !== term) termRuns.push({ firstIndex: index, term });
    if (configuration !== null) configurations.push({ index, configuration });
  }
  const core = new RaftCore(
    { ...raftOptionsDefault, ...init.options },
    {
      self: init.self ?? 1,
      joinIndex: init.joinIndex ?? 0,
      seed: init.seed ?? 1,
      hardState: { term: init.term ?? terms.at(-1) ?? 0, vote: init.vote ?? 0 },
      base: {
        index: members,
        term: 0,
        configuration: configurationOf(members, init.learners ?? 0),
        configurationIndex: members,
      },
      termRuns,
      configurations,
      lastIndex: members + entries.length,
      tail: entries,
      applied: init.applied ?? members,
    },
  );
  core.start();
  return core;
}

/** What a core answers to a message. */
export function tell(core: RaftCore, message: Message): readonly Effect[] {
  return core.step({ type: 'message', message });
}

/** The messages among effects. */
export function sent(effects: readonly Effect[]): readonly Message[] {
  return effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
}

/** Confirms every write among effects, and those that follow from it; all effects in order. */
export function persistAll(core: RaftCore, effects: readonly Effect[]): readonly Effect[] {
  const all = [...effects];
  for (let i = 0; i < all.length; i++) {
    const effect = all[i]!;
    if (effect.type !== 'persist') continue;
    const { lastIndex: index, lastTerm: term } = effect;
    all.push(...core.step({ type: 'persisted', index, term }));
  }
  return all;
}

/** Ticks until the core campaigns; the effects of that tick. */
export function tickToCampaign(core: RaftCore): readonly Effect[] {
  for (let i = 0; i < 100; i++) {
    const effects = core.step({ type: 'tick' });
    if (effects.some((effect) => effect.type === 'note' && effect.event === 'campaign')) {
      return effects;
    }
  }
  return [];
}

/** Makes server 1, a voter, the leader by the votes of all others; the effects of its election. */
export function elect(core: RaftCore): readonly Effect[] {
  persistAll(core, tickToCampaign(core));
  const { configuration } = core.status();
  const others = new Set([...configuration.voters, ...configuration.votersOutgoing]);
  others.delete(1);
  let effects: readonly Effect[] = [];
  for (const preVote of [true, false]) {
    const term = core.status().term + (preVote ? 1 : 0);
    for (const from of others) {
      const { role } = core.status();
      if (role !== (preVote ? 'preCandidate' : 'candidate')) break;
      effects = tell(core, { type: 'voteReply', from, to: 1, term, preVote, granted: true });
    }
  }
  return effects;
}
