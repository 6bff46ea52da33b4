/**
 * The client's side of a session: writes get sequence numbers in the order of the calls, travel
 * many at once, and are sent again in order from the first one in doubt (go-back-n) whenever a
 * server, a leader or a stream was lost. The machine does each once, so a repeat is harmless.
 *
 * Invariants: `#sent` holds consecutive sequence numbers, the first of them the lowest without a
 * settled caller; a number is never given to a second command; callers are settled in order.
 * Source: Raft thesis 6.3; the rules of the other side are machine/sessions.
 */

import type { Clock, Timer } from '../base/clock.js';
import { QuorateError, type Refusal } from '../base/errors.js';
import type { ClientReply } from '../wire/client-messages.js';
import { encodeCommand } from '../wire/command-codec.js';
import { Backlog, type Caller } from './backlog.js';
import type { Link, Receiver } from './link.js';
import type { ClientSettings } from './options.js';
import { Queue } from './queue.js';
import { isFinal, nextStep } from './routing.js';
import type { CommandOwner, Order, SessionCommand } from './session-command.js';
import { fillerUnder } from './session-command.js';
import type { Targets } from './targets.js';

/** Times `attemptTimeoutMillis` after which one command without an answer condemns its server. */
const hangingAttempts = 3;
const patienceDoublingsMax = 4;

/** The one session of a client, opened by its first write. */
export class Session implements CommandOwner {
  readonly #settings: ClientSettings;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #targets: Targets;
  /** Never sent. */
  readonly #waiting: Backlog;
  /** Sent at least once, by sequence. */
  readonly #sent = new Queue<SessionCommand>();
  /** Place in `#sent` from which commands are to be sent (again). */
  #next = 0;
  #sentBytes = 0;
  /** The session's number; 0: none is open. */
  #session = 0;
  #lastSequence = 0;
  #registering = false;
  #pumping = false;
  /** Set while nothing may be sent, because of a refusal that asked for patience. */
  #again: Timer | null = null;
  #failures = 0;
  #hangs = 0;
  /** The last refusal that made us try again, for errors of callers out of time. */
  #refusal: Refusal | null = null;

  constructor(settings: ClientSettings, deps: { link: Link; clock: Clock; targets: Targets }) {
    this.#settings = settings;
    this.#link = deps.link;
    this.#clock = deps.clock;
    this.#targets = deps.targets;
    this.#waiting = new Backlog(settings, this);
  }

  /** The number of the open session; 0: none. */
  get id(): number {
    return this.#session;
  }

  /** Whether commands are without an outcome. */
  get isBusy(): boolean {
    return this.#sent.length > 0 || this.#waiting.length > 0;
  }

  /** Takes a command in; the caller's waiter hears how it went, later. */
  submit(order: Order, caller: Caller): void {
    if (this.#waiting.add(order, caller)) this.#pumpSoon();
  }

  /** A fresh stream: everything without an outcome is sent again, in order. */
  opened(): void {
    this.#again?.cancel();
    this.#again = null;
    this.#next = 0;
    this.#pumpSoon();
  }

  closed(): void {
    this.#registering = false;
    for (let place = 0; place < this.#sent.length; place++) {
      (this.#sent.at(place) as SessionCommand).id = 0;
    }
  }

  /** The stream takes requests again. */
  drained(): void {
    this.#pump();
  }

  /** Called now and then: fails callers out of time, leaves a server on which commands hang. */
  check(nowMillis: number): void {
    this.#expire(nowMillis);
    const head = this.#sent.at(0);
    if (!head || head.id === 0 || !this.#link.isOpen) return;
    const patience = hangingAttempts * 2 ** Math.min(this.#hangs, patienceDoublingsMax);
    if (nowMillis - head.sentMillis < patience * this.#settings.attemptTimeoutMillis) return;
    this.#hangs += 1;
    this.#link.move('writes are not answered');
  }

  /** Fails everything, for good. */
  end(error: QuorateError): void {
    this.#again?.cancel();
    for (const command of this.#sent.drain()) drop(command, error);
    this.#waiting.failAll(error);
  }

  /** For SessionCommand alone. */
  replied(command: SessionCommand, reply: ClientReply, id: number): void {
    if (command.isGone || command.outcome) return;
    if (reply.type === 'commandReply') {
      const { reply: word } = reply;
      if (word.kind !== 'refused') this.#done(command, word);
      else if (word.refusal.code === 'SESSION_EXPIRED') this.#sessionExpired();
      else if (word.refusal.code === 'OUT_OF_ORDER' || word.refusal.code === 'OVERLOADED') {
        // No trace in the session: the command is still to be done.
        if (command.id === id) this.#refused(command, word.refusal);
      } else this.#done(command, word);
      return;
    }
    if (reply.type !== 'refused') return;
    const { refusal } = reply;
    if (refusal.code === 'SESSION_EXPIRED') this.#sessionExpired();
    else if (isFinal(refusal.code)) this.#replaceByFiller(command, refusal);
    // A refusal of an older copy says nothing about the newer one.
    else if (command.id === id) this.#refused(command, refusal);
  }

  #pumpSoon(): void {
    if (!this.#link.isOpen) {
      this.#link.open();
      return;
    }
    if (this.#pumping) return;
    this.#pumping = true;
    this.#clock.afterTurn(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  /** Sends what may be sent: first again, then anew. */
  #pump(): void {
    if (this.#again || !this.#link.isWritable || !this.isBusy) return;
    if (this.#session === 0) {
      this.#register();
      return;
    }
    const nowMillis = this.#clock.monotonicMillis();
    for (; this.#next < this.#sent.length; this.#next++) {
      const command = this.#sent.at(this.#next) as SessionCommand;
      if (command.outcome === null) this.#transmit(command, nowMillis);
    }
    const { inflightCommandsMax, inflightBytesMax } = this.#settings;
    while (this.#sent.length < inflightCommandsMax && this.#sentBytes < inflightBytesMax) {
      const command = this.#waiting.shift();
      if (!command) break;
      this.#sentBytes += command.bytes;
      this.#lastSequence += 1;
      command.sequence = this.#lastSequence;
      this.#sent.push(command);
      command.encoded = encodeCommand(command.under(this.#tag(command)));
      this.#transmit(command, nowMillis);
      this.#next += 1;
    }
    this.#link.flush();
  }

  #tag(command: SessionCommand) {
    const acknowledgedBelow = (this.#sent.at(0) as SessionCommand).sequence;
    return { session: this.#session, sequence: command.sequence, acknowledgedBelow };
  }

  #transmit(command: SessionCommand, nowMillis: number): void {
    command.sentMillis = nowMillis;
    command.id = this.#link.expect(command);
    const { id, encoded } = command;
    this.#link.post({ type: 'command', id, command: encoded as Uint8Array });
  }

  #register(): void {
    if (this.#registering) return;
    this.#registering = true;
    const receiver: Receiver = { manner: 'request', replied: (reply) => this.#registered(reply) };
    const id = this.#link.expect(receiver);
    const command = encodeCommand({ op: 'registerSession' });
    this.#link.post({ type: 'command', id, command });
    this.#link.flush();
  }

  #registered(reply: ClientReply): void {
    this.#registering = false;
    if (reply.type === 'commandReply' && reply.reply.kind === 'session') {
      this.#session = reply.reply.session;
      this.#failures = 0;
      this.#link.served();
      this.#pump();
      return;
    }
    const refusal = refusalIn(reply);
    if (!refusal) return;
    if (!isFinal(refusal.code)) {
      this.#goOn(refusal, 0);
      return;
    }
    this.#waiting.failAll(QuorateError.from(refusal));
  }

  #done(command: SessionCommand, reply: NonNullable<SessionCommand['outcome']>): void {
    command.outcome = reply;
    this.#failures = 0;
    this.#hangs = 0;
    this.#refusal = null;
    this.#link.served();
    for (let head = this.#sent.at(0); head?.outcome; head = this.#sent.at(0)) {
      this.#sent.shift();
      this.#sentBytes -= head.bytes;
      if (this.#next > 0) this.#next -= 1;
      head.isGone = true;
      head.settle(head.outcome);
    }
    if (this.#waiting.length > 0) this.#pumpSoon();
  }

  /** Not done, and no final word: all that follow it are in doubt with it. */
  #refused(command: SessionCommand, refusal: Refusal): void {
    command.id = 0;
    const { expected } = refusal;
    const first = (this.#sent.at(0) as SessionCommand).sequence;
    if (expected !== undefined && expected < first) {
      // The machine awaits a command whose reply we have: that session is not ours any more.
      this.#sessionExpired();
      return;
    }
    this.#goOn(refusal, (expected ?? command.sequence) - first);
  }

  /** Goes on after a refusal by sending again from `place` on. */
  #goOn(refusal: Refusal, place: number): void {
    this.#refusal = refusal;
    this.#next = Math.min(this.#next, place);
    // The refusals of one stream's worth of commands are one failure.
    if (this.#again) return;
    this.#failures += 1;
    const step = nextStep(refusal, this.#failures);
    if (refusal.leader) this.#targets.recommend(refusal.leader.addresses);
    if (step.move) {
      this.#link.move(refusal.message);
      return;
    }
    this.#again = this.#clock.after(step.delayMillis, () => {
      this.#again = null;
      this.#pump();
    });
  }

  /** A server will never pass this one on: its callers hear that, its number is used up. */
  #replaceByFiller(command: SessionCommand, refusal: Refusal): void {
    if (command.isFiller) {
      // Not even a filler passes: this session leads nowhere.
      this.#sessionExpired();
      return;
    }
    command.fail(QuorateError.from(refusal));
    command.isFiller = true;
    command.encoded = encodeCommand(fillerUnder(this.#tag(command)));
    command.id = 0;
    const place = command.sequence - (this.#sent.at(0) as SessionCommand).sequence;
    this.#next = Math.min(this.#next, place);
    this.#pumpSoon();
  }

  /** What was sent may or may not have been done, and can never be asked again. */
  #sessionExpired(): void {
    const message =
      'the session expired with this write on its way; whether it was done is unknown: read to see';
    const error = new QuorateError('SESSION_EXPIRED', message);
    this.#session = 0;
    this.#lastSequence = 0;
    this.#next = 0;
    this.#sentBytes = 0;
    for (const command of this.#sent.drain()) {
      if (command.outcome) {
        command.isGone = true;
        command.settle(command.outcome);
      } else drop(command, error);
    }
    this.#pumpSoon();
  }

  /** Fails callers out of time. What was sent stays: those behind it need its number. */
  #expire(nowMillis: number): void {
    this.#waiting.expire(nowMillis, () => this.#lateness());
    for (let place = 0; place < this.#sent.length; place++) {
      const command = this.#sent.at(place) as SessionCommand;
      if (command.deadlineMillis > nowMillis || command.waiters.length === 0) continue;
      const why = this.#refusal?.message ?? `no answer from ${this.#link.address}`;
      const message = `the write was not confirmed in time and may still be done (${why})`;
      command.fail(new QuorateError('TIMEOUT', message));
    }
  }

  #lateness(): QuorateError {
    if (this.#link.isOpen && this.#refusal) return QuorateError.from(this.#refusal);
    // What a server said tells more than that the next one could not be reached.
    const silence = this.#link.isOpen ? `no answer from ${this.#link.address}` : this.#link.trouble;
    const why = this.#refusal?.message ?? silence;
    return new QuorateError('NO_LEADER', `nothing was written, no server served in time (${why})`);
  }
}

function drop(command: SessionCommand, error: QuorateError): void {
  command.isGone = true;
  command.fail(error);
}

function refusalIn(reply: ClientReply): Refusal | null {
  if (reply.type === 'refused') return reply.refusal;
  if (reply.type === 'commandReply' && reply.reply.kind === 'refused') return reply.reply.refusal;
  return null;
}
