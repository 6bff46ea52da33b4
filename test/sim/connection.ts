/**
 * A connection of the false network: two ends, in each direction packets in order, as TCP gives
 * them. What is on its way when the connection breaks is lost; the ends learn of it each at its own
 * time.
 */

import type { Channel } from '../../src/transport/transport.js';
import type { Hello } from '../../src/wire/hello.js';
import type { SimProcess } from './sim-process.js';

/** What travels: frames of one channel, or a step of greeting. */
export type Packet =
  | {
      readonly kind: 'frames';
      readonly channel: Channel | 'client';
      readonly frames: readonly Uint8Array[];
      readonly bytes: number;
    }
  | {
      readonly kind: 'hello';
      readonly peer: string;
      readonly hello: Hello;
      /** Who should answer, if the dialler knows. */
      readonly wanted: string | null;
    }
  | { readonly kind: 'welcome' | 'again'; readonly peer: string; readonly hello: Hello }
  | { readonly kind: 'accepted' }
  /** Whether the process at the other end lives, and that it does (clone-watch.ts). */
  | { readonly kind: 'ask' | 'answer'; readonly question: number }
  /** Somebody published; `number` knows it again. */
  | { readonly kind: 'published'; readonly number: number; readonly content: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: string };

/** Who listens at an end. */
export interface EndEvents {
  packet(packet: Packet): void;
  /** Called once, when this end learns that the connection is over. */
  closed(reason: string): void;
}

const deaf: EndEvents = { packet: () => {}, closed: () => {} };

/** One end; it keeps what is on its way from it. */
export class ConnectionEnd {
  readonly host: number;
  readonly process: SimProcess;
  readonly connection: Connection;
  events: EndEvents = deaf;
  isOpen = true;
  /** When the last packet sent from here arrives. */
  lastArrivalMillis = 0;
  /** The same of gossip, whose comings and goings move nothing else. */
  lastGossipMillis = 0;
  /** Sent from here, arrived, and held up because the way is blocked. */
  readonly stalled: Packet[] = [];

  constructor(connection: Connection, host: number, process: SimProcess) {
    this.connection = connection;
    this.host = host;
    this.process = process;
  }

  get other(): ConnectionEnd {
    const { near, far } = this.connection;
    return near === this ? far : near;
  }
}

/** A host and the process on it that talks. */
export interface Party {
  readonly host: number;
  readonly process: SimProcess;
}

/** Two ends. */
export class Connection {
  /** The end that dialled. */
  readonly near: ConnectionEnd;
  readonly far: ConnectionEnd;
  /** The peer id of who answered. */
  readonly answerer: string;
  /** After so long without a sign of life an end gives up, milliseconds. */
  readonly silenceMillis: number;
  /** Nothing arrives any more, though nobody was told (a half-open connection). */
  isDead = false;

  constructor(near: Party, far: Party & { readonly self: string }, silenceMillis: number) {
    this.answerer = far.self;
    this.near = new ConnectionEnd(this, near.host, near.process);
    this.far = new ConnectionEnd(this, far.host, far.process);
    this.silenceMillis = silenceMillis;
  }
}
