/**
 * Servers that come back after the cluster has put them out: by themselves, as newcomers, into the
 * cluster that they were in; but never when an operator removed them.
 */

// time limit: 180 s

import * as fs from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { recordsAt, type ServerProcess, Servers } from './servers.js';

const quick = ['--stabilisation', '300'];

function memberOf({ members }: ClusterStatus, { name }: ServerProcess) {
  return members.find((member) => member.name === name);
}

/** Four of whom the victim is put out, for it was dead for too long. */
async function putOut(servers: Servers, victim: ServerProcess): Promise<void> {
  await servers.until('a stand-by', ({ members }) => {
    return members.some(({ role }) => role === 'standby');
  });
  const client = await servers.client();
  await client.setPolicy('dead-after=1s shrink-after=1s');
  await client.append('before');
  await victim.kill();
  await servers.until('its being put out', (status) => memberOf(status, victim) === undefined);
  // Else it would be put out again while it is on its way.
  await client.setPolicy('shrink-after=1h');
}

test('a founder that was put out joins again without PEERS, and founds nothing', async () => {
  const servers = await Servers.cluster(4, quick);
  try {
    const victim = servers.byName('server1');
    await putOut(servers, victim);
    const client = await servers.client();
    const { clusterId } = await client.status();
    await client.append('after');
    await servers.start(victim, { peers: [] });
    const status = await servers.until('its return', (seen) => {
      return memberOf(seen, victim)?.role === 'standby';
    });
    assert.is(status.clusterId, clusterId);
    assert.not.equal(memberOf(status, victim)?.memberId, 1, 'ids are used once');
    assert.equal(await recordsAt(victim.address), ['before', 'after']);
    const aside = fs.readdirSync(victim.data).filter((name) => name.startsWith('put-out-'));
    assert.is(aside.length, 1);
    assert.ok(fs.readdirSync(`${victim.data}/${aside[0]}`).length > 0, 'its old log is there');
    // It is an ordinary member now: it goes on from the log that it has.
    await victim.stop();
    const from = victim.lines.length;
    await servers.start(victim, { peers: [] });
    await servers.until('its restart', (seen) => memberOf(seen, victim)?.role === 'standby');
    assert.not.ok(victim.lines.slice(from).some(({ msg }) => msg === 'asking to join'));
    assert.ok(victim.isRunning);
  } finally {
    await servers.stopAll();
  }
});

test('killed before it is in again, it still founds none and joins no other', async () => {
  const servers = await Servers.cluster(4, quick);
  const strangers = await Servers.cluster(1, quick);
  try {
    const victim = servers.byName('server1');
    await putOut(servers, victim);
    const others = servers.running;
    // Where one of them hears it once and then nobody answers.
    await servers.start(victim, { peers: [] });
    await victim.says('log set aside');
    await victim.kill();
    for (const one of others) one.signal('SIGSTOP');
    const peers = strangers.running.map(({ address }) => address);
    const from = victim.lines.length;
    await servers.start(victim, { peers, flags: ['--leader'] });
    const refusal = await victim.says('greeting refused', { from });
    assert.match(String(refusal['reason']), /two clusters are named/);
    await victim.says('not in a cluster yet; still asking', { from });
    for (const one of others) one.signal('SIGCONT');
    await servers.until('its return', (seen) => memberOf(seen, victim) !== undefined);
    assert.equal(await recordsAt(victim.address), ['before']);
  } finally {
    await strangers.stopAll();
    await servers.stopAll();
  }
});

test('whom an operator removed while it was down ends when it comes back', async () => {
  const servers = await Servers.cluster(4, quick);
  try {
    const victim = servers.byName('server4');
    await victim.says('caught up with the cluster');
    await victim.kill();
    const client = await servers.client();
    await client.removeMember(victim.name);
    servers.start(victim).catch(() => {});
    assert.is(await victim.exit(), 0);
    assert.ok(fs.existsSync(`${victim.data}/log`), 'its log stays where it was');
  } finally {
    await servers.stopAll();
  }
});

test.run();
