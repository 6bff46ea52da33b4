/**
 * Silence is judged in ticks, and our own speaking is called for in time.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Liveness } from '../../src/transport/liveness.js';

const test = suite('liveness');

test('an end that hears and speaks is quiet', () => {
  const liveness = new Liveness(250, 1000);
  for (let i = 0; i < 20; i++) {
    liveness.heard();
    liveness.spoke();
    assert.is(liveness.tick(250), 'quiet');
  }
});

test('who said nothing for a while is told to speak', () => {
  const liveness = new Liveness(500, 10_000);
  assert.equal(
    [250, 250, 250, 250].map((millis) => liveness.tick(millis)),
    // The first tick counts from the making of the connection, which spoke.
    ['quiet', 'quiet', 'speak', 'speak'],
  );
});

test('silence is dead at its limit, not before, and any byte begins anew', () => {
  const liveness = new Liveness(100_000, 1000);
  liveness.tick(250);
  assert.equal(
    [250, 250, 250].map((millis) => liveness.tick(millis)),
    ['quiet', 'quiet', 'quiet'],
  );
  liveness.heard();
  assert.is(liveness.silentMillis, 0);
  assert.equal(
    [250, 250, 250, 250, 250].map((millis) => liveness.tick(millis)),
    ['quiet', 'quiet', 'quiet', 'quiet', 'dead'],
  );
});

test.run();
