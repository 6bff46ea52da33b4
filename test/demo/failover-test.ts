/**
 * `make failover-test`: three servers; in each of ROUNDS rounds (3 by default) records are
 * appended, the leader is killed with kill -9, and it is shown who leads next and how long that
 * took; then the killed server comes back and the logs of all three are compared. Exit code 0 only
 * if all held.
 */

import { table } from '../../src/cli/table.js';
import type { Servers } from '../process/servers.js';
import { play, type Scene } from './scene.js';
import { counted } from './teller.js';
import { differenceOf, electionAfter, ownRecords } from './witness.js';
import { Writer } from './writer.js';

const recordsPerPart = 200;

/** What a round showed; times are milliseconds from the kill. */
interface Round {
  readonly killed: string;
  readonly termBefore: number;
  readonly elected: string;
  readonly term: number;
  readonly electedMillis: number;
  readonly appendedMillis: number;
  readonly records: number;
}

const rounds = Number(process.env['ROUNDS'] ?? 3);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error('ROUNDS must be a whole number of at least 1');
  process.exit(2);
}

await play(60_000 + rounds * 30_000, async (scene) => {
  const { teller } = scene;
  teller.title(`Quorate: the leader of three servers is killed, ${rounds} times`);
  const servers = scene.servers(['--stabilisation', '300']);
  teller.step('Three servers assemble');
  for (const name of ['server1', 'server2', 'server3']) await servers.add(name);
  const { leader, term } = await servers.untilVoters(3);
  teller.say(`all three vote; ${leader?.name} leads in term ${term}`);
  const writer = new Writer(await servers.client());
  const shown: Round[] = [];
  for (let number = 1; number <= rounds; number++) {
    teller.step(`Round ${number} of ${rounds}`);
    shown.push(await failOver(scene, servers, writer));
  }
  teller.step('What was seen');
  teller.show(await tableOf(shown));
  const total = counted(writer.records.length);
  const claim = `after each round all three held the same records, in order: ${total} at last`;
  teller.check(claim, shown.at(-1)?.records === writer.records.length, 'fewer records');
  teller.summary();
});

async function failOver({ teller }: Scene, servers: Servers, writer: Writer): Promise<Round> {
  let termBefore = 0;
  await writer.append(recordsPerPart, ({ term }) => {
    termBefore = term;
  });
  const leader = await servers.leader();
  teller.say(`${leader.name} leads; ${counted(writer.records.length)} records are acknowledged`);
  const killedAtMillis = Date.now();
  leader.signal('SIGKILL');
  let appendedMillis = 0;
  let term = 0;
  await writer.append(1, (result) => {
    appendedMillis = Date.now() - killedAtMillis;
    term = result.term;
  });
  await leader.exit();
  const election = await electionAfter(servers, killedAtMillis);
  const electedMillis = election.atMillis - killedAtMillis;
  const elected = election.server.name;
  teller.say(`kill -9 of ${leader.name}; ${elected} is elected after ${electedMillis} ms`);
  teller.say(`the next append, begun at the kill, is acknowledged after ${appendedMillis} ms`);
  const claim = `${leader.name} was killed, and the next append was done in a later term (${term})`;
  teller.check(claim, term > termBefore, `term ${term} after term ${termBefore}`);
  await writer.append(recordsPerPart - 1);
  await servers.start(leader);
  teller.say(`${leader.name} is back; ${counted(writer.records.length)} records are acknowledged`);
  for (const server of servers.all) {
    const difference = differenceOf(await ownRecords(server, writer.index), writer.records);
    if (difference !== null) throw new Error(`${server.name}: ${difference}`);
  }
  teller.say('the logs of all three are the same');
  const records = writer.records.length;
  return { killed: leader.name, termBefore, elected, term, electedMillis, appendedMillis, records };
}

function tableOf(shown: readonly Round[]): Promise<string> {
  const head = ['round', 'killed', 'next leader', 'elected after', 'next append after', 'records'];
  const rows = shown.map((round, at) => [
    `${at + 1}`,
    `${round.killed} (term ${round.termBefore})`,
    `${round.elected} (term ${round.term})`,
    `${round.electedMillis} ms`,
    `${round.appendedMillis} ms`,
    `${counted(round.records)} on all three`,
  ]);
  return table(head, rows);
}
