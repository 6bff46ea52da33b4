/**
 * How the demonstration begins: servers with one command line, which differs in name and port
 * alone, find each other and become one cluster. By mDNS, and nobody is told of anybody; where
 * multicast does not pass, by PEERS, and then the claim says so.
 */

import { randomBytes } from 'node:crypto';
import {
  type ServerProcess,
  type Servers,
  type StartOptions,
  statusAt,
} from '../process/servers.js';
import { multicastFault } from './multicast.js';
import type { Scene } from './scene.js';

const founders = ['server1', 'server2', 'server3'];

/** Flags of every server. The name of the cluster is one that no other on this network has. */
export function flagsOfAll(): readonly string[] {
  // A newcomer votes once it was well for so long; 5 s by default, here we are in a hurry.
  const hurry = ['--stabilisation', '300'];
  return ['--expect', '3', '--cluster', `demo-${randomBytes(6).toString('hex')}`, ...hurry];
}

/** Three servers found a cluster together. Returns what the servers to come are started with. */
export async function foundTogether(scene: Scene, servers: Servers): Promise<StartOptions> {
  const { teller } = scene;
  teller.step('Three servers look for each other');
  const fault = await multicastFault();
  if (fault === null) teller.say('each is started with EXPECT=3 and none is told of another: mDNS');
  else teller.say(`no multicast here (${fault}): they cannot find each other, and are given PEERS`);
  const options: StartOptions = fault === null ? { mdns: true, peers: [] } : {};
  const [one, two, three] = (await Promise.all(founders.map((name) => servers.place(name)))) as [
    ServerProcess,
    ServerProcess,
    ServerProcess,
  ];
  await servers.start(one, options);
  await servers.start(two, options);
  const { waitingFor } = await one.says('founding together', {
    where: (line) => String(line['waitingFor']).startsWith('2 of 3'),
  });
  // Without mDNS more follows: what each of PEERS answered.
  const [seen, wanted] = String(waitingFor).split('; ');
  teller.say(`server1 and server2 run, on empty folders; server1 says: ${seen}; ${wanted}`);
  const startedAt = performance.now();
  await servers.start(three, options);
  const { leader, clusterId } = await servers.untilVoters(3);
  const millis = Math.round(performance.now() - startedAt);
  teller.say(`${millis} ms after server3 was started: ${leader?.name} leads three voters`);
  const ids = new Set<string | null>();
  for (const server of [one, two, three]) {
    await server.says('founded a cluster');
    ids.add((await statusAt(server.address)).clusterId);
  }
  const isOne = ids.size === 1 && ids.has(clusterId);
  const how = fault === null ? 'found each other without PEERS' : 'were given PEERS';
  teller.check(`three servers ${how} and became one cluster`, isOne, `clusters ${[...ids]}`);
  return options;
}
