/**
 * Does the commands that concern streams: judges what is malformed, asks stream-judge.ts for the
 * rest, and changes the stream. A plain append to a stream that exists is the hot path of the whole
 * system: one lookup, no allocation but its reply.
 */

import { assert } from '../base/assert.js';
import { batchRecordsMax, commandBytesMax, counterMax } from '../base/limits.js';
import type { Append, ApplyMeta, ChangeStream, Reply } from './commands.js';
import { refused, refusedWith } from './refused.js';
import { appendFault, changeFault } from './stream-judge.js';
import { streamNameFault } from './stream-name.js';
import type { Streams } from './streams.js';

/** Appends records. @param timeMillis of the log, which never falls (that of `meta` may) */
export function doAppend(
  streams: Streams,
  meta: ApplyMeta,
  timeMillis: number,
  { stream: name, records, conditions }: Append,
): Reply {
  const count = records.length;
  if (count === 0) return refused(meta, 'BAD_REQUEST', 'an append needs at least one record');
  if (count > batchRecordsMax) {
    return refused(meta, 'TOO_LARGE', `an append has at most ${batchRecordsMax} records`);
  }
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += (records[i] as Uint8Array).length;
  if (bytes > commandBytesMax) {
    return refused(meta, 'TOO_LARGE', `an append has at most ${commandBytesMax} bytes`);
  }
  let stream = streams.find(name);
  if (stream === undefined) {
    // Names of streams that exist were checked when they were made.
    const fault = streamNameFault(name);
    if (fault !== null) return refused(meta, 'BAD_REQUEST', fault);
  }
  if (conditions !== undefined || stream?.views.isSealed === true) {
    const refusal = appendFault(stream, conditions);
    if (refusal !== null) return refusedWith(meta, refusal);
  }
  stream = stream === undefined ? streams.make(name) : streams.own(stream);
  const firstSeq = stream.append(meta.index, timeMillis, count, bytes);
  const lastSeq = firstSeq + count - 1;
  assert(lastSeq < counterMax, 'a sequence can be counted');
  const fence = conditions?.fence ?? null;
  if (fence !== null) stream.raiseFence(fence);
  return { kind: 'appended', firstSeq, lastSeq, index: meta.index, term: meta.term };
}

/** Changes a stream. */
export function doChangeStream(
  streams: Streams,
  meta: ApplyMeta,
  { stream: name, change }: ChangeStream,
): Reply {
  const known = streams.find(name);
  const fault = known === undefined ? streamNameFault(name) : null;
  if (fault !== null) return refused(meta, 'BAD_REQUEST', fault);
  const refusal = changeFault(known, change);
  if (refusal !== null) return refusedWith(meta, refusal);
  const stream = known === undefined ? streams.make(name) : streams.own(known);
  streams.change(stream, change);
  const { index, term } = meta;
  return { kind: 'streamChanged', state: stream.state(), index, term };
}
