/**
 * Bounds what one connection may cost after its key was proved, where Yamux sets no bound: a frame
 * that says it is longer than any window and so is kept until memory ends, streams that are opened
 * and dropped without asking for anything (measured: 24 bytes cost 75 µs), and answers to pings
 * that the other side never reads. Whoever passes a bound breaks the rules: no window was granted
 * for that, and no honest end gives up that often.
 */

import type { MessageStream, Stream, StreamMuxer } from '@libp2p/interface';
import { yamuxInit } from './yamux-init.js';

/** Streams of one connection that end before a protocol was agreed on. */
const droppedStreamsMax = 64;

/** Bytes that wait for the socket, over all streams. Yamux stops each stream when the socket is
 * full, so honest ends stay below a few windows. */
const writeBytesMax = 64 * 1024 * 1024;

/** The way from a muxer of @libp2p/yamux 8.0 to the frame that is not complete yet. */
interface Inside {
  onData?: (chunk: unknown) => void;
  readonly decoder?: { readonly buffer?: { readonly byteLength: number } };
}

/** Sets the bounds. `violated` is called from within, possibly again. */
export function boundMuxer(
  muxer: StreamMuxer,
  connection: MessageStream,
  violated: (fault: Error) => void,
): void {
  connection.maxWriteBufferLength = writeBytesMax;
  boundFrames(muxer as unknown as Inside, violated);
}

/** Counts the streams of the other side that come to nothing; made once for each connection. */
export function streamCounter(violated: (fault: Error) => void): (stream: Stream) => void {
  let dropped = 0;
  return (stream) => {
    stream.addEventListener('close', () => {
      if (stream.protocol !== '') return;
      dropped += 1;
      if (dropped > droppedStreamsMax) {
        violated(new Error(`${dropped} streams were dropped before they asked for a protocol`));
      }
    });
  };
}

function boundFrames(muxer: Inside, violated: (fault: Error) => void): void {
  const onData = muxer.onData;
  const buffer = muxer.decoder?.buffer;
  if (typeof onData !== 'function' || typeof buffer?.byteLength !== 'number') return;
  const { maxStreamWindowSize } = yamuxInit.streamOptions;
  // Yamux's header is 12 bytes; 64 are more than enough.
  const bytesMax = maxStreamWindowSize + 64;
  muxer.onData = (chunk) => {
    onData.call(muxer, chunk);
    if (buffer.byteLength > bytesMax) violated(new Error('a frame larger than any window'));
  };
}
