/**
 * What real servers tell of themselves and of others, whichever of them is asked: their zones, who
 * stands by, and other clusters of their name.
 */

// time limit: 180 s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterStatus, MemberStatus } from '../../src/wire/client-messages.js';
import { quorate } from './commands.js';
import { Servers, statusAt } from './servers.js';

const quick = ['--stabilisation', '300'];
const test = suite('what servers tell');

/** Waits until every server that runs says so. */
async function untilAll(
  servers: Servers,
  what: string,
  isSo: (status: ClusterStatus) => boolean,
): Promise<void> {
  for (const { name, address } of servers.running) {
    const isThere = (status: ClusterStatus): boolean => status.self.name === name && isSo(status);
    await servers.until(`${what} at ${address}`, isThere, 20_000);
  }
}

async function out(words: readonly string[]): Promise<string> {
  const outcome = await quorate(words);
  assert.is(outcome.code, 0, outcome.err);
  return outcome.out;
}

test('zones and the stand-by are the same at every server, in the table and as JSON', async () => {
  const servers = new Servers(quick);
  try {
    const zones = ['eu-1', 'eu-2', 'us-1', null];
    for (const [at, zone] of zones.entries()) {
      const flags = zone === null ? [] : ['--zone', zone];
      const environment = at === 1 ? { QUORATE_ZONE: 'overruled' } : {};
      await servers.add(`server${at + 1}`, { flags, environment });
    }
    const standbys = ({ members }: ClusterStatus): readonly MemberStatus[] =>
      members.filter(({ role }) => role === 'standby');
    await untilAll(servers, 'the stand-by', (status) => standbys(status).length === 1);
    await untilAll(servers, 'the zones', ({ members }) => {
      const told = Object.fromEntries(members.map(({ name, zone }) => [name, zone]));
      return zones.every((zone, at) => told[`server${at + 1}`] === zone);
    });
    for (const { address } of servers.running) {
      const status = await statusAt(address);
      assert.ok(status.members.every(({ disk }) => disk === 'well' || disk === 'slow'));
      const lines = (await out(['members', '-t', address])).split('\n');
      assert.match(lines[0] ?? '', /^NAME +MEMBER +ROLE +HEALTH +ZONE +ON DISK/);
      assert.match(lines[1] ?? '', /^server1 +1 +voter(, leader)? +alive(?:, disk slow)? +eu-1 /);
      const rows = (await out(['members', '--json', '-t', address])).trimEnd().split('\n');
      assert.match(rows[3] ?? '', /"role":"\w+","health":"alive",.*"zone":null/);
    }
  } finally {
    await servers.stopAll();
  }
});

test('two clusters of one name that meet tell of each other, and stay apart', async () => {
  const servers = new Servers(quick);
  try {
    const one = await servers.place('server1');
    const two = await servers.place('server2');
    await one.start();
    await two.start();
    for (const { address } of servers.all) {
      assert.equal((await statusAt(address)).otherClusters, []);
      assert.not.match(await out(['status', '-t', address]), /of its name/);
    }
    await two.stop();
    await two.start({ peers: [one.address] });
    await untilAll(servers, 'the other cluster', (status) => status.otherClusters.length === 1);
    for (const [asked, other] of [
      [one, two],
      [two, one],
    ] as const) {
      const { otherClusters } = await statusAt(asked.address);
      const [met] = otherClusters;
      const { clusterId } = await statusAt(other.address);
      assert.equal(
        { ...met, seenMillis: 0 },
        {
          cluster: 'quorate',
          clusterId,
          servers: 1,
          server: other.name,
          addresses: [other.address],
          seenMillis: 0,
        },
      );
      const text = await out(['status', '-t', asked.address]);
      const id = clusterId?.slice(0, 12);
      const who = `${id} \\(${other.name} at ${other.address}, met \\d+ m?s ago\\)`;
      const line = `^of its name  another cluster, ${who}; they never merge$`;
      assert.match(text, new RegExp(line, 'm'));
      assert.is((await statusAt(asked.address)).members.length, 1);
    }
  } finally {
    await servers.stopAll();
  }
});

test.run();
