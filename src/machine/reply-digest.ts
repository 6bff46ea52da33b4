/**
 * Adds a stored reply to the digest of the state, field by field: replicas that would answer a
 * repeat differently must not look equal.
 */

import { unreachable } from '../base/assert.js';
import type { Reply } from './commands.js';
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
    case 'refused':
      into.text(reply.refusal.code);
      into.text(reply.refusal.message);
      return;
    default:
      return unreachable(reply);
  }
}
