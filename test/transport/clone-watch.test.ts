/**
 * The rule by which two live processes of one data folder are told from a restart, with connections
 * that only write down what they are told.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Claimant, CloneWatch } from '../../src/transport/clone-watch.js';
import type { Hello } from '../../src/wire/hello.js';

const common: Omit<Hello, 'life' | 'addresses'> = {
  clusterName: 'test',
  clusterId: 'ab'.repeat(32),
  memberId: 3,
  incarnation: '0123456789abcdef',
  name: 'c',
  version: '0.1.0',
  protocol: 1,
};

/** A connection of a life. */
class Connection implements Claimant {
  remoteHello: Hello;
  readonly origin: { readonly remoteAddress: string };
  /** Questions that it was asked. */
  readonly questions: number[] = [];
  /** What else befell it. */
  readonly told: string[] = [];

  constructor(life: string | null, changes: Partial<Hello> = {}) {
    const host = `10.0.0.${life ?? 9}`;
    this.origin = { remoteAddress: `${host}:40000` };
    this.remoteHello = { ...common, addresses: [`${host}:5555`], ...lived(life), ...changes };
  }

  ask(question: number): void {
    this.questions.push(question);
  }
  letIn(): void {
    this.told.push('let in');
  }
  refuseClone(reason: string): void {
    this.told.push(`refused: ${reason}`);
  }
  warnOfClone(reason: string): void {
    this.told.push(`warned: ${reason}`);
  }

  /** From now on it says that somebody has listened to it. */
  becomesHeard(): this {
    const { life } = this.remoteHello;
    if (life !== undefined)
      this.remoteHello = { ...this.remoteHello, life: { ...life, heard: true } };
    return this;
  }
}

function lived(life: string | null): Partial<Hello> {
  return life === null ? {} : { life: { word: life.padStart(16, '0'), heard: false } };
}

/** A watch, and what it tells its owner. */
function watched(): { watch: CloneWatch; told: string[] } {
  const told: string[] = [];
  const watch = new CloneWatch({
    asked: () => told.push('asked'),
    proved: (reason) => told.push(reason),
  });
  return { watch, told };
}

const twice =
  'the data folder of member 3 (c) runs twice: at 10.0.0.1:5555 and at 10.0.0.2:5555; ' +
  'stop one of them';

test('the first life is let in, and so is every connection of it', () => {
  const { watch, told } = watched();
  const [first, second] = [new Connection('1'), new Connection('1')];
  assert.ok(watch.arrived(first));
  assert.ok(watch.arrived(second), 'both sides dialled: the tie is broken elsewhere');
  assert.equal([first.questions, second.questions, told], [[], [], []]);
});

test('another life waits, unjudged, while the one before is asked', () => {
  const { watch, told } = watched();
  const [old, spare, newcomer] = [new Connection('1'), new Connection('1'), new Connection('2')];
  watch.arrived(old);
  watch.arrived(spare);
  assert.not.ok(watch.arrived(newcomer));
  assert.equal([old.questions, spare.questions], [[1], [1]]);
  watch.tick(60_000);
  assert.equal(newcomer.told, [], 'a second greeting proves nothing, however long it lasts');
  assert.equal(old.told, []);
  assert.equal(told, ['asked']);
});

test('a restart: when the last connection of the life before ends, the newcomer is let in', () => {
  const { watch, told } = watched();
  const [old, spare, newcomer] = [new Connection('1'), new Connection('1'), new Connection('2')];
  watch.arrived(old);
  watch.arrived(spare);
  watch.arrived(newcomer);
  watch.ended(old);
  assert.equal(newcomer.told, []);
  watch.ended(spare);
  assert.equal(newcomer.told, ['let in']);
  assert.ok(watch.arrived(new Connection('2')), 'and it is the life that counts');
  assert.equal(told, ['asked']);
  assert.not.ok(watch.isRefusing);
});

test('a restart whose predecessor was seen to end is not asked about at all', () => {
  const { watch, told } = watched();
  const old = new Connection('1');
  watch.arrived(old);
  watch.ended(old);
  assert.ok(watch.arrived(new Connection('2')));
  assert.equal(told, []);
});

test('an answer proves two lives; the later one, to whom nobody listened, is refused alone', () => {
  const { watch, told } = watched();
  const [old, newcomer] = [new Connection('1').becomesHeard(), new Connection('2')];
  watch.arrived(old);
  watch.arrived(newcomer);
  watch.answered(old, 1);
  assert.equal(newcomer.told, [`refused: ${twice}`]);
  assert.equal(old.told, [`warned: ${twice}`]);
  assert.equal(told, ['asked', twice]);
  watch.ended(newcomer);
  assert.ok(watch.arrived(new Connection('1')), 'the one that was there goes on');
});

test('of two to whom somebody listened neither is heard', () => {
  const { watch, told } = watched();
  const [old, spare, newcomer] = [new Connection('1'), new Connection('1'), new Connection('2')];
  watch.arrived(old);
  watch.arrived(spare);
  watch.arrived(newcomer);
  // While it waits it hears somebody else accept it, and greets again.
  newcomer.becomesHeard();
  watch.answered(spare, 1);
  for (const one of [old, spare, newcomer]) assert.equal(one.told, [`refused: ${twice}`]);
  assert.equal(told, ['asked', twice]);
  for (const one of [old, spare, newcomer]) watch.ended(one);
  for (const life of ['1', '2']) {
    const again = new Connection(life);
    assert.not.ok(watch.arrived(again));
    assert.equal(again.told, [`refused: ${twice}`]);
  }
  assert.ok(watch.arrived(new Connection('3')), 'whoever mended it starts one of them anew');
});

test('what was refused is refused for ten seconds, and remembered for as long', () => {
  const { watch } = watched();
  const [old, newcomer] = [new Connection('1'), new Connection('2')];
  watch.arrived(old);
  watch.arrived(newcomer);
  watch.answered(old, 1);
  watch.ended(newcomer);
  watch.ended(old);
  watch.tick(9_999);
  assert.ok(watch.isRefusing);
  assert.not.ok(watch.arrived(new Connection('2')));
  watch.tick(1);
  assert.not.ok(watch.isRefusing);
  assert.ok(watch.arrived(new Connection('2')));
});

test('an answer to a question from before the greeting proves nothing', () => {
  const { watch, told } = watched();
  const [old, second, third] = [new Connection('1'), new Connection('2'), new Connection('3')];
  watch.arrived(old);
  watch.arrived(second);
  watch.ended(second);
  watch.arrived(third);
  assert.equal(old.questions, [1, 2]);
  watch.answered(old, 1);
  assert.equal(third.told, []);
  assert.equal(told, ['asked', 'asked']);
  watch.answered(old, 2);
  assert.is(third.told.length, 1);
});

test('an answer from a connection that is over, or was never asked, proves nothing', () => {
  const { watch } = watched();
  const [old, newcomer, stranger] = [new Connection('1'), new Connection('2'), new Connection('3')];
  watch.arrived(old);
  watch.arrived(newcomer);
  watch.answered(stranger, 1);
  watch.answered(newcomer, 1);
  watch.ended(old);
  watch.answered(old, 1);
  assert.equal(newcomer.told, ['let in']);
});

test('a connection of the life before that came later is asked too', () => {
  const { watch } = watched();
  const [old, newcomer, spare] = [new Connection('1'), new Connection('2'), new Connection('1')];
  watch.arrived(old);
  watch.arrived(newcomer);
  assert.ok(watch.arrived(spare));
  watch.ended(old);
  assert.equal([newcomer.told, spare.questions], [[], [2]]);
  watch.answered(spare, 2);
  assert.is(newcomer.told.length, 1);
});

test('of three lives the waiting ones come in one at a time', () => {
  const { watch } = watched();
  const [old, second, third] = [new Connection('1'), new Connection('2'), new Connection('3')];
  watch.arrived(old);
  watch.arrived(second);
  watch.arrived(third);
  watch.ended(old);
  assert.equal([second.told, third.told], [['let in'], []]);
  assert.equal(second.questions, [3]);
  watch.answered(second, 3);
  assert.is(third.told.length, 1);
});

test('three lives that all live: no other comes in by the refusal of one', () => {
  const { watch } = watched();
  const old = new Connection('1');
  const second = new Connection('2').becomesHeard();
  const third = new Connection('3');
  watch.arrived(old);
  watch.arrived(second);
  watch.arrived(third);
  watch.answered(old, 2);
  for (const one of [old, second, third]) assert.match(one.told.join(), /^refused/);
});

test('it is told once, however often the copy comes back within its time', () => {
  const { watch, told } = watched();
  const old = new Connection('1');
  watch.arrived(old);
  for (const life of ['2', '3', '4']) {
    const newcomer = new Connection(life);
    watch.arrived(newcomer);
    watch.answered(old, old.questions.at(-1) ?? 0);
    assert.is(newcomer.told.length, 1);
    watch.ended(newcomer);
    watch.tick(5_000);
  }
  assert.is(told.filter((line) => line !== 'asked').length, 1);
  assert.is(old.told.length, 1);
});

test('who does not tell its life, or has another incarnation, is judged as before', () => {
  const { watch, told } = watched();
  watch.arrived(new Connection('1'));
  assert.ok(watch.arrived(new Connection(null)));
  assert.ok(watch.arrived(new Connection('2', { incarnation: 'f'.repeat(16) })));
  const { watch: other, told: toldThere } = watched();
  other.arrived(new Connection(null));
  assert.ok(other.arrived(new Connection('2')));
  assert.equal([told, toldThere], [[], []]);
});

test('the reason names who, and where both are', () => {
  const rows: [Partial<Hello>, string][] = [
    [{ memberId: null }, 'the data folder of c runs twice: at 10.0.0.1:5555 and at 10.0.0.2:5555;'],
    [{ addresses: [] }, 'member 3 (c) runs twice: at 10.0.0.1:5555 and at 10.0.0.2:40000;'],
    [{ addresses: ['172.17.0.1:1', '10.0.0.2:7'] }, 'at 10.0.0.1:5555 and at 10.0.0.2:7;'],
    [{ addresses: ['10.0.0.22:7'] }, 'at 10.0.0.1:5555 and at 10.0.0.2:40000;'],
  ];
  for (const [changes, expected] of rows) {
    const { watch, told } = watched();
    const old = new Connection('1');
    watch.arrived(old);
    watch.arrived(new Connection('2', changes));
    watch.answered(old, 1);
    assert.ok(told[1]?.includes(expected), told[1]);
  }
});

test.run();
