/**
 * Healing with real processes: a dead voter is swapped for a stand-by and comes back as one; a
 * wiped server takes its own place; a server is asked to leave.
 */

// time limit: 180 s

import * as fs from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { recordsAt, type ServerProcess, Servers } from './servers.js';

const quick = ['--stabilisation', '300'];

test('a dead voter is swapped for the stand-by, and comes back as a stand-by', async () => {
  const servers = await Servers.cluster(4, quick);
  try {
    await servers.until('a stand-by', hasStandby);
    const client = await servers.client();
    await client.setPolicy('dead-after=1s');
    await client.append('before');
    const victim = await followingVoter(servers);
    await victim.kill();
    const healed = await servers.until('the swap', (status) => {
      return voters(status).length === 3 && !voters(status).includes(victim.name);
    });
    assert.is(healed.members.length, 4, 'the dead one is a learner');
    await client.append('after');
    await servers.start(victim);
    await servers.until('its return', (status) =>
      status.members.some(({ name, role }) => name === victim.name && role === 'standby'),
    );
    assert.equal(await recordsAt(victim.address), ['before', 'after']);
  } finally {
    await servers.stopAll();
  }
});

test('a wiped server takes its own place, and its old self is forgotten', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    await client.setPolicy('dead-after=1s');
    await client.append('before');
    const victim = await followingVoter(servers);
    const old = (await client.status()).members.find(({ name }) => name === victim.name);
    await victim.kill();
    fs.rmSync(victim.data, { recursive: true });
    await servers.start(victim);
    const status = await servers.until('the replacement', ({ members }) => {
      const namesakes = members.filter(({ name }) => name === victim.name);
      return namesakes.length === 1 && namesakes[0]?.memberId !== old?.memberId;
    });
    assert.equal(voters(status).length, 3);
    assert.equal(await recordsAt(victim.address), ['before']);
  } finally {
    await servers.stopAll();
  }
});

test('a server that leaves is replaced first, told last, and ends', async () => {
  const servers = await Servers.cluster(4, quick);
  try {
    await servers.until('a stand-by', hasStandby);
    const client = await servers.client();
    const leader = await servers.leader();
    await client.leave(leader.name);
    assert.is(await leader.exit(), 0);
    const status = await servers.untilVoters(3);
    assert.is(status.members.length, 3);
    await client.append('goes on');
  } finally {
    await servers.stopAll();
  }
});

function voters(status: ClusterStatus): readonly string[] {
  return status.members.filter(({ role }) => role === 'voter').map(({ name }) => name);
}

/** Three vote, and one waits. */
function hasStandby(status: ClusterStatus): boolean {
  const isThere = status.members.some(({ role }) => role === 'standby');
  return isThere && voters(status).length === 3;
}

async function followingVoter(servers: Servers): Promise<ServerProcess> {
  const leader = await servers.leader();
  const client = await servers.client();
  const names = voters(await client.status());
  const follower = servers.running.find((one) => one !== leader && names.includes(one.name));
  if (follower === undefined) throw new Error('only the leader votes');
  return follower;
}

test.run();
