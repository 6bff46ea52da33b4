/**
 * How long it takes until a death is known to all, and until a stand-by has the dead voter's place:
 * five voters and one stand-by, one voter killed at a time, never the same twice in a row. Moments
 * of deaths are those of the servers' own logs.
 */

import { Lab } from './lab.js';
import type { LabServer } from './lab-server.js';

const voters = 5;

/** Seconds after a kill. */
export interface Death {
  readonly victim: string;
  readonly led: boolean;
  /** Until the last of the others called it dead. */
  readonly known: number;
  /** Until a configuration without it among the voters was whole again. */
  readonly swapped: number;
}

/** Kills `count` times, one after the other; `told` hears of each. */
export async function measureDeaths(count: number, told: (death: Death) => void): Promise<void> {
  const lab = await Lab.make(voters + 1);
  let isOver = false;
  try {
    await lab.grow(voters + 1);
    await untilWhole(lab);
    for (let kills = 0; kills < count; kills++) told(await kill(lab, kills));
    isOver = true;
  } catch (error) {
    console.log(lab.trouble());
    throw error;
  } finally {
    await lab.remove(!isOver);
  }
}

/** As many voters as wanted, and everybody else a stand-by. */
async function untilWhole(lab: Lab): Promise<void> {
  await lab.until('five voters and a stand-by', ({ self, members, joint }) => {
    const isRole = (role: string): number => members.filter((one) => one.role === role).length;
    const isWell = members.every(({ health }) => health === 'alive');
    const isFull = isRole('voter') === voters && isRole('standby') === 1;
    return self.role === 'leader' && !joint && isWell && isFull;
  });
}

async function kill(lab: Lab, turn: number): Promise<Death> {
  const leader = await lab.leader();
  const { members } = await lab.until('a status', ({ self }) => self.role === 'leader');
  const voting = members.filter(({ role }) => role === 'voter').map(({ name }) => name);
  // Every fifth time it is the leader; else the others in turn.
  const led = turn % voters === 0;
  const others = voting.filter((name) => name !== leader.name);
  const victim = led ? leader : lab.byName(others[turn % others.length] as string);
  const rest = lab.without(victim);
  const begun = rest.map(({ lines }) => lines.length);
  const killedAt = Date.now();
  await victim.kill();
  const calls = rest.map((server, i) => calledDead(server, begun[i] ?? 0));
  const swapped = lab.until(
    `${victim.name} votes no more`,
    ({ self, members: now, joint }) => {
      const votes = now.filter(({ role }) => role === 'voter');
      const isOut = votes.every(({ name }) => name !== victim.name);
      return self.role === 'leader' && !joint && isOut && votes.length === voters;
    },
    { among: rest },
  );
  const known = Math.max(...(await Promise.all(calls))) - killedAt;
  await swapped;
  const millis = Date.now() - killedAt;
  await lab.start(victim);
  await untilWhole(lab);
  return { victim: victim.name, led, known: known / 1000, swapped: millis / 1000 };
}

async function calledDead(server: LabServer, from: number): Promise<number> {
  return Number((await server.says('a member is called dead', { from }))['time']);
}
