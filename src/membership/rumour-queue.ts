/**
 * What this server has yet to pass on: rumours and refuting records, each so many times and no
 * more. Frames take a few along, those said least often first, so news goes before what is known.
 *
 * Invariant: at most `itemsMax` wait; of one subject a record or a death replaces all that was said
 * before; nothing is said more than `timesMax` times. Source: SWIM (2002), 4.1.
 */

import type { Rumour, SignedRecord } from './table.js';

/** The most items that wait; beyond it the one said most often goes. */
const itemsMax = 256;

/** The most that one frame takes along: about a kilobyte of rumours and one of records. */
export const frameRumoursMax = 8;
const frameRecordsMax = 2;

/** What a frame takes along. */
export interface Baggage {
  readonly rumours: readonly Rumour[];
  readonly records: readonly SignedRecord[];
}

interface Item {
  readonly subject: string;
  readonly rumour: Rumour | null;
  readonly record: SignedRecord | null;
  times: number;
}

/** How often each item is said in a cluster of `members`: with a chord or a relay in doubt a rumour
 * still reaches all but with a probability that falls with the size (SWIM). */
export function timesMaxFor(members: number): number {
  // The logarithm to base 2, rounded up.
  return 2 * (32 - Math.clz32(members + 1));
}

/** See the head of the file. */
export class RumourQueue {
  #items: Item[] = [];

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  addRumour(rumour: Rumour): void {
    const { subject, kind, accuser } = rumour;
    const isReplaced = (item: Item): boolean =>
      item.subject === subject &&
      (kind === 'dead' || item.record !== null || item.rumour?.accuser === accuser);
    this.#add({ subject, rumour, record: null, times: 0 }, isReplaced);
  }

  addRecord(record: SignedRecord): void {
    const subject = record.record.peerId;
    const item = { subject, rumour: null, record, times: 0 };
    this.#add(item, (other) => other.subject === subject);
  }

  /** What the next frame takes along. */
  take(timesMax: number): Baggage {
    const rumours: Rumour[] = [];
    const records: SignedRecord[] = [];
    if (this.#items.length === 0) return { rumours, records };
    this.#items.sort((one, other) => one.times - other.times);
    for (const item of this.#items) {
      if (item.rumour !== null && rumours.length < frameRumoursMax) rumours.push(item.rumour);
      else if (item.record !== null && records.length < frameRecordsMax) records.push(item.record);
      else continue;
      item.times += 1;
    }
    this.#items = this.#items.filter(({ times }) => times < timesMax);
    return { rumours, records };
  }

  #add(item: Item, isReplaced: (other: Item) => boolean): void {
    this.#items = this.#items.filter((other) => !isReplaced(other));
    this.#items.push(item);
    if (this.#items.length <= itemsMax) return;
    this.#items.sort((one, other) => one.times - other.times);
    this.#items.pop();
  }
}
