/**
 * The bytes of the range of a read. A *plain* range goes forwards from a sequence and has no limit
 * of bytes: the first servers knew no other, so it keeps the layout that it had. Little-endian:
 *
 *     plain   from u64 · limit u64
 *     any     flags u8 (1 backwards, 2 from a time) · from u64 · limit u64 · bytesMax u64
 *
 * Invariant: a range has one form only; a plain one in the other form is refused.
 */

import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import type { ReadRange } from './client-messages.js';
import { WireError } from './wire-error.js';

const isBackwards = 1;
const isFromTime = 2;

/** Whether the range is written in the older form. */
export function isPlainRange({ from, backwards, bytesMax }: ReadRange): boolean {
  return 'seq' in from && !backwards && bytesMax === 0;
}

/** Writes a range in its form. @throws WireError when a number is no safe integer. */
export function writeRange(writer: ByteWriter, range: ReadRange): void {
  const { from, backwards, limit, bytesMax } = range;
  const isPlain = isPlainRange(range);
  if (!isPlain) writer.u8((backwards ? isBackwards : 0) | ('seq' in from ? 0 : isFromTime));
  writer.u64('seq' in from ? from.seq : from.timeMillis);
  writer.u64(limit);
  if (!isPlain) writer.u64(bytesMax);
}

/** Reads a range in the plain form. */
export function readPlainRange(reader: ByteReader): ReadRange {
  const seq = reader.u64();
  return { from: { seq }, backwards: false, limit: reader.u64(), bytesMax: 0 };
}

/** Reads a range in the other form. @throws WireError when it has unknown flags or is plain. */
export function readAnyRange(reader: ByteReader): ReadRange {
  const flags = reader.u8();
  if (flags > (isBackwards | isFromTime)) throw new WireError(`a read with unknown flags ${flags}`);
  const place = reader.u64();
  const limit = reader.u64();
  const from = (flags & isFromTime) === 0 ? { seq: place } : { timeMillis: place };
  const backwards = (flags & isBackwards) !== 0;
  const range: ReadRange = { from, backwards, limit, bytesMax: reader.u64() };
  if (isPlainRange(range)) throw new WireError('a plain read in the form of another');
  return range;
}
