/**
 * `make bench`: three servers on loopback, each with its own folder and synchronous writes, links
 * encrypted; one client in a process of its own. Measures appends, reads and fail-overs, and says
 * what of the floor is reached. Exit code 0 when everything was measured, whatever the figures.
 *
 * Settings, from the environment: ONLY=appends|reads|failover, SECONDS per point (3), ROUNDS (3),
 * KILLS (20), JSON=FILE for every round's figures.
 */

import { writeFileSync } from 'node:fs';
import { play, type Scene } from '../demo/scene.js';
import type { Servers } from '../process/servers.js';
import { type FailOver, measureFailOvers } from './failover.js';
import { LoadProcess } from './load-process.js';
import { describeMachine, machineLines } from './machine.js';
import {
  appendPoints,
  measurePoint,
  memoryOf,
  type Point,
  readPoints,
  type Sample,
  warmUp,
} from './points.js';
import { type Findings, failOverLines, memoryLine, throughputTable } from './report.js';

/** Before each measured time, for its own client and code. */
const warmMillis = 500;
/** Before the first one of a round: without it a point measures the just-in-time compiler. */
const warmUpSeconds = 4;

interface BenchOptions {
  readonly only: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly kills: number;
  readonly json: string;
}

const options = readOptions(process.env);
const millisMax = 120_000 + options.rounds * 11 * (options.seconds * 1000 + 10_000);
await play(millisMax + options.kills * 30_000, bench);

async function bench(scene: Scene): Promise<void> {
  const { teller } = scene;
  const { only, seconds, rounds, kills, json } = options;
  const machine = describeMachine();
  teller.title('Quorate bench: three servers on one machine, 256-byte records, sync on each disk');
  for (const line of machineLines(machine)) teller.say(line);
  const isWanted = (part: string): boolean => only === '' || only === part;
  const points = [
    ...(isWanted('appends') ? appendPoints : []),
    ...(isWanted('reads') ? readPoints : []),
  ];
  let findings: Findings = {
    machine,
    seconds,
    rows: [],
    memoryIdle: null,
    memoryAfter: null,
    failOvers: [],
  };
  if (points.length > 0) {
    teller.step(`${points.length} loads, ${rounds} rounds of ${seconds} s each`);
    findings = { ...findings, ...(await measureRounds(scene, points)) };
    teller.show(`\n${await throughputTable(findings.rows)}`);
    teller.show(`µs: CPU time of one record, all servers together and the client; spread:`);
    teller.show(`(most − least) / median of the rounds\n${memoryLine(findings)}`);
  }
  if (isWanted('failover')) {
    teller.step(`The leader is killed ${kills} times`);
    const failOvers = await measureKills(scene);
    teller.show(`\n${await failOverLines(failOvers)}`);
    findings = { ...findings, failOvers };
  }
  if (json !== '') writeFileSync(json, `${JSON.stringify(findings, null, 2)}\n`);
}

/** Every round has a cluster of its own, so that each begins with an empty log. */
async function measureRounds(
  scene: Scene,
  points: readonly Point[],
): Promise<Pick<Findings, 'rows' | 'memoryIdle' | 'memoryAfter'>> {
  const samples = points.map((): Sample[] => []);
  let memoryIdle: readonly number[] | null = null;
  let memoryAfter: readonly number[] | null = null;
  for (let round = 0; round < options.rounds; round++) {
    const servers = await cluster(scene);
    memoryIdle = await memoryOf(servers);
    const load = new LoadProcess();
    const measuring = { servers, load, warmMillis, seconds: options.seconds };
    await measurePoint(warmUp, { ...measuring, seconds: warmUpSeconds });
    for (let turn = 0; turn < points.length; turn++) {
      const at = (turn + Math.floor((round * points.length) / options.rounds)) % points.length;
      const point = points[at] as Point;
      const sample = await measurePoint(point, measuring);
      samples[at]?.push(sample);
      const records = Math.round(sample.perSecond * point.batchRecords);
      scene.teller.say(`round ${round + 1}: ${point.name}, ${point.outstanding}: ${records}/s`);
    }
    memoryAfter = await memoryOf(servers);
    load.end();
    await servers.stopAll();
  }
  const rows = points.map((point, at) => ({ point, samples: samples[at] ?? [] }));
  return { rows, memoryIdle, memoryAfter };
}

async function measureKills(scene: Scene): Promise<readonly FailOver[]> {
  const servers = await cluster(scene);
  const seen = await measureFailOvers(servers, options.kills, (one) => {
    const { killed, elected, electedMillis, appendedMillis } = one;
    const next = `next append ${Math.round(appendedMillis)} ms`;
    scene.teller.say(`${killed} killed: ${elected} elected ${electedMillis} ms, ${next}`);
  });
  await servers.stopAll();
  return seen;
}

async function cluster(scene: Scene): Promise<Servers> {
  const servers = scene.servers(['--stabilisation', '300']);
  for (const name of ['server1', 'server2', 'server3']) await servers.add(name);
  await servers.untilVoters(3);
  return servers;
}

function readOptions(environment: NodeJS.ProcessEnv): BenchOptions {
  const faults: string[] = [];
  const number = (name: string, fallback: number, isWhole: boolean): number => {
    const value = Number(environment[name] || fallback);
    const isGood = isWhole ? Number.isSafeInteger(value) && value >= 1 : value > 0;
    if (!isGood) faults.push(`${name} must be a ${isWhole ? 'whole ' : ''}number above 0`);
    return value;
  };
  const only = environment['ONLY'] ?? '';
  if (!['', 'appends', 'reads', 'failover'].includes(only)) {
    faults.push('ONLY must be appends, reads or failover');
  }
  const options = {
    only,
    seconds: number('SECONDS', 3, false),
    rounds: number('ROUNDS', 3, true),
    kills: number('KILLS', 20, true),
    json: environment['JSON'] ?? '',
  };
  if (faults.length === 0) return options;
  for (const fault of faults) console.error(`bench: ${fault}`);
  process.exit(2);
}
