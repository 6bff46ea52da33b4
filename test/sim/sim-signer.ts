/**
 * Signatures of the false world: a hash keyed by the peer id. Cheap, and wrong as soon as a byte or
 * the author is another; anybody could make one, but nobody here does.
 */

import type { Signer } from '../../src/base/signer.js';

/** The signer of one server. */
export function simSigner(self: string): Signer {
  return {
    self,
    sign: (bytes) => keyedHash(self, bytes),
    verify: (peerId, bytes, signature) =>
      Buffer.compare(keyedHash(peerId, bytes), Buffer.from(signature)) === 0,
  };
}

function keyedHash(peerId: string, bytes: Uint8Array): Uint8Array {
  let hash = 0x811c9dc5;
  for (let i = 0; i < peerId.length; i++) {
    hash = Math.imul(hash ^ peerId.charCodeAt(i), 0x01000193);
  }
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return Uint8Array.of(hash >>> 24, hash >>> 16, hash >>> 8, hash);
}
