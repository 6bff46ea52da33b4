/**
 * Picks hosts enough, and no more, for every configuration in anybody's log to be able to decide:
 * with them alone mended, and all others cut off, the cluster must go on.
 */

import type { Rng } from '../../src/base/rng.js';
import { majority } from '../../src/raft/quorum.js';
import type { Configuration, MemberId } from '../../src/raft/types.js';
import type { Shadow } from './shadow.js';
import type { SimHost } from './sim-host.js';

/** A set of hosts as above, by chance; null: there is none. */
export function coreHosts(
  hosts: readonly SimHost[],
  shadows: Iterable<Shadow>,
  given: { readonly rng: Rng; readonly lost: ReadonlySet<MemberId> },
): ReadonlySet<SimHost> | null {
  const { rng, lost } = given;
  const configurations = [...shadows].map(({ configuration }) => configuration);
  const byIncarnation = new Map(hosts.map((host) => [host.incarnation, host]));
  const hostOf = new Map<MemberId, SimHost>();
  for (const { members } of configurations) {
    for (const { id, incarnation } of members) {
      const host = byIncarnation.get(incarnation);
      const isFit = host !== undefined && !host.isRemoved && !host.isDamaged && !lost.has(id);
      if (isFit) hostOf.set(id, host);
    }
  }
  const left = [...new Set(hostOf.values())];
  const core = new Set<SimHost>();
  const isEnough = (): boolean => configurations.every((one) => canDecide(one, hostOf, core));
  while (!isEnough()) {
    const [next] = left.splice(rng.below(Math.max(1, left.length)), 1);
    if (next === undefined) return null;
    core.add(next);
  }
  return core;
}

function canDecide(
  { voters, votersOutgoing }: Configuration,
  hostOf: ReadonlyMap<MemberId, SimHost>,
  core: ReadonlySet<SimHost>,
): boolean {
  return [voters, votersOutgoing].every((set) => {
    const present = set.filter((id) => {
      const host = hostOf.get(id);
      return host !== undefined && core.has(host);
    }).length;
    return set.length === 0 || present >= majority(set.length);
  });
}
