/**
 * The bytes of a stream's state, as part of replies to clients and between servers. What may be
 * absent (a limit, the end of an open view) is written as 0, which none of them can be.
 * Layout, little-endian:
 *
 *     firstSeq · nextSeq · bytes · fence · recordsMax · bytesMax · ageMillisMax, u64 each
 *     views      count u8 · (view u64 · firstSeq u64 · endSeq u64) × count
 */

import { streamViewsTold } from '../base/limits.js';
import type { StreamState, StreamView } from '../machine/commands.js';
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { WireError } from './wire-error.js';

/** Writes a state. @throws WireError when it has too many views, or a number is no safe integer. */
export function writeStreamState(writer: ByteWriter, state: StreamState): void {
  const { retention, views } = state;
  if (views.length > streamViewsTold) {
    throw new WireError(`${views.length} views, more than the ${streamViewsTold} told`);
  }
  writer.u64(state.firstSeq);
  writer.u64(state.nextSeq);
  writer.u64(state.bytes);
  writer.u64(state.fence);
  writeOptional(writer, retention.recordsMax);
  writeOptional(writer, retention.bytesMax);
  writeOptional(writer, retention.ageMillisMax);
  writer.u8(views.length);
  for (const { view, firstSeq, endSeq } of views) {
    writer.u64(view);
    writer.u64(firstSeq);
    writeOptional(writer, endSeq);
  }
}

/** Reads what `writeStreamState` wrote. @throws WireError when it is cut or has too many views. */
export function readStreamState(reader: ByteReader): StreamState {
  const firstSeq = reader.u64();
  const nextSeq = reader.u64();
  const bytes = reader.u64();
  const fence = reader.u64();
  const recordsMax = readOptional(reader);
  const bytesMax = readOptional(reader);
  const ageMillisMax = readOptional(reader);
  const views = readViews(reader);
  const retention = { recordsMax, bytesMax, ageMillisMax };
  return { firstSeq, nextSeq, bytes, fence, views, retention };
}

function readViews(reader: ByteReader): readonly StreamView[] {
  const count = reader.u8();
  if (count > streamViewsTold) throw new WireError(`${count} views of a stream`);
  const views: StreamView[] = [];
  for (let i = 0; i < count; i++) {
    const view = reader.u64();
    const firstSeq = reader.u64();
    views.push({ view, firstSeq, endSeq: readOptional(reader) });
  }
  return views;
}

function writeOptional(writer: ByteWriter, value: number | null): void {
  if (value === 0) throw new WireError('a limit of 0 in the state of a stream');
  writer.u64(value ?? 0);
}

function readOptional(reader: ByteReader): number | null {
  const value = reader.u64();
  return value === 0 ? null : value;
}
