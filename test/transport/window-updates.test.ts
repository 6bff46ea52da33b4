/**
 * Window updates are held back until half of the window is used, and never in another state than
 * that of an open stream.
 */

import type { Stream } from '@libp2p/interface';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { holdWindowUpdates } from '../../src/transport/window-updates.js';

function streamWith(state: number, left: number): { stream: Stream; granted: () => number } {
  let count = 0;
  const stream = {
    state,
    recvWindow: 100,
    recvWindowCapacity: left,
    sendWindowUpdate: () => {
      count += 1;
    },
  };
  return { stream: stream as unknown as Stream, granted: () => count };
}

test('an update goes when half of the window is used, or when it carries flags', () => {
  const rows: readonly [string, number, number, number][] = [
    ['open, nothing used', 3, 100, 0],
    ['open, less than half used', 3, 51, 0],
    ['open, half used', 3, 50, 1],
    ['open, all used', 3, 0, 1],
    ['not acknowledged yet', 2, 100, 1],
    ['paused', 5, 100, 1],
  ];
  for (const [what, state, left, expected] of rows) {
    const { stream, granted } = streamWith(state, left);
    assert.is(holdWindowUpdates(stream), true);
    (stream as unknown as { sendWindowUpdate(): void }).sendWindowUpdate();
    assert.is(granted(), expected, what);
  }
});

test('a stream that is none of Yamux’s is left alone', () => {
  assert.is(holdWindowUpdates({} as Stream), false);
});

test.run();
