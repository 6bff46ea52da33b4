/**
 * The port of the network, as replica/ and client/ see it: links between peers that are proved by
 * their keys, bytes in frames, no promise per message. `libp2p-transport.ts` is the real one; tests
 * and a simulator have their own. Addresses are `host:port` (IPv6 in brackets).
 */

import type { Hello } from '../wire/hello.js';

export type { Hello } from '../wire/hello.js';

/** A libp2p peer id, base58. */
export type PeerId = string;

/**
 * The purposes for which a pair of peers keeps a stream each, so that bulk in one never delays
 * another's frames beyond what one connection shares.
 *  - `consensus`  Raft messages; a full queue drops the oldest frame (Raft repeats what it needs),
 *  - `forward`    client requests passed to the leader and their answers; a full queue refuses,
 *  - `control`    greetings, joining, addresses; small,
 *  - `gossip`     probes and rumours; small; a full queue drops the oldest frame.
 */
export type Channel = 'consensus' | 'forward' | 'control' | 'gossip';

/** What gossip of a server has sent since its transport was made, on its channel and as broadcast;
 * a publication counts once for each link that it leaves by. */
export interface GossipSent {
  readonly frames: number;
  /** Before framing and encryption; of the broadcast with gossipsub's envelope. */
  readonly bytes: number;
}

/** That another process runs on a copy of this server's data folder, and lives. */
export interface CloneNotice {
  /** This server is refused. Else the other one is, which nobody has ever listened to. */
  readonly isRefused: boolean;
  /** One line for people: whose folder, and where both run. */
  readonly reason: string;
}

/** What the transport tells its owner. All calls come from the event loop, never from within a
 * call. */
export interface TransportHandlers {
  /** The greeting to send on a new link. */
  hello(): Hello;
  /**
   * A peer greeted (first on a link, or again). Return null to keep the link, or one line why not:
   * the line is sent to the peer (which gets `refused`), and the link is closed.
   */
  greeted(peer: PeerId, hello: Hello, remoteAddress: string): string | null;
  /** The link to `peer` is open in both directions and both sides accepted the greeting. */
  linkUp(peer: PeerId): void;
  linkDown(peer: PeerId): void;
  /** The other side refused our greeting, with its reason. */
  refused(peer: PeerId, address: string | null, reason: string): void;
  /** `peer` has proof of another process with this server's key and incarnation. */
  cloned(peer: PeerId, notice: CloneNotice): void;
  /** Frames that arrived together, in order. The bytes belong to the receiver. */
  frames(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): void;
  /** Somebody published; from anybody, unproved: the bytes must speak for themselves. */
  published(bytes: Uint8Array): void;
  /** mDNS saw somebody who says that he serves the same cluster name. */
  discovered(peer: PeerId, addresses: readonly string[]): void;
  /** A client opened a stream. */
  client(stream: ClientStream): void;
}

/** A stream between a client and a server: frames both ways, in order. */
export interface ClientStream {
  readonly remotePeer: PeerId;
  readonly remoteAddress: string;
  /** Queues frames; all of one turn of the event loop leave together. False: the queue is over its
   * limit and nothing was taken: wait for `onDrain`. */
  send(frames: readonly Uint8Array[]): boolean;
  onFrames(handler: (frames: readonly Uint8Array[]) => void): void;
  onDrain(handler: () => void): void;
  /** Called once. `reason` is one line. */
  onClose(handler: (reason: string) => void): void;
  /** Sends what is queued, then closes. */
  close(): void;
}

/** The network of a server. */
export interface Transport {
  readonly self: PeerId;
  /** Opens the listener. Rejects with a one-line QuorateError when the port is taken or the
   * like. */
  start(handlers: TransportHandlers): Promise<void>;
  /** Where this server can be dialled, once started; for a wildcard listener, one address for each
   * interface. */
  addresses(): readonly string[];
  /** Keeps a link to `peer`, dialling these addresses with back-off until `release`. May be called
   * again with other addresses. */
  keep(peer: PeerId, addresses: readonly string[]): void;
  release(peer: PeerId): void;
  /**
   * Dials an address without knowing who answers (PEERS; names are resolved at every dial) and
   * exchanges greetings; the link stays open while either side keeps it. Resolves with who it was.
   * Rejects with one line: unresolved, refused, silent, not Quorate, ourselves.
   */
  probe(
    address: string,
    signal: AbortSignal,
  ): Promise<{ readonly peer: PeerId; readonly hello: Hello }>;
  isLinked(peer: PeerId): boolean;
  /**
   * Queues frames for a peer; all of one turn of the event loop leave in one write. False: there is
   * no link, or the channel's queue is full by its overflow rule.
   */
  send(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): boolean;
  /** Tells everybody who serves this cluster name; best effort: it may be lost, doubled, late, or
   * reach nobody. At most 32 KiB. */
  publish(bytes: Uint8Array): void;
  gossipSent(): GossipSent;
  /** Greets every linked peer again: what `hello()` gives has changed. */
  greetAgain(): void;
  /** Sends what is queued (at most half a second), closes links and listener. */
  stop(): Promise<void>;
}

/** The network of a client program: it listens nowhere and has a key for this process alone. */
export interface ClientDialer {
  /** Opens a stream to the server that answers at `address`. Rejects with one line. */
  dial(address: string, signal: AbortSignal): Promise<ClientStream>;
  stop(): Promise<void>;
}
