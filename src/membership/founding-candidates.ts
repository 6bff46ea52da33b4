/**
 * Which servers may found together, of all that are seen: n that have all seen one another. Where
 * more than n could, the choice is a function of what was seen: servers with equal views choose
 * equally, and the lowest of those chosen proposes.
 *
 * Nothing here is needed for safety (a server signs once: founding.ts); it only makes sure that
 * servers that can agree do.
 */

import type { Founder } from '../base/founding-record.js';
import { byPeerId } from './founding-record.js';

/** A server without a cluster, and whom it sees. */
export interface Candidate extends Founder {
  /** Keys (`keyOf`) of those whom it says it sees. */
  readonly sees: ReadonlySet<string>;
}

/** Names one life of a data folder: a server that was wiped, or has begun anew, is another. */
export function keyOf({ peerId, incarnation }: Omit<Founder, 'name'>): string {
  return `${peerId} ${incarnation}`;
}

/** Names that more than one candidate has: people could not tell them apart, so none of these
 * founds. */
export function namesTwice(candidates: readonly Founder[]): ReadonlySet<string> {
  const once = new Set<string>();
  const twice = new Set<string>();
  for (const { name } of candidates) {
    if (once.has(name)) twice.add(name);
    once.add(name);
  }
  return twice;
}

/**
 * The `count` founders, sorted by peer id; null while there are not so many that have all seen one
 * another. It begins with the lowest peer id and takes whoever fits with all taken so far; a first
 * one that leads nowhere (others do not reach it) is passed over.
 */
export function chosenFounders(
  candidates: readonly Candidate[],
  count: number,
): readonly Founder[] | null {
  const twice = namesTwice(candidates);
  const named = candidates.filter(({ name }) => !twice.has(name)).sort(byPeerId);
  const sorted = wellConnected(named, count);
  for (let from = 0; from + count <= sorted.length; from++) {
    const chosen: Candidate[] = [];
    for (const each of sorted.slice(from)) {
      if (chosen.length < count && chosen.every((other) => seeEachOther(each, other))) {
        chosen.push(each);
      }
    }
    if (chosen.length === count) {
      return chosen.map(({ peerId, incarnation, name }) => ({ peerId, incarnation, name }));
    }
  }
  return null;
}

/** Those left when nobody has fewer than `count` − 1 others that it sees and is seen by: one that
 * is half cut off must not stand in the way of the rest. */
function wellConnected(candidates: readonly Candidate[], count: number): readonly Candidate[] {
  const left = candidates.filter((each) => {
    const others = candidates.filter((other) => other !== each && seeEachOther(each, other));
    return others.length >= count - 1;
  });
  return left.length < candidates.length ? wellConnected(left, count) : left;
}

function seeEachOther(one: Candidate, other: Candidate): boolean {
  return one.sees.has(keyOf(other)) && other.sees.has(keyOf(one));
}
