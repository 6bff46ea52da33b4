/**
 * The port of signatures: a server signs with its own key and checks others' by their peer ids,
 * which are made of their public keys. transport/ has the real one; a simulator has its own.
 */

/** Signs and checks. Both are synchronous. */
export interface Signer {
  /** The peer id that belongs to the key that `sign` uses. */
  readonly self: string;
  sign(bytes: Uint8Array): Uint8Array;
  /** False for a wrong signature and for a peer id or signature that is none at all. */
  verify(peerId: string, bytes: Uint8Array, signature: Uint8Array): boolean;
}
