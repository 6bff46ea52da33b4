/**
 * Decides when a server says anew what it waits for. A line is made of parts, such as what each
 * address answered. A part that was never said may change what a person would do, so it is said at
 * once; a line of parts that were all said before is said at most every ten seconds, for answers
 * that alternate are no news.
 *
 * Invariant: what is said differs from what was said last.
 */

/** Between two lines that hold nothing new, milliseconds. */
const repeatMillis = 10_000;

/** Parts that are remembered as said: those of the most addresses that anybody gives, and more. */
const partsMax = 256;

/** See the head of the file. */
export class WaitingLine {
  #last = '';
  #lastAtMillis = Number.NEGATIVE_INFINITY;
  /** What was said, the oldest first. */
  readonly #said = new Set<string>();

  /** Whether the line is to be said now; it counts as said then. */
  isDue(line: string, parts: readonly string[], nowMillis: number): boolean {
    if (line === this.#last) return false;
    const hasNews = parts.some((part) => !this.#said.has(part));
    if (!hasNews && nowMillis - this.#lastAtMillis < repeatMillis) return false;
    this.#last = line;
    this.#lastAtMillis = nowMillis;
    for (const part of parts) {
      this.#said.delete(part);
      this.#said.add(part);
    }
    for (const part of this.#said) {
      if (this.#said.size <= partsMax) break;
      this.#said.delete(part);
    }
    return true;
  }
}
