/**
 * Adds a stored reply to the digest of the state, field by field: replicas that would answer a
 * repeat differently must not look equal.
 */

import { unreachable } from '../base/assert.js';
import type { Reply, StreamState } from './commands.js';
import type { StateDigest } from './state-digest.js';

/** Adds every field of a reply. */
export function digestReply(reply: Reply, into: StateDigest): void {
  into.text(reply.kind);
  into.number(reply.index);
  into.number(reply.term);
  switch (reply.kind) {
    case 'session':
      into.number(reply.session);
      return;
    case 'closed':
    case 'policySet':
      return;
    case 'appended':
      into.number(reply.firstSeq);
      into.number(reply.lastSeq);
      return;
    case 'put':
      into.number(reply.revision);
      into.number(reply.createRevision);
      into.number(reply.version);
      return;
    case 'deleted':
      into.number(reply.revision);
      into.number(reply.count);
      return;
    case 'streamChanged':
      return digestState(reply.state, into);
    case 'refused':
      into.text(reply.refusal.code);
      into.text(reply.refusal.message);
      into.number(reply.refusal.expected ?? 0);
      return;
    default:
      return unreachable(reply);
  }
}

function digestState(state: StreamState, into: StateDigest): void {
  const { firstSeq, nextSeq, bytes, fence, views, retention } = state;
  for (const number of [firstSeq, nextSeq, bytes, fence]) into.number(number);
  into.number(views.length);
  for (const { view, firstSeq: from, endSeq } of views) {
    into.number(view);
    into.number(from);
    into.number(endSeq ?? 0);
  }
  const { recordsMax, bytesMax, ageMillisMax } = retention;
  for (const limit of [recordsMax, bytesMax, ageMillisMax]) into.number(limit ?? 0);
}
