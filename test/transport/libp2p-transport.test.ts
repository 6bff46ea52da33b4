/**
 * The real transport keeps the contract, over sockets of this machine.
 */

import { createServer } from 'node:net';
import { suite } from 'uvu';
import { createClientDialer } from '../../src/transport/client-dialer.js';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import type { ClientDialer, Transport } from '../../src/transport/transport.js';
import type { TransportOptions } from '../../src/transport/transport-options.js';
import type { ContractWorld } from './contract-world.js';
import { transportContract } from './transport-contract.js';
import { CollectedLog, realClock, within } from './transport-world.js';

const test = suite('the transport over libp2p');

const queueBytesMax = 512 * 1024;

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function createWorld(cork: boolean): ContractWorld {
  const options = new Map<string, TransportOptions>();
  const transports: Transport[] = [];
  const dialers: ClientDialer[] = [];
  const create = (of: TransportOptions): Transport => {
    const seed = transports.length;
    const transport = createTransport(of, { clock: realClock, log: new CollectedLog(), seed });
    options.set(transport.self, of);
    transports.push(transport);
    return transport;
  };
  return {
    queueBytesMax,
    create: async () =>
      create({
        privateKey: await generatePeerKey(),
        host: '127.0.0.1',
        port: await freePort(),
        mdns: false,
        clusterName: 'test',
        cork,
        unkeptMillisMax: 1000,
        consensusQueueBytesMax: queueBytesMax,
        forwardQueueBytesMax: queueBytesMax,
      }),
    recreate: async (old) => create(options.get(old.self) as TransportOptions),
    dialer: () => {
      const dialer = createClientDialer({ cork, queueBytesMax }, { clock: realClock });
      dialers.push(dialer);
      return dialer;
    },
    deadAddress: async () => `127.0.0.1:${await freePort()}`,
    end: async () => {
      const stopped = [...dialers, ...transports].map((one) => one.stop());
      await within(Promise.all(stopped), 'the end of the world');
    },
  };
}

for (const cork of [true, false]) {
  transportContract(
    // Twice the same names: uvu takes them, the suite's name says which.
    Object.assign(
      (name: string, body: () => Promise<void>) =>
        test(`${cork ? 'corked' : 'uncorked'}: ${name}`, body),
      test,
    ),
    (body) => async () => {
      const world = createWorld(cork);
      try {
        await body(world);
      } finally {
        await world.end();
      }
    },
  );
}

test.run();
