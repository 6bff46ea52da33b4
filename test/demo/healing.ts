/**
 * How the demonstration ends: a voter dies and a stand-by takes its place; the dead one comes back
 * with an empty folder under the same command, as a new member, and its old self is forgotten.
 */

import * as fs from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import type { ServerProcess, Servers, StartOptions } from '../process/servers.js';
import type { Scene } from './scene.js';
import { counted } from './teller.js';
import { differenceOf, ownRecords } from './witness.js';
import type { Writer } from './writer.js';

const deadAfterMillis = 2000;
/** Beside `dead-after`: until gossip calls it dead (1.6 to 1.8 s), and two log entries. */
const swapMillisMax = deadAfterMillis + 2000;
/** Where the processors are wanted by more than they can serve, all waits are longer. */
const swapMillisMaxBusy = deadAfterMillis + 10_000;

/** What this part works with. */
export interface Healing {
  readonly servers: Servers;
  readonly writer: Writer;
  /** What every server is started with. */
  readonly options: StartOptions;
}

/** Kills a voter that does not lead, and waits for the stand-by to vote. Returns the killed one. */
export async function swapDead({ teller }: Scene, healing: Healing): Promise<ServerProcess> {
  const { servers } = healing;
  teller.step('A voter is killed and stays away: the stand-by takes its place');
  const client = await servers.client();
  await client.setPolicy(`dead-after=${deadAfterMillis / 1000}s`);
  teller.say('quorate policy set dead-after=2s (10 s by default)');
  const leader = await servers.leader();
  const { members } = await client.status();
  const heir = servers.byName(members.find(({ role }) => role !== 'voter')?.name ?? 'stands by');
  const dead = servers.running.find((server) => server !== leader && server !== heir);
  if (dead === undefined) throw new Error('only the leader votes');
  const from = heir.lines.length;
  const killedAtMillis = Date.now();
  dead.signal('SIGKILL');
  teller.say(`kill -9 of ${dead.name}; ${heir.name} stands by`);
  const swap = await heir.says('membership', {
    from,
    where: (line) => line['joint'] === false && namesOf(line['voters']).includes(heir.name),
  });
  const millis = Number(swap['time']) - killedAtMillis;
  teller.say(`${millis} ms after the kill: ${swap['reason']}`);
  const names = voters(await servers.untilVoters(5));
  const isSwapped = names.includes(heir.name) && !names.includes(dead.name);
  const claim = `the stand-by took the place of the dead voter ${millis} ms after the kill`;
  teller.check(claim, isSwapped, `voters ${names.join(', ')}`);
  checkSoon(teller, millis);
  return dead;
}

function checkSoon(teller: Scene['teller'], millis: number): void {
  const load = loadavg()[0] ?? 0;
  const isBusy = load > availableParallelism();
  const maxMillis = isBusy ? swapMillisMaxBusy : swapMillisMax;
  const why = isBusy ? `; this machine is busy: load ${load.toFixed(1)}` : '';
  const claim = `that is within dead-after and ${(maxMillis - deadAfterMillis) / 1000} s${why}`;
  teller.check(claim, millis <= maxMillis, `${millis} ms`);
}

/** Starts the dead one on an empty folder. */
export async function returnWiped(
  { teller }: Scene,
  { servers, writer, options }: Healing,
  wiped: ServerProcess,
): Promise<void> {
  teller.step('It comes back with an empty folder, by the same command');
  const before = memberIds(await (await servers.client()).status(), wiped);
  fs.rmSync(wiped.data, { recursive: true });
  const from = wiped.lines.length;
  await servers.start(wiped, options);
  const joined = await wiped.says('joined the cluster', { from });
  teller.say(`${wiped.name} joined as member ${joined['memberId']}; it was member ${before[0]}`);
  const status = await servers.until('its old self is out, and it is ready', (seen) => {
    const [only, ...others] = seen.members.filter(({ name }) => name === wiped.name);
    if (only === undefined || others.length > 0) return false;
    // Ready: it stands by, or votes already if another was away for a moment.
    return only.memberId === joined['memberId'] && only.role !== 'learner';
  });
  const after = memberIds(status, wiped);
  teller.say('it has the whole log; its old self is removed, for good');
  const isNew = before.length === 1 && after.length === 1 && before[0] !== after[0];
  const claim = `${wiped.name}, wiped, came back by itself, as a new member`;
  teller.check(claim, isNew, `members ${before} before, ${after} after`);
  const found = await ownRecords(wiped, writer.index);
  const difference = differenceOf(found, writer.records);
  const holds = `it holds all ${counted(found.length)} records again`;
  teller.check(holds, difference === null, `${difference}`);
}

function voters({ members }: ClusterStatus): readonly string[] {
  return members.filter(({ role }) => role === 'voter').map(({ name }) => name);
}

/** The names in a field of a log line. */
function namesOf(field: unknown): readonly unknown[] {
  return Array.isArray(field) ? field : [];
}

function memberIds({ members }: ClusterStatus, server: ServerProcess): readonly number[] {
  return members.filter(({ name }) => name === server.name).map(({ memberId }) => memberId);
}
