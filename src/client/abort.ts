/**
 * Abort signals, as the web platform has them: what was aborted rejects with the signal's reason.
 * The invariant: who stops a watch leaves nothing behind on a signal that lives on.
 */

/** Why `signal` was aborted, as something fit to throw. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('the request was aborted', 'AbortError');
}

/** Calls `then` when the signal is aborted, until stopped. */
export class AbortWatch {
  readonly #signal: AbortSignal;
  readonly #then: () => void;

  constructor(signal: AbortSignal, then: () => void) {
    this.#signal = signal;
    this.#then = then;
    signal.addEventListener('abort', then, { once: true });
  }

  stop(): void {
    this.#signal.removeEventListener('abort', this.#then);
  }
}
