/**
 * Tells those who follow a stream that it grew: once after each slice of applied entries in which
 * it did, however many records came.
 */

/** Who wants to know of which stream's growth. */
export class AppendListeners {
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Where each of these streams ended when its listeners were last told. */
  readonly #toldNextSeq = new Map<string, number>();

  /** Calls `changed` after every growth of the stream. Returns how to stop it. */
  add(stream: string, changed: () => void): () => void {
    const listeners = this.#listeners.get(stream) ?? new Set();
    this.#listeners.set(stream, listeners);
    listeners.add(changed);
    return () => {
      listeners.delete(changed);
      if (listeners.size > 0) return;
      this.#listeners.delete(stream);
      this.#toldNextSeq.delete(stream);
    };
  }

  /** Entries were applied. `nextSeqOf`: where a stream ends now. */
  applied(nextSeqOf: (stream: string) => number): void {
    for (const [stream, listeners] of this.#listeners) {
      const nextSeq = nextSeqOf(stream);
      if (this.#toldNextSeq.get(stream) === nextSeq) continue;
      this.#toldNextSeq.set(stream, nextSeq);
      for (const changed of [...listeners]) changed();
    }
  }
}
