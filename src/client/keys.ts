/**
 * Keys and values as bytes: text becomes UTF-8, and a prefix becomes a range. Keys are compared
 * byte by byte, as the machine compares them.
 */

const encoder = new TextEncoder();

/** Bytes as they are, text as UTF-8. */
export function toBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? encoder.encode(data) : data;
}

/**
 * The first key behind all that begin with `prefix`; empty (to the end) when there is none, that is
 * for the empty prefix and for one of 0xff alone.
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const byte = prefix[at] as number;
    if (byte === 0xff) continue;
    const end = prefix.slice(0, at + 1);
    end[at] = byte + 1;
    return end;
  }
  return new Uint8Array(0);
}
