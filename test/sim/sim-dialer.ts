/**
 * The `ClientDialer` of a process in the false network: how the client library gets its streams.
 * It repeats nothing and knows no servers; a dial that is given up closes what it may still get.
 */

import type { ClientDialer, ClientStream } from '../../src/transport/transport.js';
import type { Party } from './connection.js';
import type { Network } from './network.js';
import { SimClientStream } from './sim-client-stream.js';

const dialMillisMax = 3000;

/** A dialer for `party`. @param bytesMax what may be under way on a stream before it refuses. */
export function simDialer(party: Party, network: Network, bytesMax: number): ClientDialer {
  const streams = new Set<ClientStream>();
  return {
    dial: (address, signal) =>
      new Promise<ClientStream>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error(`${address}: given up`)));
        network.dial(party, address, 'client', dialMillisMax, (end, reason) => {
          if (end === null) return reject(new Error(reason));
          if (signal.aborted) return network.close(end, 'given up');
          const names = { peer: end.connection.answerer, address };
          const stream = new SimClientStream(end, names, { bytesMax, network });
          streams.add(stream);
          resolve(stream);
        });
      }),
    stop: async () => {
      for (const stream of streams) stream.close();
    },
  };
}
