/**
 * Hashes of 64 bits, as two halves, one pair for every renaming of the servers; and the set of
 * those that were seen. A state of the world is a set of parts, so its hash is the sum of theirs;
 * of the sums under all renamings the smallest stands for all of them. Two different states may
 * share a hash: among ten million that happens with a chance of about one in 400,000.
 */

/** Low and high half, alternating, one pair for each renaming. */
export type Hashes = Uint32Array;

function mix(hash: number, value: number, factor: number): number {
  const mixed = Math.imul(hash ^ value, factor);
  return mixed ^ (mixed >>> 15);
}

/** The hash of a text, written to `into` at `at`. */
export function hashText(text: string, into: Hashes, at: number): void {
  let low = 0x9e37_79b9;
  let high = 0x85eb_ca6b;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = mix(low, code, 0x5bd1_e995);
    high = mix(high, code, 0x1b87_3593);
  }
  into[at] = mix(mix(low, high, 0xcc9e_2d51), text.length, 0x85eb_ca6b);
  into[at + 1] = mix(mix(high, low, 0xc2b2_ae35), text.length, 0x27d4_eb2f);
}

/** The hashes of one thing under every renaming. */
export function hashesOf(texts: readonly string[]): Hashes {
  const hashes = new Uint32Array(texts.length * 2);
  for (const [i, text] of texts.entries()) hashText(text, hashes, i * 2);
  return hashes;
}

/** Adds the hashes of a part. */
export function addHashes(sum: Hashes, part: Hashes): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
}

/** The set of hashes seen: open addressing, eight bytes each. */
export class SeenHashes {
  #table = new Uint32Array(2 << 16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the smallest of these sums. False: it was there. */
  add(sums: Hashes): boolean {
    let low = sums[0] as number;
    let high = sums[1] as number;
    for (let i = 2; i < sums.length; i += 2) {
      const [l, h] = [sums[i] as number, sums[i + 1] as number];
      if (h < high || (h === high && l < low)) [low, high] = [l, h];
    }
    if (this.#size * 3 > this.#table.length) this.#grow();
    // All zeros is a free place.
    if (!insert(this.#table, low, high === 0 ? 1 : high)) return false;
    this.#size++;
    return true;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] !== 0) insert(this.#table, old[i] as number, old[i + 1] as number);
    }
  }
}

function insert(table: Uint32Array, low: number, high: number): boolean {
  const mask = table.length / 2 - 1;
  for (let at = (low ^ Math.imul(high, 0x9e37_79b1)) & mask; ; at = (at + 1) & mask) {
    const there = table[at * 2 + 1];
    if (there === 0) {
      table[at * 2] = low;
      table[at * 2 + 1] = high;
      return true;
    }
    if (there === high && table[at * 2] === low) return false;
  }
}
