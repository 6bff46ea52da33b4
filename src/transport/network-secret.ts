/**
 * The secret of a closed cluster: keys of libp2p's private networks, in the text form that its
 * other tools read too (`/key/swarm/psk/1.0.0/`). A secret may hold several keys: the first is
 * spoken, all are understood, and so a cluster changes its key without a pause (docs/security.md).
 *
 * Invariant: no fault, log line or id made here holds a key or a part of one; the keys lie in
 * private fields, where neither JSON nor an inspection of the object finds them. Where the text is
 * kept, and with which file mode, is the server's business.
 */

import { createHash, randomBytes } from 'node:crypto';
import { QuorateError } from '../base/errors.js';

/** Bytes of a key. */
const keyBytes = 32;

/** Two are enough to change a key; each costs a try at every connection that comes in. */
const keysMax = 4;

const idDigits = 16;

const formatLine = '/key/swarm/psk/1.0.0/';
const baseLine = '/base16/';

/** See the head of the file. */
export class NetworkSecret {
  readonly #keys: readonly Uint8Array[];

  /** @param keys at least one, the spoken one first */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys;
  }

  /** The key that this side speaks with when it dials. */
  get spoken(): Uint8Array {
    return this.#keys[0] as Uint8Array;
  }

  /** The keys that it understands when it is dialled. */
  get understood(): readonly Uint8Array[] {
    return this.#keys;
  }

  /** What tells one key from another and may be shown to everybody, in the order of the keys. */
  get ids(): readonly string[] {
    return this.#keys.map((key) =>
      createHash('sha256')
        .update('quorate secret id\n')
        .update(key)
        .digest('hex')
        .slice(0, idDigits),
    );
  }
}

/** Makes the text of a secret with one new key. */
export function newSecretText(): string {
  return `${formatLine}\n${baseLine}\n${randomBytes(keyBytes).toString('hex')}\n`;
}

/**
 * Reads the text of a secret: three lines for each key, empty lines between them.
 * @throws QuorateError BAD_REQUEST that names the line; never with what stands in it.
 */
export function parseSecret(text: string): NetworkSecret {
  const lines = text.split(/\r\n|\r|\n/);
  const keys: Uint8Array[] = [];
  const expected = [formatLine, baseLine, null];
  let at = 0;
  lines.forEach((line, index) => {
    const said = line.trim();
    if (said === '') return;
    const wanted = expected[at % expected.length] as string | null;
    at += 1;
    if (wanted === null) keys.push(readKey(said, index + 1));
    else if (said !== wanted) throw fault(`line ${index + 1} should be ${wanted}`);
  });
  if (at === 0) throw fault('it is empty');
  if (at % expected.length !== 0) throw fault('it ends within a key: each has three lines');
  if (keys.length > keysMax) throw fault(`it holds ${keys.length} keys, at most ${keysMax} may be`);
  return new NetworkSecret(keys);
}

function readKey(line: string, number: number): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(line)) return new Uint8Array(Buffer.from(line, 'hex'));
  throw fault(`line ${number} should be a key: 64 hexadecimal digits`);
}

function fault(what: string): QuorateError {
  return new QuorateError('BAD_REQUEST', `this is no secret: ${what}`);
}
