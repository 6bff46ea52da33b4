/**
 * What a server believes of those who say that its data folder runs twice, and what it does then.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CloneAlarm } from '../../src/replica/clone-alarm.js';
import { CollectedLog } from '../transport/transport-world.js';
import { HandClock } from './hand-clock.js';

const reason = 'the data folder of member 3 (c) runs twice: at c:1 and at d:1; stop one of them';
const members = [
  { id: 1, peerId: 'peer-a', incarnation: 'aa', name: 'a' },
  { id: 2, peerId: 'peer-b', incarnation: 'bb', name: 'b' },
];

function alarmed(isMember = true) {
  const clock = new HandClock();
  const log = new CollectedLog();
  const ended: string[] = [];
  const refused: string[] = [];
  const alarm = new CloneAlarm({
    clock,
    log,
    members: () => (isMember ? members : []),
    refused: (peer, why) => refused.push(`${peer}: ${why}`),
    ranTwice: (why) => ended.push(why),
  });
  const events = (): readonly string[] => log.lines.map(({ level, event }) => `${level} ${event}`);
  return { alarm, clock, ended, refused, events };
}

test('refused by one member, it says so once and ends', () => {
  const { alarm, ended, refused, events } = alarmed();
  alarm.cloned('peer-a', { isRefused: true, reason });
  alarm.cloned('peer-b', { isRefused: true, reason });
  assert.equal(ended, [`a refuses it: ${reason}`]);
  assert.equal(events(), ['error the data folder of this server runs twice: it ends']);
  assert.equal(refused, []);
});

test('a stranger is not believed: it goes on', () => {
  const { alarm, ended, refused, events } = alarmed();
  alarm.cloned('peer-x', { isRefused: true, reason });
  alarm.cloned('peer-x', { isRefused: false, reason });
  assert.equal([ended, events()], [[], []]);
  assert.equal(refused, [`peer-x: ${reason}`]);
});

test('a server that is in no cluster believes nobody, and asks on', () => {
  const { alarm, ended, refused } = alarmed(false);
  alarm.cloned('peer-a', { isRefused: true, reason });
  assert.equal([ended, refused], [[], [`peer-a: ${reason}`]]);
});

test('when the other one was refused it says so, once a minute, and goes on', () => {
  const { alarm, clock, ended, events } = alarmed();
  for (const peer of ['peer-a', 'peer-b']) alarm.cloned(peer, { isRefused: false, reason });
  assert.equal(events(), ['error a copy of the data folder of this server was refused']);
  clock.pass(60_000);
  alarm.cloned('peer-a', { isRefused: false, reason });
  assert.is(events().length, 2);
  assert.equal(ended, []);
});

test.run();
