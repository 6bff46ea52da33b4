/**
 * What a snapshot says of itself before its rows: whose it is, where it stands in the log, which
 * configuration held there. Layout: machine's time u64 · cluster id (u32 length, UTF-8) · base as
 * JSON (u32 length; wire/configuration-codec).
 */

import type { LogBase } from '../raft/types.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { logBaseFromJson, logBaseToJson } from './configuration-codec.js';

/** Longest cluster id, bytes. */
const clusterIdBytesMax = 128;

/** Longest base, bytes of JSON. */
const baseBytesMax = 4 * 1024 * 1024;

/** The most bytes of a header. */
export const snapshotHeaderBytesMax = baseBytesMax + 1024;

/** A snapshot's header. */
export interface SnapshotHeader {
  readonly clusterId: string;
  /** The last entry in it, and the newest configuration applied there, joint or not, with the
   * index it came from. */
  readonly base: LogBase;
  /** The machine's time, milliseconds since 1970. */
  readonly timeMillis: number;
}

/** A header's bytes. */
export function encodeSnapshotHeader({ clusterId, base, timeMillis }: SnapshotHeader): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.u64(timeMillis);
  writer.utf8(clusterId, clusterIdBytesMax, 'clusterId');
  writer.utf8(logBaseToJson(base), baseBytesMax, 'base');
  return writer.finish();
}

/** Reads a header. @throws WireError when it is none. */
export function decodeSnapshotHeader(bytes: Uint8Array): SnapshotHeader {
  const reader = new ByteReader(bytes);
  const timeMillis = reader.u64();
  const clusterId = reader.utf8(clusterIdBytesMax, 'clusterId');
  const base = logBaseFromJson(reader.utf8(baseBytesMax, 'base'));
  reader.expectEnd('a snapshot header');
  return { clusterId, base, timeMillis };
}
