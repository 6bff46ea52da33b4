/**
 * The calls of one client that have no answer yet: how many there are, what to do when one fails,
 * and that all of them fail at once when the client dies.
 */

import { QuorateError } from '../../src/base/errors.js';
import { isRefusal } from './outcome.js';
import type { Trace } from './trace.js';

/** What a call that fails is told: whether it was certainly not done, and why. */
export type Failed = (isSure: boolean, error: QuorateError) => void;

/** Calls of one client. */
export class OpenCalls {
  /** How many have no answer. */
  count = 0;
  /** False once a session expired: then the order of its writes is nobody's promise. */
  isOrdered = true;
  readonly #name: string;
  readonly #trace: Trace;
  readonly #check: (work: () => void) => void;
  readonly #failed = new Set<Failed>();

  constructor(name: string, trace: Trace, check: (work: () => void) => void) {
    this.#name = name;
    this.#trace = trace;
    this.#check = check;
  }

  /** Waits for a call's answer; what is found wrong in it ends the world. */
  when<T>(call: Promise<T>, done: (result: T) => void, failed: Failed = () => {}): void {
    this.count += 1;
    this.#failed.add(failed);
    call.then(
      (result) => {
        this.count -= 1;
        this.#failed.delete(failed);
        this.#check(() => done(result));
      },
      (error: unknown) => {
        this.count -= 1;
        this.#failed.delete(failed);
        this.#check(() => {
          if (!(error instanceof QuorateError)) throw error;
          if (error.code === 'SESSION_EXPIRED') this.isOrdered = false;
          this.#trace.event(`${this.#name}: ${error.code}`);
          failed(isRefusal(error), error);
        });
      },
    );
  }

  /** Nobody will ever know what came of them. */
  lose(): void {
    const gone = new QuorateError('DISCONNECTED', 'the client died');
    for (const failed of this.#failed) failed(false, gone);
    this.count = 0;
  }
}
