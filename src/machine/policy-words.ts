/**
 * The operator's policy as the log tells it: named words with values, such as `voters` and `5`. The
 * machine does not know what a word means: membership does. So a word that this version does not
 * know is kept as it is, for servers that do. What the machine holds is the form alone, on every
 * replica alike, and that the whole stays small.
 */

import type { PolicyWord } from './commands.js';
import type { StateDigest } from './state-digest.js';
import { type StateRow, StateRowError } from './state-rows.js';

/** Most words of a policy, set at different times or at once. */
export const policyWordsMax = 64;

/** Longest name of a word, and longest value, characters; both are ASCII. */
const nameCharsMax = 64;
const valueCharsMax = 128;

const namePattern = /^[a-z][a-z0-9-]*$/;
const valuePattern = /^[!-~]*$/;

/** The policy as it stands. */
export interface PolicyState {
  /** Index of the entry that set it last; 0: it never was. */
  readonly index: number;
  /** Words that are set, by name; what is not here has its default. */
  readonly words: readonly PolicyWord[];
}

/** The policy of a machine. */
export class PolicyWords {
  #state: PolicyState = { index: 0, words: [] };

  /** The policy; a new object after every change. */
  get state(): PolicyState {
    return this.#state;
  }

  /** Sets words; an empty value takes a word back. @returns why not, or null when it was done. */
  set(index: number, words: readonly PolicyWord[]): string | null {
    const fault = policyWordsFault(words);
    if (fault !== null) return fault;
    const merged = new Map(this.#state.words.map(({ name, value }) => [name, value]));
    for (const { name, value } of words) {
      if (value === '') merged.delete(name);
      else merged.set(name, value);
    }
    if (merged.size > policyWordsMax) return `a policy has at most ${policyWordsMax} words`;
    const sorted = [...merged].sort(([one], [other]) => (one < other ? -1 : 1));
    this.#state = { index, words: sorted.map(([name, value]) => ({ name, value })) };
    return null;
  }

  /** The row of what stands here now. */
  freeze(): StateRow {
    return { kind: 'policy', ...this.#state };
  }

  /** Takes it back. @throws StateRowError for words that could not have been set. */
  restore({ index, words }: PolicyState): void {
    const fault = words.length === 0 ? null : policyWordsFault(words);
    if (fault !== null) throw new StateRowError(fault);
    this.#state = { index, words };
  }

  /** Adds index and words. */
  digest(into: StateDigest): void {
    const { index, words } = this.#state;
    into.number(index);
    into.number(words.length);
    for (const { name, value } of words) {
      into.text(name);
      into.text(value);
    }
  }
}

/** What is wrong with the form of these words, one line, or null when nothing is. */
export function policyWordsFault(words: readonly PolicyWord[]): string | null {
  if (words.length === 0) return 'a policy is set by at least one word, such as voters=5';
  if (words.length > policyWordsMax) return `a policy has at most ${policyWordsMax} words`;
  const names = new Set<string>();
  for (const { name, value } of words) {
    if (name.length > nameCharsMax || !namePattern.test(name)) {
      return `the name of a policy word has 1 to ${nameCharsMax} of a-z, 0-9 and "-"`;
    }
    if (value.length > valueCharsMax || !valuePattern.test(value)) {
      return `the value of "${name}" has at most ${valueCharsMax} visible ASCII characters`;
    }
    if (names.has(name)) return `"${name}" is set twice`;
    names.add(name);
  }
  return null;
}
