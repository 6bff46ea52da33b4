/**
 * Disks that fill under real servers: small file systems of their own. The server stays, says so,
 * and goes on by itself when there is room; what was acknowledged is there.
 */

// time limit: 180 s

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { QuorateError } from '../../src/base/errors.js';
import type { Client } from '../../src/client/client.js';
import { connect } from '../../src/client/connect.js';
import { quorate } from './commands.js';
import { recordsAt, type ServerProcess, Servers, statusAt } from './servers.js';

const mebibyte = 1024 * 1024;
/** Commands of the system, for root. */
const system = { mount: 'mount', unmount: 'umount' };

/** A small file system of its own under a folder; null where only root could mount one. */
class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static mount(folder: string, size: string): SmallDisk | null {
    fs.mkdirSync(folder);
    const made = spawnSync(system.mount, ['-t', 'tmpfs', '-o', `size=${size}`, 'small', folder]);
    if (made.status === 0) return new SmallDisk(folder);
    console.log('skipped: only root can mount a small disk');
    return null;
  }

  resize(size: string): void {
    const done = spawnSync(system.mount, ['-o', `remount,size=${size}`, this.folder]);
    assert.is(done.status, 0, String(done.stderr));
  }

  unmount(): void {
    spawnSync(system.unmount, ['-l', this.folder]);
  }
}

test('the only voter refuses writes while its disk is full, and takes them again', async () => {
  const servers = new Servers();
  const disk = SmallDisk.mount(path.join(servers.folder, 'small'), '150m');
  if (disk === null) return servers.stopAll();
  try {
    const server = await servers.place('small');
    await servers.start(server);
    const client = await servers.client({ timeoutMillis: 3000 });
    const acknowledged: number[] = [];
    const refusal = await fill(client, acknowledged);
    // The client asks again until its time is over, and tells why it was refused.
    assert.is(refusal.code, 'TIMEOUT', refusal.message);
    assert.match(refusal.message, /disk is full \(ENOSPC\): no room .*\/small\/log; make room/);
    const told = await server.says('the disk is full');
    assert.is(told['level'], 50);
    const before = acknowledged.length;
    assert.ok(before > 25, `${before} fitted`);
    // It is there, leads, answers reads of every kind, and says what is wrong.
    const status = await statusAt(server.address);
    assert.is(status.self.role, 'leader');
    assert.match(status.self.alarm ?? '', /^the disk is full \(ENOSPC\)/);
    const { out } = await quorate(['status', '-t', server.address]);
    assert.match(out, /^ALARM {8}the disk is full/m);
    const found = await client.read({ from: 1, limit: 1, consistency: 'linearizable' });
    assert.is(found.records.length, 1);
    // The one that was not confirmed may be there, as the client said.
    const kept = (await recordsAt(server.address)).length;
    assert.ok(kept === before || kept === before + 1, `${kept} of ${before}`);
    // Ended and started again it is as before: the reserve gives the room that a start wants.
    await server.kill();
    await servers.start(server);
    await servers.leader();
    // What waited for room when it ended may have come to the disk by then, unconfirmed.
    const there = (await recordsAt(server.address)).length;
    assert.ok(there === kept || there === before + 1, `${there}, after ${kept} of ${before}`);
    const again = await servers.client({ timeoutMillis: 3000 });
    const refused = await fill(again, acknowledged);
    assert.match(refused.message, /disk is full/);
    const from = server.lines.length;
    disk.resize('400m');
    await server.says('the disk has room again', { from });
    assert.ok((await again.append('room again')).seq > acknowledged.length);
    assert.is((await statusAt(server.address)).self.alarm, null);
    const numbers = new Set((await recordsAt(server.address)).map((one) => one.slice(0, 8)));
    const lost = acknowledged.filter((number) => !numbers.has(String(number).padStart(8, '0')));
    assert.equal(lost, []);
    assert.is(count(server, 'the disk is full'), 2, 'once in each life');
  } finally {
    for (const server of servers.all) await server.kill();
    disk.unmount();
    await servers.stopAll();
  }
});

test('a leader whose disk fills hands over, and catches up when it has room', async () => {
  const servers = new Servers(['--stabilisation', '300']);
  const disk = SmallDisk.mount(path.join(servers.folder, 'small'), '150m');
  if (disk === null) return servers.stopAll();
  try {
    const small = await servers.place('small');
    await servers.start(small);
    for (const name of ['other1', 'other2']) await servers.add(name);
    await servers.untilVoters(3);
    const client = await servers.client();
    if ((await servers.leader()) !== small) await client.transferLeader('small');
    await servers.until('small leads', ({ leader }) => leader?.name === 'small');
    const acknowledged: number[] = [];
    // Nobody is refused: the client is led to who can write.
    for (let number = 0; number < 60; number++) {
      await client.append(record(number));
      acknowledged.push(number);
    }
    await small.says('the disk is full');
    await small.says('leadership handed over, for the disk is full');
    const leader = await servers.leader();
    assert.is.not(leader.name, 'small');
    const status = await statusAt(small.address);
    assert.is(status.self.role, 'follower');
    assert.match(status.self.alarm ?? '', /the disk is full/);
    assert.is((await statusAt(leader.address)).self.alarm, null);
    // It hears its leader, keeps its vote, and is behind.
    const { members, lastIndex, faultTolerance } = await statusAt(leader.address);
    const behind = members.find(({ name }) => name === 'small');
    assert.is(behind?.health, 'alive');
    assert.ok((behind?.matchIndex as number) < lastIndex, `${behind?.matchIndex} of ${lastIndex}`);
    assert.is(faultTolerance, 1);
    // What it has it answers; who wants what is newer is sent to the others at once.
    const reader = await connect({ targets: [small.address], preferLeader: false });
    try {
      const stale = await reader.read({ from: 1, limit: 1, consistency: 'stale' });
      assert.is(stale.records[0]?.seq, 1);
      const asked = Date.now();
      const newest = await reader.read({ from: 60, limit: 1 });
      assert.is(newest.records[0]?.seq, 60);
      assert.ok(Date.now() - asked < 2500, 'without waiting for what cannot come');
    } finally {
      await reader.close();
    }
    disk.resize('600m');
    await small.says('the disk has room again');
    await servers.until('small has it all', ({ members: all, lastIndex: last, self }) => {
      const one = all.find(({ name }) => name === 'small');
      return self.role === 'leader' && one?.matchIndex === last;
    });
    await client.append(record(60));
    acknowledged.push(60);
    for (const server of servers.all) {
      await servers.until(
        `${server.name} has applied it`,
        ({ self, appliedIndex, lastIndex: to }) =>
          self.name === server.name ? appliedIndex === to : false,
      );
      const numbers = (await recordsAt(server.address)).map((one) => Number(one.slice(0, 8)));
      assert.equal(numbers, acknowledged, server.name);
    }
    assert.is(count(small, 'the disk is full'), 1);
    assert.is(small.isRunning, true);
  } finally {
    for (const server of servers.all) await server.kill();
    disk.unmount();
    await servers.stopAll();
  }
});

function record(number: number): string {
  return String(number).padStart(8, '0') + 'x'.repeat(mebibyte - 8);
}

/** Appends until it is refused; notes what was acknowledged. @returns the refusal. */
async function fill(client: Client, acknowledged: number[]): Promise<QuorateError> {
  for (let number = acknowledged.length; number < 400; number++) {
    const failure = await client.append(record(number)).then(
      () => null,
      (error: QuorateError) => error,
    );
    if (failure !== null) return failure;
    acknowledged.push(number);
  }
  throw new Error('the disk took everything');
}

function count(server: ServerProcess, event: string): number {
  return server.lines.filter(({ msg }) => msg === event).length;
}

test.run();
