/**
 * Who is linked to whom, and who watches whom: a ring of all members in the order of a hash of
 * their peer ids, with chords to the members 1, 2, 4, 8 … places away in both directions.
 *
 *  - Links: a voter to everybody (any may lead); others to the voters and along their chords.
 *  - Watching (probes): everybody along the chords; voters the other voters too.
 *
 * So a server has about 2·log₂(n) to watch, and is watched by as many, however large the cluster
 * is, while the chords keep the way of a rumour to about log₂(n) steps. Up to five members
 * everybody watches everybody. Both relations are the same seen from either end.
 */

import type { Configuration } from '../raft/types.js';

/** Peer ids, each without this server's own. */
export interface Neighbourhood {
  /** With whom a link is kept. */
  readonly links: ReadonlySet<string>;
  /** Whom this server probes. */
  readonly watched: ReadonlySet<string>;
}

/** The neighbourhood of `self`, a member of the configuration or about to be one. */
export function neighbourhood(configuration: Configuration, self: string): Neighbourhood {
  const { members, voters, votersOutgoing } = configuration;
  const deciding = new Set([...voters, ...votersOutgoing]);
  const others = members.map(({ peerId }) => peerId).filter((peerId) => peerId !== self);
  const votes = members.filter(({ id }) => deciding.has(id)).map(({ peerId }) => peerId);
  const isVoter = votes.includes(self);
  const watched = new Set(ringNeighbours([...others, self], self));
  const links = new Set([...votes, ...watched, ...(isVoter ? others : [])]);
  if (isVoter) for (const peerId of votes) watched.add(peerId);
  links.delete(self);
  watched.delete(self);
  return { links, watched };
}

/** The peers along the chords of `self`, which is one of `peers`. */
function ringNeighbours(peers: readonly string[], self: string): readonly string[] {
  const ring = peers.toSorted(
    (one, other) => hashOf(one) - hashOf(other) || (one < other ? -1 : 1),
  );
  const count = ring.length;
  const at = ring.indexOf(self);
  const found = new Set<string>();
  for (let distance = 1; distance < count; distance *= 2) {
    found.add(ring[(at + distance) % count] as string);
    found.add(ring[(at + count - distance) % count] as string);
  }
  found.delete(self);
  return [...found];
}

/** FNV-1a over the characters of a text: 32 bits, not for secrets. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  // Neighbouring ids differ in their last characters alone: mix once more (murmur3's end).
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
