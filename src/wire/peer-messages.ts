/**
 * What servers say to each other beside Raft's own messages: requests passed to the leader (channel
 * `forward`) and joining, removal and addresses (channel `control`). Plain data; peer-codec.ts has
 * the bytes: `forward` by hand (hot), `control` as JSON.
 */

import type { Refusal } from '../base/errors.js';
import type { SignedFounding } from '../base/founding-record.js';
import type { Reply } from '../machine/commands.js';
import type { LogBase, MemberInfo } from '../raft/types.js';
import type { PlanReport, WhyReport } from './client-messages.js';

/** Channel `forward`. `ref` is the asker's own number, not in use by another of its requests. */
export type ForwardMessage =
  | { readonly type: 'execute'; readonly ref: number; readonly command: Uint8Array }
  | { readonly type: 'executed'; readonly ref: number; readonly reply: Reply }
  | { readonly type: 'notExecuted'; readonly ref: number; readonly refusal: Refusal };

/** Where a peer can be dialled. */
export interface PeerAddresses {
  readonly peerId: string;
  readonly addresses: readonly string[];
}

/** A server without a cluster, as another one sees it. */
export interface SeenFounder extends PeerAddresses {
  readonly incarnation: string;
}

/** Channel `control`, between servers that found a cluster together (membership/founding.ts). */
export type FoundingMessage =
  /** What a server that was started with EXPECT says of itself. */
  | {
      readonly type: 'sighting';
      readonly expect: number;
      readonly sawCluster: boolean;
      readonly isSigned: boolean;
      readonly sees: readonly SeenFounder[];
    }
  /** A record, with the signatures that the sender knows: sign it, or take them. */
  | { readonly type: 'foundingOffer'; readonly founding: SignedFounding }
  /** The sender does not sign that record: now, or never. */
  | {
      readonly type: 'foundingRefused';
      /** The hash of the record. */
      readonly recordId: string;
      readonly never: boolean;
      readonly reason: string;
    };

/** Channel `control`. */
export type ControlMessage =
  | FoundingMessage
  /** A server without a cluster asks any member to be taken in. */
  | { readonly type: 'join'; readonly ref: number; readonly member: Omit<MemberInfo, 'id'> }
  /** It is in the log as a learner. `base` is the founding record that its log starts from. */
  | {
      readonly type: 'joined';
      readonly ref: number;
      readonly clusterId: string;
      readonly memberId: number;
      readonly base: LogBase;
      /** The leader's last index when it answered: how far the newcomer has to go. */
      readonly lastIndex: number;
      readonly peers: readonly PeerAddresses[];
    }
  | { readonly type: 'transferLeader'; readonly ref: number; readonly to: string }
  /** `force`: also where it leaves a single voter. */
  | {
      readonly type: 'removeMember';
      readonly ref: number;
      readonly name: string;
      readonly force: boolean;
    }
  | { readonly type: 'leave'; readonly ref: number; readonly name: string }
  /** An operator asks what the leader would do, and how a server stands. */
  | { readonly type: 'plan'; readonly ref: number }
  | { readonly type: 'why'; readonly ref: number; readonly name: string }
  | { readonly type: 'planned'; readonly ref: number; readonly plan: PlanReport }
  | { readonly type: 'explained'; readonly ref: number; readonly why: WhyReport }
  /** A transfer, removal or leave is done. */
  | { readonly type: 'done'; readonly ref: number; readonly message: string }
  | { readonly type: 'refused'; readonly ref: number; readonly refusal: Refusal }
  /** Address books are shared: candidates to dial, never members. */
  | { readonly type: 'peers'; readonly peers: readonly PeerAddresses[] }
  /** To a removed server that calls again: its removal is committed at this index. `mayRejoin`: the
   * planner put it out, and it may ask to join as a newcomer. */
  | {
      readonly type: 'removed';
      readonly memberId: number;
      readonly index: number;
      readonly mayRejoin: boolean;
    };
