/**
 * Asks the system whether a server could listen where it is told to, before anything durable is
 * made. A start that founds a cluster and then fails for its port would leave a cluster of one in
 * the data folder, and the next start, with PEERS this time, would go on in that instead of joining
 * theirs. It only asks: the port is the transport's to take, and may be gone by then.
 */

import * as net from 'node:net';
import { listenFault } from '../transport/listen-fault.js';

/**
 * Listens for a moment.
 * @param port 0 takes any.
 * @throws QuorateError with one line that names the address and says what to do.
 */
export function checkPort(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', (error) => reject(listenFault(error, host, port)));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}
