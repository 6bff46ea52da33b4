/**
 * The lives of a server: one after the other over one data folder. A life ends when the server is
 * stopped or removed, and then the server ends; or when the cluster put it out, and then it sets
 * its log aside and begins anew, as a newcomer that asks to join.
 *
 * Invariant: a life begins when the one before has closed its log and its network, and what was set
 * aside is so on disk.
 */

import type { ClusterStatus } from '../wire/client-messages.js';

/** How a life ended. */
export interface LifeEnd {
  /** `stopped`: as asked; `removed`: by an operator, for ever; `putOut`: it may join again. */
  readonly reason: 'stopped' | 'removed' | 'putOut';
  /** One line. */
  readonly message: string;
  /** Where other members were last seen. */
  readonly others: readonly string[];
}

/** One life. */
export interface Life {
  readonly addresses: readonly string[];
  status(): ClusterStatus;
  start(): Promise<void>;
  /** Gives back what a start that failed had taken. */
  abandon(): Promise<void>;
  /** Ends it as asked. */
  stop(): Promise<void>;
  /** Settles when network and log are closed. */
  readonly ended: Promise<LifeEnd>;
}

/** What the lives of a server work with. */
export interface LivesDeps {
  readonly peerId: string;
  /** Builds a life. @param others where members of its former cluster were last seen. */
  readonly build: (others: readonly string[]) => Life;
  /** Makes the folder that of a newcomer, durably. */
  readonly setAside: () => Promise<void>;
  /** Gives the folder free. */
  readonly close: () => Promise<void>;
  readonly fatal: (reason: string) => void;
}

/** How a server ended. */
export interface LivesEnd {
  readonly reason: 'stopped' | 'removed';
  readonly message: string;
}

/** A server over all its lives. */
export class Lives {
  readonly peerId: string;
  readonly ended: Promise<LivesEnd>;
  readonly #deps: LivesDeps;
  #life: Life;
  #isStopping = false;
  #end: (end: LivesEnd) => void = () => {};

  constructor(deps: LivesDeps) {
    this.#deps = deps;
    this.peerId = deps.peerId;
    this.#life = deps.build([]);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get addresses(): readonly string[] {
    return this.#life.addresses;
  }

  status(): ClusterStatus {
    return this.#life.status();
  }

  /** Begins the first life. Rejects as that does; then the folder is free again. */
  async start(): Promise<void> {
    try {
      await this.#life.start();
    } catch (error) {
      await this.#life.abandon();
      await this.#deps.close();
      throw error;
    }
    this.#follow(this.#life);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#life.stop();
    await this.ended;
  }

  #follow(life: Life): void {
    life.ended
      .then((end) => this.#lifeEnded(end))
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        this.#deps.fatal(`this server was put out and cannot begin anew: ${why}`);
      });
  }

  async #lifeEnded({ reason, message, others }: LifeEnd): Promise<void> {
    if (reason === 'putOut') await this.#deps.setAside();
    if (reason !== 'putOut' || this.#isStopping) {
      await this.#deps.close();
      return this.#end({ reason: reason === 'putOut' ? 'stopped' : reason, message });
    }
    const next = this.#deps.build(others);
    await next.start();
    this.#life = next;
    this.#follow(next);
    // Who asked for the stop meanwhile asked a life that was over.
    if (this.#isStopping) await next.stop();
  }
}
