/**
 * UTF-8 by hand, because the pure ring has no TextEncoder. ASCII, which is nearly everything we
 * carry, takes a short way. Encoding follows WHATWG: half of a surrogate pair becomes U+FFFD.
 * Decoding is strict: overlong forms, surrogates and broken sequences are refused, never repaired,
 * so that two servers can never read two different strings. Source: Unicode 15, table 3-7.
 */

/** Characters handed to String.fromCharCode at once: far below the engine's limit on arguments. */
const chunkChars = 4096;

/** Bytes that `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  const chars = text.length;
  let bytes = chars;
  for (let i = 0; i < chars; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (isPair(text, i)) {
      // Two units become four bytes; the second unit is stepped over.
      bytes += 2;
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/**
 * Writes `text` into `into` from `position`; the caller has made room for `utf8Length(text)` bytes.
 * @returns the position after the last byte written.
 */
export function encodeUtf8(text: string, into: Uint8Array, position: number): number {
  const chars = text.length;
  let at = position;
  for (let i = 0; i < chars; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      into[at++] = unit;
    } else if (unit < 0x800) {
      into[at++] = 0xc0 | (unit >> 6);
      into[at++] = 0x80 | (unit & 0x3f);
    } else if (isPair(text, i)) {
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff);
      into[at++] = 0xf0 | (point >> 18);
      into[at++] = 0x80 | ((point >> 12) & 0x3f);
      into[at++] = 0x80 | ((point >> 6) & 0x3f);
      into[at++] = 0x80 | (point & 0x3f);
    } else {
      const point = unit >= 0xd800 && unit <= 0xdfff ? 0xfffd : unit;
      into[at++] = 0xe0 | (point >> 12);
      into[at++] = 0x80 | ((point >> 6) & 0x3f);
      into[at++] = 0x80 | (point & 0x3f);
    }
  }
  return at;
}

/** The bytes of `text` in an array of their own. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  encodeUtf8(text, bytes, 0);
  return bytes;
}

/** The string in bytes start … end−1, or null when they are not well-formed UTF-8. */
export function decodeUtf8(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): string | null {
  let text = '';
  let at = start;
  while (at < end) {
    const asciiEnd = endOfAscii(bytes, at, Math.min(end, at + chunkChars));
    if (asciiEnd > at) {
      text += String.fromCharCode.apply(null, units(bytes.subarray(at, asciiEnd)));
      at = asciiEnd;
      continue;
    }
    const point = pointAt(bytes, at, end);
    if (point < 0) return null;
    text += String.fromCodePoint(point);
    at += point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return text;
}

/** Whether a whole surrogate pair starts at `i`. */
function isPair(text: string, i: number): boolean {
  const unit = text.charCodeAt(i);
  if (unit < 0xd800 || unit > 0xdbff || i + 1 >= text.length) return false;
  const next = text.charCodeAt(i + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}

function endOfAscii(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) < 0x80) at++;
  return at;
}

/** String.fromCharCode takes any array-like of numbers; its type says arrays only. */
function units(bytes: Uint8Array): number[] {
  return bytes as unknown as number[];
}

/** The code point of the sequence of two to four bytes at `at`, or −1 when it is ill-formed. */
function pointAt(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  if (lead >= 0xc2 && lead <= 0xdf) {
    const a = tailBits(bytes, at + 1, end);
    return a < 0 ? -1 : ((lead & 0x1f) << 6) | a;
  }
  if (lead >= 0xe0 && lead <= 0xef) {
    const a = tailBits(bytes, at + 1, end);
    const b = tailBits(bytes, at + 2, end);
    if (a < 0 || b < 0) return -1;
    const point = ((lead & 0x0f) << 12) | (a << 6) | b;
    return point < 0x800 || (point >= 0xd800 && point <= 0xdfff) ? -1 : point;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const a = tailBits(bytes, at + 1, end);
    const b = tailBits(bytes, at + 2, end);
    const c = tailBits(bytes, at + 3, end);
    if (a < 0 || b < 0 || c < 0) return -1;
    const point = ((lead & 0x07) << 18) | (a << 12) | (b << 6) | c;
    return point < 0x10000 || point > 0x10ffff ? -1 : point;
  }
  return -1;
}

/** The six low bits of a continuation byte, or −1 when there is none at `at`. */
function tailBits(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  const byte = bytes[at] as number;
  return (byte & 0xc0) === 0x80 ? byte & 0x3f : -1;
}
