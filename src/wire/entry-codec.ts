/**
 * The bytes of log entries, the same on the wire and on disk, so that an entry is encoded once in
 * its life. Layout, little-endian: payload length u32 · kind u8 · index u64 · term u64 · timeMillis
 * u64 · payload (the command; for a configuration its JSON; for a no-op nothing). New entries are
 * encoded one behind the other into shared slabs, and decoded ones are views of the frame they came
 * in: a run of either lies contiguous in memory and can be written without a copy.
 */

import { commandBytesMax } from '../base/limits.js';
import { decodeUtf8, utf8Bytes } from '../base/utf8.js';
import type { Entry, EntryKind } from '../raft/types.js';
import { configurationFromJson, configurationToJson } from './configuration-codec.js';
import { WireError } from './wire-error.js';

/** Bytes before an entry's payload. */
export const entryHeaderBytes = 29;

/** Largest encoded entry, bytes. */
export const entryBytesMax = entryHeaderBytes + commandBytesMax;

/** Zero stands for no kind, so that unwritten space never reads as an entry. */
const kindCode: Readonly<Record<EntryKind, number>> = { noop: 1, command: 2, configuration: 3 };
const kinds: readonly (EntryKind | null)[] = [null, 'noop', 'command', 'configuration'];

const two32 = 0x1_0000_0000;
const highMax = 0x1f_ffff;
const noBytes = new Uint8Array(0);

/** What new entries are encoded into. An allocation per entry would cost more than the encoding. */
const slabBytes = 64 * 1024;
let slab = new Uint8Array(slabBytes);
let slabView = new DataView(slab.buffer);
let slabUsed = 0;

/**
 * The entry's bytes; remembered in `entry.encoded`.
 * @throws WireError when the payload is over `commandBytesMax` or a number is no safe integer.
 */
export function encodeEntry(entry: Entry): Uint8Array {
  if (entry.encoded !== null) return entry.encoded;
  const payload =
    entry.configuration === null ? entry.data : utf8Bytes(configurationToJson(entry.configuration));
  if (payload.length > commandBytesMax) {
    throw new WireError(`an entry of ${payload.length} bytes, more than ${commandBytesMax}`);
  }
  const count = entryHeaderBytes + payload.length;
  if (slabUsed + count > slab.length) renewSlab(count);
  const at = slabUsed;
  slabView.setUint32(at, payload.length, true);
  slabView.setUint8(at + 4, kindCode[entry.kind]);
  setCounter(at + 5, entry.index);
  setCounter(at + 13, entry.term);
  setCounter(at + 21, entry.timeMillis);
  slab.set(payload, at + entryHeaderBytes);
  slabUsed = at + count;
  const encoded = new Uint8Array(slab.buffer, at, count);
  entry.encoded = encoded;
  return encoded;
}

/** Encodes those that nobody encoded yet; a run of them lies contiguous in memory. */
export function encodeEntries(entries: readonly Entry[]): void {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry.encoded === null) encodeEntry(entry);
  }
}

/**
 * All entries in bytes start … end−1. Their `data` and `encoded` are views of `bytes`, which must
 * not change afterwards.
 * @throws WireError when the bytes are not whole, well-formed entries.
 */
export function decodeEntries(bytes: Uint8Array, start = 0, end: number = bytes.length): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  let at = start;
  while (at < end) {
    const entry = decodeEntryAt(bytes, view, at, end);
    entries.push(entry);
    at += (entry.encoded as Uint8Array).length;
  }
  return entries;
}

function decodeEntryAt(bytes: Uint8Array, view: DataView, at: number, end: number): Entry {
  if (end - at < entryHeaderBytes) throw new WireError(`an entry is cut at byte ${at}`);
  const payloadBytes = view.getUint32(at, true);
  if (payloadBytes > commandBytesMax || payloadBytes > end - at - entryHeaderBytes) {
    throw new WireError(`an entry at byte ${at} claims ${payloadBytes} bytes`);
  }
  const kind = kinds[view.getUint8(at + 4)] ?? null;
  if (kind === null) throw new WireError(`an entry of unknown kind at byte ${at}`);
  if (kind === 'noop' && payloadBytes > 0) throw new WireError('a no-op with a payload');
  // From the buffer, not by subarray: a Buffer's subarray is a Buffer, slower to make and to read.
  const from = bytes.byteOffset + at;
  const dataAt = from + entryHeaderBytes;
  return {
    index: getCounter(view, at + 5),
    term: getCounter(view, at + 13),
    kind,
    timeMillis: getCounter(view, at + 21),
    data: kind === 'command' ? new Uint8Array(bytes.buffer, dataAt, payloadBytes) : noBytes,
    configuration:
      kind === 'configuration'
        ? decodeConfiguration(bytes, at + entryHeaderBytes, payloadBytes)
        : null,
    encoded: new Uint8Array(bytes.buffer, from, entryHeaderBytes + payloadBytes),
  };
}

function decodeConfiguration(bytes: Uint8Array, at: number, count: number) {
  const json = decodeUtf8(bytes, at, at + count);
  if (json === null) throw new WireError('a configuration that is not well-formed UTF-8');
  return configurationFromJson(json);
}

/** What is left of the old slab is given up: at most one entry's length in each. */
function renewSlab(count: number): void {
  slab = new Uint8Array(Math.max(slabBytes, count));
  slabView = new DataView(slab.buffer);
  slabUsed = 0;
}

function setCounter(at: number, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw new WireError(`${value} is not a whole number in 0 … 2^53 - 1`);
  }
  slabView.setUint32(at, value % two32, true);
  slabView.setUint32(at + 4, Math.floor(value / two32), true);
}

function getCounter(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high > highMax) throw new WireError(`a number at byte ${at} is above 2^53 - 1`);
  return high * two32 + view.getUint32(at, true);
}
