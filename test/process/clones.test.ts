/**
 * Real servers of which one is started twice, from a copy of its data folder: no two processes are
 * ever heard as one member, whoever is refused says so and ends, and the cluster loses nothing. An
 * ordinary restart is none of that.
 */

// time limit: 180 s

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/client.js';
import { assertLines } from './commands.js';
import { freePort, recordsAt, ServerProcess, Servers, within } from './servers.js';

const quick = ['--stabilisation', '300', '--log-level', 'debug'];

const refusedEvent = 'the data folder of this server runs twice: it ends';
const warnedEvent = 'a copy of the data folder of this server was refused';
const provedEvent = 'a data folder runs twice';
const askedEvent = 'a second process greeted with one key';

/** Three voters and a stand-by, one that is no leader, and a copy of its folder. */
async function withCopy(): Promise<{
  servers: Servers;
  original: ServerProcess;
  copy: ServerProcess;
}> {
  const servers = await Servers.cluster(4, quick);
  await servers.until('a stand-by', ({ members }) => {
    return members.some(({ role }) => role === 'standby');
  });
  const leader = await servers.leader();
  const original = servers.all.find((one) => one !== leader) as ServerProcess;
  const folder = path.join(servers.folder, 'copy');
  const copy = new ServerProcess(original.name, await freePort(), folder);
  // At rest: nothing is written meanwhile.
  fs.cpSync(original.data, folder, { recursive: true });
  // On another machine nobody knows the process that it names.
  fs.rmSync(path.join(folder, 'lock'), { force: true });
  servers.all.push(copy);
  return { servers, original, copy };
}

/** Appends one record after the other, until it is told to end. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly #client: Client;
  readonly #done: Promise<void>;
  #watch: () => void = () => {};
  #goesOn = true;
  #fault: Error | null = null;

  constructor(client: Client) {
    this.#client = client;
    this.#done = this.#run().catch((error: Error) => {
      this.#fault = error;
      this.#watch();
    });
  }

  async #run(): Promise<void> {
    for (let number = 1; this.#goesOn; number++) {
      await this.#client.append(`record ${number}`);
      this.acknowledged.push(`record ${number}`);
      this.#watch();
    }
  }

  /** Resolves when so many more are acknowledged. */
  more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    const enough = new Promise<void>((resolve, reject) => {
      this.#watch = () => {
        if (this.#fault !== null) reject(this.#fault);
        else if (this.acknowledged.length >= wanted) resolve();
      };
      this.#watch();
    });
    return within(20_000, `${count} more records`, enough);
  }

  async end(): Promise<void> {
    this.#goesOn = false;
    await this.#done;
    if (this.#fault !== null) throw this.#fault;
  }
}

/** Every server that runs holds what was acknowledged, once and in its order. */
async function assertNothingLost(servers: Servers, { acknowledged }: Writer): Promise<void> {
  for (const { address, name } of servers.running) {
    const all = async (): Promise<readonly string[]> => {
      for (;;) {
        const records = await recordsAt(address);
        if (records.length >= acknowledged.length) return records;
      }
    };
    assert.equal(await within(20_000, `${name} has all`, all()), acknowledged, name);
  }
}

/** Its folder ran twice, and nobody has looked yet. */
async function assertNotStarted(one: ServerProcess): Promise<void> {
  const from = one.lines.length;
  one.plain.length = 0;
  one.launch({ flags: quick });
  assert.is(await one.exit(), 1);
  assertLines(one.plain.join('\n'), [/ran twice: server\d refuses it: .*ran-twice\.json.*move/]);
  assert.is(one.lines.length, from, 'it has not even listened');
}

function untilAlive(servers: Servers, { name }: ServerProcess): Promise<unknown> {
  return servers.until(`${name} alive`, ({ members }) => {
    return members.some((member) => member.name === name && member.health === 'alive');
  });
}

function said({ lines }: ServerProcess, event: string): number {
  return lines.filter(({ msg }) => msg === event).length;
}

test('a copy is turned away and ends; who was there and the cluster go on', async () => {
  const { servers, original, copy } = await withCopy();
  try {
    const others = servers.all.filter((one) => one !== original && one !== copy);
    const writer = new Writer(await servers.client());
    await writer.more(20);
    copy.launch({ flags: quick });
    assert.is(await copy.exit(), 1);
    const { reason, server } = await copy.says(refusedEvent);
    assert.match(String(reason), /the data folder of member \d+ \(server\d\) runs twice: at /);
    for (const { address } of [original, copy]) assert.match(String(reason), address);
    assert.ok(others.some(({ name }) => name === server));
    assert.is(said(copy, refusedEvent), 1);
    assert.not.ok(
      copy.lines.some((line) => line.msg === 'role changed' && line['leader'] !== 'nobody'),
      'nobody has talked to it',
    );
    await original.says(warnedEvent);
    assert.is(said(original, warnedEvent), 1, 'though all others tell it');
    for (const other of others) assert.ok(said(other, provedEvent) <= 1, 'said once');
    await writer.more(20);
    await writer.end();
    await assertNothingLost(servers, writer);
    assert.ok(original.isRunning);
    // Nor when it could pass for a restart: its log is not what this member has acknowledged.
    await original.stop();
    await assertNotStarted(copy);
    await servers.start(original, { peers: [] });
    await untilAlive(servers, original);
  } finally {
    await servers.stopAll();
  }
});

test('when both were listened to both end; started again, one of them is a member', async () => {
  const { servers, original, copy } = await withCopy();
  try {
    const writer = new Writer(await servers.client());
    await writer.more(20);
    const others = servers.all.filter((one) => one !== original && one !== copy);
    // As a virtual machine that is suspended, while a copy of it is started elsewhere.
    original.signal('SIGSTOP');
    await copy.start({ flags: quick });
    await copy.says('role changed', { where: (line) => line['leader'] !== 'nobody' });
    assert.ok(others.every((other) => said(other, provedEvent) === 0));
    original.signal('SIGCONT');
    assert.equal([await original.exit(), await copy.exit()], [1, 1]);
    for (const one of [original, copy]) assert.is(said(one, refusedEvent), 1);
    await writer.more(20);
    for (const one of [original, copy]) await assertNotStarted(one);
    // The operator keeps this one.
    fs.rmSync(path.join(copy.data, 'ran-twice.json'));
    await servers.start(copy, { peers: [] });
    await untilAlive(servers, copy);
    await writer.end();
    await assertNothingLost(servers, writer);
    assert.ok(copy.isRunning);
  } finally {
    await servers.stopAll();
  }
});

test('a server that was killed and started again is no copy, and waits for nobody', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const leader = await servers.leader();
    const victim = servers.all.find((one) => one !== leader) as ServerProcess;
    for (let round = 0; round < 3; round++) {
      await victim.kill();
      const from = victim.lines.length;
      await servers.start(victim, { peers: [] });
      await victim.says('role changed', { from, where: (line) => line['leader'] !== 'nobody' });
    }
    for (const one of servers.all) {
      for (const event of [askedEvent, provedEvent, refusedEvent, warnedEvent]) {
        assert.is(said(one, event), 0, `${one.name}: ${event}`);
      }
    }
  } finally {
    await servers.stopAll();
  }
});

test.run();
