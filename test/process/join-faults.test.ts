/**
 * PEERS that name the wrong thing, with real processes: the server says of each what is wrong, in
 * one line, goes on asking, can be asked how it stands and stopped at once, and joins as soon as a
 * right one is there.
 */

// time limit: 120 s

import * as http from 'node:http';
import * as net from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  freePort,
  type LogLine,
  recordsAt,
  type ServerProcess,
  Servers,
  statusAt,
} from './servers.js';

const quick = ['--stabilisation', '300'];
const asking = 'not in a cluster yet; still asking';

/** What is wrong with an address: how to set it up, and what the server should say of it. */
interface Wrong {
  readonly what: string;
  readonly address: string;
  readonly said: RegExp;
}

test('PEERS that are none are told one by one; when a right one is there it joins', async () => {
  const servers = new Servers(quick);
  const others: net.Server[] = [];
  try {
    const first = await servers.place('server1');
    const second = await servers.place('server2');
    const wrong = await wrongPeers(others, second);
    second.launch({
      peers: [...wrong.map(({ address }) => address), first.address],
      flags: quick,
    });
    const line = await second.says(asking, { millis: 30_000 });
    const waitingFor = String(line['waitingFor']);
    for (const { what, address, said } of wrong) {
      const finding = waitingFor.split(/; (?=\S+:\d+: )/).find((one) => one.includes(address));
      assert.match(finding ?? '', said, `${what}: ${waitingFor}`);
    }
    assert.match(waitingFor, new RegExp(`${first.address}: connection refused`));
    // It can be asked how it stands, while it waits.
    const status = await statusAt(second.address);
    assert.is(status.self.role, 'joining');
    assert.match(String(status.self.waitingFor), /a cluster to join/);
    assert.equal(second.plain, []);
    await first.start({ flags: quick });
    await second.says('joined the cluster', { millis: 30_000 });
    const client = await servers.client();
    await client.append('together');
    assert.equal(await recordsAt(second.address), ['together']);
    const saidTwice = second.lines.filter((one) => one['waitingFor'] === waitingFor);
    assert.is(saidTwice.length, 1, 'the same news is told once');
  } finally {
    await servers.stopAll();
    for (const other of others) other.close();
  }
});

test('a peer of another cluster is told so on both sides, and neither is changed', async () => {
  const servers = new Servers(quick);
  try {
    const mine = await servers.place('server1');
    await mine.start({ flags: ['--cluster', 'one'] });
    const other = await servers.place('server2');
    await other.start({ peers: [mine.address], flags: ['--cluster', 'two'] });
    const line = await other.says(asking);
    assert.match(String(line['waitingFor']), /clusters differ: .*"one"/);
    await mine.says('greeting refused', { where: ({ reason }) => /"one"/.test(String(reason)) });
    assert.is((await statusAt(mine.address)).members.length, 1);
    assert.is((await statusAt(other.address)).self.role, 'joining');
  } finally {
    await servers.stopAll();
  }
});

test('two that only name each other wait, until --leader says who founds', async () => {
  const servers = new Servers(quick);
  try {
    const one = await servers.place('server1');
    const two = await servers.place('server2');
    await servers.start(one);
    await servers.start(two);
    const inNone = /server\d is in no cluster yet/;
    const isTold = (line: LogLine): boolean => inNone.test(String(line['waitingFor']));
    await one.says(asking, { where: isTold });
    await two.says(asking, { where: isTold });
    await one.kill();
    await servers.start(one, { flags: ['--leader'] });
    await one.says('founded a cluster');
    await two.says('joined the cluster');
    const status = await servers.until('both', ({ members }) => members.length === 2);
    assert.is(status.leader?.name, 'server1');
  } finally {
    await servers.stopAll();
  }
});

test('SIGTERM while joining ends within a second, and the folder can join later', async () => {
  const servers = new Servers(quick);
  const others: net.Server[] = [];
  try {
    const silent = await listen(net.createServer((socket) => socket.on('error', () => {})));
    others.push(silent);
    const server = await servers.place('server2');
    await server.start({ peers: [addressOf(silent)] });
    const begun = performance.now();
    assert.is(await server.stop(), 0);
    const millis = performance.now() - begun;
    assert.ok(millis < 1000, `stopped in ${Math.round(millis)} ms`);
    assert.equal(server.plain, []);
    const first = await servers.add('server1', { peers: [] });
    await server.start({ peers: [first.address] });
    await server.says('joined the cluster');
  } finally {
    await servers.stopAll();
    for (const other of others) other.close();
  }
});

test('all servers come back under other ports, and find each other by PEERS', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    await client.append('before');
    await client.close();
    await Promise.all(servers.all.map((server) => server.stop()));
    const moved: ServerProcess[] = [];
    for (const { name } of [...servers.all]) {
      const again = await servers.place(name);
      moved.push(again);
    }
    const peers = moved.map(({ address }) => address);
    await Promise.all(moved.map((server) => server.start({ peers, flags: quick })));
    await servers.untilVoters(3, 20_000);
    await servers.until('all are known where they are now', ({ members }) =>
      moved.every(({ name, address }) => {
        const found = members.find((member) => member.name === name);
        return found?.addresses.includes(address) === true;
      }),
    );
    await (await servers.client()).append('after');
    for (const server of moved) assert.equal(await recordsAt(server.address), ['before', 'after']);
  } finally {
    await servers.stopAll();
  }
});

/** Addresses at which there is no server of ours; what listens there is added to `others`. */
async function wrongPeers(others: net.Server[], self: ServerProcess): Promise<readonly Wrong[]> {
  const web = await listen(http.createServer((_request, response) => response.end('hello')));
  const silent = await listen(net.createServer((socket) => socket.on('error', () => {})));
  const shell = await listen(
    net.createServer((socket) => {
      socket.on('error', () => {});
      socket.write('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n');
    }),
  );
  const closing = await listen(net.createServer((socket) => socket.destroy()));
  others.push(web, silent, shell, closing);
  const notOurs = /not a Quorate server|no answer in time/;
  return [
    { what: 'a web server', address: addressOf(web), said: /not a Quorate server/ },
    { what: 'one that is silent', address: addressOf(silent), said: /no answer in time/ },
    { what: 'a secure shell', address: addressOf(shell), said: notOurs },
    { what: 'one that hangs up', address: addressOf(closing), said: /not a Quorate|reset|closed/ },
    { what: 'a name of nobody', address: 'nobody.invalid:5555', said: /does not resolve/ },
    {
      what: 'a port of nobody',
      address: `127.0.0.1:${await freePort()}`,
      said: /connection refused.*nothing listens there/,
    },
    { what: 'itself', address: self.address, said: /this server itself/ },
  ];
}

function listen<T extends net.Server>(server: T): Promise<T> {
  // Nothing here shall keep the test alive.
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function addressOf(server: net.Server): string {
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

test.run();
