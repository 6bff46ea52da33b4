/**
 * The faults of a storm. Each hits something that the cluster should survive, says what it hit, and
 * is ended by the storm after its time. A fault that changes the membership for long puts back what
 * it took: the storm goes on with as many servers as before.
 */

import type { Rng } from '../../src/base/rng.js';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import type { Lab } from './lab.js';
import type { LabServer } from './lab-server.js';

/** Every kind of fault. */
export const faultKinds = [
  'kill',
  'pause',
  'partition',
  'one-way',
  'wipe',
  'join',
  'leave',
  'leader removal',
  'address change',
] as const;

/** One of them. */
export type FaultKind = (typeof faultKinds)[number];

/** A fault that has begun. */
export interface Fault {
  /** What was hit, for people. */
  readonly what: string;
  /** How long until `end`, milliseconds. */
  readonly millis: number;
  end(): Promise<void>;
}

/** What a fault is chosen from. */
export interface Scene {
  readonly lab: Lab;
  readonly rng: Rng;
  /** As the leader sees it. */
  readonly status: ClusterStatus;
  readonly leader: LabServer;
  /** Servers that run. */
  readonly present: readonly LabServer[];
}

/** Begins a fault of a kind. */
export function begin(kind: FaultKind, scene: Scene): Promise<Fault> {
  return faults[kind](scene);
}

/** How many servers a fault of this kind takes away from the others at most. */
export function victimsOf(kind: FaultKind, { status }: Scene): number {
  return kind === 'partition' ? Math.min(2, status.faultTolerance) : 1;
}

function someOf<T>(rng: Rng, list: readonly T[]): T {
  if (list.length === 0) throw new Error('there is nothing to choose from');
  return list[rng.below(list.length)] as T;
}

/** A server to hit: every second time the leader. */
function victim({ rng, present, leader }: Scene): LabServer {
  return rng.below(2) === 0 ? leader : someOf(rng, present);
}

function named(server: LabServer, { leader }: Scene): string {
  return server === leader ? `${server.name}, which leads` : server.name;
}

function memberIdsOf({ status }: Scene, server: LabServer): readonly number[] {
  return status.members.filter(({ name }) => name === server.name).map(({ memberId }) => memberId);
}

/** Takes a member out as an operator would. */
async function remove({ lab }: Scene, member: string): Promise<void> {
  const targets = lab.running.map(({ address }) => address);
  await lab.agent().call('remove', { targets, member });
}

/** A member goes for good, and its machine comes back as a new one. */
async function replace(scene: Scene, server: LabServer): Promise<Fault> {
  const { lab } = scene;
  await remove(scene, server.name);
  return {
    what: `${named(server, scene)}, by members remove; it joins again later, with an empty disk`,
    millis: 3000,
    end: async () => {
      await server.exit();
      server.wipe();
      await lab.start(server);
    },
  };
}

const faults: { readonly [Kind in FaultKind]: (scene: Scene) => Promise<Fault> } = {
  kill: async (scene) => {
    const server = victim(scene);
    await server.kill();
    const end = async (): Promise<void> => {
      await scene.lab.start(server);
    };
    return { what: named(server, scene), millis: 3000, end };
  },

  pause: async (scene) => {
    const server = victim(scene);
    await server.pause();
    return { what: named(server, scene), millis: 4000, end: () => server.resume() };
  },

  partition: async (scene) => {
    const { rng, present, lab } = scene;
    const minority = new Set([victim(scene)]);
    if (victimsOf('partition', scene) > 1 && rng.below(2) === 0) minority.add(someOf(rng, present));
    const hosts = [...minority].map(({ host }) => host);
    const others = lab.servers.map(({ host }) => host).filter((host) => !hosts.includes(host));
    await lab.network.partition(hosts, others);
    const names = [...minority].map((server) => named(server, scene)).join(' and ');
    const what = `${names} on one side, the others on the other`;
    return { what, millis: 4000, end: () => lab.network.heal() };
  },

  'one-way': async (scene) => {
    const { rng, lab } = scene;
    const server = victim(scene);
    const others = lab.servers.map(({ host }) => host).filter((host) => host !== server.host);
    const isMute = rng.below(2) === 0;
    if (isMute) await lab.network.cut([server.host], others);
    else await lab.network.cut(others, [server.host]);
    const way = isMute ? 'is not heard by the others' : 'does not hear the others';
    const what = `${named(server, scene)} ${way}`;
    return { what, millis: 4000, end: () => lab.network.heal() };
  },

  wipe: async (scene) => {
    const { lab } = scene;
    const server = victim(scene);
    const [old] = memberIdsOf(scene, server);
    await server.kill();
    server.wipe();
    await lab.start(server);
    const end = async (): Promise<void> => {
      const isLeader = ({ self }: ClusterStatus): boolean => self.role === 'leader';
      const { members } = await lab.until('a leader', isLeader);
      // Nothing heals it by itself yet: an operator puts the old member out.
      if (!members.some(({ memberId }) => memberId === old)) return;
      await remove(scene, String(old)).catch((error: Error) => {
        if (!/no member/.test(error.message)) throw error;
      });
    };
    return { what: `${named(server, scene)}, member ${old}`, millis: 4000, end };
  },

  join: async (scene) => {
    const { lab, present } = scene;
    const spare = lab.servers.find((server) => !present.includes(server));
    const end = async (): Promise<void> => {};
    if (spare !== undefined) {
      spare.wipe();
      await lab.start(spare);
      return { what: spare.name, millis: 0, end };
    }
    // All machines are in: the next turn has one to join.
    const server = lab.servers.at(-1) as LabServer;
    await remove(scene, server.name);
    await server.exit();
    return { what: `${named(server, scene)} makes room, by members remove`, millis: 0, end };
  },

  leave: (scene) => {
    const followers = scene.present.filter((server) => server !== scene.leader);
    return replace(scene, someOf(scene.rng, followers));
  },

  'leader removal': (scene) => replace(scene, scene.leader),

  'address change': async (scene) => {
    const { lab } = scene;
    const server = victim(scene);
    await server.stop();
    const generation = Number(lab.network.address(server.host).split('.')[2]) + 1;
    await lab.network.readdress(server.host, generation % 256);
    await lab.start(server);
    const what = `${named(server, scene)}, to ${server.address}`;
    return { what, millis: 0, end: async () => {} };
  },
};
