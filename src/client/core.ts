/**
 * The parts of a client put together, and the one slow clock that watches over them. No logic of
 * its own: the link's events go to everyone who has something open, and a tick every 50 ms looks
 * for what is out of time, so that no request needs a timer of its own.
 */

import type { Clock, Timer } from '../base/clock.js';
import { QuorateError } from '../base/errors.js';
import type { Rng } from '../base/rng.js';
import type { ClientDialer } from '../transport/transport.js';
import { encodeCommand } from '../wire/command-codec.js';
import { Follows } from './follow.js';
import { Link } from './link.js';
import type { ClientSettings } from './options.js';
import { Requests } from './requests.js';
import { Scout } from './scout.js';
import { Session } from './session.js';
import { Targets } from './targets.js';

const tickMillis = 50;

/** What a client needs of the world. */
export interface ClientDeps {
  readonly dialer: ClientDialer;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** Everything of a client but its face. */
export class ClientCore {
  readonly settings: ClientSettings;
  readonly clock: Clock;
  readonly link: Link;
  readonly session: Session;
  readonly requests: Requests;
  readonly follows: Follows;
  readonly #dialer: ClientDialer;
  readonly #scout: Scout;
  #ticking: Timer | null = null;
  #isEnded = false;
  #firstOpening: (() => void) | null = null;

  constructor(settings: ClientSettings, deps: ClientDeps) {
    const { clock, dialer } = deps;
    const targets = new Targets(settings.targets, deps.rng);
    const link = new Link(
      settings,
      { clock, dialer, targets },
      {
        opened: () => this.#opened(),
        closed: () => this.#closed(),
        drained: () => this.session.drained(),
      },
    );
    this.settings = settings;
    this.clock = clock;
    this.link = link;
    this.#dialer = dialer;
    this.session = new Session(settings, { link, clock, targets });
    this.requests = new Requests(link, clock, targets);
    this.follows = new Follows(link, clock);
    this.#scout = new Scout(settings, { link, clock, dialer, targets });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Looks for a server. Resolves with whether one was found in time. */
  start(timeoutMillis: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.clock.after(timeoutMillis, () => {
        this.#firstOpening = null;
        resolve(false);
      });
      this.#firstOpening = () => {
        timer.cancel();
        resolve(true);
      };
      this.link.open();
    });
  }

  /** Something was begun: keeps watch until nothing is open. */
  watch(): void {
    if (this.#ticking || this.#isEnded) return;
    this.#ticking = this.clock.after(tickMillis, () => this.#tick());
  }

  /** Ends everything: what is open fails, what was queued is sent, the session is closed. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ticking?.cancel();
    const error = new QuorateError('DISCONNECTED', 'this client was closed');
    this.session.end(error);
    this.requests.end(error);
    this.follows.end(error);
    const { link, session } = this;
    if (session.id !== 0 && link.isOpen) {
      // Frees the session on the servers; nobody waits for the answer, sessions expire anyway.
      const command = encodeCommand({ op: 'closeSession', session: session.id });
      const nobody = { manner: 'request', replied: () => {} } as const;
      link.post({ type: 'command', id: link.expect(nobody), command });
    }
    link.end();
    await this.#dialer.stop();
  }

  #opened(): void {
    this.#firstOpening?.();
    this.#firstOpening = null;
    this.session.opened();
    this.requests.opened();
    this.follows.opened();
    this.#scout.opened();
    this.watch();
  }

  #closed(): void {
    this.session.closed();
    this.requests.closed();
    this.follows.closed();
    this.#scout.closed();
  }

  #tick(): void {
    this.#ticking = null;
    const nowMillis = this.clock.monotonicMillis();
    this.link.checkSilence(nowMillis);
    this.session.check(nowMillis);
    this.requests.expire(nowMillis);
    const { session, requests, follows } = this;
    if (!session.isBusy && requests.size === 0 && follows.size === 0) return;
    this.#scout.check(nowMillis);
    this.watch();
  }
}
