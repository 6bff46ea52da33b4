/**
 * The receiving half of a channel: its bytes cut into frames, within the channel's limit, and the
 * judgement that a frame which has begun will not end.
 */

import type { Uint8ArrayList } from 'uint8arraylist';
import { FrameReader, type FrameSink } from './framing.js';
import type { Channel } from './transport.js';
import { channelFrameBytesMax } from './transport-options.js';

/** A frame whose rest does not come for this long ends the connection, milliseconds. */
const partialMillisMax = 10_000;

/** See the head of the file. */
export class ChannelReader {
  readonly #channel: Channel;
  readonly #reader: FrameReader;
  /** How long its partial frame has not grown, milliseconds. */
  #stuckMillis = 0;

  constructor(channel: Channel, sink: FrameSink) {
    this.#channel = channel;
    this.#reader = new FrameReader(channelFrameBytesMax[channel], sink);
  }

  /** Takes the next bytes. Null, or one line on what is wrong with them. */
  read(data: Uint8Array | Uint8ArrayList): string | null {
    this.#stuckMillis = 0;
    const fault = this.#reader.read(data);
    return fault === null ? null : `${this.#channel}: ${fault}`;
  }

  /** Once for each tick of the transport. Null, or that a frame did not end. */
  tick(elapsedMillis: number): string | null {
    if (!this.#reader.isPartial) return null;
    this.#stuckMillis += elapsedMillis;
    return this.#stuckMillis < partialMillisMax ? null : `a frame on ${this.#channel} did not end`;
  }
}
