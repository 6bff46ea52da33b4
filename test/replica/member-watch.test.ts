/**
 * What the leader sees of a member over time, and that its own sleep is nobody's silence.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CoreStatus } from '../../src/raft/core.js';
import { MemberWatch } from '../../src/replica/member-watch.js';

const hearsay = { rumour: 'alive', deadForMillis: 0 } as const;

/** A core's status in which member 7 stands so. */
function status(match: number, recentlyActive: boolean, lastIndex = 100): CoreStatus {
  const progress = new Map([[7, { match, recentlyActive }]]);
  return { lastIndex, progress } as unknown as CoreStatus;
}

/** Looks every 100 ms from `from` to `to`, milliseconds. */
function lookOn(watch: MemberWatch, now: CoreStatus, [from, to]: readonly [number, number]): void {
  for (let millis = from; millis <= to; millis += 100) watch.look(now, 10, millis);
}

test('being alive and being silent are counted from one turn to the other', () => {
  const watch = new MemberWatch();
  lookOn(watch, status(100, true), [0, 3000]);
  assert.equal(watch.view(7, 100, hearsay), {
    ...hearsay,
    matchIndex: 100,
    alive: true,
    aliveForMillis: 3000,
    silentForMillis: 0,
    stalledForMillis: 0,
  });
  lookOn(watch, status(100, false), [3100, 5000]);
  const silent = watch.view(7, 100, hearsay);
  assert.equal([silent.alive, silent.aliveForMillis, silent.silentForMillis], [false, 0, 2000]);
  lookOn(watch, status(100, true), [5100, 5600]);
  const back = watch.view(7, 100, hearsay);
  assert.equal([back.aliveForMillis, back.silentForMillis], [500, 0]);
});

test("the leader's own sleep is nobody's silence, and nobody's health", () => {
  const watch = new MemberWatch();
  lookOn(watch, status(100, false), [0, 1000]);
  watch.look(status(100, false), 10, 61_000);
  assert.is(watch.view(7, 100, hearsay).silentForMillis, 1500);
  lookOn(watch, status(100, true), [61_100, 61_200]);
  watch.look(status(100, true), 10, 99_000);
  assert.is(watch.view(7, 100, hearsay).aliveForMillis, 600);
});

test('a learner is stalled while it lags and its log does not grow', () => {
  const watch = new MemberWatch();
  const stalled = (): number => watch.view(7, 0, hearsay).stalledForMillis;
  lookOn(watch, status(50, true), [0, 1000]);
  assert.is(stalled(), 1000);
  watch.look(status(51, true), 10, 1100);
  assert.is(stalled(), 0, 'it grew');
  lookOn(watch, status(51, true), [1200, 2000]);
  assert.is(stalled(), 900);
  watch.look(status(51, true, 61), 10, 2100);
  assert.is(stalled(), 0, 'near enough to the end');
  // A newcomer that has not reached its own admission is not near, however short the log.
  lookOn(watch, status(5, true, 6), [2200, 3200]);
  lookOn(watch, status(5, true, 6), [3300, 4000]);
  assert.is(stalled(), 1800);
});

test('another term of leading begins from nothing, and who is gone is forgotten', () => {
  const watch = new MemberWatch();
  lookOn(watch, status(100, false), [0, 2000]);
  watch.restart();
  watch.look(status(100, false), 10, 2100);
  assert.is(watch.view(7, 100, hearsay).silentForMillis, 0);
  lookOn(watch, status(100, false), [2200, 3000]);
  watch.look({ lastIndex: 100, progress: new Map() } as unknown as CoreStatus, 10, 3100);
  assert.is(watch.view(7, 100, hearsay).silentForMillis, 0);
});

test.run();
