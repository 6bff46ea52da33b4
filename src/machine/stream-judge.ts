/**
 * Whether something may be done to a stream: the conditions of appends, and changes. A refusal
 * changes nothing, and says what would have been right. It judges by the stream's state alone, so
 * it is the same on every replica. A stream that does not exist counts as a new one: view 1, open
 * and empty.
 */

import { unreachable } from '../base/assert.js';
import type { Refusal } from '../base/errors.js';
import type { AppendConditions, Retention, StreamChange } from './commands.js';
import type { Stream } from './stream.js';
import { streamViewsMax } from './stream-views.js';

/** Why records must not be appended; null when they may. */
export function appendFault(
  stream: Stream | undefined,
  conditions: AppendConditions | undefined,
): Refusal | null {
  const { expectSeq = null, fence = null, view = null } = conditions ?? {};
  if (view === 0) return bad('views count from 1');
  if (fence === 0) return bad('a fence is 1 or more');
  const fault = view === null ? null : viewFault(stream, view);
  if (fault !== null) return fault;
  if (stream?.views.isSealed) return sealed(stream.views.newest, stream.nextSeq);
  const inForce = stream?.fence ?? 0;
  if (fence !== null && fence < inForce) {
    const message = `fence ${inForce} is in force, not ${fence}: another writer has taken over`;
    return { code: 'FENCED', message, expected: inForce };
  }
  const nextSeq = stream?.nextSeq ?? 1;
  if (expectSeq === null || expectSeq === nextSeq) return null;
  const message = `the next sequence is ${nextSeq}, not ${expectSeq}`;
  return { code: 'CONFLICT', message, expected: nextSeq };
}

/** Why a stream must not be changed so; null when it may. */
export function changeFault(stream: Stream | undefined, change: StreamChange): Refusal | null {
  switch (change.kind) {
    case 'seal':
      return sealFault(stream?.views.newest ?? 1, change.view);
    case 'openView':
      return stream === undefined ? unknown() : openFault(stream, change.after);
    case 'trim':
      return stream === undefined ? unknown() : null;
    case 'setRetention':
      return retentionFault(change);
    default:
      return unreachable(change);
  }
}

function viewFault(stream: Stream | undefined, view: number): Refusal | null {
  const newest = stream?.views.newest ?? 1;
  if (view < newest) return sealed(view, stream?.views.endOf(view) ?? null);
  if (view === newest) return null;
  const message = `view ${view} has not begun, the newest is ${newest}`;
  return { code: 'CONFLICT', message };
}

function sealFault(newest: number, view: number | null): Refusal | null {
  if (view === null || view === newest) return null;
  if (view === 0) return bad('views count from 1');
  const message = `the newest view is ${newest}, not ${view}`;
  return { code: 'CONFLICT', message, expected: newest };
}

function openFault({ views }: Stream, after: number): Refusal | null {
  const { newest } = views;
  if (after !== newest) {
    const message = `the newest view is ${newest}, not ${after}`;
    return { code: 'CONFLICT', message, expected: newest };
  }
  if (!views.isSealed) {
    const message = `view ${newest} is open: seal it first`;
    return { code: 'CONFLICT', message, expected: newest };
  }
  if (views.count < streamViewsMax) return null;
  return { code: 'TOO_LARGE', message: `a stream has ${streamViewsMax} views: trim the oldest` };
}

function retentionFault({ recordsMax, bytesMax, ageMillisMax }: Retention): Refusal | null {
  const isNothing = recordsMax === 0 || bytesMax === 0 || ageMillisMax === 0;
  return isNothing ? bad('a limit of what is kept is 1 or more: trim what must go now') : null;
}

function sealed(view: number, endSeq: number | null): Refusal {
  const next = 'append to a newer view, or open one';
  if (endSeq === null) return { code: 'SEALED', message: `view ${view} is over: ${next}` };
  const message = `view ${view} is sealed, it ended at ${endSeq}: ${next}`;
  return { code: 'SEALED', message, expected: endSeq };
}

function unknown(): Refusal {
  return { code: 'NOT_FOUND', message: 'there is no such stream: an append makes it' };
}

function bad(message: string): Refusal {
  return { code: 'BAD_REQUEST', message };
}
