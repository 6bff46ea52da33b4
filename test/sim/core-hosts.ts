/**
 * Picks hosts enough, and no more, for every configuration in anybody's log to be able to decide:
 * with them alone mended, and all others cut off, the cluster must go on.
 */

import type { Rng } from '../../src/base/rng.js';
import type { Configuration, MemberId } from '../../src/raft/types.js';
import { moreThanHalf } from './majorities.js';
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
  const hostOf = hostsByMember(hosts, configurations);
  for (const [id, host] of hostOf) {
    if (host.isRemoved || host.isDamaged || lost.has(id)) hostOf.delete(id);
  }
  const left = [...new Set(hostOf.values())];
  const core = new Set<SimHost>();
  while (!configurations.every((one) => canDecide(one, hostOf, core))) {
    const [next] = left.splice(rng.below(Math.max(1, left.length)), 1);
    if (next === undefined) return null;
    core.add(next);
  }
  return core;
}

/** Whether `core` is still enough: a change that began before the cut may want others too. */
export function isEnough(
  core: ReadonlySet<SimHost>,
  hosts: readonly SimHost[],
  shadows: Iterable<Shadow>,
): boolean {
  const configurations = [...shadows].map(({ configuration }) => configuration);
  const hostOf = hostsByMember(hosts, configurations);
  return configurations.every((one) => canDecide(one, hostOf, core));
}

function hostsByMember(
  hosts: readonly SimHost[],
  configurations: readonly Configuration[],
): Map<MemberId, SimHost> {
  const byIncarnation = new Map(hosts.map((host) => [host.incarnation, host]));
  const hostOf = new Map<MemberId, SimHost>();
  for (const { members } of configurations) {
    for (const { id, incarnation } of members) {
      const host = byIncarnation.get(incarnation);
      if (host !== undefined) hostOf.set(id, host);
    }
  }
  return hostOf;
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
    return set.length === 0 || present >= moreThanHalf(set.length);
  });
}
