/**
 * What is counted in the logs of servers as suspicions, deaths and changes of the leader, what is
 * told of it, and how busy cores are.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { busySince, busyText } from './busy.js';
import { callsIn } from './calls.js';

const nothing = { suspected: 0, refuted: 0, dead: 0, deadToLeader: 0, elected: 0, steppedDown: 0 };

const rows: readonly {
  readonly says: string;
  readonly line: { readonly msg: string; readonly [field: string]: unknown };
  readonly counts: Partial<typeof nothing>;
}[] = [
  {
    says: 'its own accusation',
    line: { msg: 'a member is suspected', server: 'b', by: 'a' },
    counts: { suspected: 1 },
  },
  {
    says: 'not one that another told it',
    line: { msg: 'a member is suspected', server: 'b', by: 'c' },
    counts: {},
  },
  {
    says: 'that it lives',
    line: { msg: 'suspected; this server says that it lives', by: 'c' },
    counts: { refuted: 1 },
  },
  {
    says: 'a death, whoever said it first',
    line: { msg: 'a member is called dead', server: 'b', by: 'c' },
    counts: { dead: 1 },
  },
  {
    says: 'a death by two witnesses',
    line: { msg: 'member called dead', member: 'b', evidence: 'silent for 10 s' },
    counts: { deadToLeader: 1 },
  },
  { says: 'an election', line: { msg: 'leader elected', term: 3 }, counts: { elected: 1 } },
  { says: 'the end of a lead', line: { msg: 'stepped down', term: 3 }, counts: { steppedDown: 1 } },
  { says: 'nothing else', line: { msg: 'membership', index: 7 }, counts: {} },
];

for (const { says, line, counts } of rows) {
  test(`a server's calls: ${says}`, () => {
    const { told, ...counted } = callsIn([{ name: 'a', lines: [line] }], 0);
    assert.equal(counted, { ...nothing, ...counts });
  });
}

test('deaths and leaders are told in the order of time, suspicions are not', () => {
  const dead = { msg: 'a member is called dead', server: 'c', by: 'b', time: 14_500 };
  const suspected = { msg: 'a member is suspected', server: 'c', by: 'a', time: 12_000 };
  const elected = { msg: 'leader elected', term: 4, time: 13_250 };
  const logs = [
    { name: 'a', lines: [suspected, dead] },
    { name: 'b', lines: [elected] },
  ];
  assert.equal(callsIn(logs, 10_000).told, [
    '   3.3 s  b: leader elected (term 4)',
    '   4.5 s  a: a member is called dead (server c, by b)',
  ]);
});

test('cores: shares of all their time between two looks', () => {
  const core = (user: number, nice: number, idle: number) => ({
    times: { user, nice, idle, sys: 0, irq: 0 },
  });
  const before = [core(100, 50, 1000), core(0, 0, 0)];
  const now = [core(180, 70, 1000), core(50, 0, 50)];
  assert.equal(busySince(before, now, 3), { all: 0.75, nice: 0.1, load: 3 });
  assert.equal(busySince(now, now, 3), { all: 0, nice: 0, load: 3 });
  assert.match(busyText({ all: 0.5, nice: 0.1, load: 3 }), /50 % busy, 10 % by others' work/);
  assert.match(busyText({ all: 0.5, nice: 0, load: 3 }), /50 % busy; load 3\.0$/);
});

test.run();
