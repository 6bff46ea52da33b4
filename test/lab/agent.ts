/**
 * The agent, a process within a host: does what it is asked over the channel to the lab, and ends
 * with the lab. It uses the built client library, as a program on that machine would.
 */

import * as dgram from 'node:dgram';
import type { Client } from '../../src/client/client.js';
import type { ConnectOptions } from '../../src/client/options.js';
import type { AgentAnswer, AgentAsk, AgentCalls } from './agent-calls.js';
import { Flood } from './flood.js';
import { type Connect, Load, readAll, textOf } from './load.js';
import { watchTables } from './table-watch.js';

const built = new URL('../../dist/index.js', import.meta.url).href;

/** The library takes a second to load, and not every agent needs it. */
const connect: Connect = async (options) => {
  const library = (await import(built)) as { readonly connect: Connect };
  return library.connect(options);
};

/** How long packets that were sent may take to be read, milliseconds: they wait in the socket. */
const settleMillis = 100;

let load: Load | null = null;
let flood: Flood | null = null;
let socket: dgram.Socket | null = null;
let datagrams = 0;

async function withClient<T>(
  options: ConnectOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(options);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** Of one server, whoever leads. */
function withServer<T>(
  address: string,
  millis: number,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const options = { targets: [address], timeoutMillis: millis, preferLeader: false };
  return withClient(options, work);
}

async function appliedRecords(client: Client): Promise<readonly string[]> {
  const found: string[] = [];
  for (;;) {
    const from = found.length + 1;
    const { records } = await client.read({ from, limit: 10_000, consistency: 'stale' });
    if (records.length === 0) return found;
    for (const { data } of records) found.push(textOf(data));
  }
}

async function send(to: string, port: number, count: number): Promise<null> {
  const from = dgram.createSocket('udp4');
  for (let i = 0; i < count; i++) {
    // One after the other: a full socket buffer must not be taken for a lossy network.
    await new Promise<void>((resolve) => from.send('datagram', port, to, () => resolve()));
    if (i % 10 === 9) await new Promise((turn) => setTimeout(turn, 1));
  }
  await new Promise<void>((closed) => from.close(closed));
  return null;
}

async function listen(port: number): Promise<null> {
  const one = dgram.createSocket('udp4');
  socket?.close();
  socket = one;
  datagrams = 0;
  one.on('message', () => {
    datagrams += 1;
  });
  await new Promise<void>((bound) => one.bind(port, bound));
  return null;
}

const calls: {
  readonly [Call in keyof AgentCalls]: (
    ask: AgentCalls[Call]['ask'],
  ) => Promise<AgentCalls[Call]['give']>;
} = {
  status: ({ address }) => withServer(address, 2000, (client) => client.status()),
  recordsAt: ({ address }) => withServer(address, 10_000, appliedRecords),
  readAll: ({ targets }) => withClient({ targets, timeoutMillis: 15_000 }, readAll),
  append: ({ targets, data, timeoutMillis }) =>
    withClient({ targets, timeoutMillis }, async (client) => (await client.append(data)).seq),
  remove: ({ targets, member }) =>
    withClient({ targets, timeoutMillis: 15_000 }, (client) => client.removeMember(member)),
  startLoad: async (order) => {
    load = await Load.start(order, connect);
    return null;
  },
  stopLoad: async () => (await load?.stop()) ?? [],
  startFlood: async (order) => {
    flood = await Flood.start(order, connect);
    return null;
  },
  stopFlood: async () => {
    if (flood === null) throw new Error('there is no flood');
    return flood.stop();
  },
  watchTables: (order) => watchTables(order, connect),
  listen: ({ port }) => listen(port),
  send: ({ to, port, count }) => send(to, port, count),
  heard: async () => {
    await new Promise((wake) => setTimeout(wake, settleMillis));
    return datagrams;
  },
};

async function answer({ id, call, ask }: AgentAsk): Promise<AgentAnswer> {
  try {
    return { id, give: await calls[call](ask as never) };
  } catch (error) {
    return { id, fault: error instanceof Error ? error.message : String(error) };
  }
}

process.on('message', (message: AgentAsk) => {
  answer(message).then(
    (told) => process.send?.(told),
    (error: Error) => process.emitWarning(error),
  );
});
process.on('disconnect', () => process.exit());
