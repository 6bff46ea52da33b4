/**
 * Measures fail-overs: under a light load the leader is killed with kill -9, again and again, and
 * started again each time. The time counts from the kill to the acknowledgement of an append that
 * began after it, through a client that was connected to the killed leader.
 */

import { electionAfter } from '../demo/witness.js';
import type { Servers } from '../process/servers.js';
import { nowMicros } from './load-messages.js';
import { LoadProcess } from './load-process.js';
import { recordBytes } from './points.js';

/** An append begins every so often: the time measured is too long by half of it, on the mean. */
const everyMillis = 5;

/** One fail-over; times are milliseconds from the kill. */
export interface FailOver {
  readonly killed: string;
  readonly elected: string;
  /** When the next leader logged its election. */
  readonly electedMillis: number;
  readonly appendedMillis: number;
}

/** Kills leaders, one after the other; `done` hears of each. */
export async function measureFailOvers(
  servers: Servers,
  kills: number,
  done: (failOver: FailOver) => void,
): Promise<readonly FailOver[]> {
  const load = new LoadProcess();
  try {
    const targets = servers.running.map(({ address }) => address);
    await load.tell({ type: 'pace', targets, everyMillis, recordBytes }, 'paced');
    const seen: FailOver[] = [];
    for (let number = 0; number < kills; number++) {
      const failOver = await killOnce(servers, load);
      done(failOver);
      seen.push(failOver);
    }
    await load.tell({ type: 'stop' }, 'stopped');
    return seen;
  } finally {
    load.end();
  }
}

async function killOnce(servers: Servers, load: LoadProcess): Promise<FailOver> {
  const leader = await servers.leader();
  // The kill is to meet every phase of the heartbeats, and a client that has found the leader.
  await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 200));
  const killedAtMillis = Date.now();
  const atMicros = nowMicros();
  leader.signal('SIGKILL');
  const resumed = await load.tell({ type: 'killed', atMicros }, 'resumed');
  await leader.exit();
  const election = await electionAfter(servers, killedAtMillis);
  await servers.start(leader);
  await allHear(servers);
  return {
    killed: leader.name,
    elected: election.server.name,
    electedMillis: election.atMillis - killedAtMillis,
    appendedMillis: (resumed.atMicros - atMicros) / 1000,
  };
}

/** Waits until every server has heard from the leader and holds nearly all of its log. */
async function allHear(servers: Servers): Promise<void> {
  const isNear = (match: number | null, last: number): boolean => (match ?? 0) > last - 100;
  await servers.until('the restarted server follows', (status) => {
    const { members, self, lastIndex } = status;
    const others = members.filter(({ name }) => name !== self.name);
    return self.role === 'leader' && others.every((one) => isNear(one.matchIndex, lastIndex));
  });
}
