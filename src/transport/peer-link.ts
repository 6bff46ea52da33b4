/**
 * The link to one peer: whichever connections there are to it, and which of them is used. When both
 * sides dial at once there are two (docs/libp2p.md, trap 7). Each side then prefers the same one,
 * and the side that dialled the other leaves it: it says so, and closes it once what was on its way
 * has arrived. Nothing is lost, and the owner sees one link.
 *
 * Invariant: the owner hears `linkUp` and `linkDown` in turn, beginning with `linkUp`, and frames
 * only between them.
 */

import { CloneWatch } from './clone-watch.js';
import type { PeerConnection } from './peer-connection.js';
import type { Channel, PeerId } from './transport.js';

/** A connection that was left is closed after this, milliseconds: what was on its way has come. */
const retireMillis = 1000;

/** What a link tells its owner. */
export interface PeerLinkEvents {
  linkUp(peer: PeerId): void;
  linkDown(peer: PeerId): void;
  /** Another life of the peer greeted: the one that was let in is asked whether it lives. */
  secondLife(): void;
  /** The peer's data folder runs twice. */
  cloned(reason: string): void;
}

/** See the head of the file. */
export class PeerLink {
  readonly peer: PeerId;
  /** Which of the peer's lives is let in. */
  readonly clones: CloneWatch;
  readonly #self: PeerId;
  readonly #events: PeerLinkEvents;
  readonly #unkeptMillisMax: number;
  /** In the order in which they were opened here. */
  #connections: PeerConnection[] = [];
  #current: PeerConnection | null = null;
  /** Connections we left, and for how long. */
  readonly #retired = new Map<PeerConnection, number>();
  #keeps = false;
  #unkeptMillis = 0;
  #told = false;

  constructor(peer: PeerId, self: PeerId, unkeptMillisMax: number, events: PeerLinkEvents) {
    this.peer = peer;
    this.#self = self;
    this.#unkeptMillisMax = unkeptMillisMax;
    this.#events = events;
    this.clones = new CloneWatch({
      asked: () => events.secondLife(),
      proved: (reason) => events.cloned(reason),
    });
  }

  /** The connection that frames leave by, if any. */
  get current(): PeerConnection | null {
    return this.#current;
  }

  get connections(): readonly PeerConnection[] {
    return this.#connections;
  }

  /** There is nothing to remember of this peer. */
  get isForgettable(): boolean {
    return this.#connections.length === 0 && !this.#keeps && !this.clones.isRefusing;
  }

  /** We want the link to last. */
  get keeps(): boolean {
    return this.#keeps;
  }

  /** Says to both sides' accounts whether we want the link to last. */
  setKeeps(keeps: boolean): void {
    if (this.#keeps === keeps) return;
    this.#keeps = keeps;
    this.#unkeptMillis = 0;
    for (const connection of this.#connections) connection.sayKeeping(keeps);
  }

  add(connection: PeerConnection): void {
    this.#connections.push(connection);
  }

  /** A connection came up: the owner may hear of the link now. */
  up(connection: PeerConnection): void {
    connection.sayKeeping(this.#keeps);
    this.choose();
    if (this.#told) return;
    this.#told = true;
    this.#events.linkUp(this.peer);
  }

  /** A connection is gone. */
  remove(connection: PeerConnection): void {
    this.#connections = this.#connections.filter((other) => other !== connection);
    this.#retired.delete(connection);
    this.choose();
    if (this.#told && !this.#connections.some((other) => other.isUp)) {
      this.#told = false;
      this.#events.linkDown(this.peer);
    }
    // Behind that: the owner hears of the end of one life before it hears of the next.
    this.clones.ended(connection);
  }

  /** Picks the connection to send by, and leaves those that we dialled and do not use. */
  choose(): void {
    let best: PeerConnection | null = null;
    for (const connection of this.#connections) {
      if (!connection.isUsable) continue;
      best = best === null ? connection : this.#better(best, connection);
    }
    // When the other side has left the only one that is up, sending by it beats not sending.
    this.#current = best ?? this.#connections.find((connection) => connection.isUp) ?? null;
    if (best === null) return;
    for (const connection of this.#connections) {
      if (connection === best || !connection.isUsable || !connection.origin.dialledByUs) continue;
      connection.retire();
      this.#retired.set(connection, 0);
    }
  }

  send(channel: Channel, frames: readonly Uint8Array[]): boolean {
    return this.#current?.send(channel, frames) ?? false;
  }

  /** Once for each tick of the transport. */
  tick(elapsedMillis: number): void {
    for (const connection of [...this.#connections]) connection.tick(elapsedMillis);
    this.clones.tick(elapsedMillis);
    for (const [connection, millis] of this.#retired) {
      this.#retired.set(connection, millis + elapsedMillis);
      if (millis + elapsedMillis >= retireMillis) connection.close('another connection is used');
    }
    const current = this.#current;
    if (this.#keeps || current === null || current.remoteKeeps) {
      this.#unkeptMillis = 0;
      return;
    }
    this.#unkeptMillis += elapsedMillis;
    if (this.#unkeptMillis < this.#unkeptMillisMax) return;
    for (const connection of this.#connections) connection.close('neither side keeps the link');
  }

  /** Both sides come to the same answer, unless one of them knows that a connection is dead. */
  #better(older: PeerConnection, newer: PeerConnection): PeerConnection {
    // The peer was started anew, or does not speak on the older one: that one is a corpse.
    if (older.remoteHello?.incarnation !== newer.remoteHello?.incarnation) return newer;
    if (older.isSilent && !newer.isSilent) return newer;
    if (older.origin.dialledByUs === newer.origin.dialledByUs) return newer;
    const lowerDials = this.#self < this.peer;
    return older.origin.dialledByUs === lowerDials ? older : newer;
  }
}
