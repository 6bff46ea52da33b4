/**
 * What goes into a founding and what comes out of it (founding.ts): facts in, duties out, as plain
 * data, so that a test can lose, double and delay them.
 *
 * Order: duties are carried out in the order in which they are given; nothing waits but what
 * `written`, `renewed` and `joined` answer.
 */

import type { Founder, SignedFounding } from '../base/founding-record.js';
import type { LogBase } from '../raft/types.js';

/** What is on this server's disk, and what it was told. */
export interface FoundingOptions {
  readonly clusterName: string;
  readonly version: string;
  readonly self: Founder;
  /** EXPECT; null: this server founds with nobody new, but keeps what it has signed. */
  readonly expect: number | null;
  /** The cluster it is in already; null while in none. */
  readonly clusterId: string | null;
  /** What it has signed; a record of an older incarnation is void. */
  readonly signed: SignedFounding | null;
  /** Random, hex: for the record that this incarnation may propose. */
  readonly nonce: string;
  /** How long the same founders must have seen one another before one proposes, milliseconds. */
  readonly marginMillis: number;
  /** Between two sendings of the same, milliseconds: what was lost is made good. */
  readonly repeatMillis: number;
}

/** Another server, as its greeting says. */
export interface SeenServer extends Founder {
  readonly version: string;
  /** The cluster it is in; null while in none. */
  readonly clusterId: string | null;
}

/** What a server that wants to found says of itself. */
export interface Sighting {
  readonly expect: number;
  /** It has seen a server of a cluster: then nobody who hears of it founds another. */
  readonly sawCluster: boolean;
  /** It has signed a record. */
  readonly isSigned: boolean;
  /** The servers without a cluster that it sees. */
  readonly sees: readonly Omit<Founder, 'name'>[];
}

/** What becomes known. */
export type FoundingInput =
  /** A link to this server is up, or it greeted anew. */
  | { readonly type: 'seen'; readonly server: SeenServer }
  | { readonly type: 'lost'; readonly peerId: string }
  | { readonly type: 'sighted'; readonly peerId: string; readonly sighting: Sighting }
  | { readonly type: 'offered'; readonly peerId: string; readonly founding: SignedFounding }
  | {
      readonly type: 'refused';
      readonly peerId: string;
      readonly recordId: string;
      readonly never: boolean;
      readonly reason: string;
    }
  /** What the last `write` asked for is on disk. */
  | { readonly type: 'written' }
  /** The folder has this incarnation now, on disk. */
  | { readonly type: 'renewed'; readonly incarnation: string; readonly nonce: string }
  /** A cluster took this server in, and that is on disk. */
  | { readonly type: 'joined'; readonly clusterId: string }
  | { readonly type: 'tick' };

/** What is to be done. `to` are peer ids. */
export type FoundingOutput =
  | { readonly type: 'tell'; readonly to: readonly string[]; readonly sighting: Sighting }
  /** Write this, then say `written`. */
  | { readonly type: 'write'; readonly founding: SignedFounding }
  | { readonly type: 'offer'; readonly to: string; readonly founding: SignedFounding }
  | {
      readonly type: 'refuse';
      readonly to: string;
      readonly recordId: string;
      readonly never: boolean;
      readonly reason: string;
    }
  /** Write a new incarnation, then say `renewed`. */
  | { readonly type: 'renew'; readonly reason: string }
  /** The certificate is on disk: become its member. */
  | {
      readonly type: 'found';
      readonly clusterId: string;
      readonly memberId: number;
      readonly base: LogBase;
    };
