/**
 * The probes of one server: each period it pings one of those it watches, in a shuffled order, so
 * that each has its turn once a round. No answer in time: up to three others ping it in its stead.
 * None of them reaches it either: it is told to the owner, who suspects it.
 *
 * Invariant: nothing is told of a peer because this server was slow. An answer that has arrived
 * already is read before a time-out is judged, and when the event loop stood still all probes under
 * way are void. Source: SWIM (2002), 4.1 and 4.3; Lifeguard (2018), 4.1.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { Rng } from '../base/rng.js';
import type { OwnHealth } from '../membership/own-health.js';
import type { PeerId } from '../transport/transport.js';
import type { GossipBody } from '../wire/gossip-messages.js';

/** How many others ping in this server's stead. */
const relaysMax = 3;

/** The most pings in others' stead that are under way; more are not answered. */
const errandsMax = 64;

/** The most peers that wait to be probed out of turn. */
const urgentMax = 16;

/** How probes are timed. */
export interface ProberOptions {
  /** One probe in so many milliseconds; half of it is a direct answer's time, all of it that of an
   * indirect one. */
  readonly probeMillis: number;
}

/** What a prober works with. */
export interface ProberDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly health: OwnHealth;
  /** How late the event loop ran in the last seconds, milliseconds. */
  readonly loopDelayMillis: () => number;
  /** This server's own sequence. */
  readonly sequence: () => number;
  /** False: there is no link. */
  readonly send: (peer: PeerId, body: GossipBody) => boolean;
  /** Whether it is dead or left: it is pinged now and then, and never accused. */
  readonly isGone: (peer: PeerId) => boolean;
  /** Who might reach the target and can be asked. */
  readonly relays: (target: PeerId) => readonly PeerId[];
  /** Neither this server nor others reach it. */
  readonly failed: (target: PeerId) => void;
  /** The event loop stood still for so long. */
  readonly stoodStill: (millis: number) => void;
}

interface Probe {
  readonly nonce: number;
  readonly target: PeerId;
  readonly asked: Set<PeerId>;
  readonly heard: Set<PeerId>;
  timer: Timer | null;
}

interface Errand {
  readonly target: PeerId;
  readonly from: PeerId;
  readonly nonce: number;
  readonly timer: Timer;
}

/** See the head of the file. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #deps: ProberDeps;
  readonly #probes = new Map<number, Probe>();
  readonly #errands = new Map<number, Errand>();
  #watched: readonly PeerId[] = [];
  #round: PeerId[] = [];
  readonly #urgent: PeerId[] = [];
  #nonce: number;
  #dueMillis = 0;
  #lateMillis = 0;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(options: ProberOptions, deps: ProberDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#nonce = deps.rng.uint32();
  }

  start(): void {
    const { probeMillis } = this.#options;
    // Servers started together must not probe in step.
    this.#schedule(this.#deps.rng.below(probeMillis));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#void();
    for (const { timer } of this.#errands.values()) timer.cancel();
    this.#errands.clear();
  }

  /** Whom to probe. */
  watch(peers: Iterable<PeerId>): void {
    this.#watched = [...peers];
    this.#round = [];
  }

  /** Probes this one next, out of turn: somebody suspects it, or its link broke. */
  next(peer: PeerId): void {
    if (!this.#watched.includes(peer) || this.#urgent.includes(peer)) return;
    if ([...this.#probes.values()].some(({ target }) => target === peer)) return;
    if (this.#urgent.length < urgentMax) this.#urgent.push(peer);
  }

  // ---- what others say ----

  pinged(from: PeerId, nonce: number): void {
    this.#deps.send(from, { type: 'ack', nonce, sequence: this.#deps.sequence() });
  }

  /** @returns of whom the answer speaks, or null when nobody waits for it. */
  acked(from: PeerId, nonce: number, sequence: number): PeerId | null {
    const errand = this.#errands.get(nonce);
    if (errand !== undefined) {
      if (errand.target !== from) return null;
      this.#errands.delete(nonce);
      errand.timer.cancel();
      this.#deps.send(errand.from, { type: 'ack', nonce: errand.nonce, sequence });
      return from;
    }
    const probe = this.#probes.get(nonce);
    if (probe === undefined || (probe.target !== from && !probe.asked.has(from))) return null;
    this.#end(probe, true);
    return probe.target;
  }

  nacked(from: PeerId, nonce: number): void {
    const probe = this.#probes.get(nonce);
    if (probe === undefined || !probe.asked.has(from)) return;
    probe.heard.add(from);
    if (probe.heard.size === probe.asked.size) this.#judge(probe);
  }

  /** Somebody wants `target` pinged in his stead. */
  asked(from: PeerId, nonce: number, target: PeerId): void {
    if (this.#errands.size >= errandsMax) return;
    const own = this.#nextNonce();
    const { sequence, send, clock } = this.#deps;
    const refuse = (): void => {
      this.#errands.delete(own);
      send(from, { type: 'nack', nonce });
    };
    if (!send(target, { type: 'ping', nonce: own, sequence: sequence() })) return refuse();
    // Sooner than the asker's own time ends, so that this answer counts (Lifeguard's 80 %).
    const timer = clock.after(this.#options.probeMillis * 0.8, () => clock.afterTurn(later));
    const later = (): void => {
      if (this.#errands.has(own)) refuse();
    };
    this.#errands.set(own, { target, from, nonce, timer });
  }

  // ---- own probes ----

  #schedule(delayMillis: number): void {
    const { clock } = this.#deps;
    this.#dueMillis = clock.monotonicMillis() + delayMillis;
    this.#timer = clock.after(delayMillis, () => this.#tick());
  }

  #tick(): void {
    const { clock, health, loopDelayMillis, stoodStill } = this.#deps;
    const { probeMillis } = this.#options;
    const late = clock.monotonicMillis() - this.#dueMillis;
    if (late > probeMillis / 2) {
      this.#void();
      stoodStill(late);
    }
    // Forgotten by halves: one stall makes a server careful for a few seconds.
    this.#lateMillis = Math.max(late, this.#lateMillis / 2);
    health.loopDelayed(Math.max(this.#lateMillis, loopDelayMillis()));
    this.#schedule(probeMillis * (health.score + 1));
    // What has arrived is read first: it may be an answer, or a refutation.
    clock.afterTurn(() => this.#probe());
  }

  #probe(): void {
    if (this.#stopped) return;
    const target = this.#urgent.shift() ?? this.#nextOfRound();
    if (target === undefined || !this.#watched.includes(target)) return;
    const { clock, health, send, isGone, sequence } = this.#deps;
    const nonce = this.#nextNonce();
    const sent = send(target, { type: 'ping', nonce, sequence: sequence() });
    if (isGone(target)) return;
    const probe: Probe = { nonce, target, asked: new Set(), heard: new Set(), timer: null };
    this.#probes.set(nonce, probe);
    if (!sent) return this.#askOthers(probe);
    const wait = (this.#options.probeMillis / 2) * (health.score + 1);
    probe.timer = clock.after(wait, () => clock.afterTurn(() => this.#askOthers(probe)));
  }

  #askOthers(probe: Probe): void {
    if (!this.#probes.has(probe.nonce)) return;
    const { clock, health, rng, send, relays } = this.#deps;
    const { nonce, target } = probe;
    const candidates = shuffled(relays(target), rng);
    for (const relay of candidates) {
      if (probe.asked.size >= relaysMax) break;
      if (send(relay, { type: 'ask', nonce, target })) probe.asked.add(relay);
    }
    if (probe.asked.size === 0) return this.#judge(probe);
    const wait = this.#options.probeMillis * (health.score + 1);
    probe.timer = clock.after(wait, () => clock.afterTurn(() => this.#judge(probe)));
  }

  #judge(probe: Probe): void {
    if (!this.#probes.has(probe.nonce)) return;
    this.#end(probe, false);
    this.#deps.failed(probe.target);
  }

  #end(probe: Probe, answered: boolean): void {
    probe.timer?.cancel();
    this.#probes.delete(probe.nonce);
    const { asked, heard } = probe;
    this.#deps.health.probed({
      answered,
      relaysAsked: asked.size,
      relaysHeard: heard.size,
    });
  }

  /** Time in which this server heard nobody says nothing of anybody. */
  #void(): void {
    for (const { timer } of this.#probes.values()) timer?.cancel();
    this.#probes.clear();
  }

  #nextOfRound(): PeerId | undefined {
    if (this.#round.length === 0) this.#round = shuffled(this.#watched, this.#deps.rng);
    return this.#round.pop();
  }

  #nextNonce(): number {
    this.#nonce = (this.#nonce + 1) >>> 0;
    return this.#nonce;
  }
}

/** A copy in an order of chance. */
export function shuffled<T>(list: readonly T[], rng: Rng): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
