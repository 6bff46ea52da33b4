/**
 * What the parts of the transport's contract share: how an implementation presents itself to the
 * suite, and how two peers are linked.
 */

import type { ClientDialer, Transport } from '../../src/transport/transport.js';
import { bytes, Owner, within } from './transport-world.js';

/** A server of the suite. */
export interface Peer {
  readonly transport: Transport;
  readonly owner: Owner;
}

/** What an implementation gives the suite. */
export interface ContractWorld {
  /** A transport that is not started, with a key and an address of its own. */
  create(name: string): Promise<Transport>;
  /** One at the address and with the key of another, which was stopped. */
  recreate(old: Transport): Promise<Transport>;
  dialer(): ClientDialer;
  /** An address where nobody listens. */
  deadAddress(): Promise<string>;
  /** Bytes that may wait on `forward` and `consensus`, and for a client. */
  readonly queueBytesMax: number;
  /** Stops everything that was created. */
  end(): Promise<void>;
}

/** Runs `body` with a world, and ends it whatever happens. */
export type InWorld = (body: (world: ContractWorld) => Promise<void>) => () => Promise<void>;

export async function start(world: ContractWorld, name: string): Promise<Peer> {
  const transport = await world.create(name);
  const owner = new Owner(name);
  await within(transport.start(owner), 'start');
  owner.addresses = transport.addresses();
  return { transport, owner };
}

export async function linked(world: ContractWorld): Promise<[Peer, Peer]> {
  const a = await start(world, 'a');
  const b = await start(world, 'b');
  a.transport.keep(b.transport.self, b.transport.addresses());
  await bothUp(a, b);
  return [a, b];
}

export async function bothUp(a: Peer, b: Peer): Promise<void> {
  await a.owner.until(() => a.owner.count(up(b)) > a.owner.count(down(b)), 'link to b');
  await b.owner.until(() => b.owner.count(up(a)) > b.owner.count(down(a)), 'link to a');
}

export const up = (peer: Peer): string => `up ${peer.transport.self}`;
export const down = (peer: Peer): string => `down ${peer.transport.self}`;

/** Enough frames of 1 KiB to overflow a queue, each with its number in front. */
export function flood(world: ContractWorld): Uint8Array[] {
  const count = Math.ceil(world.queueBytesMax / 1024) + 64;
  return Array.from({ length: count }, (_, i) => bytes(String(i).padStart(1024)));
}

export const quick = (): AbortSignal => AbortSignal.timeout(4000);

export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await within(promise, 'a rejection');
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not reject');
}
