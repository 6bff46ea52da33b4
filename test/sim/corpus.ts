/**
 * Seeds that failed once and are run always: `corpus.txt`, one a line with what it showed. A seed
 * stands for the world that it drew when it failed: those found before there were directed kinds of
 * faults run without them, the others say `directed`; those found since clusters may be founded
 * together too say `together`, and those found since servers tell their lives say `lives`.
 */

import { readFileSync } from 'node:fs';
import { directedClasses, type FaultClass, foundingClass, livesClass } from './swarm.js';

/** Seeds that run without the kinds `without`. */
export interface SeedList {
  readonly seeds: readonly number[];
  readonly without: readonly FaultClass[];
}

/** All of the corpus. @throws Error for a line that is neither a seed nor a comment. */
export function corpus(): readonly SeedList[] {
  const blind: number[] = [];
  const found = { directed: [] as number[], together: [] as number[], lives: [] as number[] };
  const text = readFileSync(new URL('./corpus.txt', import.meta.url), 'utf8');
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').trim();
    if (words === '') continue;
    const [, seed, kind] = /^(\d+)(?: +(directed|together|lives))?$/.exec(words) ?? [];
    if (seed === undefined) throw new Error(`corpus.txt: not a seed: ${line}`);
    const list = kind === undefined ? blind : found[kind as keyof typeof found];
    list.push(Number(seed));
  }
  return [
    { seeds: blind, without: [...directedClasses, foundingClass, livesClass] },
    { seeds: found.directed, without: [foundingClass, livesClass] },
    { seeds: found.together, without: [livesClass] },
    { seeds: found.lives, without: [] },
  ];
}
