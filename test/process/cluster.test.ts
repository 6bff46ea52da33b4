/**
 * The main job with real processes: five servers, appends, two killed with the leader among them,
 * appends, both back; everything acknowledged is on every server, once, in order.
 */

// time limit: 180 s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { recordsAt, Servers } from './servers.js';

const quick = ['--stabilisation', '300'];

test('five servers lose two, the leader among them, and keep 2,000 records in order', async () => {
  const servers = await Servers.cluster(5, quick);
  try {
    await servers.untilVoters(5);
    const client = await servers.client();
    for (let i = 0; i < 10; i++) {
      await Promise.all(range(i * 100, 100).map((n) => client.append(`record ${n}`)));
    }
    const leader = await servers.leader();
    const other = servers.all.find((server) => server !== leader);
    assert.ok(other !== undefined);
    await Promise.all([leader.kill(), other.kill()]);
    for (let i = 10; i < 20; i++) {
      await Promise.all(range(i * 100, 100).map((n) => client.append(`record ${n}`)));
    }
    await Promise.all([servers.start(leader), servers.start(other)]);
    const expected = range(0, 2000).map((n) => `record ${n}`);
    for (const server of servers.all) {
      assert.equal(await recordsAt(server.address), expected, server.name);
    }
  } finally {
    await servers.stopAll();
  }
});

test('a cluster grows from one voter to five under appends, and none fails', async () => {
  const servers = await Servers.cluster(1, quick);
  try {
    const client = await servers.client();
    let appended = 0;
    let isGrowing = true;
    const appending = (async () => {
      while (isGrowing) {
        await client.append(`record ${appended}`);
        appended += 1;
      }
    })();
    for (const count of [2, 3, 4, 5]) {
      const name = `server${count}`;
      await servers.add(name);
      await servers.until(`${name} is a member`, ({ members }) =>
        members.some((member) => member.name === name),
      );
    }
    await servers.untilVoters(5);
    isGrowing = false;
    await appending;
    assert.ok(appended > 50, `${appended} appends were made`);
    const expected = range(0, appended).map((n) => `record ${n}`);
    for (const server of servers.all) {
      assert.equal(await recordsAt(server.address), expected, server.name);
    }
    const joint = servers.all[0]?.lines.filter(
      (line) => line.msg === 'membership' && line['joint'] === true,
    );
    assert.is(joint?.length, 2, 'joint changes: 1 to 3 and 3 to 5');
  } finally {
    await servers.stopAll();
  }
});

test('kill -9 of any server at any moment loses nothing that was acknowledged', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client({ timeoutMillis: 20_000 });
    const acknowledged: string[] = [];
    let isRunning = true;
    const appending = Promise.all(
      range(0, 16).map(async (lane) => {
        for (let n = 0; isRunning; n++) {
          const record = `lane ${lane} record ${n}`;
          await client.append(record);
          acknowledged.push(record);
        }
      }),
    );
    for (let round = 0; round < 6; round++) {
      // The leader every other time, so that both fail-over and a lost follower happen.
      const victim = round % 2 === 0 ? await servers.leader() : servers.all[round % 3];
      assert.ok(victim !== undefined);
      const before = acknowledged.length;
      await victim.kill();
      await progressed(acknowledged, before + 200);
      await servers.start(victim);
      await progressed(acknowledged, acknowledged.length + 200);
    }
    isRunning = false;
    await appending;
    for (const server of servers.all) {
      const found = await recordsAt(server.address);
      assert.is(found.length, acknowledged.length, `${server.name}: each record once`);
      assert.equal(new Set(found), new Set(acknowledged), server.name);
      for (const lane of range(0, 16)) {
        const own = found.filter((record) => record.startsWith(`lane ${lane} `));
        assert.equal(
          own,
          range(0, own.length).map((n) => `lane ${lane} record ${n}`),
        );
      }
    }
  } finally {
    await servers.stopAll();
  }
});

test('all servers killed at once come back with everything acknowledged', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    await Promise.all(range(0, 300).map((n) => client.append(`record ${n}`)));
    for (let round = 0; round < 3; round++) {
      await Promise.all(servers.all.map((server) => server.kill()));
      await Promise.all(servers.all.map((server) => servers.start(server)));
      await servers.leader();
      await client.append(`record ${300 + round}`);
    }
    for (const server of servers.all) {
      assert.equal(
        await recordsAt(server.address),
        range(0, 303).map((n) => `record ${n}`),
      );
    }
  } finally {
    await servers.stopAll();
  }
});

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** Waits until so many records are acknowledged. */
async function progressed(acknowledged: readonly string[], count: number): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (acknowledged.length < count) {
    if (Date.now() > giveUpAt) throw new Error(`no progress beyond ${acknowledged.length}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test.run();
