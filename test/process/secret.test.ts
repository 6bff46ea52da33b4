/**
 * Real servers behind a secret: who lacks it is told so in one line, on both ends; a key is changed
 * server by server under load; a server that others could reach starts only if that is meant.
 */

// time limit: 240 s

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/client.js';
import { connect } from '../../src/client/connect.js';
import { createServer } from '../../src/server/embed.js';
import { readSecretFile, writeNewSecret } from '../../src/server/secret-file.js';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { assertLines, quorate } from './commands.js';
import { type ServerProcess, Servers } from './servers.js';

const quick = ['--stabilisation', '200'];
const refused = 'connections refused: they lack the secret of this cluster';

/** A new secret file below the folder of the servers. */
function newSecret(servers: Servers, name: string): string {
  const file = path.join(servers.folder, name);
  writeNewSecret(file);
  return file;
}

async function closedClient(servers: Servers, secretFile: string): Promise<Client> {
  const targets = servers.all.map(({ address }) => address);
  return connect({ targets, timeoutMillis: 15_000, secret: readSecretFile(secretFile) });
}

/** Waits until a client of the closed cluster sees what is wanted. */
async function until(
  client: Client,
  what: string,
  wanted: (status: ClusterStatus) => boolean,
): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  while (Date.now() < giveUpAt) {
    const status = await client.status().catch(() => null);
    if (status !== null && wanted(status)) return;
    // Nothing announces what another process thinks: polling is all there is.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within a minute`);
}

const threeVote = ({ leader, joint, members }: ClusterStatus): boolean =>
  leader !== null &&
  !joint &&
  members.filter(({ role, health }) => role === 'voter' && health === 'alive').length === 3;

test('a closed cluster serves who has the secret, and tells the others in one line', async () => {
  const servers = new Servers(quick);
  try {
    const secretFile = newSecret(servers, 'secret.key');
    const otherFile = newSecret(servers, 'other.key');
    const closed = ['--secret-file', secretFile];
    const first = await servers.add('server1', { flags: closed });
    // A secret is also named by the environment.
    await servers.add('server2', { environment: { QUORATE_SECRET_FILE: secretFile } });
    const told = await first.says('closed to all who lack the secret');
    assert.match(JSON.stringify(told['secretIds']), /^\["[0-9a-f]{16}"\]$/);
    const client = await closedClient(servers, secretFile);
    assert.is((await client.append('a')).seq, 1);
    await until(client, 'both', ({ members }) => members.length === 2);
    await client.close();

    const target = ['-t', first.address, '--timeout', '2s'];
    const good = await quorate(['append', '-c', 'b', ...target, ...closed]);
    assert.is(good.code, 0, good.err);
    const environment = { QUORATE_SECRET_FILE: secretFile };
    assert.is((await quorate(['status', ...target], { environment })).code, 0);

    const without = await quorate(['append', '-c', 'x', ...target]);
    assert.is(without.code, 3);
    const hint = /does not understand this client: it may want a secret \(--secret-file\)/;
    assertLines(without.err, [hint]);
    const wrong = await quorate(['append', '-c', 'x', ...target, '--secret-file', otherFile]);
    assert.is(wrong.code, 3);
    assertLines(wrong.err, [/does not understand this secret: it may have another one/]);
    const warned = await first.says(refused);
    assert.match(String(warned['last']), /^127\.0\.0\.1:\d+$/);
    const none = await quorate(['append', '-c', 'x', ...target, '--secret-file', '/no/such']);
    assert.is(none.code, 2);
    assertLines(none.err, [/\/no\/such: no such file; to make one: quorate secret new/]);

    const digits = [secretFile, otherFile].map((file) => readSecretFile(file).split('\n')[2]);
    const shown = JSON.stringify([first.lines, first.plain, without.err, wrong.err, none.err]);
    for (const one of digits) assert.not.ok(shown.includes(one as string));
  } finally {
    await servers.stopAll();
  }
});

test('a server without the secret, or with another, does not join and says why', async () => {
  const servers = new Servers(quick);
  try {
    const secretFile = newSecret(servers, 'secret.key');
    const first = await servers.add('server1', { flags: ['--secret-file', secretFile] });
    const rows: [string, string[], RegExp][] = [
      ['server2', [], /may want a secret/],
      ['server3', ['--secret-file', newSecret(servers, 'other.key')], /may have another one/],
    ];
    for (const [name, flags, expected] of rows) {
      const server = await servers.place(name);
      await server.start({ peers: [first.address], flags: [...quick, ...flags] });
      await server.says('not in a cluster yet; still asking', {
        where: ({ waitingFor }) => expected.test(String(waitingFor)),
      });
    }
    const client = await closedClient(servers, secretFile);
    assert.is((await client.status()).members.length, 1);
    await client.close();
  } finally {
    await servers.stopAll();
  }
});

/** Appends one record after the other until told to stop; the records that were acknowledged. */
function write(client: Client): { stop: () => Promise<readonly string[]> } {
  let going = true;
  const done = (async () => {
    const acknowledged: string[] = [];
    for (let i = 0; going; i += 1) {
      await client.append(`record ${i}`);
      acknowledged.push(`record ${i}`);
    }
    return acknowledged;
  })();
  return {
    stop: () => {
      going = false;
      return done;
    },
  };
}

async function recordsOf(client: Client): Promise<readonly string[]> {
  const found: string[] = [];
  for (;;) {
    const { records } = await client.read({ from: found.length + 1, limit: 10_000 });
    if (records.length === 0) return found;
    for (const { data } of records) found.push(Buffer.from(data).toString('utf8'));
  }
}

test('the key is changed by rolling restarts, under load, and nothing is lost', async () => {
  const servers = new Servers(quick);
  try {
    const file = path.join(servers.folder, 'secret.key');
    const [oldKey, newKey] = ['old.key', 'new.key'].map((name) =>
      readSecretFile(newSecret(servers, name)),
    ) as [string, string];
    const put = (text: string): void => fs.writeFileSync(file, text, { mode: 0o600 });
    put(oldKey);
    const closed = { flags: ['--secret-file', file] };
    for (const name of ['server1', 'server2', 'server3']) await servers.add(name, closed);
    const targets = servers.all.map(({ address }) => address);
    const options = { targets, timeoutMillis: 15_000 };
    let watcher = await connect({ ...options, secret: oldKey });
    await until(watcher, 'three voters', threeVote);
    // It knows the old key alone until the last step, when it could not stay.
    const writer = await connect({ ...options, secret: oldKey });
    const writing = write(writer);
    let acknowledged: readonly string[] = [];
    for (const step of [oldKey + newKey, newKey + oldKey, newKey]) {
      if (step === newKey) {
        await watcher.close();
        watcher = await connect({ ...options, secret: newKey });
        acknowledged = await writing.stop();
        await writer.close();
      }
      put(step);
      for (const server of servers.all as ServerProcess[]) {
        assert.is(await server.stop(), 0);
        await servers.start(server, closed);
        await until(watcher, `three voters after ${server.name}`, threeVote);
      }
    }
    assert.ok(acknowledged.length > 20, `only ${acknowledged.length} records were written`);
    assert.equal(await recordsOf(watcher), acknowledged);
    const late = await connect({ ...options, timeoutMillis: 1500, secret: oldKey }).catch(
      (error: Error) => error,
    );
    assert.match(String(late), /may have another one/);
    await watcher.close();
  } finally {
    await servers.stopAll();
  }
});

test('an address that others reach wants a secret or --open, and --open warns', async () => {
  const servers = new Servers(quick);
  try {
    const secretFile = newSecret(servers, 'secret.key');
    const server = await servers.place('server1');
    const everywhere = ['--listen', `0.0.0.0:${server.port}`];
    server.launch({ flags: everywhere });
    assert.is(await server.exit(), 2);
    assertLines(server.plain.join('\n'), [/listen: .*0\.0\.0\.0.*--secret-file FILE.*--open/]);
    assert.not.ok(fs.existsSync(server.data), 'no folder was made');
    const warning = 'open to the network: whoever reaches this port may join, read and write';
    await server.start({ flags: [...everywhere, '--open'] });
    await server.says(warning);
    assert.is(await server.stop(), 0);
    const from = server.lines.length;
    await server.start({ flags: [...everywhere, '--secret-file', secretFile] });
    await server.says('closed to all who lack the secret', { from });
    assert.not.ok(server.lines.slice(from).some(({ msg }) => msg === warning));
  } finally {
    await servers.stopAll();
  }
});

test('a server inside a program, and its client, take the text of a secret', async () => {
  const servers = new Servers();
  const secret = readSecretFile(newSecret(servers, 'secret.key'));
  const place = { data: path.join(servers.folder, 'one'), mdns: false };
  const exposed = createServer({ ...place, listen: '0.0.0.0:0' });
  assert.match(await exposed.then(String, (error: Error) => error.message), /^listen: .*--open/);
  const server = await createServer({ ...place, listen: '127.0.0.1:0', secret });
  try {
    const targets = server.addresses;
    const client = await connect({ targets, secret });
    assert.is((await client.append('inside')).seq, 1);
    await client.close();
    const refusal = await connect({ targets, timeoutMillis: 1000 }).catch((error: Error) => error);
    assert.match(String(refusal), /may want a secret/);
    const faulty = await connect({ targets, secret: 'hunter2' }).catch((error: Error) => error);
    assert.match(String(faulty), /this is no secret: line 1/);
    assert.not.match(String(faulty), /hunter2/);
  } finally {
    await server.stop();
    await servers.stopAll();
  }
});

test('secret new makes one and says its id; show-id tells keys apart and shows none', async () => {
  const servers = new Servers();
  try {
    const file = path.join(servers.folder, 'made.key');
    const made = await quorate(['secret', 'new', file]);
    assert.is(made.code, 0, made.err);
    const [, id] = /a secret with id ([0-9a-f]{16});/.exec(made.out) ?? [];
    const again = await quorate(['secret', 'new', file]);
    assert.is(again.code, 1);
    assertLines(again.err, [/made\.key is there already and is left as it is/]);
    fs.appendFileSync(file, readSecretFile(newSecret(servers, 'next.key')));
    const shown = await quorate(['secret', 'show-id', file]);
    assert.match(shown.out, new RegExp(`^${id} {2}spoken\n[0-9a-f]{16} {2}understood\n$`));
    const asJson = await quorate(['secret', 'show-id', file, '--json']);
    assert.is(JSON.parse(asJson.out).ids[0], id);
    for (const line of readSecretFile(file)
      .split('\n')
      .filter((one) => one.length === 64)) {
      assert.not.ok([made.out, shown.out, asJson.out].join('').includes(line));
    }
    fs.chmodSync(file, 0o644);
    const open = await quorate(['secret', 'show-id', file]);
    assert.is(open.code, 1);
    assertLines(open.err, [/others may read it \(mode 0644\): chmod 600/]);
  } finally {
    await servers.stopAll();
  }
});

test.run();
