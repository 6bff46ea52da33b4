/**
 * Whether multicast passes on this machine: a datagram to a group, with a lifetime of 0, comes back
 * to the socket that sent it. Where it does not, mDNS finds nobody and servers need PEERS. It asks
 * the system and none of our own code, whose faults must not pass for a missing route.
 */

import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** The group that mDNS uses (RFC 6762); the port is one of our own. */
const group = '224.0.0.251';

/** On one machine it takes less than a millisecond. */
const waitMillis = 1000;

/** Null when multicast passes, else why it does not. */
export function multicastFault(): Promise<string | null> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    const done = (fault: string | null): void => {
      clearTimeout(timer);
      socket.close();
      resolve(fault);
    };
    const timer = setTimeout(() => done('a datagram to the group does not arrive'), waitMillis);
    socket.once('error', (error) => done(error.message));
    socket.once('message', () => done(null));
    socket.bind(0, () => {
      try {
        socket.addMembership(group);
        socket.setMulticastTTL(0);
      } catch (error) {
        return done((error as Error).message);
      }
      const { port } = socket.address() as AddressInfo;
      socket.send('quorate', port, group);
    });
  });
}
