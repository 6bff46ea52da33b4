/**
 * `make demo`: three servers find each other, two more join; records are appended; two servers are
 * killed, the leader among them, with records on their way; they come back; a sixth stands by, and
 * takes the place of a voter that is killed; that one comes back with an empty folder. Tells what
 * happens as it happens, checks every claim, and ends with exit code 0 only if all of them held.
 */

import type { ServerProcess, Servers, StartOptions } from '../process/servers.js';
import { flagsOfAll, foundTogether } from './assembling.js';
import { returnWiped, swapDead } from './healing.js';
import { play, type Scene } from './scene.js';
import { counted } from './teller.js';
import { differenceOf, electionAfter, ownRecords } from './witness.js';
import { Writer } from './writer.js';

const recordsPerStep = 1000;
/** Acknowledged before the servers are killed: the rest of the step is then still to come. */
const recordsBeforeKill = 300;

await play(180_000, async (scene) => {
  const { teller } = scene;
  teller.title('Quorate: a cluster that assembles itself, loses servers, and heals');
  const servers = scene.servers(flagsOfAll());
  const options = await foundTogether(scene, servers);
  await growToFive(scene, servers, options);
  const writer = new Writer(await servers.client());
  const story = { servers, writer, options };
  await write(scene, writer);
  const killed = await killTwo(scene, servers, writer);
  await restart(scene, story, killed);
  await addSixth(scene, story);
  const dead = await swapDead(scene, story);
  await returnWiped(scene, story, dead);
  await compare(scene, servers, writer);
  teller.summary();
});

/** What most steps work with. */
interface Story {
  readonly servers: Servers;
  readonly writer: Writer;
  /** What every server is started with. */
  readonly options: StartOptions;
}

async function growToFive({ teller }: Scene, servers: Servers, options: StartOptions) {
  teller.step('Two more are started, by the same command');
  for (const name of ['server4', 'server5']) {
    const server = await servers.add(name, options);
    const { memberId } = await server.says('joined the cluster');
    teller.say(`${name} found the cluster and joined it, as member ${memberId}`);
  }
  const { leader, term, faultTolerance } = await servers.untilVoters(5);
  teller.say(`all five vote; ${leader?.name} leads in term ${term}`);
  const claim = 'two more joined: five voters, of which any two may fail';
  teller.check(claim, faultTolerance === 2, `fault tolerance ${faultTolerance}`);
}

async function write({ teller }: Scene, writer: Writer): Promise<void> {
  teller.step(`${counted(recordsPerStep)} records are appended`);
  const begunAt = performance.now();
  await writer.append(recordsPerStep);
  const millis = Math.round(performance.now() - begunAt);
  const index = writer.index;
  teller.say(`acknowledged in ${millis} ms: each is on the disks of at least three servers`);
  teller.say(`record ${counted(recordsPerStep)} is entry ${index} of the log that all share`);
}

async function killTwo(
  { teller }: Scene,
  servers: Servers,
  writer: Writer,
): Promise<readonly ServerProcess[]> {
  teller.step('Two servers are killed, the leader among them, while records are on their way');
  const leader = await servers.leader();
  const other = servers.all.find((server) => server !== leader) as ServerProcess;
  let killedAtMillis = 0;
  let firstAfter: { readonly millis: number; readonly term: number } | null = null;
  let termBefore = 0;
  await writer.append(recordsPerStep, ({ seq, term }) => {
    if (seq === recordsPerStep + recordsBeforeKill) {
      termBefore = term;
      killedAtMillis = Date.now();
      leader.signal('SIGKILL');
      other.signal('SIGKILL');
      teller.say(`kill -9 of ${leader.name}, the leader, and of ${other.name}`);
    } else if (killedAtMillis > 0 && term > termBefore) {
      firstAfter ??= { millis: Date.now() - killedAtMillis, term };
    }
  });
  await Promise.all([leader.exit(), other.exit()]);
  const election = await electionAfter(servers, killedAtMillis);
  const electedMillis = election.atMillis - killedAtMillis;
  const { millis, term } = firstAfter ?? { millis: Number.NaN, term: termBefore };
  teller.say(`${electedMillis} ms after the kill: ${election.server.name} is elected`);
  teller.say(`${millis} ms after the kill: the next record is acknowledged, in term ${term}`);
  teller.say(`all ${counted(recordsPerStep)} records of this step are acknowledged`);
  const claim = `the three left elected a leader, and writes went on ${millis} ms after the kill`;
  teller.check(claim, term > termBefore, `term ${term} after term ${termBefore}`);
  const acknowledged = writer.records.length;
  teller.check('no append failed', acknowledged === 2 * recordsPerStep, `${acknowledged} records`);
  return [leader, other];
}

async function restart(
  { teller }: Scene,
  { servers, writer, options }: Story,
  killed: readonly ServerProcess[],
): Promise<void> {
  teller.step('The killed servers come back, on the folders they left');
  await Promise.all(killed.map((server) => servers.start(server, options)));
  teller.say(`${killed.map(({ name }) => name).join(' and ')} run again`);
  for (const server of killed) {
    const found = await ownRecords(server, writer.index);
    const difference = differenceOf(found, writer.records);
    teller.say(`${server.name} has read its own log and fetched what it missed`);
    const claim = `${server.name}, killed and started again, has ${counted(found.length)} records`;
    teller.check(claim, difference === null, `${difference}`);
  }
}

async function addSixth({ teller }: Scene, { servers, writer, options }: Story) {
  teller.step('A sixth server joins, while records are appended');
  const [sixth] = await Promise.all([
    servers.add('server6', options),
    writer.append(recordsPerStep),
  ]);
  const status = await servers.until('server6 is a stand-by', ({ members }) =>
    members.some(({ name, role }) => name === sixth.name && role === 'standby'),
  );
  const voters = status.members.filter(({ role }) => role === 'voter').length;
  teller.say('server6 has the whole log; it stands by without a vote: voters rest at odd numbers');
  const claim = 'the sixth server is a stand-by beside five voters';
  teller.check(claim, voters === 5, `${voters} voters`);
}

async function compare({ teller }: Scene, servers: Servers, writer: Writer): Promise<void> {
  teller.step('The records of all six servers are compared');
  const differences: string[] = [];
  for (const server of servers.all) {
    const found = await ownRecords(server, writer.index);
    const difference = differenceOf(found, writer.records);
    if (difference !== null) differences.push(`${server.name}: ${difference}`);
    teller.say(`${server.name} itself holds ${counted(found.length)} records`);
  }
  const total = counted(writer.records.length);
  const claim = `all six servers hold the same ${total} records, each once, in order`;
  teller.check(claim, differences.length === 0, differences.join('; '));
}
