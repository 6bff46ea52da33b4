/**
 * The sending halves of a connection's channels: for each its bound, and what gives way when it is
 * full (transport.ts, `Channel`).
 */

import { StreamWriter, type WriterEvents } from './stream-writer.js';
import type { Channel } from './transport.js';
import { type CompleteOptions, channelFrameBytesMax } from './transport-options.js';
import type { TurnFlusher } from './turn-flusher.js';

/** One writer for each channel. */
export type ChannelWriters = Readonly<Record<Channel, StreamWriter>>;

/** Makes the writers of one connection; `events` hears of all of them. */
export function channelWriters(
  options: CompleteOptions,
  flusher: TurnFlusher,
  events: WriterEvents,
): ChannelWriters {
  const writer = (channel: Channel, queuedBytesMax: number): StreamWriter => {
    const dropsOldest = channel === 'consensus' || channel === 'gossip';
    const overflow = dropsOldest ? 'dropOldest' : 'refuse';
    const frameBytesMax = channelFrameBytesMax[channel];
    return new StreamWriter({ frameBytesMax, queuedBytesMax, overflow }, flusher, events);
  };
  return {
    consensus: writer('consensus', options.consensusQueueBytesMax),
    forward: writer('forward', options.forwardQueueBytesMax),
    control: writer('control', options.controlQueueBytesMax),
    gossip: writer('gossip', options.gossipQueueBytesMax),
  };
}
