/**
 * Reads the data folder of a stopped server for people: what it has signed to found a cluster, its
 * snapshots, then its log, one plain object a record, in the order in which it was written, with
 * what each command says. Nothing on disk is changed; a server that runs is refused, since its log
 * moves under the reader.
 */

import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { QuorateError } from '../base/errors.js';
import type { Command } from '../machine/commands.js';
import { clusterIdOf } from '../membership/founding-record.js';
import { lockFolder } from '../storage/folder-lock.js';
import { loadFounding } from '../storage/founding-file.js';
import { inspectLog, type LogRecord, type RecordPlace } from '../storage/inspect.js';
import { NodeDisk } from '../storage/node-disk.js';
import { type ListedSnapshot, listSnapshots } from '../storage/snapshot-files.js';
import { decodeCommand } from '../wire/command-codec.js';
import { decodeRows } from '../wire/state-codec.js';
import { sha256 } from './founding.js';
import { newHash } from './snapshots.js';

/**
 * Tells every record of the log in a data folder, after a row of type `founding` where the server
 * has signed a founding record and one of type `snapshot` for each snapshot. False when something
 * is damaged (the rows of type `damage` say where).
 * @throws QuorateError when there is neither, or a server runs on it.
 */
export async function inspectFolder(
  dataFolder: string,
  tell: (row: Readonly<Record<string, unknown>>) => void,
): Promise<boolean> {
  const directory = `${dataFolder}/log`;
  const hasLog = fs.existsSync(directory);
  if (!hasLog && !fs.existsSync(`${dataFolder}/founding.json`)) {
    const message = `${dataFolder} holds no log: is it a server's data folder (data/<SERVER_ID>)?`;
    throw new QuorateError('NOT_FOUND', message);
  }
  const release = await lock(dataFolder);
  let isSound = true;
  try {
    const founding = await foundingRow(dataFolder);
    if (founding !== null) tell(founding);
    isSound = founding?.['type'] !== 'damage';
    for (const row of await snapshotRows(dataFolder)) {
      if (row['type'] === 'damage') isSound = false;
      tell(row);
    }
    if (!hasLog) return isSound;
    await new Promise<void>((resolve, reject) => {
      const deps = { disk: new NodeDisk(), checksum: crc32 };
      const onRecord = (record: LogRecord, place: RecordPlace): void => {
        if (record.type === 'damage') isSound = false;
        tell(rowOf(record, place));
      };
      inspectLog(directory, deps, onRecord, (error) => {
        if (error === null) resolve();
        else reject(new QuorateError('DISK_FAILED', error.message));
      });
    });
  } finally {
    release();
  }
  return isSound;
}

/** What the server has signed; null when nothing. */
function foundingRow(directory: string): Promise<Record<string, unknown> | null> {
  const folder = { disk: new NodeDisk(), directory, checksum: crc32 };
  const file = `${directory}/founding.json`;
  return new Promise((resolve) => {
    loadFounding(folder, (error, signed) => {
      if (error !== null) {
        const { code, message } = error;
        return resolve({ type: 'damage', code, message, file, offset: 0 });
      }
      if (signed === null) return resolve(null);
      const { record, signatures } = signed;
      const signers = new Set(signatures.map(({ peerId }) => peerId));
      const founders = record.founders.map((founder) => {
        return { ...founder, signed: signers.has(founder.peerId) };
      });
      const { clusterName, nonce } = record;
      const clusterId = clusterIdOf(record, sha256);
      resolve({ type: 'founding', clusterId, clusterName, founders, nonce, file });
    });
  });
}

/** Each snapshot, the oldest first, with what it says of itself. All of it is read. */
function snapshotRows(dataFolder: string): Promise<readonly Record<string, unknown>[]> {
  const deps = { disk: new NodeDisk(), checksum: crc32, newHash };
  const rowsOf = (chunk: Uint8Array): number => decodeRows(chunk, () => {});
  return new Promise((resolve, reject) => {
    listSnapshots(dataFolder, deps, rowsOf, (error, snapshots) => {
      if (error !== null) reject(new QuorateError('DISK_FAILED', error.message));
      else resolve(snapshots.map(snapshotRow));
    });
  });
}

function snapshotRow(listed: ListedSnapshot): Record<string, unknown> {
  const { file } = listed;
  if ('fault' in listed) {
    const { code, message } = listed.fault;
    return { type: 'damage', code, message, file, offset: 0 };
  }
  const { header, chunks, rows, fileBytes: bytes } = listed.read;
  const { clusterId, timeMillis, base } = header;
  const time = new Date(timeMillis).toISOString();
  return { type: 'snapshot', clusterId, ...base, time, chunks, rows, bytes, file };
}

function lock(folder: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    lockFolder(folder, (reason, held) => {
      if (held !== null) resolve(() => held.release());
      else reject(new QuorateError('BAD_REQUEST', `${reason}: stop that server first`));
    });
  });
}

function rowOf(record: LogRecord, { file, offset }: RecordPlace): Record<string, unknown> {
  if (record.type !== 'entry') return { ...record, file, offset };
  const { type, index, term, kind, timeMillis, data, configuration } = record;
  const time = new Date(timeMillis).toISOString();
  const about = kind === 'command' ? { command: commandRow(data) } : {};
  const membership = configuration === null ? {} : { configuration };
  return { type, index, term, kind, time, ...about, ...membership, file, offset };
}

/** A command as JSON can say it: bytes as text where they are text, else in base 64. */
function commandRow(data: Uint8Array): Record<string, unknown> {
  let command: Command;
  try {
    command = decodeCommand(data);
  } catch (error) {
    return { unreadable: error instanceof Error ? error.message : String(error) };
  }
  return Object.fromEntries(
    Object.entries(command).map(([name, value]) => [name, plain(value as unknown)]),
  );
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Uint8Array)) return value;
  const text = Buffer.from(value).toString('utf8');
  if (Buffer.from(text, 'utf8').equals(value)) return text;
  return { base64: Buffer.from(value).toString('base64') };
}
