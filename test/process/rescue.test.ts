/**
 * A cluster that lost its majority for good is rebuilt from the one voter that is left, with real
 * servers: its records are there, it grows again, and those left behind are strangers to it.
 */

// time limit: 180 s

import * as fs from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertLines, quorate } from './commands.js';
import { recordsAt, type ServerProcess, Servers, statusAt } from './servers.js';

const quick = ['--stabilisation', '300'];

test('rebuilt from the last of three voters, it has all records and grows to three', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    for (let i = 1; i <= 20; i++) await client.append(`record ${i}`);
    await untilApplied(servers, 20);
    const [first, second, last] = servers.all as [ServerProcess, ServerProcess, ServerProcess];
    const old = await statusAt(last.address);
    const rescue = (...words: string[]) => {
      return quorate(['members', 'rescue', '--data', last.data, '--timeout', '1s', ...words]);
    };
    const running = await rescue('--yes');
    assert.is(running.code, 1);
    assertLines(running.err, [/in use by process \d+: stop that server first/]);

    await last.stop();
    const led = await rescue('--yes');
    assert.is(led.code, 1, led.out);
    assertLines(led.err, [/knows a leader \(server\d\): the cluster lives/]);
    assert.match(led.out, /answered +server1: log up to entry \d+ of term \d/);

    // The second machine burns; the first one is left with its data, and silent for a while.
    await Promise.all([first.kill(), second.kill()]);
    fs.rmSync(second.data, { recursive: true });
    const unsaid = await rescue();
    assert.is(unsaid.code, 1);
    assertLines(unsaid.err, [/nothing was changed; repeat the command with --yes/]);
    assert.match(unsaid.out, /may be lost writes .* all after entry \d+/);
    assert.equal(
      fs
        .readdirSync(last.data)
        .filter((name) => name !== 'lock')
        .sort(),
      ['identity.json', 'log', 'peers.json'],
    );

    const done = await rescue('--yes');
    assert.is(done.code, 0, done.err);
    assert.match(done.out, /done: server3 is the only voter of a new cluster [0-9a-f]{64}/);
    assert.not.ok(fs.readdirSync(last.data).some((name) => name.startsWith('log-of-')));
    const inspected = await quorate(['inspect', last.data]);
    assert.is(inspected.code, 0, inspected.err);
    const aside = fs.readdirSync(last.data).find((name) => name.startsWith('before-'));
    assert.is((await quorate(['inspect', `${last.data}/${aside}`])).code, 0);

    await servers.start(last, { peers: [first.address] });
    const alone = await servers.untilVoters(1);
    assert.is.not(alone.clusterId, old.clusterId);
    assert.equal(
      alone.members.map(({ name }) => name),
      ['server3'],
    );
    const writer = await servers.client();
    await writer.append('after');
    const wanted = [...Array.from({ length: 20 }, (_, i) => `record ${i + 1}`), 'after'];
    assert.equal(await recordsAt(last.address), wanted);
    const history = await quorate(['members', 'history', '-t', last.address]);
    assert.match(history.out, /rebuilt by the operator on .*, from cluster [0-9a-f]{12} at entry/);

    // An old survivor is no part of it, whatever it is told.
    await servers.start(first, { peers: [last.address] });
    const refusal = await last.says('greeting refused');
    assert.match(String(refusal['reason']), /two clusters are named "quorate"/);
    assert.is((await statusAt(first.address)).clusterId, old.clusterId);
    assert.is((await statusAt(last.address)).members.length, 1);
    await first.kill();
    fs.rmSync(first.data, { recursive: true });

    await servers.start(first, { peers: [last.address] });
    await servers.start(second, { peers: [last.address] });
    const grown = await servers.untilVoters(3);
    assert.is(grown.clusterId, alone.clusterId);
    for (const server of servers.all) assert.equal(await recordsAt(server.address), wanted);
  } finally {
    await servers.stopAll();
  }
});

test('of two that are left the one that is behind is refused, before and after', async () => {
  const servers = await Servers.cluster(5, quick);
  try {
    await servers.untilVoters(5);
    const client = await servers.client();
    await client.append('on all');
    await untilApplied(servers, 1);
    const [ahead, behind] = servers.all.slice(3) as [ServerProcess, ServerProcess];
    await behind.stop();
    await client.append('not on the one that was stopped');
    assert.is((await recordsAt(ahead.address)).length, 2);
    await Promise.all(servers.all.slice(0, 3).map((server) => server.kill()));
    await servers.until('no leader', ({ leader }) => leader === null);
    const rescue = ({ data }: ServerProcess) => {
      return quorate(['members', 'rescue', '--data', data, '--timeout', '1s', '--yes']);
    };
    const early = await rescue(behind);
    assert.is(early.code, 1, early.out);
    assertLines(early.err, [/server4 has a more advanced log .* rebuild from its data folder/]);
    await ahead.stop();
    const done = await rescue(ahead);
    assert.is(done.code, 0, done.err);
    await servers.start(ahead, { peers: [] });
    await servers.untilVoters(1);
    const late = await rescue(behind);
    assert.is(late.code, 1, late.out);
    assertLines(late.err, [/server4 is in another cluster already: .* server4 as its peer/]);
    assert.equal(await recordsAt(ahead.address), ['on all', 'not on the one that was stopped']);
  } finally {
    await servers.stopAll();
  }
});

/** Every server has applied so many records. */
async function untilApplied(servers: Servers, count: number): Promise<void> {
  for (const { address } of servers.all) {
    assert.is((await recordsAt(address)).length, count);
  }
}

test.run();
