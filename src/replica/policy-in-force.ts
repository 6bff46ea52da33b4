/**
 * The policy in force: this server's settings, and over them the words that the operator put into
 * the log. It judges new words before they are proposed, together with those that are there; the
 * machine holds their form alone. Words of the log that this version does not understand are passed
 * over and kept, so that servers of several versions can live together.
 */

import type { PolicyWord } from '../machine/commands.js';
import { type PolicyState, policyWordsFault } from '../machine/policy-words.js';
import {
  checkPolicy,
  defaultPolicy,
  formatPolicy,
  type MembershipPolicy,
  mergePolicy,
  parsePolicy,
  readPolicy,
} from '../membership/policy.js';
import type { PolicyReport, PolicyRow } from '../wire/client-messages.js';

/** What takes a word back, in the operator's writing. */
const backWord = 'default';

/** Words that may be proposed, or why not, one line. */
export type JudgedPolicy =
  | { readonly ok: true; readonly words: readonly PolicyWord[] }
  | { readonly ok: false; readonly fault: string };

/** The policy of one server, as its machine has it. */
export class PolicyInForce {
  readonly #base: MembershipPolicy;
  readonly #state: () => PolicyState;
  #read: PolicyState | null = null;
  #policy: MembershipPolicy;

  /**
   * @param base this server's settings.
   * @param state the policy in the applied log; another object after each change.
   */
  constructor(base: MembershipPolicy, state: () => PolicyState) {
    this.#base = base;
    this.#state = state;
    this.#policy = base;
  }

  /** The policy to act on. */
  get policy(): MembershipPolicy {
    const state = this.#state();
    if (state !== this.#read) {
      this.#read = state;
      this.#policy = this.#merged(textsOf(state.words));
    }
    return this.#policy;
  }

  /** Every word in force, then those of the log that are not. */
  report(): PolicyReport {
    const state = this.#state();
    const set = new Set(formatPolicy(readPolicy(textsOf(state.words))));
    const rows = formatPolicy(this.policy).map((text): PolicyRow => {
      return { ...wordOf(text), from: set.has(text) ? 'log' : 'default' };
    });
    const followed = new Set(rows.flatMap(({ name, from }) => (from === 'log' ? [name] : [])));
    const ignored = state.words
      .filter(({ name }) => !followed.has(name))
      .map((word): PolicyRow => ({ ...word, from: 'ignored' }));
    return { index: state.index, words: [...rows, ...ignored] };
  }

  /** Reads what the operator wrote and judges what would then be in force. */
  judge(text: string): JudgedPolicy {
    const words = text.split(/\s+/).filter(Boolean).map(wordOf);
    const form = policyWordsFault(words);
    if (form !== null) return { ok: false, fault: form };
    const kept = words.filter(({ value }) => value !== backWord);
    const parsed = parsePolicy(textsOf(kept));
    if (!parsed.ok) return { ok: false, fault: parsed.faults.join('; ') };
    const names = new Set(words.map(({ name }) => name));
    const present = this.#state().words;
    const known = [...formatPolicy(defaultPolicy).map(wordOf), ...present].map(({ name }) => name);
    const stranger = [...names].find((name) => !known.includes(name));
    if (stranger !== undefined) {
      const message = `"${stranger}" is no word of a policy; there are ${known.join(', ')}`;
      return { ok: false, fault: message };
    }
    const before = present.filter(({ name }) => !names.has(name));
    const policy = mergePolicy(this.#base, readPolicy(textsOf([...before, ...kept])));
    const faults = checkPolicy(policy);
    if (faults.length > 0) return { ok: false, fault: faults.join('; ') };
    const told = words.map(({ name, value }) => ({ name, value: value === backWord ? '' : value }));
    return { ok: true, words: told };
  }

  /** Words were judged by a server whose settings may be others than ours: what does not fit ours
   * stands on the common defaults instead, and what fits neither is not followed. */
  #merged(texts: readonly string[]): MembershipPolicy {
    const entry = readPolicy(texts);
    for (const base of [this.#base, defaultPolicy]) {
      const policy = mergePolicy(base, entry);
      if (checkPolicy(policy).length === 0) return policy;
    }
    return this.#base;
  }
}

function textsOf(words: readonly PolicyWord[]): readonly string[] {
  return words.map(({ name, value }) => `${name}=${value}`);
}

function wordOf(text: string): PolicyWord {
  const at = text.indexOf('=');
  if (at < 0) return { name: text, value: '' };
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}
