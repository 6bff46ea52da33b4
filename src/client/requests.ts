/**
 * Requests outside sessions: reads, status, administration. Each may be asked again without harm,
 * so each is asked, here and elsewhere, until it is answered, finally refused or out of time. The
 * invariant: every request is settled exactly once, and only open ones are in `#open`.
 */

import type { Clock, Timer } from '../base/clock.js';
import { QuorateError, type Refusal } from '../base/errors.js';
import { encodeRequest } from '../wire/client-codec.js';
import type { ClientReply, ClientRequest } from '../wire/client-messages.js';
import { WireError } from '../wire/wire-error.js';
import { AbortWatch, abortReason } from './abort.js';
import type { Link, Receiver } from './link.js';
import { isFinal, nextStep } from './routing.js';
import type { Targets } from './targets.js';

/** A request before it has an id. */
export type Question = ClientRequest extends infer R
  ? R extends ClientRequest
    ? Omit<R, 'id'>
    : never
  : never;

/** How long, and until what, a request may last. */
export interface RequestLimits {
  readonly deadlineMillis: number;
  readonly signal: AbortSignal | undefined;
}

/** One request and who waits for it. */
class PlainRequest implements Receiver {
  readonly manner = 'request';
  readonly question: Question;
  readonly deadlineMillis: number;
  readonly resolve: (reply: ClientReply) => void;
  readonly reject: (error: unknown) => void;
  readonly #owner: Requests;
  id = 0;
  /** Times it was put to a server. */
  attempts = 0;
  /** The refusal that made it try again last. */
  refusal: Refusal | null = null;
  watch: AbortWatch | null = null;

  constructor(
    owner: Requests,
    question: Question,
    deadlineMillis: number,
    settle: { resolve: (reply: ClientReply) => void; reject: (error: unknown) => void },
  ) {
    this.#owner = owner;
    this.question = question;
    this.deadlineMillis = deadlineMillis;
    this.resolve = settle.resolve;
    this.reject = settle.reject;
  }

  replied(reply: ClientReply): void {
    this.#owner.replied(this, reply);
  }
}

/** All open requests outside sessions. */
export class Requests {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #targets: Targets;
  readonly #open = new Set<PlainRequest>();
  #again: Timer | null = null;
  #failures = 0;

  constructor(link: Link, clock: Clock, targets: Targets) {
    this.#link = link;
    this.#clock = clock;
    this.#targets = targets;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Asks until there is an answer.
   * @throws QuorateError a final refusal, or what stood in the way when the time was up;
   *   the signal's reason when it was aborted.
   */
  ask(question: Question, limits: RequestLimits): Promise<ClientReply> {
    const { signal } = limits;
    if (signal?.aborted) return Promise.reject(abortReason(signal));
    const fault = requestFault(question);
    if (fault) return Promise.reject(fault);
    return new Promise((resolve, reject) => {
      const settle = { resolve, reject };
      const request = new PlainRequest(this, question, limits.deadlineMillis, settle);
      this.#open.add(request);
      if (signal) {
        const abort = () => this.#fail(request, abortReason(signal));
        request.watch = new AbortWatch(signal, abort);
      }
      this.#put(request);
    });
  }

  /** A fresh stream: every open request is put again. */
  opened(): void {
    for (const request of this.#open) this.#put(request);
  }

  closed(): void {
    for (const request of this.#open) request.id = 0;
  }

  /** Rejects what is out of time. */
  expire(nowMillis: number): void {
    for (const request of this.#open) {
      if (request.deadlineMillis <= nowMillis) this.#fail(request, this.#lateness(request));
    }
  }

  /** Rejects everything. */
  end(error: QuorateError): void {
    this.#again?.cancel();
    for (const request of this.#open) this.#fail(request, error);
  }

  /** For PlainRequest alone. */
  replied(request: PlainRequest, reply: ClientReply): void {
    if (!this.#open.has(request)) return;
    request.id = 0;
    if (reply.type !== 'refused') {
      this.#failures = 0;
      this.#link.served();
      this.#succeed(request, reply);
      return;
    }
    const { refusal } = reply;
    if (isFinal(refusal.code)) {
      const done = doneBefore(request, refusal);
      if (done) this.#succeed(request, done);
      else this.#fail(request, QuorateError.from(refusal));
      return;
    }
    request.refusal = refusal;
    // Refusals that come together are one failure.
    if (this.#again === null) this.#failures += 1;
    const step = nextStep(refusal, this.#failures);
    if (refusal.leader) this.#targets.recommend(refusal.leader.addresses);
    if (step.move) this.#link.move(refusal.message);
    else this.#putLater(step.delayMillis);
  }

  #put(request: PlainRequest): void {
    if (!this.#link.isOpen) {
      this.#link.open();
      return;
    }
    request.id = this.#link.expect(request);
    request.attempts += 1;
    this.#link.post({ ...request.question, id: request.id } as ClientRequest);
  }

  #putLater(delayMillis: number): void {
    this.#again ??= this.#clock.after(delayMillis, () => {
      this.#again = null;
      for (const request of this.#open) if (request.id === 0) this.#put(request);
    });
  }

  #succeed(request: PlainRequest, reply: ClientReply): void {
    this.#open.delete(request);
    request.watch?.stop();
    request.resolve(reply);
  }

  #fail(request: PlainRequest, error: unknown): void {
    if (!this.#open.delete(request)) return;
    request.watch?.stop();
    if (request.id !== 0) this.#link.forget(request.id);
    request.reject(error);
  }

  #lateness(request: PlainRequest): QuorateError {
    const { refusal } = request;
    if (refusal) return QuorateError.from(refusal);
    if (request.attempts > 0) {
      return new QuorateError('TIMEOUT', `${this.#link.address} did not answer in time`);
    }
    return new QuorateError('NO_LEADER', `no server could be reached (${this.#link.trouble})`);
  }
}

/** Why a request cannot be put into words, before it stands between others that can; or null. */
export function requestFault(question: Question): QuorateError | null {
  try {
    encodeRequest({ ...question, id: 1 } as ClientRequest);
    return null;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return new QuorateError('BAD_REQUEST', `the request cannot be sent: ${error.message}`);
  }
}

/** A member that is not found when its removal is asked for again was removed the first time. */
function doneBefore(request: PlainRequest, refusal: Refusal): ClientReply | null {
  const { question } = request;
  if (question.type !== 'removeMember' && question.type !== 'leave') return null;
  if (refusal.code !== 'NOT_FOUND' || request.attempts < 2) return null;
  return { type: 'done', id: 0, message: `${question.name} is not a member any more` };
}
