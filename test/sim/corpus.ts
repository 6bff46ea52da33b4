/**
 * Seeds that failed once and are run always: `corpus.txt`, one a line with what it showed. A seed
 * stands for the world that it drew when it failed: those found before there were directed kinds of
 * faults run without them, the others say `directed`; those found since clusters may be founded
 * together too say `together`, since streams have rules `streams`, and since servers tell their
 * lives `lives`.
 */

import { readFileSync } from 'node:fs';
import {
  directedClasses,
  type FaultClass,
  foundingClass,
  livesClass,
  streamsClass,
} from './swarm.js';

/** Seeds that run without the kinds `without`. */
export interface SeedList {
  readonly seeds: readonly number[];
  readonly without: readonly FaultClass[];
}

/** All of the corpus. @throws Error for a line that is neither a seed nor a comment. */
export function corpus(): readonly SeedList[] {
  const blind: number[] = [];
  const directed: number[] = [];
  const together: number[] = [];
  const streams: number[] = [];
  const lives: number[] = [];
  const lists: Readonly<Record<string, number[]>> = { directed, together, streams, lives };
  const text = readFileSync(new URL('./corpus.txt', import.meta.url), 'utf8');
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').trim();
    if (words === '') continue;
    const [, seed, kind] = /^(\d+)(?: +(directed|together|streams|lives))?$/.exec(words) ?? [];
    if (seed === undefined) throw new Error(`corpus.txt: not a seed: ${line}`);
    const list = kind === undefined ? blind : (lists[kind] as number[]);
    list.push(Number(seed));
  }
  return [
    { seeds: blind, without: [...directedClasses, foundingClass, streamsClass, livesClass] },
    { seeds: directed, without: [foundingClass, streamsClass, livesClass] },
    { seeds: together, without: [streamsClass, livesClass] },
    { seeds: streams, without: [livesClass] },
    { seeds: lives, without: [] },
  ];
}
