/**
 * Texts that people read are one line: no control characters, so that neither a log nor a terminal
 * can be led astray by a peer, and never longer than their limit. Writers make a text fit, readers
 * refuse one that does not.
 */

import { utf8Length } from './utf8.js';

/** Whether text is well-formed and stays on its line when it is logged or printed. */
export function isOneLine(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (breaksLine(text.charCodeAt(i))) return false;
  return text.isWellFormed();
}

/** The text with a space for every character that breaks the line, cut to `bytesMax` bytes. */
export function oneLine(text: string, bytesMax: number): string {
  if (text.length <= bytesMax && isOneLine(text) && utf8Length(text) <= bytesMax) return text;
  let line = '';
  let bytes = 0;
  for (const point of text.toWellFormed()) {
    const character = breaksLine(point.charCodeAt(0)) ? ' ' : point;
    bytes += utf8Length(character);
    if (bytes > bytesMax) break;
    line += character;
  }
  return line;
}

/** C0, DEL, C1, and the two separators of Unicode. */
function breaksLine(unit: number): boolean {
  return unit < 0x20 || (unit >= 0x7f && unit <= 0x9f) || unit === 0x2028 || unit === 0x2029;
}
