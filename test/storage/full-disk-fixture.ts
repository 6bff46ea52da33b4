/**
 * A log in small segments on a disk that fills: what the tests of full disks share.
 */

import type { LogBatch, LogStore, Shortage } from '../../src/storage/log-store.js';
import { reserveName } from '../../src/storage/reserve.js';
import { MemoryDisk } from './memory-disk.js';
import { WalFixture } from './wal-fixture.js';

/** What a batch has beside its entries. */
export const none = { truncateFrom: null, hardState: null };
/** A segment's length, bytes. */
export const segmentBytesMax = 8192;
/** Where the reserve is. */
export const reserve = `data/wal/${reserveName}`;

/** A log in small segments, and what its watcher was told. */
export class FullDiskFixture extends WalFixture {
  readonly told: (string | null)[] = [];
  readonly done: number[] = [];

  constructor(disk = new MemoryDisk()) {
    super(disk, { segmentBytesMax });
  }

  /** Founds or opens the log, and watches it. */
  begin(how: 'create' | 'open'): LogStore {
    const { store } = this[how]();
    store.watchRoom((shortage: Shortage | null) => this.told.push(shortage?.code ?? null));
    return store;
  }

  append(store: LogStore, batches: readonly LogBatch[]): void {
    for (const batch of batches) {
      const place = this.done.length + this.#waiting++;
      store.append(batch, () => {
        this.#waiting--;
        this.done.push(place);
      });
    }
    this.settle();
  }
  #waiting = 0;

  /** Time passes: the log looks for room, and writes what it then can. */
  look(): void {
    this.clock.fire();
    this.settle();
  }
}
