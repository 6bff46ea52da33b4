/**
 * The shapes in which a network breaks: who no longer hears whom. When, and for how long, is the
 * nemesis's business; that ways are free again too. A shape is a question asked of every pair of
 * hosts.
 */

import type { Rng } from '../../src/base/rng.js';
import type { Network } from './network.js';
import type { BlindClass } from './swarm.js';

/** Kinds that are events of the network. */
export type NetworkFault = Extract<
  BlindClass,
  'partition' | 'oneway' | 'bridge' | 'leadercut' | 'break' | 'halfopen'
>;

/** What a fault works on. */
export interface Broken {
  readonly network: Network;
  readonly rng: Rng;
  /** Hosts of servers. */
  readonly numbers: readonly number[];
  /** The host that leads, if one does. */
  readonly leader: number | null;
}

/** Breaks the network. @returns whether ways are blocked now, which somebody has to free. */
export function breakNetwork(kind: NetworkFault, broken: Broken): boolean {
  const { network, rng, numbers, leader } = broken;
  switch (kind) {
    case 'break':
    case 'halfopen':
      for (let i = rng.between(1, 6); i > 0; i--) {
        const connection = network.anyConnection();
        if (connection === null) continue;
        if (kind === 'break') network.break(connection);
        else network.mute(connection);
      }
      return false;
    case 'partition': {
      const side = new Set(numbers.filter(() => rng.below(2) === 0));
      blockWhere(broken, (a, b) => side.has(a) !== side.has(b));
      return true;
    }
    case 'oneway': {
      const one = leader !== null && rng.below(2) === 0 ? leader : pick(rng, numbers);
      const isDeaf = rng.below(2) === 0;
      blockWhere(broken, (a, b) => (isDeaf ? b : a) === one);
      return true;
    }
    case 'bridge':
      blockBridge(broken);
      return true;
    case 'leadercut':
      if (leader !== null) blockWhere(broken, (a, b) => a === leader || b === leader);
      return true;
  }
}

/** Two sides that see only the bridge between them, or a ring in which all see their neighbours. */
function blockBridge(broken: Broken): void {
  const { rng, numbers } = broken;
  if (rng.below(3) === 0) {
    const place = new Map(numbers.map((number, i) => [number, i]));
    const count = numbers.length;
    blockWhere(broken, (a, b) => {
      const apart = Math.abs((place.get(a) as number) - (place.get(b) as number));
      return apart > 1 && apart < count - 1;
    });
    return;
  }
  const bridge = pick(rng, numbers);
  const side = new Set(numbers.filter(() => rng.below(2) === 0));
  blockWhere(broken, (a, b) => a !== bridge && b !== bridge && side.has(a) !== side.has(b));
}

function blockWhere(
  { network, numbers }: Broken,
  isBlocked: (a: number, b: number) => boolean,
): void {
  for (const a of numbers) {
    for (const b of numbers) if (a !== b && isBlocked(a, b)) network.block(a, b);
  }
}

function pick(rng: Rng, numbers: readonly number[]): number {
  return numbers[rng.below(numbers.length)] as number;
}
