/**
 * The settings of Yamux, the same for servers and clients, because both ends of a connection must
 * agree on how many streams it may carry.
 */

import { clientStreamsPerConnectionMax } from './transport-options.js';

/** Yamux streams of one connection in each direction: all channels, all client streams, and
 * some. */
const streamsMax = clientStreamsPerConnectionMax + 16;

/** Settings of Yamux, the same for servers and clients. */
export const yamuxInit = {
  maxInboundStreams: streamsMax,
  maxOutboundStreams: streamsMax,
  // Its ping measures the round trip by which windows grow; it ends nothing.
  enableKeepAlive: true,
  streamOptions: {
    // Below the read buffer of 4 MiB: a larger window lets a fast sender burst it (trap 3).
    maxStreamWindowSize: 2 * 1024 * 1024,
    // Our own frames tell whether anybody lives.
    inactivityTimeout: 0,
  },
} as const;
