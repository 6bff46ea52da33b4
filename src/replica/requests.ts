/**
 * Leads commands to the log and their replies back: proposed here when this server leads, passed to
 * the leader over the `forward` channel when another does, held for a moment when nobody does, so
 * that a fail-over costs clients a pause and no error.
 *
 * Every request is in exactly one place: `#proposed` (handed to the core), `#inLog` (at an index,
 * not applied), `#forwarded` (at the leader) or `#held`; and is answered exactly once. A request
 * that may have reached the log is never repeated from here: only a client's session makes that
 * safe.
 */

import type { Clock } from '../base/clock.js';
import type { Refusal } from '../base/errors.js';
import { commandBytesMax } from '../base/limits.js';
import type { Reply } from '../machine/commands.js';
import type { Entry, Index, MemberId, Term } from '../raft/types.js';
import { nobody } from '../raft/types.js';
import { decodeCommand } from '../wire/command-codec.js';
import type { ForwardMessage } from '../wire/peer-messages.js';
import { WireError } from '../wire/wire-error.js';
import type { Outcome } from './api.js';
import type { Driver, RefusedWish } from './driver.js';
import type { Refs } from './refs.js';

/** The most requests that wait for anything at one time; more are refused OVERLOADED. */
const requestsMax = 65_536;

/** The most bytes of commands held while nobody leads. */
const heldBytesMax = 16 * 1024 * 1024;

/** How long a request is held for a leader to appear, milliseconds: several elections long. */
const heldMillisMax = 3000;

/** How long the leader may take to answer a forwarded request, milliseconds. */
const forwardMillisMax = 5000;

/** When an overloaded server may be asked again, milliseconds. */
const retryAfterMillis = 50;

/** Where to send a forwarded request. */
export interface ForwardPort {
  /** False when there is no link to the member or its queue is full. */
  forward(to: MemberId, message: ForwardMessage): boolean;
  /** Says where the leader is, for refusals. */
  leaderHint(): Refusal['leader'];
}

type Answer = (outcome: Outcome<Reply>) => void;

interface Request {
  readonly command: Uint8Array;
  readonly answer: Answer;
  /** Monotonic milliseconds after which it is not held any longer. */
  readonly holdUntil: number;
}

interface Forwarded extends Request {
  readonly to: MemberId;
  readonly answerUntil: number;
}

/** What the requests of a replica work on. */
export interface RequestsDeps {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly refs: Refs;
  readonly port: ForwardPort;
}

/** The requests of one replica. */
export class Requests {
  readonly #driver: Driver;
  readonly #clock: Clock;
  readonly #port: ForwardPort;
  readonly #self: MemberId;
  #leader: MemberId = nobody;
  readonly #refs: Refs;
  readonly #proposed = new Map<number, Request>();
  readonly #inLog = new Map<Index, { readonly term: Term; readonly answer: Answer }>();
  readonly #forwarded = new Map<number, Forwarded>();
  #held: Request[] = [];
  #heldBytes = 0;
  #stopping = false;
  /** Why this server, while it leads, takes no commands; null: it takes them. */
  #refused: Refusal | null = null;

  constructor(self: MemberId, deps: RequestsDeps) {
    this.#self = self;
    this.#refs = deps.refs;
    this.#driver = deps.driver;
    this.#clock = deps.clock;
    this.#port = deps.port;
  }

  /** Requests that wait for something. */
  get waiting(): number {
    return this.#proposed.size + this.#inLog.size + this.#forwarded.size + this.#held.length;
  }

  /** Leads a command to the log, wherever the leader is. */
  execute(command: Uint8Array, answer: Answer): void {
    const refusal = this.#admission(command);
    if (refusal !== null) return answer({ ok: false, refusal });
    this.#route({ command, answer, holdUntil: this.#clock.monotonicMillis() + heldMillisMax });
  }

  /** A follower passed on a command. It is not passed on again: the follower knows better by
   * now. */
  executeForwarded(command: Uint8Array, answer: Answer): void {
    const refusal =
      this.#leader === this.#self
        ? (this.#admission(command) ?? this.#refused ?? unreadable(command))
        : this.#notLeader();
    if (refusal !== null) return answer({ ok: false, refusal });
    this.#propose({ command, answer, holdUntil: 0 });
  }

  /** This server takes no commands while it leads, for this reason; null: it takes them. Those that
   * are in the log already end as ever. */
  refuseCommands(reason: Refusal | null): void {
    this.#refused = reason;
  }

  /** Ends what waits and takes no more. */
  stop(): void {
    this.#stopping = true;
    const refusal: Refusal = { code: 'STOPPING', message: 'the server is stopping' };
    this.#failUncertain(refusal, () => true);
    for (const request of this.#proposed.values()) request.answer({ ok: false, refusal });
    this.#proposed.clear();
    this.#refuseHeld(() => refusal);
  }

  // ---- facts from the core ----

  accepted(ref: number, index: Index, term: Term): void {
    const request = this.#proposed.get(ref);
    if (request === undefined) return;
    this.#proposed.delete(ref);
    this.#inLog.set(index, { term, answer: request.answer });
  }

  /** The core did not take a proposal: nothing was done, so it may go elsewhere. */
  refused(wish: RefusedWish): boolean {
    const request = this.#proposed.get(wish.ref);
    if (request === undefined) return false;
    this.#proposed.delete(wish.ref);
    const elsewhere = wish.code === 'NOT_LEADER' || wish.code === 'NO_LEADER';
    if (elsewhere && request.holdUntil > 0) this.#hold(request);
    else request.answer({ ok: false, refusal: this.#fromWish(wish) });
    return true;
  }

  applied(entry: Entry, reply: Reply | null): void {
    const waiting = this.#inLog.get(entry.index);
    if (waiting === undefined) return;
    this.#inLog.delete(entry.index);
    if (reply !== null && waiting.term === entry.term) waiting.answer({ ok: true, value: reply });
    else waiting.answer({ ok: false, refusal: overtaken });
  }

  /** The leader is now `leader` (or nobody known). What waited under another one is uncertain. */
  leaderChanged(leader: MemberId): void {
    if (leader === this.#leader) return;
    const before = this.#leader;
    this.#leader = leader;
    if (before === this.#self) this.#failInLog();
    this.#failUncertain(overtaken, (request) => request.to !== leader);
    this.releaseHeld();
  }

  // ---- facts from the network ----

  /** The answer of member `from` to a request that was forwarded to it. */
  answered(from: MemberId, message: Exclude<ForwardMessage, { type: 'execute' }>): void {
    const request = this.#forwarded.get(message.ref);
    if (request === undefined || request.to !== from) return;
    this.#forwarded.delete(message.ref);
    if (message.type === 'executed') request.answer({ ok: true, value: message.reply });
    else if (message.refusal.code === 'NOT_LEADER') this.#hold(request);
    else request.answer({ ok: false, refusal: message.refusal });
  }

  linkDown(member: MemberId): void {
    this.#failUncertain(lostLink, (request) => request.to === member);
  }

  /** Tries the held requests again: a leader is known, or reachable again. */
  releaseHeld(): void {
    if (this.#held.length === 0 || this.#leader === nobody) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const request of held) this.#route(request);
  }

  /** Once a tick: gives up what waited too long. */
  expire(): void {
    const now = this.#clock.monotonicMillis();
    for (const [ref, request] of this.#forwarded) {
      // Insertion order is the order of deadlines, so the first live one ends the search.
      if (request.answerUntil > now) break;
      this.#forwarded.delete(ref);
      request.answer({ ok: false, refusal: silentLeader });
    }
    if (this.#held.length === 0) return;
    this.releaseHeld();
    const expired = this.#held.filter((request) => request.holdUntil <= now);
    if (expired.length === 0) return;
    this.#held = this.#held.filter((request) => request.holdUntil > now);
    for (const request of expired) {
      this.#heldBytes -= request.command.length;
      request.answer({ ok: false, refusal: noLeader });
    }
  }

  // ---- within ----

  #admission(command: Uint8Array): Refusal | null {
    if (this.#stopping) return { code: 'STOPPING', message: 'the server is stopping' };
    if (command.length > commandBytesMax) {
      return {
        code: 'TOO_LARGE',
        message: `the command has ${command.length} bytes, the limit is ${commandBytesMax}`,
      };
    }
    if (this.waiting >= requestsMax) {
      return {
        code: 'OVERLOADED',
        message: `${requestsMax} requests are waiting; try again shortly`,
        retryAfterMillis,
      };
    }
    return null;
  }

  #route(request: Request): void {
    if (this.#leader === this.#self) {
      const refusal = this.#refused;
      return refusal === null ? this.#propose(request) : request.answer({ ok: false, refusal });
    }
    if (this.#leader === nobody || !this.#tryForward(request)) this.#hold(request);
  }

  #propose(request: Request): void {
    const ref = this.#refs.next();
    this.#proposed.set(ref, request);
    this.#driver.propose({
      ref,
      timeMillis: Math.floor(this.#clock.wallMillis()),
      data: request.command,
    });
  }

  #tryForward(request: Request): boolean {
    const ref = this.#refs.next();
    const to = this.#leader;
    const { command, answer, holdUntil } = request;
    if (!this.#port.forward(to, { type: 'execute', ref, command })) return false;
    const answerUntil = this.#clock.monotonicMillis() + forwardMillisMax;
    this.#forwarded.set(ref, { command, answer, holdUntil, to, answerUntil });
    return true;
  }

  #hold(request: Request): void {
    const now = this.#clock.monotonicMillis();
    if (request.holdUntil <= now) return request.answer({ ok: false, refusal: noLeader });
    if (this.#heldBytes + request.command.length > heldBytesMax) {
      return request.answer({ ok: false, refusal: noLeader });
    }
    this.#heldBytes += request.command.length;
    this.#held.push({
      command: request.command,
      answer: request.answer,
      holdUntil: request.holdUntil,
    });
  }

  #refuseHeld(refusal: () => Refusal): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const request of held) request.answer({ ok: false, refusal: refusal() });
  }

  #failInLog(): void {
    const waiting = [...this.#inLog.values()];
    this.#inLog.clear();
    for (const { answer } of waiting) answer({ ok: false, refusal: overtaken });
  }

  /** Answers those forwarded requests whose fate can no longer be learned. */
  #failUncertain(refusal: Refusal, which: (request: Forwarded) => boolean): void {
    for (const [ref, request] of this.#forwarded) {
      if (!which(request)) continue;
      this.#forwarded.delete(ref);
      request.answer({ ok: false, refusal });
    }
  }

  #notLeader(): Refusal {
    const leader = this.#port.leaderHint();
    return {
      code: 'NOT_LEADER',
      message: 'this server does not lead',
      ...(leader === undefined ? {} : { leader }),
    };
  }

  #fromWish(wish: RefusedWish): Refusal {
    const leader = this.#port.leaderHint();
    return {
      code: wish.code,
      message: wish.message,
      ...(leader === undefined ? {} : { leader }),
      ...(wish.code === 'OVERLOADED' ? { retryAfterMillis } : {}),
    };
  }
}

/** A command that no machine could read would halt every server once it is committed. */
function unreadable(command: Uint8Array): Refusal | null {
  try {
    decodeCommand(command);
    return null;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { code: 'BAD_REQUEST', message: `no command: ${error.message}` };
  }
}

const overtaken: Refusal = {
  code: 'LEADER_CHANGED',
  message: 'the leader changed while the request was under way: its outcome is unknown',
};

const lostLink: Refusal = {
  code: 'DISCONNECTED',
  message: 'the link to the leader broke while the request was under way: its outcome is unknown',
};

const silentLeader: Refusal = {
  code: 'TIMEOUT',
  message: `the leader gave no answer for ${forwardMillisMax} ms: the outcome is unknown`,
};

const noLeader: Refusal = {
  code: 'NO_LEADER',
  message: 'no leader is known: is a majority of the voters up? See "quorate status"',
  retryAfterMillis: 200,
};
