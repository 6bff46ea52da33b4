/**
 * Holds Yamux's window updates back until half of a stream's window is used. Yamux 8.0 grants anew
 * after every data frame: a frame of its own through the cipher, and a socket write, for each
 * message that arrives. The window is 256 KiB at first, so a sender never waits for a grant that is
 * held back: the receiver grants before the sender has used the other half.
 *
 * It reaches for internals of @libp2p/yamux (pinned): where they are not found, nothing changes.
 */

import type { Stream } from '@libp2p/interface';

/** A Yamux stream that is open both ways; in other states an update carries flags and must go. */
const established = 3;

/** What a stream of @libp2p/yamux 8.0 knows of its window. */
interface Inside {
  readonly state?: number;
  /** Bytes the other side may send after a grant, and those that are left of the last one. */
  readonly recvWindow?: number;
  readonly recvWindowCapacity?: number;
  sendWindowUpdate?: () => void;
}

/** Applies it to a stream. False: the stream is none of Yamux's. */
export function holdWindowUpdates(stream: Stream): boolean {
  const inside = stream as unknown as Inside;
  const send = inside.sendWindowUpdate;
  if (typeof send !== 'function' || typeof inside.recvWindowCapacity !== 'number') return false;
  inside.sendWindowUpdate = () => {
    const { state, recvWindow = 0, recvWindowCapacity = 0 } = inside;
    if (state === established && recvWindowCapacity * 2 > recvWindow) return;
    send.call(inside);
  };
  return true;
}
