/**
 * What can be seen of servers from outside: who was elected and when, by their log lines; which
 * records a server holds itself, by stale reads that no other server can answer in its place.
 */

import type { Client } from '../../src/client/client.js';
import { connect } from '../../src/client/connect.js';
import type { LogLine, ServerProcess, Servers } from '../process/servers.js';

/** An election that was won. */
export interface Election {
  readonly server: ServerProcess;
  readonly term: number;
  /** When the winner logged it, milliseconds since 1970. */
  readonly atMillis: number;
}

/** The first election won after a moment (milliseconds since 1970) by a server that runs now. */
export async function electionAfter(servers: Servers, sinceMillis: number): Promise<Election> {
  const told = servers.running.map(async (server) => {
    const where = (line: LogLine): boolean => Number(line['time']) >= sinceMillis;
    const line = await server.says('leader elected', { where });
    return { server, term: Number(line['term']), atMillis: Number(line['time']) };
  });
  return Promise.any(told).catch(() => {
    throw new Error('no server that runs logged that it was elected');
  });
}

/** The records of the default stream that a server has itself, once it has applied `index`. */
export async function ownRecords(
  server: ServerProcess,
  index: number,
  millisMax = 20_000,
): Promise<readonly string[]> {
  const options = { targets: [server.address], timeoutMillis: 5000, preferLeader: false };
  const client = await connect(options);
  try {
    await applied(client, { server, index, millisMax });
    const found: string[] = [];
    for (;;) {
      const from = found.length + 1;
      const { records } = await client.read({ from, limit: 10_000, consistency: 'stale' });
      if (client.address !== server.address) {
        throw new Error(`${client.address} answered for ${server.name} (${server.address})`);
      }
      if (records.length === 0) return found;
      for (const { data } of records) found.push(Buffer.from(data).toString('utf8'));
    }
  } finally {
    await client.close();
  }
}

async function applied(
  client: Client,
  wanted: { readonly server: ServerProcess; readonly index: number; readonly millisMax: number },
): Promise<void> {
  const { server, index, millisMax } = wanted;
  const giveUpAt = performance.now() + millisMax;
  for (;;) {
    const { appliedIndex, self } = await client.status();
    if (self.name !== server.name) throw new Error(`${self.name} answers for ${server.name}`);
    if (appliedIndex >= index) return;
    if (performance.now() > giveUpAt) {
      throw new Error(`${server.name} has applied ${appliedIndex}, not ${index}`);
    }
    // Nothing announces what another process has applied: polling is all there is.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The first place where two lists of records differ, in words; null when they are the same. */
export function differenceOf(found: readonly string[], expected: readonly string[]): string | null {
  const at = expected.findIndex((record, place) => found[place] !== record);
  if (at >= 0) return `record ${at + 1} is "${found[at] ?? 'missing'}", not "${expected[at]}"`;
  if (found.length === expected.length) return null;
  return `${found.length} records, not ${expected.length}`;
}
