/**
 * Random messages of the client protocol.
 */

import * as fc from 'fast-check';
import type { KeyValue } from '../../src/machine/commands.js';
import { diskFitnesses } from '../../src/membership/table.js';
import type {
  ClientReply,
  ClientRequest,
  ClusterStatus,
  Consistency,
} from '../../src/wire/client-messages.js';
import { refusal, reply } from './arbitraries.js';
import { addresses, bytes, counter, hexId, line } from './basic-arbitraries.js';
import { plan, policy, row, why } from './report-arbitraries.js';
import { readRange, streamState } from './stream-arbitraries.js';

const consistency = fc.constantFrom<Consistency>('linearizable', 'stale');
const id = counter;

/** Every request of a client. */
export const request: fc.Arbitrary<ClientRequest> = fc.oneof(
  fc.record({ type: fc.constant('command' as const), id, command: bytes }),
  fc.record({
    type: fc.constant('read' as const),
    id,
    stream: line,
    range: readRange,
    consistency,
  }),
  fc.record({ type: fc.constant('tail' as const), id, stream: line, consistency }),
  fc.record({
    type: fc.constant('streams' as const),
    id,
    prefix: line,
    after: line,
    limit: counter,
    consistency,
  }),
  fc.record({
    type: fc.constant('follow' as const),
    id,
    stream: line,
    fromSeq: counter,
    credit: counter,
  }),
  fc.record({ type: fc.constant('credit' as const), id, records: counter }),
  fc.record({ type: fc.constant('cancel' as const), id }),
  fc.record({ type: fc.constant('get' as const), id, key: bytes, consistency }),
  fc.record({
    type: fc.constant('list' as const),
    id,
    start: bytes,
    end: bytes,
    limit: counter,
    consistency,
  }),
  fc.record({ type: fc.constant('status' as const), id }),
  fc.record({ type: fc.constant('transferLeader' as const), id, to: line }),
  fc.record({ type: fc.constant('removeMember' as const), id, name: line, force: fc.boolean() }),
  fc.record({
    type: fc.constantFrom('plan' as const, 'history' as const, 'policy' as const),
    id,
  }),
  fc.record({ type: fc.constantFrom('why' as const, 'leave' as const), id, name: line }),
  fc.record({ type: fc.constant('setPolicy' as const), id, text: line }),
);

const status: fc.Arbitrary<ClusterStatus> = fc.record({
  cluster: line,
  clusterId: fc.option(hexId),
  version: line,
  term: counter,
  leader: fc.option(fc.record({ name: line, memberId: counter })),
  commitIndex: counter,
  appliedIndex: counter,
  lastIndex: counter,
  lastTerm: counter,
  faultTolerance: counter,
  joint: fc.boolean(),
  configurationIndex: counter,
  members: fc.array(
    fc.record({
      name: line,
      memberId: counter,
      peerId: line,
      role: fc.constantFrom('voter' as const, 'learner' as const, 'standby' as const),
      health: fc.constantFrom(
        'alive' as const,
        'suspect' as const,
        'dead' as const,
        'left' as const,
        'unknown' as const,
      ),
      addresses,
      matchIndex: fc.option(counter),
      silentMillis: fc.option(counter),
      zone: fc.option(fc.constantFrom('eu-1', '')),
      disk: fc.option(fc.constantFrom(...diskFitnesses)),
    }),
    { maxLength: 4 },
  ),
  otherClusters: fc.array(
    fc.record({
      cluster: line,
      clusterId: hexId,
      servers: counter,
      server: line,
      addresses,
      seenMillis: counter,
    }),
    { maxLength: 2 },
  ),
  self: fc.record({
    name: line,
    memberId: fc.option(counter),
    peerId: line,
    role: fc.constantFrom(
      'leader' as const,
      'follower' as const,
      'candidate' as const,
      'joining' as const,
    ),
    waitingFor: fc.option(line),
    leaderless: fc.option(fc.record({ millis: counter, lastLeader: fc.option(line) })),
    alarm: fc.option(line),
    gossipSent: fc.option(fc.record({ frames: counter, bytes: counter })),
  }),
});

const pair: fc.Arbitrary<KeyValue> = fc.record({
  key: bytes,
  value: bytes,
  createRevision: counter,
  modRevision: counter,
  version: counter,
});

/** Every reply to a client. */
export const clientReply: fc.Arbitrary<ClientReply> = fc.oneof(
  fc.record({ type: fc.constant('refused' as const), id, refusal }),
  fc.record({ type: fc.constant('commandReply' as const), id, reply }),
  fc.record({
    type: fc.constant('records' as const),
    id,
    records: fc.array(
      fc.record({ seq: counter, index: counter, term: counter, timeMillis: counter, data: bytes }),
      { maxLength: 5 },
    ),
    nextSeq: counter,
    firstSeq: fc.oneof(fc.constant(1), counter),
    complete: fc.boolean(),
  }),
  fc.record({ type: fc.constant('tail' as const), id, state: streamState }),
  fc.record({
    type: fc.constant('streams' as const),
    id,
    streams: fc.array(fc.record({ name: line, state: streamState }), { maxLength: 3 }),
    more: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('keys' as const),
    id,
    revision: counter,
    keys: fc.array(pair, { maxLength: 4 }),
    more: fc.boolean(),
  }),
  fc.record({ type: fc.constant('status' as const), id, status }),
  fc.record({ type: fc.constant('done' as const), id, message: line }),
  fc.record({ type: fc.constant('plan' as const), id, plan }),
  fc.record({ type: fc.constant('why' as const), id, why }),
  fc.record({ type: fc.constant('history' as const), id, rows: fc.array(row, { maxLength: 4 }) }),
  fc.record({ type: fc.constant('policy' as const), id, policy }),
  fc.record({ type: fc.constant('goAway' as const), id: fc.constant(0 as const), addresses }),
);
