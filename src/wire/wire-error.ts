/**
 * The one error of this folder: bytes from outside that do not say what they should, or a value
 * that does not fit the format. Every decoder throws this and nothing else, so that a reader of a
 * stream has one thing to catch, drop and count.
 */

/** Bytes that cannot be read, or a value that cannot be written. `message` is one line. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
