/**
 * Limits of the texts that travel between servers, shared by the codecs: a name that one message
 * carries fits every other.
 */

/** Longest address, bytes: a DNS name of 253, a colon and a port, with room for brackets. */
export const addressBytesMax = 262;

/** Longest SERVER_ID and cluster name, bytes. */
export const nameBytesMax = 128;

/** Longest zone, bytes. */
export const zoneBytesMax = 64;

/** Longest peer id, characters: base58 of the largest hash in use takes 95. */
export const peerIdBytesMax = 128;

/** Most addresses of one server. */
export const addressesMax = 32;

/** Hexadecimal digits of an incarnation or a cluster id: 8 bytes at least, 32 at most. */
export const hexIdDigits = { min: 16, max: 64 } as const;
