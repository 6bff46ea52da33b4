/**
 * The false network keeps the contract of the transport, while nobody breaks it: the same suite as
 * for the real one and the one in memory. Its time goes with the real time here, for the suite
 * waits by real clocks.
 */

import { suite } from 'uvu';
import { Rng } from '../../src/base/rng.js';
import type { ClientDialer, Transport } from '../../src/transport/transport.js';
import type { ContractWorld } from '../transport/contract-world.js';
import { transportContract } from '../transport/transport-contract.js';
import { Network } from './network.js';
import { Scheduler } from './scheduler.js';
import { simDialer } from './sim-dialer.js';
import { SimProcess } from './sim-process.js';
import { SimTransport } from './sim-transport.js';
import { Trace } from './trace.js';

const test = suite('the false network');

const queueBytesMax = 512 * 1024;

/** A network whose time goes with the real one: the suite waits by real clocks. */
function createWorld(): ContractWorld {
  const scheduler = new Scheduler();
  const rng = new Rng(1);
  const trace = new Trace(scheduler, 0);
  const latency = { latencyMillisMin: 0.1, latencyMillisSpread: 0.2, tailEvery: 0, tailMillis: 1 };
  const habits = { ...latency, publicationsLostEvery: 0 };
  const network = new Network(habits, { scheduler, rng, gossipRng: rng, trace });
  const begun = performance.now();
  const clock = setInterval(() => scheduler.run(performance.now() - begun), 1);
  const transports: Transport[] = [];
  const dialers: ClientDialer[] = [];
  let hosts = 0;
  const party = (name: string): { host: number; process: SimProcess } => {
    hosts += 1;
    return { host: hosts, process: new SimProcess(name, hosts, scheduler) };
  };
  const create = (peer: string, address: string): Transport => {
    const transport = new SimTransport(peer, address, {
      ...party(peer),
      network,
      habits: {
        lossPermille: 0,
        doublingPermille: 0,
        delayPermille: 0,
        delayMillisMax: 0,
        consensusQueueBytesMax: queueBytesMax,
        queueBytesMax,
        unkeptMillisMax: 1000,
      },
      below: (bound) => rng.below(bound),
      sending: () => {},
    });
    transports.push(transport);
    return transport;
  };
  return {
    queueBytesMax,
    create: async (name) => create(`peer-${name}`, `${name}:1`),
    recreate: async (old) => create(old.self, old.addresses()[0] as string),
    dialer: () => {
      const dialer = simDialer(party('client'), network, queueBytesMax);
      dialers.push(dialer);
      return dialer;
    },
    deadAddress: async () => 'nobody:1',
    end: async () => {
      for (const dialer of dialers) await dialer.stop();
      for (const transport of transports) await transport.stop();
      clearInterval(clock);
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
