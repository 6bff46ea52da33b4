/**
 * Who is alive: for each other member a state, moved by rumours, by its own records, and by time.
 *
 *   unknown ─► alive ─► suspect ─► dead          (alive again, or left: by a newer record alone)
 *
 * Unknown is who has said nothing as a member yet, such as one that was just admitted and is still
 * writing that down: nobody accuses it.
 *
 * A rumour speaks against one record of its subject, named by its sequence, and counts only while
 * that very record is held: the subject refutes it by a record with a higher sequence, and so does
 * a server that comes back. A suspect dies when its time is over; the more members accuse it, the
 * shorter that time, and the worse this server's own health, the longer.
 *
 * Invariant: nobody is called dead without the suspicion having lasted `suspicionMillisMin` here,
 * or with whoever says so. This says nothing about votes: the planner asks the leader's own contact
 * as well. Source: SWIM (2002), 4.2; Lifeguard (2018), 4.2.
 */

import type { Rumour } from './table.js';

/** What is known of a member. `left`: it stopped in order. */
export type LifeState = 'alive' | 'suspect' | 'dead' | 'left' | 'unknown';

/**
 * What a rumour was to this server. `news`: believed, and to be passed on. `known`: nothing new.
 * `refuted`: a newer record is held, which whoever said it lacks. `ahead`: it speaks of a record
 * that this server lacks. `stranger`: its subject is no member.
 */
export type RumourVerdict = 'news' | 'known' | 'refuted' | 'ahead' | 'stranger';

/** How suspicion is timed. */
export interface SuspicionOptions {
  /** With every confirmation that is wanted, milliseconds. */
  readonly suspicionMillisMin: number;
  /** With none, milliseconds. */
  readonly suspicionMillisMax: number;
}

/** How many members beside the first accuser bring the time down to its least: Lifeguard's k. */
const confirmationsWanted = 2;

/** How far the time has come down from its longest to its shortest, by how many confirmations could
 * be had and how many there are: log(there + 1) / log(could be + 1), Lifeguard's curve. */
const shareOf: readonly (readonly number[])[] = [[1], [0, 1], [0, 0.63, 1]];

interface Life {
  state: LifeState;
  /** Sequence of the record held; 0: none. */
  sequence: number;
  /** When the state began, monotonic milliseconds. */
  since: number;
  accusers: string[];
}

/** The states of all other members. */
export class Liveness {
  readonly #self: string;
  readonly #options: SuspicionOptions;
  readonly #lives = new Map<string, Life>();
  #suspects = 0;

  constructor(self: string, options: SuspicionOptions) {
    this.#self = self;
    this.#options = options;
  }

  /** The other members of the configuration, with the sequence of the record that each made as one;
   * 0: none is held. */
  configured(
    members: ReadonlyMap<string, { sequence: number; leaving: boolean }>,
    now: number,
  ): void {
    for (const peerId of [...this.#lives.keys()]) {
      if (!members.has(peerId)) this.#lives.delete(peerId);
    }
    for (const [peerId, { sequence, leaving }] of members) {
      if (this.#lives.has(peerId)) continue;
      const state = sequence === 0 ? 'unknown' : leaving ? 'left' : 'alive';
      this.#lives.set(peerId, { state, sequence, since: now, accusers: [] });
    }
    this.#count();
  }

  /** A newer record of a member is held now. @returns whether it refuted a suspicion or a death. */
  recorded(peerId: string, record: { sequence: number; leaving: boolean }, now: number): boolean {
    const life = this.#lives.get(peerId);
    if (life === undefined || record.sequence <= life.sequence) return false;
    const refuted = life.state === 'suspect' || life.state === 'dead';
    life.sequence = record.sequence;
    this.#enter(life, record.leaving ? 'left' : 'alive', now);
    return refuted;
  }

  /** Takes a rumour, of this server's own making or another's. */
  heard(rumour: Rumour, now: number): RumourVerdict {
    const life = this.#lives.get(rumour.subject);
    if (life === undefined) return 'stranger';
    if (life.state === 'unknown') return rumour.sequence > 0 ? 'ahead' : 'known';
    if (rumour.sequence < life.sequence) return 'refuted';
    if (rumour.sequence > life.sequence) return 'ahead';
    if (life.state === 'dead' || life.state === 'left') return 'known';
    if (rumour.kind === 'dead') {
      this.#enter(life, 'dead', now);
      return 'news';
    }
    if (life.state !== 'suspect') {
      this.#enter(life, 'suspect', now);
      life.accusers = [rumour.accuser];
      return 'news';
    }
    // Beyond those that are wanted, accusers change nothing and need not travel.
    if (life.accusers.length > confirmationsWanted) return 'known';
    if (life.accusers.includes(rumour.accuser)) return 'known';
    life.accusers.push(rumour.accuser);
    return 'news';
  }

  /** Suspects whose time is over die; rumours of it. @param ownHealth this server's score. */
  expire(now: number, ownHealth: number): readonly Rumour[] {
    const dead: Rumour[] = [];
    if (this.#suspects === 0) return dead;
    for (const [subject, life] of this.#lives) {
      if (life.state !== 'suspect') continue;
      if (now - life.since < this.#timeout(life, ownHealth)) continue;
      this.#enter(life, 'dead', now);
      dead.push({ kind: 'dead', subject, sequence: life.sequence, accuser: this.#self });
    }
    return dead;
  }

  /** This server stood still for so long: time in which nobody could refute anything here. */
  stoodStill(millis: number): void {
    for (const life of this.#lives.values()) if (life.state === 'suspect') life.since += millis;
  }

  get hasSuspects(): boolean {
    return this.#suspects > 0;
  }

  /** The state of a member; `unknown` for anybody else. */
  stateOf(peerId: string): LifeState {
    return this.#lives.get(peerId)?.state ?? 'unknown';
  }

  /** For how long a member has been dead or gone, milliseconds; 0: it is not. */
  deadForMillis(peerId: string, now: number): number {
    const life = this.#lives.get(peerId);
    const isGone = life?.state === 'dead' || life?.state === 'left';
    return isGone ? Math.max(0, now - life.since) : 0;
  }

  /** Of the record that the state speaks of; 0: it is unknown. */
  sequenceOf(peerId: string): number {
    return this.#lives.get(peerId)?.sequence ?? 0;
  }

  /** What is said against a member, to be told to itself or to who does not know; null: nothing. */
  rumourOf(subject: string): Rumour | null {
    const life = this.#lives.get(subject);
    if (life?.state !== 'suspect' && life?.state !== 'dead') return null;
    const accuser = life.accusers[0] ?? this.#self;
    return { kind: life.state, subject, sequence: life.sequence, accuser };
  }

  /** Lifeguard's rule: from the longest time to the shortest, in the logarithm of confirmations. */
  #timeout({ accusers }: Life, ownHealth: number): number {
    const { suspicionMillisMin, suspicionMillisMax } = this.#options;
    // Who could confirm at all: the living and this server, but for the first accuser, one of them.
    let possible = 0;
    for (const { state } of this.#lives.values()) {
      if (state === 'alive' || state === 'unknown') possible += 1;
    }
    const wanted = Math.min(confirmationsWanted, possible);
    const confirmed = Math.min(accusers.length - 1, wanted);
    const share = shareOf[wanted]?.[confirmed] ?? 0;
    const millis = suspicionMillisMax - share * (suspicionMillisMax - suspicionMillisMin);
    return millis * (ownHealth + 1);
  }

  #enter(life: Life, state: LifeState, now: number): void {
    life.state = state;
    life.since = now;
    life.accusers = [];
    this.#count();
  }

  #count(): void {
    this.#suspects = 0;
    for (const { state } of this.#lives.values()) if (state === 'suspect') this.#suspects += 1;
  }
}
