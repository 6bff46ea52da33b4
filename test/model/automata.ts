/**
 * The servers' automata, explored as they are needed: every state that any server was found in gets
 * a number, so do messages, actions and prefixes of logs, and what an action makes of a state is
 * worked out once. A state of the world is then a few numbers.
 */

import { assert } from '../../src/base/assert.js';
import type { Message } from '../../src/raft/messages.js';
import { type Configuration, type LogBase, type MemberId, nobody } from '../../src/raft/types.js';
import { type Action, isEnabled, type ModelServer } from './model-server.js';
import { stateOf } from './plain-core.js';
import { type Hashes, hashesOf } from './state-hash.js';
import { entryText, messageText, type Renaming, serverText } from './state-text.js';

/** Live servers kept; others are made again from the state they came from. */
const liveMax = 60_000;

/** A prefix of a log, by its last entry. */
export interface Prefix {
  readonly id: number;
  readonly parent: Prefix | null;
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration | null;
  readonly texts: readonly string[];
  readonly hashes: Hashes;
}

/** A state of one server. */
export interface LocalState {
  readonly id: number;
  readonly server: MemberId;
  readonly parent: LocalState | null;
  readonly action: Action | null;
  readonly hashes: Hashes;
  readonly term: number;
  readonly durableTerm: number;
  readonly isLeader: boolean;
  readonly commit: number;
  readonly configuration: Configuration;
  readonly image: Prefix;
  readonly durable: Prefix;
  readonly writes: number;
  readonly mayCampaign: boolean;
}

/** What an action makes of a state. */
export type Step =
  | { readonly next: LocalState; readonly sent: readonly number[] }
  /** The core broke off: an invariant of its own does not hold. */
  | { readonly fault: string };

/** A message that somebody sent. */
export interface SentMessage {
  readonly id: number;
  readonly message: Message;
  readonly hashes: Hashes;
}

/** The prefix of `prefix` that ends at `index`, or null when it is shorter. */
export function prefixAt(prefix: Prefix, index: number): Prefix | null {
  let at: Prefix | null = prefix;
  while (at !== null && at.index > index) at = at.parent;
  return at !== null && at.index === index ? at : null;
}

/** All that was found of the servers so far. */
export class Automata {
  readonly locals: LocalState[] = [];
  readonly messages: SentMessage[] = [];
  readonly actions: Action[] = [];
  /** By their number; the root, of everything before the log, is 0. */
  readonly prefixes: Prefix[] = [];
  readonly root: Prefix;
  readonly #renamings: readonly Renaming[];
  readonly #termMax: number;
  readonly #quickDisks: boolean;
  readonly #localIds = new Map<string, LocalState>();
  readonly #messageIds = new Map<string, number>();
  readonly #actionIds = new Map<string, number>();
  readonly #prefixIds = new Map<string, Prefix>();
  readonly #steps = new Map<number, Step>();
  readonly #live = new Map<number, ModelServer>();

  constructor(
    base: LogBase,
    renamings: readonly Renaming[],
    bounds: { readonly termMax: number; readonly quickDisks: boolean },
  ) {
    this.#renamings = renamings;
    this.#termMax = bounds.termMax;
    this.#quickDisks = bounds.quickDisks;
    const texts = renamings.map(() => 'root');
    this.root = {
      ...{ id: 0, parent: null, index: base.index, term: base.term },
      ...{ configuration: base.configuration, texts, hashes: hashesOf(texts) },
    };
    this.prefixes.push(this.root);
  }

  /** Steps worked out. */
  get stepCount(): number {
    return this.#steps.size;
  }

  /** A server as it begins. */
  start(server: ModelServer): LocalState {
    return this.#intern(server, null, null);
  }

  /** The number of an action. */
  actionId(action: Action): number {
    const text =
      action.kind === 'deliver' ? messageText(action.message, (id) => id) : JSON.stringify(action);
    let id = this.#actionIds.get(text);
    if (id === undefined) {
      id = this.actions.length;
      this.#actionIds.set(text, id);
      this.actions.push(action);
    }
    return id;
  }

  /** What an action makes of a state; null when it cannot happen there. */
  step(local: LocalState, actionId: number): Step | null {
    const key = local.id * 0x4000_0000 + actionId;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const action = this.actions[actionId] as Action;
    const before = this.#server(local);
    if (!isEnabled(before, action, this.#termMax)) return null;
    const server = before.copy();
    let step: Step;
    try {
      server.act(action, this.#quickDisks);
      const sent = server.sent.map((message) => this.#messageId(message));
      step = { next: this.#intern(server, local, action), sent };
    } catch (error) {
      step = { fault: error instanceof Error ? error.message : String(error) };
    }
    this.#steps.set(key, step);
    return step;
  }

  #server(local: LocalState): ModelServer {
    const known = this.#live.get(local.id);
    if (known !== undefined) return known;
    const path: LocalState[] = [];
    let at: LocalState = local;
    let server: ModelServer | undefined;
    while (server === undefined) {
      path.push(at);
      at = at.parent as LocalState;
      server = this.#live.get(at.id);
    }
    const copy = server.copy();
    for (const next of path.reverse()) copy.act(next.action as Action, this.#quickDisks);
    this.#keep(local, copy);
    return copy;
  }

  #keep(local: LocalState, server: ModelServer): void {
    this.#live.set(local.id, server);
    if (this.#live.size <= liveMax) return;
    for (const [id, { parent }] of this.#oldest()) if (parent !== null) this.#live.delete(id);
  }

  /** The older half of the live servers. */
  *#oldest(): Generator<readonly [number, LocalState]> {
    let count = liveMax / 2;
    for (const id of this.#live.keys()) {
      if (count-- <= 0) return;
      yield [id, this.locals[id] as LocalState];
    }
  }

  #intern(server: ModelServer, parent: LocalState | null, action: Action | null): LocalState {
    const text = `${server.id}|${serverText(server, (id) => id)}`;
    const known = this.#localIds.get(text);
    if (known !== undefined) return known;
    const state = stateOf(server.core);
    const texts = this.#renamings.map((as) => `${as(server.id)}|${serverText(server, as)}`);
    const local: LocalState = {
      ...{ id: this.locals.length, server: server.id, parent, action, hashes: hashesOf(texts) },
      ...{ term: state.term, durableTerm: server.hardState.term, commit: state.commit },
      isLeader: state.role === 'leader' && state.leader !== nobody,
      configuration: state.log.configuration,
      image: this.#prefix(server.image),
      durable: this.#prefix(server.durable),
      writes: server.writes.length,
      mayCampaign: isEnabled(server, { kind: 'campaign' }, this.#termMax),
    };
    this.#localIds.set(text, local);
    this.locals.push(local);
    this.#keep(local, server);
    return local;
  }

  #prefix(entries: ModelServer['image']): Prefix {
    let prefix = this.root;
    for (const entry of entries) {
      const key = `${prefix.id}>${entryText(entry, (id) => id)}`;
      let next = this.#prefixIds.get(key);
      if (next === undefined) {
        const { texts } = prefix;
        const longer = this.#renamings.map((as, i) => `${texts[i]}>${entryText(entry, as)}`);
        const { index, term, configuration } = entry;
        next = {
          ...{ id: this.prefixes.length, parent: prefix, index, term, configuration },
          ...{ texts: longer, hashes: hashesOf(longer) },
        };
        this.#prefixIds.set(key, next);
        this.prefixes.push(next);
      }
      prefix = next;
    }
    return prefix;
  }

  #messageId(message: Message): number {
    const text = messageText(message, (id) => id);
    let id = this.#messageIds.get(text);
    if (id === undefined) {
      id = this.messages.length;
      assert(id < 0x1_0000, 'a message has a number of 16 bits');
      const hashes = hashesOf(this.#renamings.map((as) => messageText(message, as)));
      this.#messageIds.set(text, id);
      this.messages.push({ id, message, hashes });
    }
    return id;
  }
}
