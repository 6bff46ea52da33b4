/**
 * Random values of every type that travels, for round trips and as the seed corpus of the fuzzers.
 */

import * as fc from 'fast-check';
import { type ErrorCode, errorTable, type Refusal } from '../../src/base/errors.js';
import type { SignedFounding } from '../../src/base/founding-record.js';
import type {
  AppendConditions,
  Command,
  Reply,
  SessionTag,
  StreamChange,
} from '../../src/machine/commands.js';
import type { Message } from '../../src/raft/messages.js';
import type { Configuration, Entry, LogBase, MemberInfo } from '../../src/raft/types.js';
import type { Hello } from '../../src/wire/hello.js';
import type { ControlMessage, ForwardMessage } from '../../src/wire/peer-messages.js';
import { addresses, bytes, counter, hexId, label, line, positive } from './basic-arbitraries.js';
import { plan, why } from './report-arbitraries.js';
import { streamState } from './stream-arbitraries.js';

const peer = fc.record({ peerId: label, addresses });

/** With and without each detail. */
export const refusal: fc.Arbitrary<Refusal> = fc.record(
  {
    code: fc.constantFrom(...(Object.keys(errorTable) as ErrorCode[])),
    message: line,
    leader: fc.record({ name: line, addresses }),
    retryAfterMillis: counter,
    expected: counter,
  },
  { requiredKeys: ['code', 'message'] },
);

const place = { index: counter, term: counter };

/** Every kind of reply. */
export const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({ kind: fc.constant('session' as const), session: counter, ...place }),
  fc.record({ kind: fc.constant('closed' as const), ...place }),
  fc.record({ kind: fc.constant('policySet' as const), ...place }),
  fc.record({
    kind: fc.constant('appended' as const),
    firstSeq: counter,
    lastSeq: counter,
    ...place,
  }),
  fc.record({
    kind: fc.constant('put' as const),
    revision: counter,
    createRevision: counter,
    version: counter,
    ...place,
  }),
  fc.record({ kind: fc.constant('deleted' as const), revision: counter, count: counter, ...place }),
  fc.record({ kind: fc.constant('streamChanged' as const), state: streamState, ...place }),
  fc.record({ kind: fc.constant('refused' as const), refusal, ...place }),
);

const tag: fc.Arbitrary<SessionTag | null> = fc.option(
  fc.record({ session: counter, sequence: counter, acknowledgedBelow: counter }),
);
const condition = fc.option(counter);

const records = fc.array(bytes, { maxLength: 8, size: 'max' });

/** At least one of them: without any it is a plain append. */
const conditions: fc.Arbitrary<AppendConditions> = fc
  .record({ expectSeq: condition, fence: condition, view: condition })
  .filter(({ expectSeq, fence, view }) => expectSeq !== null || fence !== null || view !== null);

const change: fc.Arbitrary<StreamChange> = fc.oneof(
  fc.record({ kind: fc.constant('seal' as const), view: condition }),
  fc.record({ kind: fc.constant('openView' as const), after: counter }),
  fc.record({ kind: fc.constant('trim' as const), beforeSeq: counter }),
  fc.record({
    kind: fc.constant('setRetention' as const),
    recordsMax: condition,
    bytesMax: condition,
    ageMillisMax: condition,
  }),
);

/** Every command. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  fc.constant({ op: 'registerSession' } as const),
  fc.record({ op: fc.constant('closeSession' as const), session: counter }),
  fc.record({
    op: fc.constant('append' as const),
    tag,
    stream: line,
    records,
  }),
  fc.record({ op: fc.constant('append' as const), tag, stream: line, records, conditions }),
  fc.record({ op: fc.constant('changeStream' as const), tag, stream: line, change }),
  fc.record({
    op: fc.constant('put' as const),
    tag,
    key: bytes,
    value: bytes,
    expectedModRevision: condition,
  }),
  fc.record({
    op: fc.constant('delete' as const),
    tag,
    key: bytes,
    expectedModRevision: condition,
  }),
  fc.record({
    op: fc.constant('setPolicy' as const),
    words: fc.array(fc.record({ name: line, value: line }), { maxLength: 4 }),
    expectedIndex: condition,
  }),
);

/** A configuration that keeps all promises of raft/types. */
const configuration: fc.Arbitrary<Configuration> = fc
  .record({
    ids: fc.uniqueArray(positive, { minLength: 1, maxLength: 6 }),
    places: fc.array(fc.nat(4), { minLength: 6, maxLength: 6 }),
    infos: fc.array(fc.record({ peerId: label, incarnation: hexId, name: label }), {
      minLength: 6,
      maxLength: 6,
    }),
    reason: line,
  })
  .map(({ ids, places, infos, reason }) => {
    const sorted = ids.toSorted((a, b) => a - b);
    const where = (...wanted: number[]) =>
      sorted.filter((_, i) => wanted.includes(i === 0 ? 0 : (places[i] as number)));
    return {
      voters: where(0, 1),
      votersOutgoing: where(1, 2, 3),
      learners: where(4),
      learnersNext: where(3),
      members: sorted.map((id, i): MemberInfo => ({ id, ...(infos[i] as Omit<MemberInfo, 'id'>) })),
      reason,
    };
  });

/** A log base, as in `joined`. */
export const logBase: fc.Arbitrary<LogBase> = fc
  .record({ a: counter, b: counter, term: counter, configuration })
  .map(({ a, b, term, configuration }) => {
    return { index: Math.max(a, b), term, configuration, configurationIndex: Math.min(a, b) };
  });

/** An append whose entries follow each other as a right leader sends them. */
const append: fc.Arbitrary<Message> = fc
  .record({
    envelope: fc.record({ from: counter, to: counter, sequence: counter, commit: counter }),
    prevIndex: fc.oneof(fc.nat(), fc.constant(2 ** 53 - 20)),
    terms: fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)).map((terms) => terms.toSorted()),
    shapes: fc.array(
      fc.record({
        kind: fc.constantFrom('noop' as const, 'command' as const, 'configuration' as const),
        timeMillis: counter,
        data: bytes,
        configuration,
      }),
      { maxLength: 6, size: 'max' },
    ),
  })
  .map(({ envelope, prevIndex, terms, shapes }) => {
    const entries = shapes.map((shape, i): Entry => {
      return {
        index: prevIndex + 1 + i,
        term: terms[1] as number,
        kind: shape.kind,
        timeMillis: shape.timeMillis,
        data: shape.kind === 'command' ? shape.data : new Uint8Array(0),
        configuration: shape.kind === 'configuration' ? shape.configuration : null,
        encoded: null,
      };
    });
    const prevTerm = terms[0] as number;
    const term = terms[2] as number;
    return { type: 'append', ...envelope, term, prevIndex, prevTerm, entries };
  });

const envelope = { from: counter, to: counter, term: counter };

/** Every message of Raft. */
export const message: fc.Arbitrary<Message> = fc.oneof(
  append,
  fc.record({
    type: fc.constant('voteRequest' as const),
    ...envelope,
    preVote: fc.boolean(),
    lastIndex: counter,
    lastTerm: counter,
    transfer: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('voteReply' as const),
    ...envelope,
    preVote: fc.boolean(),
    granted: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('appendReply' as const),
    ...envelope,
    sequence: counter,
    ok: fc.boolean(),
    index: counter,
    hintIndex: counter,
    hintTerm: counter,
  }),
  fc.record({
    type: fc.constant('heartbeat' as const),
    ...envelope,
    commit: counter,
    round: counter,
  }),
  fc.record({
    type: fc.constant('heartbeatReply' as const),
    ...envelope,
    round: counter,
    lastIndex: counter,
  }),
  fc.record({ type: fc.constant('readRequest' as const), ...envelope, ref: counter }),
  fc.record({
    type: fc.constant('readReply' as const),
    ...envelope,
    ref: counter,
    ok: fc.boolean(),
    index: counter,
  }),
  fc.record({ type: fc.constant('timeoutNow' as const), ...envelope }),
  fc.record({
    type: fc.constant('snapshotReply' as const),
    ...envelope,
    ok: fc.boolean(),
    index: counter,
  }),
);

/** Every message of the channel `forward`. */
export const forward: fc.Arbitrary<ForwardMessage> = fc.oneof(
  fc.record({ type: fc.constant('execute' as const), ref: counter, command: bytes }),
  fc.record({ type: fc.constant('executed' as const), ref: counter, reply }),
  fc.record({ type: fc.constant('notExecuted' as const), ref: counter, refusal }),
);

const founding: fc.Arbitrary<SignedFounding> = fc.record({
  record: fc.record({
    format: counter,
    clusterName: label,
    founders: fc.array(fc.record({ peerId: label, incarnation: hexId, name: label }), {
      maxLength: 4,
    }),
    nonce: hexId,
  }),
  signatures: fc.array(fc.record({ peerId: label, signature: hexId }), { maxLength: 4 }),
});

/** Every message of the channel `control`. */
export const control: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({
    type: fc.constant('sighting' as const),
    expect: positive,
    sawCluster: fc.boolean(),
    isSigned: fc.boolean(),
    sees: fc.array(fc.record({ peerId: label, incarnation: hexId, addresses }), { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('foundingOffer' as const), founding }),
  fc.record({
    type: fc.constant('foundingRefused' as const),
    recordId: hexId,
    never: fc.boolean(),
    reason: line,
  }),
  fc.record({
    type: fc.constant('join' as const),
    ref: counter,
    member: fc.record({ peerId: label, incarnation: hexId, name: label }),
  }),
  fc.record({
    type: fc.constant('joined' as const),
    ref: counter,
    clusterId: hexId,
    memberId: positive,
    base: logBase,
    lastIndex: counter,
    peers: fc.array(peer, { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('transferLeader' as const), ref: counter, to: line }),
  fc.record({
    type: fc.constant('removeMember' as const),
    ref: counter,
    name: label,
    force: fc.boolean(),
  }),
  fc.record({ type: fc.constantFrom('leave' as const, 'why' as const), ref: counter, name: label }),
  fc.record({ type: fc.constant('plan' as const), ref: counter }),
  fc.record({ type: fc.constant('planned' as const), ref: counter, plan }),
  fc.record({ type: fc.constant('explained' as const), ref: counter, why }),
  fc.record({ type: fc.constant('done' as const), ref: counter, message: line }),
  fc.record({ type: fc.constant('refused' as const), ref: counter, refusal }),
  fc.record({ type: fc.constant('peers' as const), peers: fc.array(peer, { maxLength: 3 }) }),
  fc.record({
    type: fc.constant('removed' as const),
    memberId: positive,
    index: positive,
    mayRejoin: fc.boolean(),
  }),
);

/** A greeting within its limits, of a version that tells its life or of one that does not. */
export const hello: fc.Arbitrary<Hello> = fc.record(
  {
    clusterName: label,
    clusterId: fc.option(hexId),
    memberId: fc.option(positive),
    incarnation: hexId,
    name: label,
    version: label,
    protocol: counter,
    addresses,
    life: fc.record({
      word: fc.nat().map((n) => n.toString(16).padStart(16, 'd')),
      heard: fc.boolean(),
    }),
  },
  {
    requiredKeys: [
      'clusterName',
      'clusterId',
      'memberId',
      'incarnation',
      'name',
      'version',
      'protocol',
      'addresses',
    ],
  },
);
