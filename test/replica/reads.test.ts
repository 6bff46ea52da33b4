/**
 * Read barriers: opened for an index that was confirmed after they were asked for, and once it is
 * applied. The core is a puppet that remembers what it was asked.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import type { Driver } from '../../src/replica/driver.js';
import { Reads } from '../../src/replica/reads.js';
import { Refs } from '../../src/replica/refs.js';
import { HandClock } from './hand-clock.js';

/** The barriers of a server that has applied up to index 10. */
class Stage {
  readonly clock = new HandClock();
  readonly asked: number[] = [];
  readonly opened: string[] = [];
  readonly reads: Reads;
  reach = Number.POSITIVE_INFINITY;

  constructor() {
    const driver = { read: (ref: number) => void this.asked.push(ref) };
    this.reads = new Reads(10, {
      driver: driver as unknown as Driver,
      clock: this.clock,
      refs: new Refs(new Rng(1)),
      reach: () => this.reach,
    });
  }

  /** Asks for a barrier; without the end of the turn. */
  barrier(name: string): void {
    this.reads.barrier((refusal) => {
      this.opened.push(refusal === null ? name : `${name} ${refusal.code}`);
    });
  }
}

test('barriers of one turn share one question', () => {
  const stage = new Stage();
  stage.barrier('a');
  stage.barrier('b');
  stage.clock.settle();
  assert.is(stage.asked.length, 1);
  stage.reads.answered(stage.asked[0]!, 10);
  assert.equal(stage.opened, ['a', 'b']);
});

test('trap 32: a barrier opens when its index is applied, not when it is known', () => {
  const stage = new Stage();
  stage.barrier('a');
  stage.clock.settle();
  stage.reads.answered(stage.asked[0]!, 12);
  assert.equal(stage.opened, []);
  stage.reads.applied(11);
  assert.equal(stage.opened, []);
  stage.reads.applied(12);
  assert.equal(stage.opened, ['a']);
});

test('a read that the own log cannot come up to is refused at once: another server has it', () => {
  const stage = new Stage();
  stage.reach = 12;
  for (const [name, index] of [
    ['a', 12],
    ['b', 13],
    ['c', 10],
  ] as const) {
    stage.barrier(name);
    stage.clock.settle();
    stage.reads.answered(stage.asked.at(-1) as number, index);
  }
  assert.equal(stage.opened, ['b DISK_FAILED', 'c']);
  stage.reads.applied(12);
  assert.equal(stage.opened.at(-1), 'a');
});

test('trap 33: a second answer to one question opens nothing', () => {
  const stage = new Stage();
  stage.barrier('a');
  stage.clock.settle();
  stage.barrier('b');
  stage.clock.settle();
  assert.is(stage.asked.length, 2);
  stage.reads.answered(stage.asked[0]!, 10);
  stage.reads.answered(stage.asked[0]!, 10);
  assert.equal(stage.opened, ['a']);
});

test('trap 33: a question asked again is another, the first one means nothing then', () => {
  const stage = new Stage();
  stage.barrier('a');
  stage.clock.settle();
  stage.clock.pass(400);
  stage.reads.expire();
  stage.clock.settle();
  const [first, second] = stage.asked;
  assert.is.not(first, second);
  stage.reads.answered(first!, 10);
  assert.equal(stage.opened, []);
  stage.reads.answered(second!, 10);
  assert.equal(stage.opened, ['a']);
});

test('a read that the core took back is asked again until its time is over', () => {
  const stage = new Stage();
  stage.barrier('a');
  stage.clock.settle();
  const ref = stage.asked[0]!;
  const refused = { type: 'refused', ref, code: 'NO_LEADER', message: '', leader: 0 } as const;
  assert.is(stage.reads.refused(refused), true);
  stage.reads.expire();
  stage.clock.settle();
  assert.is(stage.asked.length, 2);
  stage.clock.pass(5001);
  stage.reads.expire();
  assert.equal(stage.opened, ['a NO_LEADER']);
});

test('at the end everything that waits hears so', () => {
  const stage = new Stage();
  stage.barrier('a');
  stage.clock.settle();
  stage.barrier('b');
  stage.reads.stop();
  assert.equal(stage.opened.sort(), ['a STOPPING', 'b STOPPING']);
});

test.run();
