/**
 * Begins a server's life from its newest good snapshot: the machine as it was at an entry of the
 * log, instead of all entries up to there applied anew. Whatever does not fit the log is passed
 * over, and the log, which is whole, gives the state alone.
 *
 * Invariant: a machine that is handed out is the one that the own log's entries up to its applied
 * index make: same cluster, same term at that index (so the same prefix, by Log Matching), and the
 * configuration that the log has there. It is never ahead of the log.
 */

import type { Log } from '../base/log.js';
import type { Machine } from '../machine/machine.js';
import { MachineRestoring } from '../machine/restoring.js';
import { StateRowError } from '../machine/state-rows.js';
import type { ConfigurationAt, Index, Term } from '../raft/types.js';
import type { RecoveredLog } from '../storage/log-store.js';
import type { SnapshotSink, SnapshotStore } from '../storage/snapshot-store.js';
import type { SnapshotHeader } from '../wire/snapshot-codec.js';
import { decodeRows } from '../wire/state-codec.js';
import { WireError } from '../wire/wire-error.js';

/** Of which log a snapshot must be. */
export interface RestoreOrder {
  readonly clusterId: string;
  readonly recovered: RecoveredLog;
  readonly snapshots: SnapshotStore;
  readonly log: Log;
}

/** Reads the newest good snapshot; `machine` is null when there is none that fits the log. */
export function restoreMachine(order: RestoreOrder, done: (machine: Machine | null) => void): void {
  let restored: Machine | null = null;
  const admit = (header: SnapshotHeader): SnapshotSink | string => {
    const fault = misfit(header, order);
    if (fault !== null) return fault;
    const restoring = new MachineRestoring(header.base, header.timeMillis);
    return {
      chunk: (bytes) => asWireError(() => decodeRows(bytes, (row) => restoring.take(row))),
      end: () => {
        restored = asWireError(() => restoring.finish());
      },
    };
  };
  order.snapshots.load(admit, (loaded) => {
    if (loaded === null) return done(null);
    const { index, term } = loaded.base;
    order.log.info({ index, term, lastIndex: order.recovered.lastIndex }, 'snapshot restored');
    done(restored);
  });
}

/** Why a snapshot is not one of this log, one line; null when it is. */
function misfit({ clusterId, base }: SnapshotHeader, order: RestoreOrder): string | null {
  if (clusterId !== order.clusterId) return `it is of cluster ${clusterId}`;
  const { recovered } = order;
  const { index, term } = base;
  if (index < recovered.base.index) return `it ends at entry ${index}, before the log begins`;
  if (index > recovered.lastIndex) {
    return `it ends at entry ${index}, and the log at ${recovered.lastIndex}`;
  }
  const there = termAt(recovered, index);
  if (term !== there) return `entry ${index} has term ${term} in it, and ${there} in the log`;
  const newest = configurationAt(recovered, index);
  if (newest.index !== base.configurationIndex) {
    return `it has the configuration of entry ${base.configurationIndex}, not of ${newest.index}`;
  }
  return null;
}

/** The term of an entry of the log. */
function termAt({ base, termRuns }: RecoveredLog, index: Index): Term {
  let { term } = base;
  for (const run of termRuns) if (run.firstIndex <= index) term = run.term;
  return term;
}

/** The newest configuration at or before an entry of the log. */
function configurationAt({ base, configurations }: RecoveredLog, index: Index): ConfigurationAt {
  const { configuration, configurationIndex } = base;
  let newest: ConfigurationAt = { index: configurationIndex, configuration };
  for (const each of configurations) if (each.index <= index) newest = each;
  return newest;
}

/** Rows that make no state are damage like bytes that make no rows. */
function asWireError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof StateRowError ? new WireError(error.message) : error;
  }
}
