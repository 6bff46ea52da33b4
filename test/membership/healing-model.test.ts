/**
 * The planner in the long run: whatever dies, comes back, is wiped, leaves and joins, the cluster
 * never shrinks to death, and once all is quiet it comes to rest as it should.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultPolicy, type MembershipPolicy } from '../../src/membership/policy.js';
import { HealingModel } from './healing-model.js';

/** Long waits made short, so that a run sees many of them. */
const quick: MembershipPolicy = {
  ...defaultPolicy,
  deadAfterMillis: 10_000,
  shrinkAfterMillis: 120_000,
  stuckAfterMillis: 60_000,
};

type Event = readonly [kind: string, machine: number, waitMillis: number];

const eventArbitrary: fc.Arbitrary<Event> = fc.tuple(
  fc.constantFrom(
    'kill',
    'kill',
    'kill',
    'start',
    'start',
    'start',
    'wipe',
    'join',
    'leave',
    'stick',
    'free',
  ),
  fc.nat({ max: 9 }),
  fc.constantFrom(1000, 5000, 15_000, 30_000, 150_000, 300_000),
);

function happen(model: HealingModel, [kind, number, waitMillis]: Event): void {
  const machine = model.machines[number % model.machines.length];
  if (machine === undefined) return;
  switch (kind) {
    case 'kill':
      model.kill(machine);
      break;
    case 'start':
      model.start(machine);
      break;
    case 'wipe':
      if (model.mayLose(machine) && !machine.hasLeft) model.wipe(machine);
      break;
    case 'join':
      if (model.machines.length < 9) model.addMachine();
      break;
    case 'leave':
      model.leave(machine, false);
      break;
    default:
      model.stick(machine, kind === 'stick');
  }
  model.pass(waitMillis);
}

/** Three voters are left and four learners are ready: too many newcomers for one change. */
const fourAtOnce: [number, boolean, number, Event[]] = [
  4,
  false,
  7,
  [
    ['join', 0, 1000],
    ['join', 0, 1000],
    ['join', 0, 1000],
    ['kill', 1, 1000],
    ['wipe', 0, 1000],
  ],
];

test('whatever happens, it heals: no quorum at risk, never too few, and it rests', () => {
  let swaps = 0;
  let shrinks = 0;
  let put = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      fc.constantFrom(1, 3, 5, 7),
      fc.array(eventArbitrary, { maxLength: 25 }),
      (founders, hasGossip, votersWanted, events) => {
        const policy = { ...quick, votersWanted, votersLeast: Math.min(3, votersWanted) };
        const model = new HealingModel(founders, policy, hasGossip);
        for (const event of events) happen(model, event);
        for (const machine of model.machines) {
          model.stick(machine, false);
          model.start(machine);
        }
        model.pass(600_000);
        const restedAt = model.changes.length;
        model.pass(600_000);
        const story = model.changes.join('\n');
        swaps += story.split('in the place of').length - 1;
        shrinks += story.split('is dead for').length - 1;
        put += story.split('put out').length - 1;
        assert.equal(model.faults, [], story);
        assert.is(model.changes.length, restedAt, `it never rests:\n${story}`);
        const staying = model.machines.filter(({ hasLeft }) => !hasLeft).length;
        const { voters, members } = model.configuration;
        const most = Math.min(votersWanted, staying);
        assert.is(voters.length, most - ((most + 1) % 2), `${staying} servers:\n${story}`);
        assert.is(members.length, staying, `the dead are still members:\n${story}`);
      },
    ),
    { numRuns: 400, examples: [fourAtOnce] },
  );
  assert.ok(swaps > 20 && shrinks > 20 && put > 20, `${swaps} swaps, ${shrinks}, ${put}`);
});

test('trap 50: servers that die one after the other never take the cluster below the least', () => {
  for (const hasGossip of [true, false]) {
    const model = new HealingModel(5, quick, hasGossip);
    model.pass(20_000);
    for (const machine of [...model.machines].reverse().slice(0, 3)) {
      model.kill(machine);
      model.pass(1_000_000);
      assert.ok(model.configuration.voters.length >= 3);
    }
    assert.equal(model.faults, []);
    // Three of five are gone, and two still decide: the shrink came before the third death.
    assert.equal(model.configuration.voters.length, 3);
    assert.equal(model.changes.filter((line) => /5 → 3 voters/.test(line)).length, 1);
  }
});

test('trap 50: a rolling restart changes nothing, however long it goes on', () => {
  const model = new HealingModel(5, quick, true);
  model.addMachine();
  model.pass(60_000);
  const before = model.configuration;
  for (let round = 0; round < 10; round++) {
    for (const machine of model.machines) {
      model.kill(machine);
      model.pass(8000);
      model.start(machine);
      model.pass(8000);
    }
  }
  assert.equal(model.configuration.members, before.members);
  assert.equal(model.configuration.voters, before.voters);
});

test('trap 50: a rolling replacement keeps the number of voters and forgets the old', () => {
  const model = new HealingModel(3, quick, true);
  model.pass(20_000);
  for (const machine of [...model.machines]) {
    model.kill(machine);
    model.pass(5000);
    model.wipe(machine);
    model.pass(60_000);
    assert.is(model.configuration.voters.length, 3, model.changes.join('\n'));
    assert.is(model.configuration.members.length, 3, model.changes.join('\n'));
  }
  assert.equal(model.faults, []);
  assert.ok(model.configuration.voters.every((id) => id > 3));
});

test.run();
