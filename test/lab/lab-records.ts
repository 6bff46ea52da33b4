/**
 * What tests of the lab demand of the records in a cluster.
 */

import * as assert from 'uvu/assert';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import type { Lab } from './lab.js';

/** Clients read these records, no more and no less, and so does each server that runs, once it has
 * caught up. */
export async function assertRecords(lab: Lab, wanted: readonly string[]): Promise<void> {
  const targets = lab.running.map(({ address }) => address);
  const history = await lab.agent().call('readAll', { targets });
  const read = history.flatMap(({ reply }) => (reply?.kind === 'records' ? reply.records : []));
  assert.equal(read, wanted);
  const { commitIndex } = await lab.until('a leader', ({ self }) => self.role === 'leader');
  const hasAll = ({ appliedIndex }: ClusterStatus): boolean => appliedIndex >= commitIndex;
  for (const server of lab.running) {
    await lab.until(`${server.name} has all`, hasAll, { among: [server] });
    const { address } = server;
    assert.equal(await lab.agent().call('recordsAt', { address }), wanted, server.name);
  }
}
