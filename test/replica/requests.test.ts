/**
 * Requests: each is answered exactly once, with the reply of its own entry or with the truth that
 * nobody knows. The core is a puppet: rows say what it accepts, refuses and applies.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import type { Reply } from '../../src/machine/commands.js';
import type { Proposal } from '../../src/raft/inputs.js';
import type { Outcome } from '../../src/replica/api.js';
import type { Driver } from '../../src/replica/driver.js';
import { Refs } from '../../src/replica/refs.js';
import { Requests } from '../../src/replica/requests.js';
import { entry } from '../raft/lone-core.js';
import { HandClock } from './hand-clock.js';

const reply: Reply = { kind: 'closed', index: 9, term: 2 };
const command = new Uint8Array([1, 2, 3]);

/** The requests of member 1. */
class Stage {
  readonly clock = new HandClock();
  readonly proposals: Proposal[] = [];
  readonly forwarded: number[] = [];
  readonly answers: string[] = [];
  hasLink = true;
  readonly requests: Requests;

  constructor() {
    const driver = { propose: (proposal: Proposal) => void this.proposals.push(proposal) };
    this.requests = new Requests(1, {
      driver: driver as unknown as Driver,
      clock: this.clock,
      refs: new Refs(new Rng(1)),
      port: {
        forward: (_to, { ref }) => {
          if (this.hasLink) this.forwarded.push(ref);
          return this.hasLink;
        },
        leaderHint: () => undefined,
      },
    });
  }

  execute(): void {
    this.requests.execute(command, (outcome: Outcome<Reply>) => {
      this.answers.push(outcome.ok ? outcome.value.kind : outcome.refusal.code);
    });
  }
}

/** A leader of term 2 with one request in its log at index 9. */
function inLog(): Stage {
  const stage = new Stage();
  stage.requests.leaderChanged(1);
  stage.execute();
  stage.requests.accepted(stage.proposals[0]!.ref, 9, 2);
  return stage;
}

test('a request is answered with the reply of its entry, once', () => {
  const stage = inLog();
  stage.requests.applied(entry(9, 2, 'x'), reply);
  stage.requests.applied(entry(9, 2, 'x'), reply);
  assert.equal(stage.answers, ['closed']);
  assert.is(stage.requests.waiting, 0);
});

test('a leader that takes no commands refuses them, whoever brings them', () => {
  const stage = inLog();
  const refusal = { code: 'DISK_FAILED', message: 'full', retryAfterMillis: 500 } as const;
  stage.requests.refuseCommands(refusal);
  stage.execute();
  const forwarded: (string | number | undefined)[] = [];
  stage.requests.executeForwarded(command, (outcome) => {
    if (!outcome.ok) forwarded.push(outcome.refusal.code, outcome.refusal.retryAfterMillis);
  });
  assert.equal([stage.answers, forwarded], [['DISK_FAILED'], ['DISK_FAILED', 500]]);
  assert.is(stage.proposals.length, 1, 'nothing of it came to the core');
  stage.requests.applied(entry(9, 2, 'x'), reply);
  assert.is(stage.answers.at(-1), 'closed', 'what was in the log ends as ever');
  // As a follower it only passes on.
  stage.requests.leaderChanged(2);
  stage.execute();
  assert.is(stage.forwarded.length, 1);
  stage.requests.leaderChanged(1);
  stage.requests.refuseCommands(null);
  stage.execute();
  assert.is(stage.proposals.length, 2);
});

test('trap 37: an entry of another term at its index has overtaken it', () => {
  const stage = inLog();
  stage.requests.applied(entry(9, 3, 'x'), reply);
  assert.equal(stage.answers, ['LEADER_CHANGED']);
});

test('trap 37: an entry without a reply at its index has overtaken it', () => {
  const stage = inLog();
  stage.requests.applied(entry(9, 2), null);
  assert.equal(stage.answers, ['LEADER_CHANGED']);
});

test('trap 42: what is in the log when a leadership ends is uncertain, never repeated', () => {
  const stage = inLog();
  stage.requests.leaderChanged(2);
  assert.equal(stage.answers, ['LEADER_CHANGED']);
  stage.requests.applied(entry(9, 2, 'x'), reply);
  stage.requests.expire();
  assert.equal(stage.answers, ['LEADER_CHANGED']);
  assert.equal(stage.forwarded, []);
});

test('trap 42: what was passed on is uncertain when the link breaks, and never repeated', () => {
  const stage = new Stage();
  stage.requests.leaderChanged(2);
  stage.execute();
  assert.is(stage.forwarded.length, 1);
  stage.requests.linkDown(2);
  assert.is(stage.answers.length, 1);
  stage.requests.answered(2, { type: 'executed', ref: stage.forwarded[0]!, reply });
  assert.is(stage.answers.length, 1);
  assert.is(stage.forwarded.length, 1);
});

test('what nobody took waits for a leader, and goes there once', () => {
  const stage = new Stage();
  stage.execute();
  assert.is(stage.requests.waiting, 1);
  stage.requests.leaderChanged(2);
  assert.is(stage.forwarded.length, 1);
  const [ref] = stage.forwarded;
  stage.requests.answered(2, { type: 'executed', ref: ref!, reply });
  assert.equal(stage.answers, ['closed']);
});

test('an answer from another member than the one asked answers nothing', () => {
  const stage = new Stage();
  stage.requests.leaderChanged(2);
  stage.execute();
  stage.requests.answered(3, { type: 'executed', ref: stage.forwarded[0]!, reply });
  assert.equal(stage.answers, []);
  stage.requests.answered(2, { type: 'executed', ref: stage.forwarded[0]!, reply });
  assert.equal(stage.answers, ['closed']);
});

test('what waits too long for a leader is refused', () => {
  const stage = new Stage();
  stage.execute();
  stage.clock.pass(60_000);
  stage.requests.expire();
  assert.equal(stage.answers, ['NO_LEADER']);
});

test.run();
