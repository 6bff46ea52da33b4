/**
 * The network in memory keeps the contract of the transport.
 */

import { suite } from 'uvu';
import type { ClientDialer, Transport } from '../../src/transport/transport.js';
import type { ContractWorld } from './contract-world.js';
import { MemoryNetwork } from './memory-transport.js';
import { transportContract } from './transport-contract.js';
import { realClock } from './transport-world.js';

const test = suite('the network in memory');

const queueBytesMax = 512 * 1024;

function createWorld(): ContractWorld {
  const network = new MemoryNetwork({
    clock: realClock,
    redialMillis: 20,
    unkeptMillisMax: 1000,
    consensusQueueBytesMax: queueBytesMax,
    queueBytesMax,
  });
  const transports: Transport[] = [];
  const dialers: ClientDialer[] = [];
  const create = (peer: string, address: string): Transport => {
    const transport = network.createTransport(peer, address);
    transports.push(transport);
    return transport;
  };
  return {
    queueBytesMax,
    create: async (name) => create(`peer-${name}`, `${name}:1`),
    recreate: async (old) => create(old.self, old.addresses()[0] as string),
    dialer: () => {
      const dialer = network.createClientDialer();
      dialers.push(dialer);
      return dialer;
    },
    deadAddress: async () => 'nobody:1',
    end: async () => {
      for (const dialer of dialers) await dialer.stop();
      for (const transport of transports) await transport.stop();
    },
  };
}

transportContract(test, (body) => async () => {
  const world = createWorld();
  try {
    await body(world);
  } finally {
    await world.end();
  }
});

test.run();
