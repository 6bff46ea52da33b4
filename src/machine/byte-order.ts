/**
 * The order of keys: byte by byte, the shorter first when one begins the other. The same on every
 * server and in every language, which the order of strings is not.
 */

/** Below 0 when `a` comes before `b`, 0 when they are equal, above 0 when it comes after. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
