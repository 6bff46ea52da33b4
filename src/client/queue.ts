/**
 * A queue on an array: push at the end, take from the front, look at any place, all without moving
 * the rest. The invariant: `#head` never passes the end, and the dead front is cut off once it is
 * at least half of the array, so that taking stays constant time on average.
 */

/** First in, first out. */
export class Queue<T> {
  /** Undefined in the dead front only: what was taken must not be kept alive. */
  #items: (T | undefined)[] = [];
  #head = 0;

  /** How many items wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The item at `place`, counted from the front; undefined beyond the end. */
  at(place: number): T | undefined {
    return this.#items[this.#head + place];
  }

  /** The last item, or undefined. */
  last(): T | undefined {
    return this.length === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  /** Takes the first item away; undefined when there is none. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head] as T;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Keeps the items that `keep` says yes to, in order. */
  filter(keep: (item: T) => boolean): void {
    this.#items = (this.#items.slice(this.#head) as T[]).filter(keep);
    this.#head = 0;
  }

  /** Takes everything away and gives it, in order. */
  drain(): T[] {
    const items = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
