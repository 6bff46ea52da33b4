/**
 * The one who appends in a demonstration: numbered records in order, several on their way at once,
 * through one client. It remembers what was acknowledged, and finds any acknowledgement that does
 * not name the place that the record's number says.
 */

import type { AppendResult } from '../../src/client/calls.js';
import type { Client } from '../../src/client/client.js';

/** Appends on their way at once: enough that a kill always meets some. */
const outstandingMax = 8;

/** Appends "record 1", "record 2", … */
export class Writer {
  /** All records acknowledged, in order. */
  readonly records: string[] = [];
  /** The log index of the last record acknowledged. */
  index = 0;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Appends so many more; `acknowledged` hears of each. Rejects when one fails or is misplaced. */
  async append(
    count: number,
    acknowledged: (result: AppendResult) => void = () => {},
  ): Promise<void> {
    const last = this.records.length + count;
    let next = this.records.length + 1;
    const lane = async (): Promise<void> => {
      while (next <= last) {
        const number = next;
        next += 1;
        const result = await this.#client.append(`record ${number}`);
        if (result.seq !== number) throw new Error(`record ${number} is at ${result.seq}`);
        if (result.seq !== this.records.push(`record ${number}`)) {
          throw new Error(`record ${number} was acknowledged out of order`);
        }
        this.index = result.index;
        acknowledged(result);
      }
    };
    await Promise.all(Array.from({ length: outstandingMax }, lane));
  }
}
