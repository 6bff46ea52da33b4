/**
 * Dialling again: the pause doubles to a limit, a link ends it, and a short link earns no new
 * start.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Clock } from '../../src/base/clock.js';
import { Rng } from '../../src/base/rng.js';
import { Dialler } from '../../src/transport/dialler.js';

const test = suite('dialler');

/** A clock that stands until it is moved; promises settle between its timers. */
class ManualClock implements Clock {
  now = 0;
  #timers: { at: number; then: () => void }[] = [];

  monotonicMillis(): number {
    return this.now;
  }
  wallMillis(): number {
    return this.now;
  }
  after(delayMillis: number, then: () => void): { cancel(): void } {
    const timer = { at: this.now + delayMillis, then };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }
  afterTurn(then: () => void): void {
    this.after(0, then);
  }

  async runUntil(end: number): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#timers.filter((timer) => timer.at <= end).sort((x, y) => x.at - y.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.now = next.at;
      next.then();
    }
    this.now = end;
  }
}

function world(self = 'a') {
  const clock = new ManualClock();
  const dials: { at: number; addresses: readonly string[] }[] = [];
  const state = { connected: false, works: false };
  const dialler = new Dialler({
    clock,
    rng: new Rng(3),
    self,
    redialMillisMin: 100,
    redialMillisMax: 5000,
    isConnected: () => state.connected,
    dial: async (_peer, addresses) => {
      dials.push({ at: clock.now, addresses });
      if (!state.works) throw new Error('nobody there');
      state.connected = true;
    },
    failed: () => undefined,
  });
  return { clock, dials, state, dialler };
}

test('pauses double from 100 ms to 5 s, between half and all of it', async () => {
  const { clock, dials, dialler } = world();
  dialler.keep('b', ['x:1']);
  await clock.runUntil(60_000);
  const pauses = dials.slice(1).map((dial, i) => dial.at - (dials[i]?.at ?? 0));
  const full = pauses.map((_, i) => Math.min(100 * 2 ** i, 5000));
  assert.ok(pauses.length > 14, `only ${pauses.length} dials`);
  for (const [i, pause] of pauses.entries()) {
    const most = full[i] as number;
    assert.ok(pause >= most / 2 && pause <= most + 1, `pause ${i} of ${pause} ms, most ${most}`);
  }
  assert.ok(new Set(pauses.slice(7)).size > 3, 'no jitter');
});

test('a link ends the dialling, its loss begins it anew at once', async () => {
  const { clock, dials, state, dialler } = world();
  state.works = true;
  dialler.keep('b', ['x:1']);
  await clock.runUntil(50);
  assert.is(dials.length, 1);
  dialler.linked('b');
  await clock.runUntil(20_000);
  assert.is(dials.length, 1);
  state.connected = false;
  dialler.lost('b');
  await clock.runUntil(20_060);
  assert.is(dials.length, 2);
});

test('the side with the higher id lets the other dial first', async () => {
  const { clock, dials, state, dialler } = world('z');
  state.works = true;
  dialler.keep('b', ['x:1']);
  await clock.runUntil(50);
  dialler.linked('b');
  await clock.runUntil(5000);
  state.connected = false;
  dialler.lost('b');
  await clock.runUntil(5049);
  assert.is(dials.length, 1);
  await clock.runUntil(5110);
  assert.is(dials.length, 2);
});

test('a link that is lost as soon as it is up is not dialled in a tight loop', async () => {
  const { clock, dials, state, dialler } = world();
  state.works = true;
  dialler.keep('b', ['x:1']);
  for (let at = 10; at < 10_000; at += 10) {
    await clock.runUntil(at);
    if (!state.connected) continue;
    dialler.linked('b');
    state.connected = false;
    dialler.lost('b');
  }
  assert.ok(dials.length < 12, `${dials.length} dials in ten seconds`);
});

test('release and stop end the dialling; other addresses are tried at once', async () => {
  const { clock, dials, dialler } = world();
  dialler.keep('b', ['x:1']);
  await clock.runUntil(10_000);
  const before = dials.length;
  dialler.keep('b', ['x:1']);
  dialler.keep('b', ['y:1']);
  await clock.runUntil(10_001);
  assert.equal(
    dials.slice(before).map((dial) => dial.addresses),
    [['y:1']],
  );
  dialler.release('b');
  await clock.runUntil(30_000);
  assert.is(dials.length, before + 1);
  dialler.keep('c', ['z:1']);
  dialler.stop();
  await clock.runUntil(60_000);
  assert.is(dials.length, before + 1);
});

test.run();
