/**
 * The greeting's bytes: JSON, at most four kilobytes, since it is read from strangers before
 * anything is known of them. What comes out has every field within its limit and pattern; whether
 * the greeting fits (cluster, version, incarnation) is the membership layer's to judge.
 */

import type { Hello, Life } from './hello.js';
import { decodeJson, encodeJson, type JsonFields } from './json-fields.js';
import { addressBytesMax, addressesMax, hexIdDigits, nameBytesMax } from './text-limits.js';
import { WireError } from './wire-error.js';

/** Largest greeting, bytes. */
export const helloBytesMax = 4096;

const versionBytesMax = 64;

/** Hexadecimal digits of the word of a life. */
const lifeDigits = 16;

/**
 * Writes a greeting. Addresses that do not fit are left out, the last first: a server with forty
 * interfaces can still be greeted.
 * @throws WireError when another field is outside its limits.
 */
export function encodeHello(hello: Hello): Uint8Array {
  const addresses = hello.addresses.slice(0, addressesMax);
  for (;;) {
    const { clusterName, clusterId, memberId, incarnation, name, version, protocol, life } = hello;
    const bytes = encodeJson(
      { clusterName, clusterId, memberId, incarnation, name, version, protocol, addresses, life },
      Number.MAX_SAFE_INTEGER,
      'hello',
    );
    if (bytes.length <= helloBytesMax) {
      // What this side may not read it must not send: the fault shows here, where it was made.
      decodeHello(bytes);
      return bytes;
    }
    if (addresses.pop() === undefined) throw new WireError('hello is too large to send');
  }
}

/** Reads a greeting. @throws WireError when it is too large, malformed or has a field out of
 * bounds. */
export function decodeHello(bytes: Uint8Array): Hello {
  const fields = decodeJson(bytes, helloBytesMax, 'hello');
  return {
    clusterName: fields.label('clusterName', nameBytesMax),
    clusterId: fields.hexOrNull('clusterId', hexIdDigits.min, hexIdDigits.max),
    memberId: fields.counterOrNull('memberId', 1),
    incarnation: fields.hex('incarnation', hexIdDigits.min, hexIdDigits.max),
    name: fields.label('name', nameBytesMax),
    version: fields.label('version', versionBytesMax),
    protocol: fields.counter('protocol'),
    addresses: fields.lines('addresses', addressesMax, addressBytesMax),
    ...(fields.has('life') ? { life: lifeOf(fields.object('life')) } : {}),
  };
}

function lifeOf(fields: JsonFields): Life {
  return { word: fields.hex('word', lifeDigits, lifeDigits), heard: fields.flag('heard') };
}
