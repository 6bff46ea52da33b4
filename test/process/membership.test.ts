/**
 * Membership with real processes: stand-bys at even numbers, removal of followers and leaders, a
 * removed server that calls again, transfers, clean stops, a wiped folder.
 */

// time limit: 240 s

import * as fs from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { freePort, recordsAt, ServerProcess, Servers, within } from './servers.js';

const quick = ['--stabilisation', '300'];

test('two servers are one voter and a stand-by, four are three voters and a stand-by', async () => {
  const servers = await Servers.cluster(2, quick);
  try {
    await servers.until('a stand-by', (status) => roles(status) === 'standby voter');
    await servers.add('server3');
    await servers.untilVoters(3);
    await servers.add('server4');
    await servers.until('a stand-by', (status) => roles(status) === 'standby voter voter voter');
    const records = await servers.client();
    await records.append('seen by the stand-by too');
    const standby = servers.byName('server4');
    assert.equal(await recordsAt(standby.address), ['seen by the stand-by too']);
  } finally {
    await servers.stopAll();
  }
});

test('a stand-by takes the place of a removed voter, which is told', async () => {
  const servers = await Servers.cluster(4, quick);
  try {
    await servers.until('a stand-by', (status) => roles(status) === 'standby voter voter voter');
    const client = await servers.client();
    const follower = await someFollower(servers);
    await client.removeMember(follower.name);
    assert.is(await follower.exit(), 0);
    assert.match(follower.plain.join('\n'), /was removed from the cluster by log entry \d+/);
    const status = await servers.untilVoters(3);
    assert.not.ok(status.members.some(({ name }) => name === follower.name));
    await client.append('goes on');
    // The same folder again: it is told at once, and ends by itself.
    follower.launch({ peers: servers.running.map(({ address }) => address) });
    assert.is(await follower.exit(), 0);
  } finally {
    await servers.stopAll();
  }
});

test('the leader can be removed: another leads, and writes go on', async () => {
  const servers = await Servers.cluster(4, quick);
  try {
    await servers.until('a stand-by', (status) => roles(status) === 'standby voter voter voter');
    const client = await servers.client();
    await client.append('before');
    const leader = await servers.leader();
    await client.removeMember(leader.name);
    await client.append('after');
    assert.is(await leader.exit(), 0);
    // The stand-by has taken its place. Of three that stay nobody may go but by force.
    await servers.untilVoters(3);
    await assertRejects(client.removeMember((await servers.leader()).name), /fewer than the least/);
    for (const server of servers.running) {
      assert.equal(await recordsAt(server.address), ['before', 'after']);
    }
  } finally {
    await servers.stopAll();
  }
});

test('a server joins through a follower when another than the founder leads', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    await client.append('before');
    await client.transferLeader('server3');
    // Only the founder is named as its peer: it neither leads nor will it.
    const newcomer = await servers.place('server4');
    await servers.start(newcomer, { peers: [servers.byName('server1').address] });
    await servers.until('a stand-by', (status) => roles(status) === 'standby voter voter voter');
    // The leader that took it in goes while nobody but it knows the newcomer's address.
    await client.transferLeader('server2');
    await client.append('after');
    assert.equal(await recordsAt(newcomer.address), ['before', 'after']);
  } finally {
    await servers.stopAll();
  }
});

test('all servers come back under other ports, without a change of the configuration', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    await client.append('before');
    await Promise.all(servers.all.map((server) => server.kill()));
    const moved: ServerProcess[] = [];
    for (const { name, data } of servers.all) {
      moved.push(new ServerProcess(name, await freePort(), data));
    }
    servers.all.splice(0, 3, ...moved);
    const [first] = moved;
    for (const server of moved) {
      const peers = server === first || first === undefined ? [] : [first.address];
      await servers.start(server, { peers });
    }
    await servers.untilVoters(3);
    for (const server of moved) assert.equal(await recordsAt(server.address), ['before']);
    const changes = moved[0]?.lines.filter(({ msg }) => msg === 'membership change proposed');
    assert.is(changes?.length, 0);
  } finally {
    await servers.stopAll();
  }
});

test('leadership goes where it is sent', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    for (let round = 0; round < 3; round++) {
      const target = await someFollower(servers);
      assert.match(await client.transferLeader(target.name), /leads now/);
      assert.is((await servers.leader()).name, target.name);
      await client.append(`round ${round}`);
    }
  } finally {
    await servers.stopAll();
  }
});

test('SIGTERM of the leader hands over first and ends within a second', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const leader = await servers.leader();
    const begun = performance.now();
    assert.is(await within(5000, 'the stop', leader.stop()), 0);
    const millis = performance.now() - begun;
    assert.ok(millis < 1000, `stopped in ${Math.round(millis)} ms`);
    // Nobody had to wait for an election timeout: the next leader stood because it was asked to.
    const next = await servers.leader();
    assert.not.ok(next.lines.some((line) => line.msg === 'campaign' && line['preVote'] === true));
  } finally {
    await servers.stopAll();
  }
});

test('a server with a wiped folder joins as a new member and never as the old one', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    await client.append('one');
    const victim = await someFollower(servers);
    await victim.kill();
    fs.rmSync(victim.data, { recursive: true });
    await servers.start(victim);
    const status = await servers.until('the newcomer', ({ members }) => members.length === 4);
    const namesakes = status.members.filter(({ name }) => name === victim.name);
    assert.is(namesakes.length, 2);
    assert.is(new Set(namesakes.map(({ peerId }) => peerId)).size, 2);
    const old = namesakes.find(({ role }) => role === 'voter');
    assert.ok(old !== undefined);
    await assertRejects(client.removeMember(victim.name), /is the name of members/);
    await client.removeMember(String(old.memberId));
    await servers.untilVoters(3);
    assert.equal(await recordsAt(victim.address), ['one']);
  } finally {
    await servers.stopAll();
  }
});

/** The roles of all members, sorted, as one text. */
function roles(status: ClusterStatus): string {
  return status.members
    .map(({ role }) => role)
    .sort()
    .join(' ');
}

async function someFollower(servers: Servers): Promise<ServerProcess> {
  const leader = await servers.leader();
  const follower = servers.running.find((server) => server !== leader);
  if (follower === undefined) throw new Error('there is only the leader');
  return follower;
}

async function assertRejects(work: Promise<unknown>, pattern: RegExp): Promise<void> {
  const failure = await work.then(
    () => null,
    (error: Error) => error,
  );
  assert.ok(failure !== null, 'it should have been refused');
  assert.match(failure.message, pattern);
}

test.run();
