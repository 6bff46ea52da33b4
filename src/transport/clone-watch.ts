/**
 * Recognises two live processes of one data folder by the connections of one peer: one key, one
 * incarnation, two lives (wire/hello.ts). Usually a second life is a restart whose predecessor's
 * connection has not been seen to end, so it is no proof of anything:
 *
 *  1. A connection greets as another life than the one that was let in. It waits: its greeting is
 *     not judged, so it is not up, and no frame of it is believed.
 *  2. Each connection of the life that was let in is asked a question with a number.
 *  3. All of them end, closed or silent for too long: the newcomer is let in. That was a restart.
 *  4. One answers. That process lived when the other had greeted already: both live.
 *
 * Then the newcomer is refused. Has it said that nobody ever listened to it, then it is the later
 * one for sure and made no promise to anybody, and the one that was there goes on. Else nobody can
 * tell whose votes and acknowledgements count, and both are refused, for a while.
 *
 * Invariant: connections that are let in, of one incarnation and with known lives, are of one life.
 * Only a holder of the peer's key is heard here (Noise), so nobody else can make it refused.
 */

import type { Hello, Life } from '../wire/hello.js';

/** How long a life that was found to be one of two is refused, milliseconds. Long enough for its
 * process to hear so and to end, short enough for whoever mends it to wait for. */
const refusedMillis = 10_000;

/** A connection, as far as this rule needs it. */
export interface Claimant {
  /** Its latest greeting. */
  readonly remoteHello: Hello | null;
  /** Where it comes from, `host:port`. */
  readonly origin: { readonly remoteAddress: string };
  /** Asks the process at the other end for an answer. */
  ask(question: number): void;
  /** Its greeting may be judged now. */
  letIn(): void;
  /** Refuses it, and says why. */
  refuseClone(reason: string): void;
  /** Tells it that another process of its data folder was refused. */
  warnOfClone(reason: string): void;
}

/** What the rule tells its owner. */
export interface CloneEvents {
  /** Another life greeted: the one that was let in is asked. */
  asked(): void;
  /** Two lives live. Told once, however often they come within the time of their refusal. */
  proved(reason: string): void;
}

interface Waiting {
  readonly connection: Claimant;
  /** Who was asked on its account, and by which question. */
  readonly asked: Map<Claimant, number>;
}

interface Refusal {
  readonly reason: string;
  millisLeft: number;
}

/** The connections of one peer, by their lives. */
export class CloneWatch {
  readonly #events: CloneEvents;
  /** Those whose greeting may be judged, and whose life is known. */
  readonly #letIn = new Set<Claimant>();
  #waiting: Waiting[] = [];
  /** Lives that are refused, by their words. */
  readonly #refused = new Map<string, Refusal>();
  /** The number of the last question. */
  #question = 0;

  constructor(events: CloneEvents) {
    this.#events = events;
  }

  /** A life is refused: this must not be forgotten yet. */
  get isRefusing(): boolean {
    return this.#refused.size > 0;
  }

  /**
   * A connection greeted for the first time. True: its greeting may be judged at once. False: it
   * waits for `letIn`, or was refused.
   */
  arrived(connection: Claimant): boolean {
    const life = lifeOf(connection);
    if (life === null) return true;
    const refusal = this.#refused.get(life.word);
    if (refusal !== undefined) {
      connection.refuseClone(refusal.reason);
      return false;
    }
    if (this.#rivals(connection).length === 0) {
      this.#letIn.add(connection);
      return true;
    }
    const waiting: Waiting = { connection, asked: new Map() };
    this.#waiting.push(waiting);
    this.#events.asked();
    this.#ask(waiting);
    return false;
  }

  /** The process at the other end of `connection` answered a question. */
  answered(connection: Claimant, question: number): void {
    if (!this.#letIn.has(connection)) return;
    const proved = this.#waiting.filter(({ connection: newcomer, asked }) => {
      // An answer to an earlier question may have been under way before the newcomer began.
      const own = asked.get(connection);
      return own !== undefined && question >= own && isRival(connection, newcomer);
    });
    for (const { connection: newcomer } of proved) this.#proved(connection, newcomer);
    this.#settle();
  }

  /** A connection is gone. */
  ended(connection: Claimant): void {
    this.#letIn.delete(connection);
    this.#waiting = this.#waiting.filter((waiting) => waiting.connection !== connection);
    this.#settle();
  }

  /** Once for each tick of the transport. */
  tick(elapsedMillis: number): void {
    for (const [word, refusal] of this.#refused) {
      refusal.millisLeft -= elapsedMillis;
      if (refusal.millisLeft <= 0) this.#refused.delete(word);
    }
  }

  #rivals(connection: Claimant): readonly Claimant[] {
    return [...this.#letIn].filter((other) => isRival(other, connection));
  }

  /** Asks the rivals that were not asked on this one's account yet. */
  #ask({ connection, asked }: Waiting): void {
    const unasked = this.#rivals(connection).filter((rival) => !asked.has(rival));
    if (unasked.length === 0) return;
    this.#question += 1;
    for (const rival of unasked) {
      asked.set(rival, this.#question);
      rival.ask(this.#question);
    }
  }

  /** Lets in who has no rival left; the first one may be the rival of the next. */
  #settle(): void {
    for (const waiting of [...this.#waiting]) {
      const { connection } = waiting;
      if (this.#rivals(connection).length > 0) {
        this.#ask(waiting);
        continue;
      }
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      this.#letIn.add(connection);
      connection.letIn();
    }
  }

  #proved(rival: Claimant, newcomer: Claimant): void {
    const [first, second] = [lifeOf(rival), lifeOf(newcomer)];
    if (first === null || second === null) return;
    const isNews = !this.isRefusing;
    const reason = reasonOf(rival, newcomer);
    if (isNews) this.#events.proved(reason);
    this.#refuse(second, reason);
    if (second.heard) this.#refuse(first, reason);
    else if (isNews) rival.warnOfClone(reason);
  }

  #refuse({ word }: Life, reason: string): void {
    this.#refused.set(word, { reason, millisLeft: refusedMillis });
    const isOne = (connection: Claimant): boolean => lifeOf(connection)?.word === word;
    const waiting = this.#waiting.map(({ connection }) => connection);
    this.#waiting = this.#waiting.filter(({ connection }) => !isOne(connection));
    for (const connection of [...this.#letIn, ...waiting].filter(isOne)) {
      this.#letIn.delete(connection);
      connection.refuseClone(reason);
    }
  }
}

/** Null: it does not say. */
function lifeOf({ remoteHello }: Claimant): Life | null {
  return remoteHello?.life ?? null;
}

function isRival(one: Claimant, other: Claimant): boolean {
  // Another incarnation is another member, or none: the owner judges it by its greeting.
  if (one.remoteHello?.incarnation !== other.remoteHello?.incarnation) return false;
  return lifeOf(one)?.word !== lifeOf(other)?.word;
}

function reasonOf(rival: Claimant, newcomer: Claimant): string {
  const { name, memberId } = newcomer.remoteHello as Hello;
  const whose = memberId === null ? name : `member ${memberId} (${name})`;
  return (
    `the data folder of ${whose} runs twice: at ${placeOf(rival)} and at ${placeOf(newcomer)}; ` +
    `stop one of them`
  );
}

/** Where people find it: where it listens, if it says so for the host that it comes from. */
function placeOf({ remoteHello, origin }: Claimant): string {
  const host = origin.remoteAddress.slice(0, origin.remoteAddress.lastIndexOf(':') + 1);
  const listens = remoteHello?.addresses.find((address) => address.startsWith(host));
  return listens ?? origin.remoteAddress;
}
