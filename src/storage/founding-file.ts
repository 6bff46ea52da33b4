/**
 * What this server has signed to found a cluster, in the file `founding.json` of its data folder:
 * the record, its own signature, and at the end everybody's, which is the certificate. A server
 * signs one record, so the file is on disk before the signature leaves (membership/founding.ts),
 * and one that cannot be read is never taken for none.
 */

import type { SignedFounding } from '../base/founding-record.js';
import { signedFoundingFrom } from '../wire/founding-codec.js';
import { JsonFields } from '../wire/json-fields.js';
import { WireError } from '../wire/wire-error.js';
import { type CheckedFolder, readChecked, writeChecked } from './checked-file.js';
import type { DiskError, Done } from './disk.js';

const fileName = 'founding.json';
const format = 1;

/**
 * Reads the file; null when this server has signed nothing.
 * Errors: DAMAGED, NEWER_FORMAT, or the disk's own.
 */
export function loadFounding(
  folder: CheckedFolder,
  done: (error: DiskError | null, founding: SignedFounding | null) => void,
): void {
  readChecked(folder, fileName, format, (error, fields) => {
    if (fields === null) return done(error, null);
    let founding: SignedFounding;
    try {
      founding = signedFoundingFrom(new JsonFields(fields, fileName));
    } catch (fault) {
      if (!(fault instanceof WireError)) throw fault;
      const message = `${folder.directory}/${fileName}: ${fault.message}`;
      return done({ code: 'DAMAGED', message }, null);
    }
    // The name may be in the cache alone, as with the identity: a power cut later must not take
    // back a signature that has left since.
    folder.disk.syncDirectory(folder.directory, (failed) => {
      done(failed, failed === null ? founding : null);
    });
  });
}

/** Writes the file; on disk when done. */
export function saveFounding(folder: CheckedFolder, founding: SignedFounding, done: Done): void {
  const { record, signatures } = founding;
  writeChecked(folder, fileName, { format, record, signatures }, done);
}
