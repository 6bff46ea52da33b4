/**
 * When a newcomer says again what it waits for: at once what is new, answers that alternate now and
 * then, and never the same line twice in a row.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log } from '../../src/base/log.js';
import { Rng } from '../../src/base/rng.js';
import { Newcomer, type NewcomerDeps } from '../../src/replica/newcomer.js';
import { Refs } from '../../src/replica/refs.js';
import { WaitingLine } from '../../src/replica/waiting-line.js';
import { HandClock } from './hand-clock.js';

// [seconds, the parts, said?], told one after the other
const rows: readonly (readonly [string, readonly (readonly [number, string, boolean])[]])[] = [
  [
    'the same is said once',
    [
      [0, 'a', true],
      [1, 'a', false],
      [60, 'a', false],
    ],
  ],
  [
    'what was never said is said at once',
    [
      [0, 'a', true],
      [0.1, 'a,b', true],
      [0.2, 'a,c', true],
      [0.3, 'd', true],
    ],
  ],
  [
    'what alternates is said every ten seconds',
    [
      [0, 'a', true],
      [2, 'b', true],
      [4, 'a', false],
      [6, 'b', false],
      [8, 'a', false],
      [11.9, 'a', false],
      [12, 'a', true],
      [14, 'b', false],
      [22, 'b', true],
    ],
  ],
  [
    'so is what went away, and what is back where it was is not said at all',
    [
      [0, 'a,b', true],
      [3, 'a', false],
      [5, 'a,b', false],
      [20, 'a,b', false],
      [30, 'a', true],
    ],
  ],
  [
    'two addresses that alternate are no news in any combination',
    [
      [0, 'a,x', true],
      [2, 'b,y', true],
      [4, 'a,y', false],
      [6, 'b,x', false],
      [12, 'a,y', true],
    ],
  ],
];

for (const [what, steps] of rows) {
  test(what, () => {
    const line = new WaitingLine();
    for (const [seconds, parts, isSaid] of steps) {
      const isDue = line.isDue(parts, parts.split(','), seconds * 1000);
      assert.is(isDue, isSaid, `${parts} after ${seconds} s`);
    }
  });
}

test('what is remembered has a bound, and the oldest gives way', () => {
  const line = new WaitingLine();
  for (let i = 0; i <= 256; i++) assert.ok(line.isDue(`${i}`, [`${i}`], 0));
  assert.not(line.isDue('1', ['1'], 9999));
  assert.ok(line.isDue('0', ['0'], 9999));
});

test('a newcomer whose address answers now this, now that, says so every ten seconds', async () => {
  const clock = new HandClock();
  const said: number[] = [];
  let asked = 0;
  const newcomer = new Newcomer(['a:1'], null, null, {
    clock,
    log: { warn: () => void said.push(clock.monotonicMillis()), info: () => {} } as unknown as Log,
    refs: new Refs(new Rng(1)),
    transport: {
      probe: () => {
        asked += 1;
        return Promise.reject(new Error(asked % 2 === 0 ? 'a:1: silent' : 'a:1: closed'));
      },
    },
    foundNone: () => {},
  } as unknown as NewcomerDeps);
  newcomer.start();
  for (let i = 0; i < 600; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.pass(100);
  }
  newcomer.stop();
  assert.ok(asked > 25, `${asked} times asked`);
  const pauses = said.slice(1).map((millis, at) => millis - (said[at] as number));
  assert.ok(said.length >= 6, `said ${said.length} times`);
  assert.ok(
    pauses.slice(1).every((millis) => millis >= 10_000 && millis <= 14_000),
    said.join(),
  );
});

test.run();
