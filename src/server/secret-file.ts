/**
 * Secret files: reads one, makes one, and holds who may see it. A secret is named by its file and
 * never said itself, neither on a command line nor in the environment, which others on the machine
 * can read. As ssh does with its keys, a file that is ours and that others may read is refused;
 * files of another owner, as containers are given them, are that owner's business.
 */

import * as fs from 'node:fs';
import { QuorateError } from '../base/errors.js';
import { newSecretText, parseSecret } from '../transport/network-secret.js';

/** Four keys take 400 bytes. */
const fileBytesMax = 64 * 1024;

/** Rights of the group and of all others. */
const othersMask = 0o077;

/**
 * The text of a secret file, looked through.
 * @throws QuorateError in one line that names the file and what to do, never what stands in it.
 */
export function readSecretFile(path: string): string {
  let text: string;
  try {
    const file = fs.openSync(path, 'r');
    try {
      refuseOpenToOthers(path, fs.fstatSync(file));
      text = readBounded(path, file);
    } finally {
      fs.closeSync(file);
    }
  } catch (error) {
    if (error instanceof QuorateError) throw error;
    throw refusal(`${path}: ${systemFault(error as NodeJS.ErrnoException, path)}`);
  }
  try {
    parseSecret(text);
  } catch (error) {
    throw refusal(`${path}: ${(error as Error).message}`);
  }
  return text;
}

/**
 * Makes a file with one new key, readable by its owner alone.
 * @throws QuorateError when there is one already: a secret that is lost is lost for the cluster.
 */
export function writeNewSecret(path: string): void {
  try {
    fs.writeFileSync(path, newSecretText(), { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw refusal(`${path} is there already and is left as it is`);
    throw refusal(`${path} cannot be written: ${code ?? message}`);
  }
}

/** The ids of the keys in a file, the spoken one first. */
export function secretIds(path: string): readonly string[] {
  return parseSecret(readSecretFile(path)).ids;
}

function refuseOpenToOthers(path: string, { mode, uid }: fs.Stats): void {
  const isOurs = process.getuid !== undefined && process.getuid() === uid;
  if (!isOurs || (mode & othersMask) === 0) return;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  throw refusal(`${path}: others may read it (mode ${shown}): chmod 600 ${path}`);
}

/** Also from a pipe, whose size nobody knows before. */
function readBounded(path: string, file: number): string {
  const bytes = Buffer.alloc(fileBytesMax);
  let length = 0;
  while (length < bytes.length) {
    const count = fs.readSync(file, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.toString('utf8', 0, length);
    length += count;
  }
  throw refusal(`${path}: it is too long for a secret`);
}

function systemFault({ code, message }: NodeJS.ErrnoException, path: string): string {
  if (code === 'ENOENT') return `no such file; to make one: quorate secret new ${path}`;
  if (code === 'EISDIR') return 'it is a folder';
  return `it cannot be read (${code ?? message})`;
}

function refusal(message: string): QuorateError {
  return new QuorateError('BAD_REQUEST', message);
}
