/**
 * From one configuration to the next: rows, and random walks that keep every rule.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  configurationFaults,
  enterJoint,
  isJoint,
  isVoter,
  leaveJoint,
  planChange,
} from '../../src/raft/conf-change.js';
import type { Configuration, MemberChange, MemberId } from '../../src/raft/types.js';
import { configurationOf } from './lone-core.js';

function add(name: string): MemberChange {
  return { op: 'addLearner', member: { peerId: name, incarnation: name, name } };
}

const promote = (id: MemberId): MemberChange => ({ op: 'promote', id });
const demote = (id: MemberId): MemberChange => ({ op: 'demote', id });
const remove = (id: MemberId): MemberChange => ({ op: 'remove', id });

function text(c: Configuration): string {
  const parts = [
    c.voters,
    c.votersOutgoing,
    c.learners,
    c.learnersNext,
    c.members.map((m) => m.id),
  ];
  return parts.map((ids) => ids.join(' ')).join(' | ');
}

// Of 1, 2, 3 voters and 4, 5 learners; the newcomer is 9. The five sets, and those after the leave.
const plans: [MemberChange[], string, string | null][] = [
  [[add('n')], '1 2 3 |  | 4 5 9 |  | 1 2 3 4 5 9', null],
  [[remove(5)], '1 2 3 |  | 4 |  | 1 2 3 4', null],
  [[promote(4)], '1 2 3 4 | 1 2 3 | 5 |  | 1 2 3 4 5', '1 2 3 4 |  | 5 |  | 1 2 3 4 5'],
  [
    // trap 11: the outgoing voter waits in learnersNext.
    [demote(1)],
    '2 3 | 1 2 3 | 4 5 | 1 | 1 2 3 4 5',
    '2 3 |  | 1 4 5 |  | 1 2 3 4 5',
  ],
  [
    // A dead voter is swapped for a stand-by, and a newcomer comes in, in one change.
    [remove(3), promote(4), add('n')],
    '1 2 4 | 1 2 3 | 5 9 |  | 1 2 3 4 5 9',
    '1 2 4 |  | 5 9 |  | 1 2 4 5 9',
  ],
  [
    [remove(1), remove(2), remove(3), promote(4), promote(5)],
    '4 5 | 1 2 3 |  |  | 1 2 3 4 5',
    '4 5 |  |  |  | 4 5',
  ],
];

test('plans go through the joint configuration exactly when the voters change', () => {
  for (const [changes, entered, left] of plans) {
    const plan = planChange(configurationOf(5, 2), changes, 9, 'because');
    assert.ok(plan.ok);
    if (!plan.ok) continue;
    assert.is(text(plan.configuration), entered);
    assert.is(plan.configuration.reason, 'because');
    assert.is(isJoint(plan.configuration), left !== null);
    if (left !== null) assert.is(text(leaveJoint(plan.configuration)), left);
  }
});

const refusals: [MemberChange[], string][] = [
  [[], 'the change is empty'],
  [[promote(1)], '1 is not a learner'],
  [[demote(4)], '4 is not a voter'],
  [[remove(8)], '8 is no member'],
  [[promote(4), remove(4)], '4 is named twice'],
  [[remove(1), remove(2), demote(3)], 'no voter would be left'],
  [[add('n'), add('m')], 'one newcomer a change: ids are indexes of entries'],
  [[add('p2')], 'peer id p2 is member 2'],
  [
    [{ op: 'addLearner', member: { peerId: 'x', incarnation: 'i4', name: 'x' } }],
    'incarnation i4 is member 4',
  ],
];

test('what cannot be is refused with one line', () => {
  for (const [changes, message] of refusals) {
    const plan = planChange(configurationOf(5, 2), changes, 9, '');
    assert.equal(plan, { ok: false, message });
  }
});

test('trap 23: the id of a newcomer is the index of its entry, never one used before', () => {
  const plan = planChange(configurationOf(3), [add('again')], 77, '');
  assert.ok(plan.ok && plan.configuration.learners.includes(77));
});

test('trap 22: every field of a member survives every change it is not part of', () => {
  const before = configurationOf(5, 2);
  for (const [changes] of plans) {
    const plan = planChange(before, changes, 9, '');
    if (!plan.ok) continue;
    for (const member of plan.configuration.members) {
      const known = before.members.find(({ id }) => id === member.id);
      if (known !== undefined) assert.equal(member, known);
    }
  }
});

test('faults of a configuration are all named', () => {
  const good = configurationOf(5, 2);
  assert.equal(configurationFaults(good), []);
  const rows: [Partial<Configuration>, RegExp][] = [
    [{ voters: [] }, /no voter/],
    [{ voters: [3, 1, 2] }, /not a sorted set: 3 1 2/],
    [{ voters: [1, 2, 3, 4] }, /learner 4 is a voter too/],
    [{ learnersNext: [1] }, /1 becomes a learner but is not an outgoing voter alone/],
    [{ members: good.members.slice(1) }, /members are not those of the sets/],
  ];
  for (const [part, fault] of rows) {
    assert.match(configurationFaults({ ...good, ...part }).join('; '), fault);
  }
});

test('a voter votes in either half', () => {
  const members = configurationOf(4).members;
  const c = enterJoint([1, 2], { voters: [2, 3], learners: [4], reason: '' }, members);
  assert.equal(
    [1, 2, 3, 4].map((id) => isVoter(c, id)),
    [true, true, true, false],
  );
});

test('random walks keep every rule, and old and new quorums always meet', () => {
  const step = fc.tuple(fc.constantFrom('promote', 'demote', 'remove', 'add'), fc.nat(20));
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }), (walk) => {
      let now = configurationOf(3);
      for (const [i, steps] of walk.entries()) {
        const changes = steps.map(([op, n]): MemberChange => {
          if (op === 'add') return add(`n${i}/${n}`);
          const id = now.members[n % now.members.length]!.id;
          return { op: op as 'promote', id };
        });
        const plan = planChange(now, changes, 100 + i, '');
        if (!plan.ok) continue;
        const entered = plan.configuration;
        assert.equal(configurationFaults(entered), []);
        if (isJoint(entered)) assert.equal(entered.votersOutgoing, now.voters);
        else assert.equal(entered.voters, now.voters);
        now = isJoint(entered) ? leaveJoint(entered) : entered;
        assert.equal(configurationFaults(now), []);
      }
    }),
    { numRuns: 500, seed: 1 },
  );
});

test.run();
