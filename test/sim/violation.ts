/**
 * A promise that was broken: the only thing that a run is for. Checkers throw it; whoever runs
 * them keeps the first one, for what comes after it proves nothing more.
 */

/** Thrown, or kept until the event is over, when a checker finds what must never be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** @throws Violation with `message` when `condition` is false. */
export function demand(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Violation(message());
}
