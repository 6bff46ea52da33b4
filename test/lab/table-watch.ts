/**
 * When servers come to know where a member is, within an agent: asks each of them for its status,
 * over a link that stays, until its table shows the member at the address. Nothing announces what
 * another process thinks, so asking again is all there is; a moment is late by one pause at most.
 */

import type { Client } from '../../src/client/client.js';
import type { WatchOrder } from './agent-calls.js';
import type { Connect } from './load.js';

/** From an answer to the next question, milliseconds: a server answers without noticing it. */
const pauseMillis = 20;

/**
 * The moments at which the servers were first seen to know, in their order, by the wall clock in
 * milliseconds.
 * @throws Error when one does not come to know it in time; QuorateError when one does not answer.
 */
export async function watchTables(order: WatchOrder, connect: Connect): Promise<readonly number[]> {
  const { watchers, timeoutMillis } = order;
  const options = { timeoutMillis, preferLeader: false };
  const linked = watchers.map((address) => connect({ ...options, targets: [address] }));
  const clients = await Promise.all(linked);
  try {
    const giveUpAt = Date.now() + timeoutMillis;
    return await Promise.all(clients.map((client) => knownAt(client, order, giveUpAt)));
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function knownAt(
  client: Client,
  { member, address }: WatchOrder,
  giveUpAt: number,
): Promise<number> {
  for (;;) {
    const { members, self } = await client.status();
    const now = Date.now();
    if (members.some((one) => one.name === member && one.addresses.includes(address))) return now;
    if (now > giveUpAt) throw new Error(`${self.name} does not know ${member} at ${address}`);
    await new Promise((wake) => setTimeout(wake, pauseMillis));
  }
}
