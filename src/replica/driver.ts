/**
 * Runs the core: gathers everything that arrives in one turn of the event loop into one batch of
 * inputs, steps the core, and carries out its effects under the order law (raft/effects.ts).
 *
 * Invariant: a message that must follow the disk leaves only when `#durable` has reached the number
 * of persists that were given out before it. What the effects mean to clients and members is not
 * decided here: it is told to `DriverEvents`.
 */

import { assert, unreachable } from '../base/assert.js';
import type { Clock, Timer } from '../base/clock.js';
import type { RaftCore } from '../raft/core.js';
import type { Effect, Role } from '../raft/effects.js';
import type { Input, Proposal } from '../raft/inputs.js';
import type { Message } from '../raft/messages.js';
import type { Configuration, Index, MemberChange, MemberId, Term } from '../raft/types.js';
import type { LogStore } from '../storage/log-store.js';

/**
 * Most messages that wait for the disk. While that takes hours (it is full) the core still answers
 * whoever asks; the oldest answers, which nobody waits for any more, are lost as on a network.
 */
const waitingMax = 4096;

/** A wish that the core did not take. */
export type RefusedWish = Extract<Effect, { type: 'refused' }>;

/** An event of the core that is worth a log line. */
export type CoreNote = Extract<Effect, { type: 'note' }>;

/** What the driver tells of the core's effects. Called within a turn, never from within a call. */
export interface DriverEvents {
  applyUpTo(index: Index): void;
  answerRead(ref: number, index: Index): void;
  accepted(ref: number, index: Index, term: Term): void;
  refused(refusal: RefusedWish): void;
  configured(index: Index, configuration: Configuration): void;
  roleChanged(role: Role, term: Term, leader: MemberId): void;
  sendSnapshot(to: MemberId): void;
  note(note: CoreNote): void;
  /** Once a tick, after the core had it. */
  ticked(): void;
  /** Hands a message to the network; false when there is no way to the member now. */
  send(message: Message): boolean;
  /** The log said that data is damaged, or an invariant broke: the process must end. */
  fatal(reason: string): void;
}

/** What a driver works on. */
export interface DriverDeps {
  readonly core: RaftCore;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly events: DriverEvents;
}

/** The runner of one core over one log. */
export class Driver {
  readonly #core: RaftCore;
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #events: DriverEvents;
  readonly #tickMillis: number;
  #facts: Input[] = [];
  #messages: Message[] = [];
  #proposals: Proposal[] = [];
  #scheduled = false;
  #stopped = false;
  /** Persists given out, and of these the ones known to be on disk. */
  #issued = 0;
  #durable = 0;
  /** Messages that wait for persist number `need`; `need` never falls along the queue. */
  readonly #waiting: { readonly need: number; readonly message: Message }[] = [];
  #tickTimer: Timer | null = null;

  constructor(tickMillis: number, deps: DriverDeps) {
    this.#tickMillis = tickMillis;
    this.#core = deps.core;
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#events = deps.events;
  }

  /** Lets time pass. */
  start(): void {
    this.#guarded(() => this.#perform(this.#core.start()));
    this.#scheduleTick();
    this.#wake();
  }

  /** No input is taken and no effect carried out any more. The store stays the owner's to close. */
  stop(): void {
    this.#stopped = true;
    this.#tickTimer?.cancel();
  }

  message(message: Message): void {
    this.#messages.push(message);
    this.#wake();
  }

  propose(proposal: Proposal): void {
    this.#proposals.push(proposal);
    this.#wake();
  }

  read(ref: number): void {
    this.#fact({ type: 'read', ref });
  }

  change(wish: {
    readonly ref: number;
    readonly expected: Index;
    readonly reason: string;
    readonly changes: readonly MemberChange[];
  }): void {
    this.#fact({ type: 'change', timeMillis: this.#clock.wallMillis(), ...wish });
  }

  transfer(ref: number, to: MemberId): void {
    this.#fact({ type: 'transfer', ref, to });
  }

  applied(index: Index): void {
    this.#fact({ type: 'applied', index });
  }

  unreachable(peer: MemberId): void {
    this.#fact({ type: 'unreachable', peer });
  }

  #fact(input: Input): void {
    this.#facts.push(input);
    this.#wake();
  }

  #scheduleTick(): void {
    this.#tickTimer = this.#clock.after(this.#tickMillis, () => {
      if (this.#stopped) return;
      // A tick goes behind what has arrived: after a stall of this process the leader's heartbeats
      // that wait in the sockets are heard before time is called.
      this.#clock.afterTurn(() => {
        if (this.#stopped) return;
        this.#turn();
        this.#step({ type: 'tick' });
        this.#guarded(() => this.#events.ticked());
        this.#turn();
      });
      this.#scheduleTick();
    });
  }

  #wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#clock.afterTurn(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  /** Takes in all that has arrived. Effects may bring new facts: they are a turn of their own, so
   * that sockets and timers get theirs in between. */
  #turn(): void {
    if (this.#stopped) return;
    const messages = this.#messages;
    const facts = this.#facts;
    const proposals = this.#proposals;
    if (messages.length > 0) {
      this.#messages = [];
      for (const message of messages) this.#step({ type: 'message', message });
    }
    if (facts.length > 0) {
      this.#facts = [];
      for (const fact of facts) this.#step(fact);
    }
    if (proposals.length > 0) {
      this.#proposals = [];
      this.#step({ type: 'propose', proposals });
    }
  }

  #step(input: Input): void {
    if (this.#stopped) return;
    this.#guarded(() => this.#perform(this.#core.step(input)));
  }

  /** An invariant that broke leaves nothing to trust: say it and end the process. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.stop();
      this.#events.fatal(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    const events = this.#events;
    switch (effect.type) {
      case 'persist':
        return this.#persist(effect);
      case 'send':
        return this.#send(effect.message, effect.after === 'now' ? 0 : this.#issued);
      case 'apply':
        return events.applyUpTo(effect.upTo);
      case 'fetch':
        return this.#fetch(effect);
      case 'sendSnapshot':
        return events.sendSnapshot(effect.to);
      case 'answerRead':
        return events.answerRead(effect.ref, effect.index);
      case 'accepted':
        return events.accepted(effect.ref, effect.index, effect.term);
      case 'refused':
        return events.refused(effect);
      case 'configured':
        return events.configured(effect.index, effect.configuration);
      case 'roleChanged':
        return events.roleChanged(effect.role, effect.term, effect.leader);
      case 'note':
        return events.note(effect);
      default:
        return unreachable(effect);
    }
  }

  #persist(effect: Extract<Effect, { type: 'persist' }>): void {
    const { truncateFrom, hardState, entries, lastIndex, lastTerm } = effect;
    this.#issued += 1;
    const number = this.#issued;
    this.#store.append({ truncateFrom, hardState, entries }, () => {
      if (this.#stopped) return;
      assert(number === this.#durable + 1, 'persists end in the order in which they began');
      this.#durable = number;
      this.#release();
      this.#fact({ type: 'persisted', index: lastIndex, term: lastTerm });
    });
  }

  #send(message: Message, need: number): void {
    if (need <= this.#durable) return this.#deliver(message);
    this.#waiting.push({ need, message });
    if (this.#waiting.length > waitingMax) this.#waiting.shift();
  }

  /** Sends what waited for the disk. */
  #release(): void {
    let count = 0;
    for (const { need, message } of this.#waiting) {
      if (need > this.#durable) break;
      this.#deliver(message);
      count += 1;
    }
    if (count > 0) this.#waiting.splice(0, count);
  }

  #deliver(message: Message): void {
    if (!this.#events.send(message)) {
      this.#facts.push({ type: 'unreachable', peer: message.to });
      this.#wake();
    }
  }

  #fetch(effect: Extract<Effect, { type: 'fetch' }>): void {
    const { to, firstIndex, lastIndex, bytesMax } = effect;
    this.#store.read(firstIndex, lastIndex, bytesMax, (error, entries) => {
      if (this.#stopped) return;
      if (error === null) this.#fact({ type: 'fetched', to, entries });
      else this.#events.fatal(`the log cannot be read: ${error.message}`);
    });
  }
}
