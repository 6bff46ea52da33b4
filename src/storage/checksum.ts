/**
 * The port of checksums: CRC-32 as zlib computes it, handed in so that a simulator or a test needs
 * no native code of its own and the files here no import of it.
 */

/** CRC-32 of `bytes`, continued from `seed`. @returns 0 … 2³²−1. */
export type Checksum = (bytes: Uint8Array, seed: number) => number;
