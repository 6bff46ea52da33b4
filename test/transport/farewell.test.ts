/**
 * A server that stops says farewell to everybody at once, however many they are, and its process
 * stays silent: what Node warns of goes to the operator's terminal.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { CollectedLog, Owner, realClock, within } from './transport-world.js';

/** More than Node lets listen to one signal without a warning. */
const peers = 12;

async function start(name: string): Promise<{ transport: Transport; owner: Owner }> {
  const privateKey = await generatePeerKey();
  const transport = createTransport(
    { privateKey, host: '127.0.0.1', port: 0, mdns: false, clusterName: 'test' },
    { clock: realClock, log: new CollectedLog(), seed: 1 },
  );
  const owner = new Owner(name);
  await within(transport.start(owner), 'start');
  return { transport, owner };
}

test('a stop that ends many links warns of nothing, and all hear of it', async () => {
  const warnings: string[] = [];
  const hear = ({ message }: Error): void => {
    warnings.push(message);
  };
  const { transport, owner } = await start('middle');
  const others = await Promise.all(Array.from({ length: peers }, (_, i) => start(`other ${i}`)));
  process.on('warning', hear);
  try {
    for (const other of others) transport.keep(other.transport.self, other.transport.addresses());
    await owner.until(() => others.every((one) => transport.isLinked(one.transport.self)), 'links');
    await within(transport.stop(), 'stop');
    const down = `down ${transport.self}`;
    for (const other of others) await other.owner.until(() => other.owner.count(down) === 1, down);
  } finally {
    await Promise.all(others.map((other) => within(other.transport.stop(), 'the others stop')));
    process.off('warning', hear);
  }
  assert.equal(warnings, []);
});

test.run();
