/**
 * The false network: hosts, who listens where, connections with latency, and what is blocked. Ways
 * are blocked one direction at a time; packets that meet a block wait, as TCP repeats them, until
 * the way is free or an end gives the connection up for silence.
 */

import { QuorateError } from '../../src/base/errors.js';
import type { Rng } from '../../src/base/rng.js';
import { Connection, type ConnectionEnd, type Packet, type Party } from './connection.js';
import type { Scheduler } from './scheduler.js';
import type { SimProcess } from './sim-process.js';
import type { Trace } from './trace.js';

const hostsMax = 64;

/** How packets travel. */
export interface NetworkHabits {
  latencyMillisMin: number;
  latencyMillisSpread: number;
  /** One packet in so many is late by up to `tailMillis`; 0: none. */
  tailEvery: number;
  tailMillis: number;
  /** One publication in so many gets lost between two servers; 0: none. @default 10 */
  publicationsLostEvery?: number;
}

/** Somebody who takes connections at an address. */
export interface Listener extends Party {
  /** Its peer id. */
  readonly self: string;
  accepted(end: ConnectionEnd, purpose: Purpose, from: string): void;
}

/** Whether servers or a client and a server talk. */
export type Purpose = 'peer' | 'client';

/** The topic promises nothing. */
const publicationsLostEvery = 10;

/** How a dial ended. */
export type DialDone = (end: ConnectionEnd | null, reason: string) => void;

/** How long each kind of end bears silence, milliseconds. */
const silenceMillis = { peer: 1000, client: 15_000 } as const;

/** The network. */
export class Network {
  readonly habits: NetworkHabits;
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;
  /** Gossip draws from a stream of its own: the worlds of old seeds stay as they were. */
  readonly #gossipRng: Rng;
  #publications = 0;
  readonly #trace: Trace;
  readonly #listeners = new Map<string, Listener>();
  /** Addresses whose machine has no power: dials there get no answer at all. */
  readonly #dark = new Set<string>();
  /** Since when the way is blocked, by from · hostsMax + to; −1: it is free. */
  readonly #blockedSince = new Float64Array(hostsMax * hostsMax).fill(-1);
  readonly #connections = new Set<Connection>();
  /** Hears of every packet of gossip that a host sends. */
  onGossip: ((host: number, frames: number, bytes: number) => void) | null = null;

  constructor(
    habits: NetworkHabits,
    deps: { scheduler: Scheduler; rng: Rng; gossipRng: Rng; trace: Trace },
  ) {
    this.habits = habits;
    this.#scheduler = deps.scheduler;
    this.#rng = deps.rng;
    this.#gossipRng = deps.gossipRng;
    this.#trace = deps.trace;
  }

  /** @throws QuorateError when somebody listens there already. */
  listen(address: string, listener: Listener): void {
    if (this.#listeners.has(address)) {
      throw new QuorateError('BAD_REQUEST', `cannot listen on ${address}: it is in use`);
    }
    this.#listeners.set(address, listener);
    this.#dark.delete(address);
  }

  /** @param isDark the machine is gone with it: not even a refusal comes from there. */
  deafen(address: string, isDark: boolean): void {
    this.#listeners.delete(address);
    if (isDark) this.#dark.add(address);
    else this.#dark.delete(address);
  }

  /** One way, milliseconds. */
  latency(rng: Rng = this.#rng): number {
    const { latencyMillisMin, latencyMillisSpread, tailEvery, tailMillis } = this.habits;
    const millis = latencyMillisMin + (rng.below(1024) * latencyMillisSpread) / 1024;
    if (tailEvery === 0 || rng.below(tailEvery) > 0) return millis;
    return millis + rng.below(tailMillis);
  }

  /** A number for a publication, so that it is known again. */
  nextPublication(): number {
    this.#publications += 1;
    return this.#publications;
  }

  /** Whether a publication is lost on one of its ways. */
  losesPublication(): boolean {
    const every = this.habits.publicationsLostEvery ?? publicationsLostEvery;
    return every > 0 && this.#gossipRng.below(every) === 0;
  }

  isBlocked(from: number, to: number): boolean {
    return (this.#blockedSince[from * hostsMax + to] as number) >= 0;
  }

  /** Opens a connection; `done` comes once, later. */
  dial(
    from: Party,
    address: string,
    purpose: Purpose,
    timeoutMillis: number,
    done: DialDone,
  ): void {
    const scheduler = this.#scheduler;
    let isOver = false;
    const end = (made: ConnectionEnd | null, reason: string): void => {
      if (isOver) {
        if (made !== null) this.close(made, 'the dial was given up');
        return;
      }
      isOver = true;
      timer.cancel();
      done(made, reason);
    };
    const timer = from.process.after(timeoutMillis, () => end(null, `${address}: no answer`));
    const reach = scheduler.nowMillis + this.latency();
    scheduler.at(reach, null, () => {
      const listener = this.#listeners.get(address);
      if (listener === undefined) {
        if (this.#dark.has(address)) return;
        const refused = `${address}: connection refused`;
        scheduler.at(reach + this.latency(), from.process, () => end(null, refused));
        return;
      }
      scheduler.at(reach, listener.process, () => {
        if (this.isBlocked(from.host, listener.host)) return;
        if (this.isBlocked(listener.host, from.host)) return;
        const made = new Connection(from, listener, silenceMillis[purpose] + this.#rng.below(250));
        this.#connections.add(made);
        made.far.lastArrivalMillis = scheduler.nowMillis + this.latency();
        scheduler.at(made.far.lastArrivalMillis, from.process, () => {
          if (made.near.isOpen) end(made.near, '');
        });
        listener.accepted(made.far, purpose, from.process.name);
      });
    });
  }

  /** Sends a packet, behind those sent before. */
  transmit(from: ConnectionEnd, packet: Packet): void {
    if (!from.isOpen) return;
    if (isApart(packet)) return this.#transmitApart(from, packet);
    const arrival = this.#scheduler.nowMillis + this.latency();
    if (arrival > from.lastArrivalMillis) from.lastArrivalMillis = arrival;
    const to = from.other;
    this.#scheduler.at(from.lastArrivalMillis, to.process, () => this.#arrive(from, to, packet));
  }

  #transmitApart(from: ConnectionEnd, packet: Packet): void {
    const to = from.other;
    if (packet.kind === 'frames') this.onGossip?.(from.host, packet.frames.length, packet.bytes);
    else if (packet.kind === 'published') this.onGossip?.(from.host, 1, packet.content.length);
    const arrival = this.#scheduler.nowMillis + this.latency(this.#gossipRng);
    // Never before the greeting that went ahead of it.
    from.lastGossipMillis = Math.max(from.lastGossipMillis, from.lastArrivalMillis, arrival);
    this.#scheduler.at(from.lastGossipMillis, to.process, () => this.#arrive(from, to, packet));
  }

  /** Sends a packet outside the order, `delayMillis` late: what no TCP does, and Raft must bear. */
  transmitAstray(from: ConnectionEnd, packet: Packet, delayMillis: number): void {
    const to = from.other;
    const at = this.#scheduler.nowMillis + this.latency() + delayMillis;
    this.#scheduler.at(at, to.process, () => {
      if (to.isOpen && !this.#isHeldUp(from, to)) to.events.packet(packet);
    });
  }

  /** Closes from this side: what was sent arrives first. */
  close(end: ConnectionEnd, reason: string): void {
    if (!end.isOpen) return;
    end.isOpen = false;
    this.#tellOther(end, reason);
  }

  /** Breaks a connection: what is on its way is lost. */
  break(connection: Connection): void {
    for (const end of [connection.near, connection.far]) {
      this.#closeAt(end, this.#scheduler.nowMillis + this.latency(), 'connection reset');
    }
    connection.isDead = true;
  }

  /** Breaks every connection between two hosts. */
  breakBetween(a: number, b: number): void {
    for (const connection of [...this.#connections]) {
      if (senderOn(connection, a, b) !== null && !connection.isDead) this.break(connection);
    }
  }

  /** Makes a connection half-open: nothing arrives, nobody is told. */
  mute(connection: Connection): void {
    connection.isDead = true;
    const now = this.#scheduler.nowMillis;
    this.#closeAt(connection.near, now + connection.silenceMillis, 'silent');
    this.#closeAt(connection.far, now + connection.silenceMillis + this.#rng.below(500), 'silent');
  }

  /** A connection by chance, or null. */
  anyConnection(): Connection | null {
    const all = [...this.#connections];
    return all[this.#rng.below(Math.max(1, all.length))] ?? null;
  }

  /** Blocks a way. */
  block(from: number, to: number): void {
    const way = from * hostsMax + to;
    if (from === to || (this.#blockedSince[way] as number) >= 0) return;
    const since = this.#scheduler.nowMillis;
    this.#blockedSince[way] = since;
    for (const connection of this.#connections) {
      const sender = senderOn(connection, from, to);
      if (sender === null) continue;
      this.#scheduler.at(since + connection.silenceMillis, sender.other.process, () => {
        if (this.#blockedSince[way] === since) this.#giveUp(sender.other, 'silent');
      });
    }
  }

  unblock(from: number, to: number): void {
    const way = from * hostsMax + to;
    if ((this.#blockedSince[way] as number) < 0) return;
    this.#blockedSince[way] = -1;
    for (const connection of this.#connections) {
      const sender = senderOn(connection, from, to);
      if (sender === null || connection.isDead) continue;
      const { stalled, other } = sender;
      const now = this.#scheduler.nowMillis;
      // Before anything that is still on its way.
      for (const packet of stalled.splice(0)) {
        this.#scheduler.at(now, other.process, () => this.#arrive(sender, other, packet));
      }
    }
  }

  unblockAll(): void {
    for (let way = 0; way < this.#blockedSince.length; way++) {
      if ((this.#blockedSince[way] as number) >= 0) {
        this.unblock(Math.floor(way / hostsMax), way % hostsMax);
      }
    }
  }

  /** A process stands still: its peers give it up when that lasts. */
  paused(process: SimProcess): void {
    for (const connection of this.#connections) {
      for (const end of [connection.near, connection.far]) {
        if (end.process !== process) continue;
        const at = this.#scheduler.nowMillis + connection.silenceMillis;
        this.#scheduler.at(at, end.other.process, () => {
          if (process.pausedUntilMillis > at) this.#giveUp(end.other, 'silent');
        });
      }
    }
  }

  /** A process is no more. Its machine says so to the others, unless it is dark. */
  processEnded(process: SimProcess, isDark: boolean): void {
    for (const connection of [...this.#connections]) {
      for (const end of [connection.near, connection.far]) {
        if (end.process !== process || !end.isOpen) continue;
        end.isOpen = false;
        connection.isDead = true;
        const after = isDark ? connection.silenceMillis : this.latency();
        this.#closeAt(end.other, this.#scheduler.nowMillis + after, 'connection reset');
      }
    }
  }

  #arrive(from: ConnectionEnd, to: ConnectionEnd, packet: Packet): void {
    if (!to.isOpen) return;
    if (this.#isHeldUp(from, to)) {
      from.stalled.push(packet);
      return;
    }
    if (packet.kind === 'frames') {
      this.#trace.packet(from.process.number, to.process.number, packet);
    }
    to.events.packet(packet);
  }

  #isHeldUp(from: ConnectionEnd, to: ConnectionEnd): boolean {
    return from.connection.isDead || from.stalled.length > 0 || this.isBlocked(from.host, to.host);
  }

  #giveUp(end: ConnectionEnd, reason: string): void {
    if (!end.isOpen) return;
    end.isOpen = false;
    this.#tellOther(end, 'connection reset');
    end.events.closed(reason);
  }

  /** The other end learns of the close: in order, if the way is free, else by silence. */
  #tellOther(end: ConnectionEnd, reason: string): void {
    const { other, connection } = end;
    if (!other.isOpen) {
      this.#connections.delete(connection);
      return;
    }
    const now = this.#scheduler.nowMillis;
    const isHeldUp = this.#isHeldUp(end, other);
    const told = Math.max(end.lastArrivalMillis, now + this.latency());
    this.#closeAt(other, isHeldUp ? now + connection.silenceMillis : told, reason);
  }

  #closeAt(end: ConnectionEnd, atMillis: number, reason: string): void {
    this.#scheduler.at(atMillis, end.process, () => {
      if (!end.isOpen) return;
      end.isOpen = false;
      if (!end.other.isOpen) this.#connections.delete(end.connection);
      end.events.closed(reason);
    });
  }
}

/** What draws its latency beside the rest, so that the worlds of old seeds stay as they were. */
function isApart(packet: Packet): boolean {
  if (packet.kind === 'frames') return packet.channel === 'gossip';
  return packet.kind === 'published' || packet.kind === 'ask' || packet.kind === 'answer';
}

function senderOn({ near, far }: Connection, from: number, to: number): ConnectionEnd | null {
  if (near.host === from && far.host === to) return near;
  if (far.host === from && near.host === to) return far;
  return null;
}
