/**
 * What people are told of a plan and of one member.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { explainPlan } from '../../src/membership/explain.js';
import type { PlannerInput } from '../../src/membership/plan.js';
import { explainMember, unknownMember } from '../../src/membership/why.js';
import { dead, longDead, silent, well, world } from './planner-world.js';

const place = { term: 4, configurationIndex: 17, busy: null };
const young = { ...well, aliveForMillis: 2400 };

test('a swap is explained whole', () => {
  assert.equal(explainPlan(world([1, 2, 3], [4], { 3: dead }), place), {
    leader: 's1',
    term: 4,
    configurationIndex: 17,
    outcome: 'change',
    reason:
      's4 votes in the place of s3: dead for 12s (silent for 12s, and gossip says dead for 12s)',
    evidence: ['s3 is dead: silent for 12s, and gossip says dead for 12s'],
    changes: ['swap s3 for s4: make s3 a learner'],
    now: { voters: ['s1', 's2', 's3'], alive: ['s1', 's2'], majority: 2, tolerates: 0 },
    during: {
      old: { voters: ['s1', 's2', 's3'], alive: ['s1', 's2'], majority: 2, tolerates: 0 },
      next: { voters: ['s1', 's2', 's4'], alive: ['s1', 's2'], majority: 2, tolerates: 0 },
    },
    after: { voters: ['s1', 's2', 's4'], alive: ['s1', 's2', 's4'], majority: 2, tolerates: 1 },
  });
});

test('a rest names its rule, its evidence, and nothing that would come after', () => {
  const report = explainPlan(
    world([1, 2, 3, 4, 5], [], { 2: dead, 3: silent }, { ownHealthGood: false }),
    place,
  );
  assert.is(report.outcome, 'rest');
  assert.match(report.reason, /frozen: the leader itself is not well/);
  assert.equal(report.evidence, [
    's2 is dead: silent for 12s, and gossip says dead for 12s',
    's3 is not called dead yet: silent for under a second, and gossip says alive',
    's1 itself is not well',
  ]);
  assert.equal([report.changes, report.during, report.after], [[], null, null]);
  assert.is(report.now.tolerates, 0);
});

test('each kind of step has a line', () => {
  const rows: readonly [PlannerInput, readonly string[]][] = [
    [world([1], [2, 3]), ['promote s2', 'promote s3']],
    [world([1, 2], []), ['make s2 a learner']],
    [
      world([1, 2, 3, 4, 5], [], { 2: longDead, 3: longDead }),
      ['make s2 a learner', 'make s3 a learner'],
    ],
    [world([1, 2, 3], [4], { 4: longDead }), ['remove s4']],
    [
      world([1, 2, 3], [9], { 2: dead }, { names: { 2: 'x', 9: 'x' } }),
      ['swap x (member 2) for x (member 9): remove x (member 2)'],
    ],
  ];
  for (const [input, lines] of rows) assert.equal(explainPlan(input, place).changes, lines);
});

test('what keeps the leader from planning is the reason; a joint phase shows both halves', () => {
  const busy = explainPlan(world([1], [2, 3]), { ...place, busy: 'it does not lead' });
  assert.equal([busy.outcome, busy.reason, busy.changes], ['rest', 'it does not lead', []]);
  const input = world([1, 2, 4], [], { 4: silent });
  const configuration = { ...input.configuration, votersOutgoing: [1, 2] };
  const joint = explainPlan({ ...input, configuration }, place);
  assert.match(joint.reason, /a joint change is under way/);
  assert.equal(joint.now.voters, ['s1', 's2']);
  assert.equal(joint.during?.next.voters, ['s1', 's2', 's4']);
  assert.equal(joint.during?.next.alive, ['s1', 's2']);
});

test('why a member is what it is', () => {
  const rows: readonly [PlannerInput, number, string, readonly RegExp[]][] = [
    [world([1, 2, 3], []), 1, 'voter', [/it leads, and votes/]],
    [
      world([1, 2, 3], []),
      2,
      'voter',
      [/it votes/, /seen: answers the leader, and gossip says al/],
    ],
    [
      world([1, 2, 3], [], { 2: dead }),
      2,
      'voter',
      [/has a vote, and is dead/, /the planner rests: s2 dead and no stand-by/, /silent for 12s/],
    ],
    [
      world([1, 2, 3], [], { 2: { ...silent, stalledForMillis: 900 } }),
      2,
      'voter',
      [/^it has a vote and is silent; dead for 10s it is swapped for a ready stand-by$/, /seen/],
    ],
    [
      world([1], [4], { 4: { ...young, stalledForMillis: 400 } }),
      4,
      'learner',
      [/well for/, /seen/],
    ],
    [
      world([1, 2, 3], [4]),
      4,
      'standby',
      [/it is ready to vote/, /rests: voters rest at odd numbers: 3 voters and 1 ready/, /seen/],
    ],
    [
      world([1, 2, 3], [4], { 2: dead }),
      4,
      'standby',
      [/ready/, /next: s4 votes in the pl/, /seen/],
    ],
    [world([1], [4], { 4: young }), 4, 'learner', [/well for 2 s of 5s/, /seen/]],
    [
      world([1], [4], { 4: { ...silent, matchIndex: 2, stalledForMillis: 61_000 } }),
      4,
      'learner',
      [
        /waits to be reached again/,
        /not reached its own admission, entry 4, yet/,
        /it is 98 entries behind; 50 are allowed/,
        /seen: silent for under a second.*its log reaches 2/,
        /no progress for 61 s; put out after 5m/,
      ],
    ],
    [
      world([1], [4], { 4: dead }),
      4,
      'learner',
      [/dead; 1h after its death it is put out/, /seen/],
    ],
    [
      world([1, 2, 3], [9], {}, { names: { 2: 'x', 9: 'x' } }),
      9,
      'standby',
      [/ready/, /rests/, /seen/, /members 2 and 9 are both named x/],
    ],
  ];
  for (const [input, id, state, patterns] of rows) {
    const report = explainMember(input, id, false);
    const told = `${id}: ${report.lines.join(' | ')}`;
    assert.is(report.state, state, told);
    assert.is(report.lines.length, patterns.length, told);
    for (const [at, pattern] of patterns.entries()) assert.match(report.lines[at] ?? '', pattern);
  }
  const leaving = explainMember(world([1, 2, 3], []), 2, true);
  assert.equal([leaving.name, leaving.memberId, leaving.state], ['s2', 2, 'leaving']);
  assert.is(leaving.lines[0], 'it is on its way out');
});

test('members on their way in or out of a joint phase are told so', () => {
  const input = world([1, 2, 4], [], {});
  const joint = { ...input.configuration, votersOutgoing: [1, 2, 3] };
  const told = (id: number): string =>
    explainMember({ ...input, configuration: joint }, id, false).lines[0] ?? '';
  assert.match(told(4), /its vote begins with the change/);
  assert.match(told(3), /its vote ends with the change/);
  assert.is(told(2), 'it votes');
});

test('an unknown name is answered with those there are', () => {
  assert.equal(unknownMember('s9', world([1, 2], [])), {
    name: 's9',
    memberId: null,
    state: 'unknown',
    lines: ['no member is named "s9"; there are s1, s2'],
  });
});

test.run();
