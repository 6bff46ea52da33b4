/**
 * Orders and their outcomes, apart from the client's face: what an order weighs, what would keep it
 * from being encoded, and what a reply means to the caller.
 */

import { QuorateError } from '../base/errors.js';
import { commandBytesMax, keyBytesMax } from '../base/limits.js';
import { utf8Length } from '../base/utf8.js';
import type {
  AppendOptions,
  AppendResult,
  BatchResult,
  DeleteResult,
  PutResult,
  StreamChanged,
} from './calls.js';
import type { DoneReply, Order } from './session-command.js';

const streamNameBytesMax = 255;
/** Room for all of a command but its bytes and their lengths. */
const envelopeBytes = 512;
const lengthBytes = 4;

/** The order to append these records, under the conditions that were given. */
export function appendOrder(records: Uint8Array[], options: AppendOptions): Order {
  const { stream = 'log', expectSeq, fence, view } = options;
  if (expectSeq === undefined && fence === undefined && view === undefined) {
    return { op: 'append', stream, records };
  }
  const conditions = { expectSeq: expectSeq ?? null, fence: fence ?? null, view: view ?? null };
  return { op: 'append', stream, records, conditions };
}

/** The bytes of the records, keys and values in an order. */
export function orderBytes(order: Order): number {
  if (order.op === 'changeStream') return 0;
  if (order.op === 'put') return order.key.length + order.value.length;
  if (order.op === 'delete') return order.key.length;
  let bytes = 0;
  for (const record of order.records) bytes += record.length;
  return bytes;
}

/** What would keep the command from being encoded once it has its place among others; or null. */
export function orderFault(order: Order, bytes: number): QuorateError | null {
  const records = order.op === 'append' ? order.records.length : 1;
  if (bytes + records * lengthBytes + envelopeBytes > commandBytesMax) {
    const message = `a write has at most ${commandBytesMax} bytes with its lengths, not ${bytes}`;
    return new QuorateError('TOO_LARGE', message);
  }
  if (order.op === 'append' || order.op === 'changeStream') return streamFault(order);
  if (order.key.length === 0 || order.key.length > keyBytesMax) {
    return new QuorateError('BAD_REQUEST', `a key has 1 to ${keyBytesMax} bytes`);
  }
  const revision = order.expectedModRevision;
  if (revision === null || (Number.isSafeInteger(revision) && revision >= 0)) return null;
  return new QuorateError('BAD_REQUEST', 'expectedModRevision is a whole number from 0 on');
}

type StreamOrder = Extract<Order, { readonly stream: string }>;

function streamFault(order: StreamOrder): QuorateError | null {
  if (order.stream.length === 0 || utf8Length(order.stream) > streamNameBytesMax) {
    const message = `the name of a stream has 1 to ${streamNameBytesMax} bytes`;
    return new QuorateError('BAD_REQUEST', message);
  }
  const numbers = order.op === 'append' ? order.conditions : order.change;
  for (const [name, value] of Object.entries(numbers ?? {})) {
    if (name === 'kind' || value === null || isCounted(value)) continue;
    return new QuorateError('BAD_REQUEST', `${name} is a whole number from 1 on`);
  }
  return null;
}

function isCounted(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** What became of one record; null for a reply of another kind. The same below. */
export function appended(reply: DoneReply, place: number): AppendResult | null {
  if (reply.kind !== 'appended') return null;
  return { seq: reply.firstSeq + place, index: reply.index, term: reply.term };
}

/** What became of a batch. */
export function appendedBatch(reply: DoneReply): BatchResult | null {
  if (reply.kind !== 'appended') return null;
  const { firstSeq, lastSeq, index, term } = reply;
  return { firstSeq, lastSeq, index, term };
}

/** What a write did. */
export function wasPut(reply: DoneReply): PutResult | null {
  if (reply.kind !== 'put') return null;
  const { revision, createRevision, version, index, term } = reply;
  return { revision, createRevision, version, index, term };
}

/** What a deletion did. */
export function wasDeleted(reply: DoneReply): DeleteResult | null {
  if (reply.kind !== 'deleted') return null;
  const { count, revision, index, term } = reply;
  return { count, revision, index, term };
}

/** What a stream was changed to. */
export function streamChanged(reply: DoneReply): StreamChanged | null {
  if (reply.kind !== 'streamChanged') return null;
  const { state, index, term } = reply;
  return { state, index, term };
}
