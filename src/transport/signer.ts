/**
 * Signs with the server's own key and checks the signatures of others by their peer ids: an Ed25519
 * peer id is its public key, so nothing has to be looked up. Node's own Ed25519 (RFC 8032), because
 * it is synchronous and native: libp2p's answers with a promise.
 *
 * Invariant: `verify` never throws, whatever a stranger sends: what is no peer id, no Ed25519 one,
 * or no signature is not signed. Keys are kept for `keysMax` ids, the oldest go.
 */

import './node-shim.js';
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Signer } from '../base/signer.js';
import { decodePeerKey, peerIdOfKey } from './peer-key.js';
import type { PeerId } from './transport.js';

/** Public keys kept ready: parsing one costs as much as checking a signature. */
const keysMax = 1024;

/** Bytes of an Ed25519 signature. */
const signatureBytes = 64;

/** Longest peer id in base58; an Ed25519 one has 52 characters. */
const peerIdCharactersMax = 64;

/** What stands before the bytes of an Ed25519 private and public key in DER (RFC 8410). */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The signer of a private key, as `generatePeerKey` makes it.
 * @throws QuorateError DAMAGED when the bytes are no Ed25519 private key.
 */
export function createSigner(privateKey: Uint8Array): Signer {
  // The first half of libp2p's raw form is the seed, the second the public key.
  const seed = decodePeerKey(privateKey).raw.subarray(0, 32);
  const key = createPrivateKey({
    key: Buffer.concat([privatePrefix, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const keys = new PublicKeys();
  return {
    self: peerIdOfKey(privateKey),
    sign: (bytes) => sign(null, bytes, key),
    verify: (peerId, bytes, signature) => {
      if (signature.length !== signatureBytes) return false;
      const publicKey = keys.of(peerId);
      return publicKey !== null && verify(null, bytes, publicKey, signature);
    },
  };
}

/** Public keys by peer id. */
class PublicKeys {
  readonly #keys = new Map<PeerId, KeyObject>();

  /** Null: it is no id of an Ed25519 key. */
  of(peerId: PeerId): KeyObject | null {
    const known = this.#keys.get(peerId);
    if (known !== undefined) return known;
    const made = publicKeyOf(peerId);
    if (made === null) return null;
    if (this.#keys.size >= keysMax) {
      const oldest = this.#keys.keys().next();
      if (oldest.done !== true) this.#keys.delete(oldest.value);
    }
    this.#keys.set(peerId, made);
    return made;
  }
}

function publicKeyOf(peerId: PeerId): KeyObject | null {
  if (peerId.length > peerIdCharactersMax) return null;
  try {
    const id = peerIdFromString(peerId);
    // Another spelling of the same key must not count as a second peer.
    if (id.type !== 'Ed25519' || id.toString() !== peerId) return null;
    const key = Buffer.concat([publicPrefix, id.publicKey.raw]);
    return createPublicKey({ key, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}
