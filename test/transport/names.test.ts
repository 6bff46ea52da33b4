/**
 * Addresses may be names, and a name may come to mean another machine: it is resolved at every dial
 * of a kept peer and at every probe, with nothing remembered.
 */

import type { LookupAddress } from 'node:dns';
import resolver from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { CollectedLog, Owner, realClock, within } from './transport-world.js';

const test = suite('names of servers');

/** What each name means now. */
const names = new Map<string, readonly string[]>();
let asked = 0;

const real = resolver.lookup;

async function lookup(name: string): Promise<LookupAddress[]> {
  asked += 1;
  const addresses = names.get(name);
  if (addresses === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
  return addresses.map((address) => ({ address, family: 4 }));
}

test.before(() => {
  resolver.lookup = lookup as unknown as typeof real;
  syncBuiltinESMExports();
});

test.after(() => {
  resolver.lookup = real;
  syncBuiltinESMExports();
});

async function start(
  name: string,
  where: { host: string; port: number; privateKey?: Uint8Array },
): Promise<{ transport: Transport; owner: Owner }> {
  const privateKey = where.privateKey ?? (await generatePeerKey());
  const transport = createTransport(
    { mdns: false, clusterName: 'test', redialMillisMax: 200, ...where, privateKey },
    { clock: realClock, log: new CollectedLog(), seed: 1 },
  );
  const owner = new Owner(name);
  await within(transport.start(owner), 'start');
  return { transport, owner };
}

const portOf = (transport: Transport): number =>
  Number(transport.addresses()[0]?.split(':').at(-1));

test('a kept peer is found again when its name means another address', async () => {
  const privateKey = await generatePeerKey();
  const a = await start('a', { host: '127.0.0.1', port: 0 });
  let b = await start('b', { host: '127.0.0.2', port: 0, privateKey });
  const { self } = b.transport;
  const port = portOf(b.transport);
  try {
    // Unknown at first, then wrong, then right.
    a.transport.keep(self, [`moving.test:${port}`]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(asked >= 2, `it was asked ${asked} times`);
    names.set('moving.test', ['127.0.0.9']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.not.ok(a.transport.isLinked(self));
    names.set('moving.test', ['127.0.0.9', '127.0.0.2']);
    await a.owner.until(() => a.transport.isLinked(self), 'the link');

    await within(b.transport.stop(), 'stop');
    await a.owner.until(() => a.owner.count(`down ${self}`) === 1, 'link down');
    b = await start('b again', { host: '127.0.0.3', port, privateKey });
    const before = asked;
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.not.ok(a.transport.isLinked(self), 'the old address led to it');
    names.set('moving.test', ['127.0.0.3']);
    await a.owner.until(() => a.owner.count(`up ${self}`) === 2, 'the second link');
    assert.ok(asked > before + 1, 'each dial asks');
  } finally {
    await within(Promise.all([a.transport.stop(), b.transport.stop()]), 'stop');
  }
});

test('a probe asks each time', async () => {
  const a = await start('a', { host: '127.0.0.1', port: 0 });
  const b = await start('b', { host: '127.0.0.1', port: 0 });
  const c = await start('c', { host: '127.0.0.2', port: portOf(b.transport) });
  const probe = async (): Promise<string> => {
    const address = `probed.test:${portOf(b.transport)}`;
    return (await a.transport.probe(address, AbortSignal.timeout(4000))).peer;
  };
  try {
    names.set('probed.test', ['127.0.0.1']);
    assert.is(await within(probe(), 'the first'), b.transport.self);
    names.set('probed.test', ['127.0.0.2']);
    assert.is(await within(probe(), 'the second'), c.transport.self);
  } finally {
    await within(Promise.all([a, b, c].map((one) => one.transport.stop())), 'stop');
  }
});

test.run();
