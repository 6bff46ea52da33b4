/**
 * The operator's part of a server: a policy is judged, proposed and judged anew; history has names;
 * questions that only a leader can answer are answered as well as can be without one. The machine
 * is the real one; the leader is a puppet.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultPolicy } from '../../src/membership/policy.js';
import type { Outcome } from '../../src/replica/api.js';
import type { Consensus } from '../../src/replica/consensus.js';
import type { Control } from '../../src/replica/control.js';
import { LeaderMemory } from '../../src/replica/leader-memory.js';
import { Operator } from '../../src/replica/operator.js';
import { PolicyInForce } from '../../src/replica/policy-in-force.js';
import type {
  ClusterStatus,
  MemberStatus,
  OperatorReply,
  OperatorRequest,
} from '../../src/wire/client-messages.js';
import { decodeCommand } from '../../src/wire/command-codec.js';
import { Bench, configurationOf } from '../machine/fixtures.js';
import { HandClock } from './hand-clock.js';

const noLeader = { code: 'NO_LEADER', message: 'no leader is known' } as const;

/** One server's operator, and what it asked of others. */
class Stage {
  readonly bench = new Bench();
  readonly operator: Operator;
  /** Wishes that went to the leader. */
  readonly wishes: OperatorRequest[] = [];
  /** What the leader answers. */
  leaderSays: Outcome<OperatorReply> = { ok: true, value: { type: 'done', message: 'done' } };
  barrierRefuses = false;
  hasLeader = true;
  isMember = true;
  leaderless: ClusterStatus['self']['leaderless'] = null;
  /** Happens between judging a policy and applying it, once for each entry. */
  readonly others: string[] = [];

  constructor() {
    const { machine } = this.bench;
    const consensus = {
      machine,
      policy: new PolicyInForce(defaultPolicy, () => machine.policy()),
      core: { leader: 0 },
      reads: {
        barrier: (opened: (refusal: typeof noLeader | null) => void) =>
          opened(this.barrierRefuses ? noLeader : null),
      },
      requests: {
        execute: (bytes: Uint8Array, answer: (outcome: unknown) => void) => {
          const other = this.others.shift();
          if (other !== undefined) this.set(other);
          answer({ ok: true, value: this.bench.apply(decodeCommand(bytes)) });
        },
      },
    };
    this.operator = new Operator({
      control: {
        administer: (wish: OperatorRequest, answer: (outcome: Outcome<OperatorReply>) => void) => {
          this.wishes.push(wish);
          answer(this.leaderSays);
        },
      } as unknown as Control,
      consensus: () => {
        consensus.core.leader = this.hasLeader ? 1 : 0;
        return this.isMember ? (consensus as unknown as Consensus) : null;
      },
      status: () => ({ ...status, self: { ...status.self, leaderless: this.leaderless } }),
    });
  }

  set(word: string): void {
    const [name = '', value = ''] = word.split('=');
    this.bench.apply({ op: 'setPolicy', words: [{ name, value }], expectedIndex: null });
  }

  ask(request: OperatorRequest): Outcome<OperatorReply> {
    const answers: Outcome<OperatorReply>[] = [];
    this.operator.perform(request, (outcome) => answers.push(outcome));
    assert.is(answers.length, 1, 'each request is answered once');
    return answers[0] as Outcome<OperatorReply>;
  }

  /** The line of a wish that was done, or the code and line of its refusal. */
  told(request: OperatorRequest): string {
    const outcome = this.ask(request);
    if (!outcome.ok) return `${outcome.refusal.code}: ${outcome.refusal.message}`;
    return outcome.value.type === 'done' ? outcome.value.message : outcome.value.type;
  }
}

function member(name: string, memberId: number, silentMillis: number | null): MemberStatus {
  const role = 'voter' as const;
  const health = 'suspect' as const;
  const rest = { peerId: '', addresses: [], matchIndex: 0, zone: null, disk: null };
  return { name, memberId, role, health, silentMillis, ...rest };
}

const status: ClusterStatus = {
  cluster: 'c',
  clusterId: 'aa',
  version: '1',
  term: 3,
  leader: null,
  commitIndex: 1,
  appliedIndex: 1,
  lastIndex: 1,
  lastTerm: 1,
  faultTolerance: 0,
  joint: false,
  configurationIndex: 1,
  members: [member('s1', 1, 0), member('s2', 7, 12_400), member('s3', 8, null)],
  otherClusters: [],
  self: {
    name: 's1',
    memberId: 1,
    peerId: '',
    role: 'candidate',
    waitingFor: 'a majority: reached 1 of 3 voters',
    leaderless: null,
    alarm: null,
    gossipSent: null,
  },
};

test('a policy is judged before it stands in the log, and said with its entry', () => {
  const stage = new Stage();
  assert.match(
    stage.told({ type: 'setPolicy', text: 'voters=3 dead-after=2s' }),
    /^the policy is set by log entry 2: voters=3 dead-after=2s$/,
  );
  assert.match(stage.told({ type: 'setPolicy', text: 'voters=4' }), /^BAD_REQUEST: .*even/);
  assert.is(stage.bench.machine.policy().index, 2);
});

test('a policy judged against one that is gone is judged anew, and may then be refused', () => {
  const stage = new Stage();
  stage.others.push('voters=3');
  // Allowed with five voters, and not any more when another operator was first.
  assert.match(stage.told({ type: 'setPolicy', text: 'least=5' }), /^BAD_REQUEST: least=5 is more/);
  assert.equal(stage.bench.machine.policy().words, [{ name: 'voters', value: '3' }]);
  stage.others.push('dead-after=3s');
  assert.match(stage.told({ type: 'setPolicy', text: 'voters=7' }), /^the policy is set/);
});

test('somebody who is always overtaken is told so in the end', () => {
  const stage = new Stage();
  stage.others.push('voters=3', 'voters=5', 'voters=7', 'voters=5');
  assert.match(stage.told({ type: 'setPolicy', text: 'dead-after=9s' }), /^CONFLICT: /);
  assert.is(stage.others.length, 1);
});

test('without a leader a policy is told and not set', () => {
  const stage = new Stage();
  stage.set('voters=3');
  stage.hasLeader = false;
  stage.barrierRefuses = true;
  assert.is(stage.told({ type: 'policy' }), 'policy');
  assert.match(stage.told({ type: 'setPolicy', text: 'voters=5' }), /^NO_LEADER/);
  assert.is(stage.bench.machine.policy().words[0]?.value, '3');
});

test('history names members, those that are gone too', () => {
  const stage = new Stage();
  const { bench } = stage;
  bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [2], 'n2 asked to join'));
  const joint = { ...configurationOf([1, 2]), voters: [2], votersOutgoing: [1], reason: 'swap' };
  bench.machine.applyConfiguration(bench.meta(), joint);
  bench.machine.applyConfiguration(bench.meta(), configurationOf([2], [], 'swap'));
  const outcome = stage.ask({ type: 'history' });
  assert.ok(outcome.ok && outcome.value.type === 'history');
  const rows = outcome.ok && outcome.value.type === 'history' ? outcome.value.rows : [];
  assert.equal(
    rows.map((row) => [row.index, row.term, row.voters, row.learners, row.joint, row.reason]),
    [
      [1, 0, ['n1'], [], false, 'founded'],
      [2, 1, ['n1'], ['n2'], false, 'n2 asked to join'],
      [3, 1, ['n2'], [], true, 'swap'],
      [4, 1, ['n2'], [], false, 'swap'],
    ],
  );
});

test('without a leader "why" tells what this server saw, and "plan" why there is none', () => {
  const stage = new Stage();
  stage.leaderSays = { ok: false, refusal: noLeader };
  const linesOf = (name: string): readonly string[] => {
    const outcome = stage.ask({ type: 'why', name });
    return outcome.ok && outcome.value.type === 'why' ? outcome.value.why.lines : [];
  };
  assert.equal(linesOf('s2'), [
    'nothing is decided without a leader: s1 waits for a majority: reached 1 of 3 voters',
    's1 has had no link to it for 12 s',
  ]);
  assert.is(linesOf('8')[1], 's1 has had no link to it since it started');
  assert.match(linesOf('s9')[0] ?? '', /no member is named "s9"; there are s1, s2, s3/);
  assert.match(stage.told({ type: 'plan' }), /^NO_LEADER: nobody plans without a leader: s1 waits/);
});

test('an election is waited for, a leader that has long been gone is not', () => {
  const stage = new Stage();
  stage.leaderless = { millis: 1900, lastLeader: null };
  assert.is(stage.told({ type: 'plan' }), 'done');
  stage.leaderless = { millis: 2000, lastLeader: null };
  assert.match(stage.told({ type: 'plan' }), /^NO_LEADER: nobody plans/);
  assert.is(stage.told({ type: 'why', name: 's2' }), 'why');
  assert.is(stage.wishes.length, 1);
});

test('wishes go to the leader as they are; a server in no cluster passes nothing on', () => {
  const stage = new Stage();
  const wishes: readonly OperatorRequest[] = [
    { type: 'leave', name: 's2' },
    { type: 'removeMember', name: 's2', force: true },
    { type: 'transferLeader', to: '' },
  ];
  for (const wish of wishes) assert.is(stage.told(wish), 'done');
  assert.equal(stage.wishes, wishes);
  stage.isMember = false;
  for (const wish of wishes) assert.match(stage.told(wish), /^NOT_MEMBER: this server is in no/);
  assert.is(stage.wishes.length, wishes.length);
});

test('who led last is remembered, and since when nobody does', () => {
  const clock = new HandClock();
  const leaders = new LeaderMemory(clock);
  clock.pass(100);
  assert.equal(leaders.leaderless(), { millis: 100, lastLeader: null });
  leaders.changed('s2');
  assert.is(leaders.leaderless(), null);
  clock.pass(50);
  leaders.changed(null);
  clock.pass(30);
  leaders.changed(null);
  assert.equal(leaders.leaderless(), { millis: 30, lastLeader: 's2' });
});

test.run();
