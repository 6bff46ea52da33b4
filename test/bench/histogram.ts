/**
 * A histogram of durations in constant space: buckets grow with the value, so that every quantile
 * is right to within 1 part in 64, from a microsecond to an hour. Recording one costs a few
 * nanoseconds, so that it does not disturb what is measured.
 */

/** Buckets of one width in each doubling: their inverse is the relative error. */
const bucketsPerDoubling = 64;
const doublings = 32;

/** Durations, in whole microseconds. */
export class Histogram {
  readonly #counts = new Uint32Array(bucketsPerDoubling * doublings);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** The longest, microseconds, exactly. */
  get max(): number {
    return this.#max;
  }

  record(micros: number): void {
    const value = Math.max(0, Math.round(micros));
    this.#count += 1;
    if (value > this.#max) this.#max = value;
    const place = Math.min(placeOf(value), this.#counts.length - 1);
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  /** The value that the share `quantile` (0.5, 0.99) does not exceed, microseconds; empty: 0. */
  at(quantile: number): number {
    const wanted = Math.max(1, Math.ceil(quantile * this.#count));
    let seen = 0;
    for (let place = 0; place < this.#counts.length; place++) {
      seen += this.#counts[place] ?? 0;
      if (seen >= wanted) return Math.min(this.#max, middleOf(place));
    }
    return this.#max;
  }
}

/** Values below `bucketsPerDoubling` have a bucket each; above, every doubling has as many. */
function placeOf(value: number): number {
  if (value < bucketsPerDoubling) return value;
  const shift = Math.floor(Math.log2(value / bucketsPerDoubling));
  return (shift + 1) * bucketsPerDoubling + Math.floor(value / 2 ** shift) - bucketsPerDoubling;
}

function middleOf(place: number): number {
  if (place < bucketsPerDoubling) return place;
  const shift = Math.floor(place / bucketsPerDoubling) - 1;
  return ((place % bucketsPerDoubling) + bucketsPerDoubling + 0.5) * 2 ** shift;
}
