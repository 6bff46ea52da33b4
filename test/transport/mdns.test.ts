/**
 * Servers find each other on this machine by mDNS when the machine lets them, and only those of the
 * same cluster name. Where multicast does not work at all, the warning is what is tested.
 */

import { createSocket } from 'node:dgram';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { askAgain, type LocalDiscovery, startDiscovery } from '../../src/transport/mdns.js';
import { generatePeerKey, peerIdOfKey } from '../../src/transport/peer-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { completeOptions } from '../../src/transport/transport-options.js';
import { HandClock } from '../replica/hand-clock.js';
import { CollectedLog, Owner, realClock, within } from './transport-world.js';

/** A port of our own, so that nobody else's mDNS on this machine takes part. */
const mdnsPort = 15_353;

interface Server {
  readonly transport: Transport;
  readonly owner: Owner;
  readonly log: CollectedLog;
}

async function start(name: string, clusterName: string, mdnsIntervalMillis = 300): Promise<Server> {
  const log = new CollectedLog();
  const privateKey = await generatePeerKey();
  const where = { privateKey, host: '127.0.0.1', port: 0, mdns: true, clusterName };
  const options = { ...where, mdnsPort, mdnsIntervalMillis };
  const transport = createTransport(options, { clock: realClock, log, seed: 1 });
  const owner = new Owner(name);
  await within(transport.start(owner), 'start');
  return { transport, owner, log };
}

/** Whether a datagram to the group comes back on this machine. */
async function multicastWorks(): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    const received = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', () => resolve());
      socket.bind(mdnsPort + 1, () => {
        try {
          socket.addMembership('224.0.0.251');
          socket.send('x', mdnsPort + 1, '224.0.0.251', (error) => error && reject(error));
        } catch (error) {
          reject(error);
        }
      });
    });
    await within(received, 'a datagram', 1000);
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

const works = await multicastWorks();
if (!works) console.log('multicast does not work on this machine: discovery itself is not tested');

test('servers of one cluster name find each other, and no others, and not themselves', async () => {
  const [a, b, other] = await Promise.all([
    start('a', 'red'),
    start('b', 'red'),
    start('other', 'blue'),
  ]);
  const found = (from: Server, to: Server): boolean =>
    from.owner.told.some((line) => line.startsWith(`discovered ${to.transport.self}`));
  try {
    if (!works) return;
    await a.owner.until(() => found(a, b), 'b', 8000);
    await b.owner.until(() => found(b, a), 'a', 8000);
    const expected = `discovered ${b.transport.self} ${b.transport.addresses()[0]}`;
    assert.ok(a.owner.told.includes(expected), a.owner.told.join('\n'));
    // Three more rounds of questions and answers.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.not.ok(found(a, other) || found(other, a) || found(other, b), 'another cluster');
    assert.not.ok(found(a, a) || found(b, b), 'itself');
    assert.is(a.owner.told.length, 1, 'a known peer is not told again and again');
  } finally {
    const all = [a, b, other].map((server) => server.transport.stop());
    await within(Promise.all(all), 'stop');
  }
});

test('three find each other by their first question, long before the second', async () => {
  const servers: Server[] = [];
  for (const name of ['a', 'b', 'c']) servers.push(await start(name, 'green', 60_000));
  const found = (from: Server, to: Server): boolean =>
    from.owner.told.some((line) => line.startsWith(`discovered ${to.transport.self}`));
  try {
    if (!works) return;
    for (const from of servers) {
      const others = servers.filter((other) => other !== from);
      // Measured: 40 ms; the rest is for a busy machine.
      await from.owner.until(() => others.every((to) => found(from, to)), 'both others', 2000);
    }
  } finally {
    await within(Promise.all(servers.map((server) => server.transport.stop())), 'stop');
  }
});

test('it asks three times in the first seconds, and no more once it is stopped', () => {
  for (const stopMillis of [Number.POSITIVE_INFINITY, 2000]) {
    const clock = new HandClock();
    const asked: number[] = [];
    const again = askAgain(clock, () => asked.push(clock.monotonicMillis()));
    for (let millis = 0; millis < 20_000; millis += 100) {
      if (millis === stopMillis) again.cancel();
      clock.pass(100);
    }
    // The first question is the package's own.
    assert.equal(asked, stopMillis === 2000 ? [1000] : [1000, 3000]);
  }
});

test('a lost answer costs a second, not an interval', async () => {
  const clock = new HandClock();
  let asked = 0;
  let isDeaf = true;
  const [old, young] = [peerIdOfKey(await generatePeerKey()), peerIdOfKey(await generatePeerKey())];
  const found: string[] = [];
  let wake = (): void => {};
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      await within(
        new Promise<void>((resolve) => {
          wake = resolve;
        }),
        what,
      );
    }
  };
  const begin = async (self: string, multiaddrs: () => Multiaddr[]): Promise<LocalDiscovery> => {
    const where = { host: '127.0.0.1', port: 1, mdns: true, clusterName: 'lossy' };
    const privateKey = new Uint8Array(0);
    const options = { ...where, privateKey, mdnsPort, mdnsIntervalMillis: 600_000 };
    return startDiscovery({
      options: completeOptions(options),
      clock,
      log: new CollectedLog(),
      self,
      host: '127.0.0.1',
      multiaddrs,
      discovered: (peer) => {
        if (self === young) found.push(peer);
        wake();
      },
    });
  };
  const at = (peer: string): Multiaddr => multiaddr(`/ip4/127.0.0.1/tcp/4001/p2p/${peer}`);
  const answering = await begin(old, () => {
    asked += 1;
    wake();
    return isDeaf ? [] : [at(old)];
  });
  try {
    if (!works) return;
    await until('its own question', () => asked > 0);
    const before = asked;
    const asking = await begin(young, () => [at(young)]);
    try {
      await until('the question', () => asked > before);
      isDeaf = false;
      assert.equal(found, []);
      clock.pass(1000);
      await until('the answer to the second question', () => found.includes(old));
    } finally {
      await within(asking.stop(), 'stop');
    }
  } finally {
    await within(answering.stop(), 'stop');
  }
  assert.is(clock.waiting, 0, 'questions that would be asked after the end');
});

test('without a route for multicast, start succeeds and warns once', async () => {
  const { log, transport } = await start('alone', 'red');
  const warnings = log.lines.filter((line) => line.level === 'warn').length;
  assert.ok(warnings <= 1, `${warnings} warnings`);
  if (works) assert.is(warnings, 0);
  await within(transport.stop(), 'stop');
});

test.run();
