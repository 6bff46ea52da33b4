/**
 * What a stream may be called: text that fits on one line of a terminal and in one path segment of
 * a log message. The machine checks it when a stream is made; fronts may check it before.
 */

import { isOneLine } from '../base/one-line.js';
import { utf8Length } from '../base/utf8.js';

/** Longest name of a stream, bytes of UTF-8. */
export const streamNameBytesMax = 255;

/** Why `name` cannot name a stream, one line, or null when it can. */
export function streamNameFault(name: string): string | null {
  if (name.length === 0) return 'a stream needs a name';
  // No UTF-16 unit takes less than a byte: a quick end for absurd lengths.
  if (name.length > streamNameBytesMax || utf8Length(name) > streamNameBytesMax) {
    return `a stream's name has at most ${streamNameBytesMax} bytes`;
  }
  if (!isOneLine(name))
    return "a stream's name has no control characters and is well-formed Unicode";
  return null;
}
