/**
 * Random numbers, texts and bytes, of which the values that travel are made.
 */

import * as fc from 'fast-check';

/** A counter, often at an edge of 32 or 53 bits. */
export const counter = fc.oneof(
  fc.nat(),
  fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
  fc.maxSafeNat(),
);
/** A counter from 1 on. */
export const positive = counter.map((value) => Math.max(1, value));
/** Up to 300 bytes. */
export const bytes = fc.uint8Array({ maxLength: 300, size: 'max' });
/** A text on one line, of at most 40 characters of any plane. */
export const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) =>
  text
    .replace(/\p{Cc}|[\u2028\u2029]/gu, '')
    .slice(0, 20)
    .toWellFormed(),
);
/** A line that is not empty. */
export const label = line.map((text) => `n${text}`);
/** An id in hexadecimal digits. */
export const hexId = fc
  .uint8Array({ minLength: 8, maxLength: 32 })
  .map((value) => Buffer.from(value).toString('hex'));
/** Where somebody may be dialled. */
export const addresses = fc.array(
  fc.tuple(fc.domain(), fc.nat(65_535)).map(([host, port]) => `${host}:${port}`),
  { maxLength: 4 },
);
