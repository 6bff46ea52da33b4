/**
 * The nouns of founding together: the record that n servers sign, and their signatures. They stand
 * here because membership decides on them, wire carries them and storage keeps them.
 *
 * Invariant: equal records have equal bytes (membership/founding-record.ts), and the hash of these
 * bytes is the cluster's id.
 */

/** A server that founds. */
export interface Founder {
  readonly peerId: string;
  /** Hex. An incarnation signs one record in its life. */
  readonly incarnation: string;
  /** SERVER_ID. */
  readonly name: string;
}

/** What founders sign. Their number is the n of EXPECT. */
export interface FoundingRecord {
  readonly format: number;
  readonly clusterName: string;
  /** Sorted by peer id; a founder's place, from 1, is its member id. */
  readonly founders: readonly Founder[];
  /** Random, hex: no two attempts have one record. */
  readonly nonce: string;
}

/** One founder's signature over the record's bytes. */
export interface FoundingSignature {
  readonly peerId: string;
  /** Hex. */
  readonly signature: string;
}

/** A record with the signatures that are known. With all of them it is the certificate. */
export interface SignedFounding {
  readonly record: FoundingRecord;
  /** In the order of the founders, at most one each. */
  readonly signatures: readonly FoundingSignature[];
}
