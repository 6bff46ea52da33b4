/**
 * Small files that people may read: one line of JSON, one line with its CRC-32. Written whole or
 * not at all (temporary name, sync, rename, directory sync). A reader is told apart whether the
 * file is not there, damaged, or of a newer format, because each asks for something else to be
 * done.
 */

import { decodeUtf8, utf8Bytes } from '../base/utf8.js';
import type { Checksum } from './checksum.js';
import type { Disk, DiskError, Done } from './disk.js';
import { readWhole, writeWhole } from './segment-files.js';

/** Where checked files live. */
export interface CheckedFolder {
  readonly disk: Disk;
  readonly directory: string;
  readonly checksum: Checksum;
}

/** Fields of a file that was read. */
export type CheckedFields = Readonly<Record<string, unknown>>;

/**
 * Reads a file written by `writeChecked`; `fields` is null when it is not there.
 * Errors: DAMAGED, NEWER_FORMAT, or the disk's own.
 */
export function readChecked(
  folder: CheckedFolder,
  name: string,
  format: number,
  done: (error: DiskError | null, fields: CheckedFields | null) => void,
): void {
  const path = `${folder.directory}/${name}`;
  readWhole(folder.disk, path, (error, bytes) => {
    if (error !== null) return done(error.code === 'ENOENT' ? null : error, null);
    const fields = decode(bytes, folder.checksum);
    if (fields === null) return done({ code: 'DAMAGED', message: `${path}: damaged` }, null);
    if (!(typeof fields['format'] === 'number' && fields['format'] <= format)) {
      const message = `${path}: written by a newer version; upgrade`;
      return done({ code: 'NEWER_FORMAT', message }, null);
    }
    done(null, fields);
  });
}

/** Writes `fields` and the format's number; on disk under its name when done. */
export function writeChecked(
  folder: CheckedFolder,
  name: string,
  fields: CheckedFields & { readonly format: number },
  done: Done,
): void {
  const { disk, directory, checksum } = folder;
  const body = JSON.stringify(fields);
  const content = utf8Bytes(`${body}\n${crcText(utf8Bytes(body), checksum)}\n`);
  writeWhole(disk, { directory, name, content, bytes: content.length }, done);
}

function decode(bytes: Uint8Array, checksum: Checksum): CheckedFields | null {
  const text = decodeUtf8(bytes);
  const lines = text?.split('\n') ?? [];
  const [body, crc] = lines;
  if (body === undefined || lines.length !== 3 || lines[2] !== '') return null;
  if (crc !== crcText(utf8Bytes(body), checksum)) return null;
  try {
    const fields: unknown = JSON.parse(body);
    return typeof fields === 'object' && fields !== null ? (fields as CheckedFields) : null;
  } catch {
    return null;
  }
}

function crcText(bytes: Uint8Array, checksum: Checksum): string {
  return checksum(bytes, 0).toString(16).padStart(8, '0');
}
