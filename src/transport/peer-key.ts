/**
 * A server's identity: an Ed25519 key as bytes (libp2p's protobuf form, so that other libp2p tools
 * read it) and the peer id that follows from it. Where the bytes are kept, and with which file
 * mode, is the server's business. Invariant: one key, one peer id, for ever (docs/libp2p.md, trap
 * 9).
 */

import './node-shim.js';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { QuorateError } from '../base/errors.js';
import type { PeerId } from './transport.js';

/** Makes a new private key: its bytes, to be stored and handed to `createTransport`. */
export async function generatePeerKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair('Ed25519'));
}

/**
 * The peer id of a private key.
 * @throws QuorateError DAMAGED when the bytes are no Ed25519 private key.
 */
export function peerIdOfKey(keyBytes: Uint8Array): PeerId {
  return peerIdFromPrivateKey(decodePeerKey(keyBytes)).toString();
}

/**
 * The key as libp2p wants it.
 * @throws QuorateError DAMAGED when the bytes are no Ed25519 private key.
 */
export function decodePeerKey(keyBytes: Uint8Array): Ed25519PrivateKey {
  try {
    const key = privateKeyFromProtobuf(keyBytes);
    if (key.type === 'Ed25519') return key;
  } catch {
    // Falls through to the one message below: the library's words would not help an operator.
  }
  throw new QuorateError(
    'DAMAGED',
    'the peer key is not an Ed25519 private key: restore it from a copy, or remove the ' +
      'server and let it join anew',
  );
}
