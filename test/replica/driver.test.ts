/**
 * The driver: the order law between disk and network, and turns. Core and disk are puppets: the one
 * gives out what a row says, the other ends writes when told to.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RaftCore } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Input } from '../../src/raft/inputs.js';
import type { Message } from '../../src/raft/messages.js';
import { Driver, type DriverEvents } from '../../src/replica/driver.js';
import type { LogStore } from '../../src/storage/log-store.js';
import { HandClock } from './hand-clock.js';

/** A driver over puppets. */
class Stage {
  readonly clock = new HandClock();
  readonly inputs: Input[] = [];
  readonly sent: number[] = [];
  readonly fatals: string[] = [];
  /** Ends of the writes under way, the oldest first. */
  readonly writes: (() => void)[] = [];
  /** What the next steps of the core give out; then nothing. */
  readonly script: (readonly Effect[])[] = [];
  hasLink = true;
  readonly driver: Driver;

  constructor() {
    const core = {
      start: () => [],
      step: (input: Input) => {
        this.inputs.push(input);
        return this.script.shift() ?? [];
      },
    };
    const store = { append: (_batch: unknown, done: () => void) => void this.writes.push(done) };
    const events = {
      send: (message: Message) => {
        if (this.hasLink) this.sent.push(message.term);
        return this.hasLink;
      },
      ticked: () => {},
      fatal: (reason: string) => void this.fatals.push(reason),
    };
    this.driver = new Driver(50, {
      core: core as unknown as RaftCore,
      store: store as unknown as LogStore,
      clock: this.clock,
      events: events as unknown as DriverEvents,
    });
  }

  /** The core answers something with these effects. */
  play(...effects: Effect[]): void {
    this.script.push(effects);
    this.driver.read(1);
    this.clock.settle();
  }

  /** The oldest write ends. */
  written(): void {
    this.writes.shift()?.();
    this.clock.settle();
  }
}

const write: Effect = {
  type: 'persist',
  hardState: null,
  truncateFrom: null,
  entries: [],
  lastIndex: 4,
  lastTerm: 1,
};

/** A message that is told apart by its term. */
function send(term: number, after: 'now' | 'persisted'): Effect {
  const message: Message = { type: 'timeoutNow', from: 1, to: 2, term };
  return { type: 'send', message, after };
}

test('trap 30: a promise leaves when every write before it is on disk, and not before', () => {
  const stage = new Stage();
  stage.play(write, send(1, 'persisted'), write, send(2, 'persisted'), send(3, 'now'));
  assert.equal(stage.sent, [3]);
  stage.written();
  assert.equal(stage.sent, [3, 1]);
  stage.play(send(4, 'persisted'));
  assert.equal(stage.sent, [3, 1], 'it waits for the second write though it wrote nothing');
  stage.written();
  assert.equal(stage.sent, [3, 1, 2, 4]);
  stage.play(send(5, 'persisted'));
  assert.equal(stage.sent, [3, 1, 2, 4, 5], 'nothing is under way');
});

test('a disk that takes for ever does not fill the memory: the oldest promises are lost', () => {
  const stage = new Stage();
  stage.play(write);
  for (let term = 1; term <= 5000; term++) stage.play(send(term, 'persisted'));
  stage.written();
  assert.is(stage.sent.length, 4096);
  assert.equal([stage.sent[0], stage.sent.at(-1)], [905, 5000]);
});

test('trap 38: the core hears of each write once it has ended, in order', () => {
  const stage = new Stage();
  stage.play(write, { ...write, lastIndex: 5 });
  const heard = (): readonly number[] =>
    stage.inputs.flatMap((input) => (input.type === 'persisted' ? [input.index] : []));
  assert.equal(heard(), []);
  stage.written();
  assert.equal(heard(), [4]);
  stage.written();
  assert.equal(heard(), [4, 5]);
});

test('a turn takes messages first, then facts, then all proposals as one', () => {
  const stage = new Stage();
  const message: Message = { type: 'timeoutNow', from: 2, to: 1, term: 1 };
  const proposal = { ref: 1, timeMillis: 0, data: new Uint8Array(0) };
  stage.driver.propose(proposal);
  stage.driver.read(7);
  stage.driver.propose(proposal);
  stage.driver.message(message);
  stage.clock.settle();
  assert.equal(
    stage.inputs.map(({ type }) => type),
    ['message', 'read', 'propose'],
  );
});

test('a message without a way is told as unreachable', () => {
  const stage = new Stage();
  stage.hasLink = false;
  stage.play(send(1, 'now'));
  assert.equal(stage.inputs.at(-1), { type: 'unreachable', peer: 2 });
});

test('an invariant that breaks ends everything: no input, no message, no tick any more', () => {
  const stage = new Stage();
  stage.driver.start();
  stage.script.push([send(1, 'persisted')]);
  Object.defineProperty(stage.script, 'shift', {
    value: () => {
      throw new Error('broken');
    },
  });
  stage.driver.read(1);
  stage.clock.settle();
  assert.is(stage.fatals.length, 1);
  const before = stage.inputs.length;
  stage.driver.read(2);
  stage.clock.pass(200);
  stage.clock.settle();
  assert.is(stage.inputs.length, before);
});

test('ticks come at their pace, behind what has arrived before them', () => {
  const stage = new Stage();
  stage.driver.start();
  stage.clock.settle();
  stage.clock.pass(50);
  stage.clock.pass(50);
  assert.equal(
    stage.inputs.map(({ type }) => type),
    ['tick', 'tick'],
  );
  stage.driver.stop();
  stage.clock.pass(50);
  assert.is(stage.inputs.length, 2);
});

test.run();
