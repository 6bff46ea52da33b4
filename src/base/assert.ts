/**
 * Assertions: for our own mistakes only. A failed assertion means that the program no longer knows
 * what it does, so the process must stop; input from outside is never judged by one.
 */

/** Thrown when an invariant of our own is broken. Nobody catches it but the runner that crashes. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * States an invariant.
 * @throws AssertionError with `message` when `condition` is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/**
 * Stands where the compiler has proved that no case is left.
 * @throws AssertionError always: reaching it means data that the types do not admit.
 */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case: ${JSON.stringify(value)}`);
}
