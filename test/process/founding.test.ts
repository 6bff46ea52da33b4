/**
 * Founding together with real processes: three servers with EXPECT=3 become one cluster in any
 * order, with kills at any moment; the same command line serves whatever comes later.
 */

// time limit: 300 s

import * as fs from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { type ServerProcess, Servers, statusAt } from './servers.js';

const flags = ['--expect', '3', '--stabilisation', '300'];

/** Servers with places and nobody started. */
async function placed(count: number): Promise<Servers> {
  const servers = new Servers(flags);
  for (let i = 1; i <= count; i++) await servers.place(`server${i}`);
  return servers;
}

/** What every server says of the cluster, once all say the same of it. */
async function oneCluster(servers: Servers): Promise<ClusterStatus> {
  await servers.untilVoters(3);
  const ids = new Set<string | null>();
  for (const { address, name } of servers.running) {
    const wanted = ({ self, clusterId }: ClusterStatus): boolean =>
      self.name === name && clusterId !== null;
    await servers.until(`${name} in a cluster`, wanted);
    ids.add((await statusAt(address)).clusterId);
  }
  assert.is(ids.size, 1, `clusters: ${[...ids].join()}`);
  return servers.untilVoters(3);
}

test('the last of three makes a cluster; the same command joins, restarts, replaces', async () => {
  const servers = await placed(4);
  const [one, two, three, four] = servers.all as [
    ServerProcess,
    ServerProcess,
    ServerProcess,
    ServerProcess,
  ];
  try {
    await servers.start(one);
    await servers.start(two);
    const waits = /^2 of 3 founders seen: server1, server2; waiting for one more/;
    await one.says('founding together', {
      where: ({ waitingFor }) => waits.test(String(waitingFor)),
    });
    await servers.start(three);
    const status = await oneCluster(servers);
    assert.equal(
      status.members.map(({ memberId }) => memberId),
      [1, 2, 3],
    );
    const client = await servers.client();
    await client.append('founded');
    // Growth, a restart and a wiped disk: nothing changes on the command line.
    await servers.start(four);
    await servers.until('four members', ({ members }) => members.length === 4);
    await three.kill();
    await servers.start(three);
    await oneCluster(servers);
    await four.kill();
    fs.rmSync(four.data, { recursive: true });
    const from = four.lines.length;
    await servers.start(four);
    await four.says('joined the cluster', { from });
    await client.append('still there');
  } finally {
    await servers.stopAll();
  }
});

test('who has signed goes on with that, with no flag at all', async () => {
  const servers = await placed(3);
  const [one, two, three] = servers.all as [ServerProcess, ServerProcess, ServerProcess];
  try {
    await Promise.all(servers.all.map((server) => servers.start(server)));
    await Promise.race(servers.all.map((server) => server.says('founding record signed')));
    await Promise.all(servers.all.map((server) => server.kill()));
    const signers = servers.all.filter(({ data }) => fs.existsSync(`${data}/founding.json`));
    assert.ok(signers.length > 0);
    for (const server of [one, two, three]) {
      // A signer needs neither EXPECT nor to be let found; the others must still want to.
      if (signers.includes(server)) await server.start({ peers: [one.address] });
      else await servers.start(server);
    }
    await oneCluster(servers);
  } finally {
    await servers.stopAll();
  }
});

test('kills at any moment of the founding leave one cluster in the end', async () => {
  for (let round = 0; round < 4; round++) {
    const servers = await placed(3);
    try {
      for (const server of servers.all) launch(servers, server);
      for (let kills = 0; kills < 4; kills++) {
        const victim = servers.all[(round + kills) % 3] as ServerProcess;
        await moment(servers, round * 4 + kills);
        await victim.kill();
        launch(servers, victim);
      }
      await oneCluster(servers);
    } finally {
      await servers.stopAll();
    }
  }
});

function launch(servers: Servers, server: ServerProcess): void {
  const peers = servers.all.filter((one) => one !== server).map(({ address }) => address);
  server.launch({ peers, flags });
}

/** Some moment of the founding: somebody says the next thing, or a while passes. */
async function moment(servers: Servers, number: number): Promise<void> {
  const events = ['listening', 'founding together', 'founding record signed', 'founded a cluster'];
  const event = events[number % events.length] as string;
  const said = servers.all.map((server) => {
    return server.says(event, { from: Math.max(0, server.lines.length - 1), millis: 1500 });
  });
  await Promise.any(said).catch(() => 'nobody says it any more: another moment is as good');
  await Promise.allSettled(said);
}

test.run();
