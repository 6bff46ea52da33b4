/**
 * What servers say on the channel `gossip`: probes and their answers, and the comparing of tables.
 * Every message takes rumours and records along. Nothing here is ever waited for by consensus: any
 * message may be lost.
 */

import type { Rumour, SignedRecord } from '../membership/table.js';

/** One server in a digest: which record is held of it, and whether it is called dead. */
export interface DigestRow {
  readonly peerId: string;
  readonly sequence: number;
  readonly dead: boolean;
}

/** The message itself. */
export type GossipBody =
  /** Are you there? `sequence` is that of the sender's own record. */
  | { readonly type: 'ping'; readonly nonce: number; readonly sequence: number }
  /** The server that was asked for is there; `sequence` is that of its own record. */
  | { readonly type: 'ack'; readonly nonce: number; readonly sequence: number }
  /** Ping `target` for me. */
  | { readonly type: 'ask'; readonly nonce: number; readonly target: string }
  /** `target` did not answer me either. */
  | { readonly type: 'nack'; readonly nonce: number }
  /** Nothing but what is taken along. */
  | { readonly type: 'tell' }
  /** A hash of the sender's table: who has another answers with his digest. */
  | { readonly type: 'summary'; readonly hash: number }
  | { readonly type: 'digest'; readonly rows: readonly DigestRow[] }
  /** Send me the records of these. */
  | { readonly type: 'want'; readonly peerIds: readonly string[] };

/** A message and what it takes along. */
export interface GossipFrame {
  readonly body: GossipBody;
  readonly rumours: readonly Rumour[];
  readonly records: readonly SignedRecord[];
}
