/**
 * Answers operators: what the leader would do, how a server stands, the past, the policy, and
 * wishes. What any server knows is answered here, also without a leader; what the leader alone
 * knows or may do goes through Control.
 *
 * Invariant: a policy is proposed only with the index of the one that it was judged against, so two
 * operators at once cannot make one together that neither would have been allowed.
 */

import type { Refusal } from '../base/errors.js';
import type { Reply } from '../machine/commands.js';
import { nobody } from '../raft/types.js';
import type {
  ClusterStatus,
  HistoryRow,
  OperatorReply,
  OperatorRequest,
  WhyReport,
} from '../wire/client-messages.js';
import { encodeCommand } from '../wire/command-codec.js';
import type { Outcome } from './api.js';
import type { Consensus } from './consensus.js';
import type { Control } from './control.js';
import { durationText } from './status.js';

/** How often a policy is judged anew because another came first. */
const policyAttemptsMax = 3;

/** How long a question waits for an election, milliseconds: a few of the longest by default. */
const patienceMillis = 2000;

/** What an operator's part works with. */
export interface OperatorDeps {
  readonly control: Control;
  readonly consensus: () => Consensus | null;
  readonly status: () => ClusterStatus;
}

type Answer = (outcome: Outcome<OperatorReply>) => void;

/** The operator's side of one server. */
export class Operator {
  readonly #deps: OperatorDeps;

  constructor(deps: OperatorDeps) {
    this.#deps = deps;
  }

  /** Carries out or answers one request; `answer` comes once. */
  perform(request: OperatorRequest, answer: Answer): void {
    const consensus = this.#deps.consensus();
    if (consensus === null) return answer({ ok: false, refusal: this.#notMember() });
    const { control } = this.#deps;
    switch (request.type) {
      case 'history':
        return answer({ ok: true, value: { type: 'history', rows: historyOf(consensus) } });
      case 'policy':
        return this.#policy(consensus, answer);
      case 'setPolicy':
        return this.#setPolicy(consensus, request.text, policyAttemptsMax, answer);
      case 'why':
        return this.#askLeader(request, () => this.#whyHere(request.name), answer);
      case 'plan':
        return this.#askLeader(request, () => this.#noPlan(), answer);
      default:
        return control.administer(request, answer);
    }
  }

  /** Asks the leader; without one, tells what can be told here. An election is waited for, a leader
   * that has been missing for longer is not. */
  #askLeader(
    question: Extract<OperatorRequest, { type: 'plan' | 'why' }>,
    here: () => Outcome<OperatorReply>,
    answer: Answer,
  ): void {
    const { leaderless } = this.#deps.status().self;
    if (leaderless !== null && leaderless.millis >= patienceMillis) return answer(here());
    this.#deps.control.administer(question, (outcome) =>
      answer(isLeaderless(outcome) ? here() : outcome),
    );
  }

  /** As fresh as a linearizable read where there is a leader; else as this server has it. */
  #policy(consensus: Consensus, answer: Answer): void {
    const tell = (): void => {
      answer({ ok: true, value: { type: 'policy', policy: consensus.policy.report() } });
    };
    if (consensus.core.leader === nobody) tell();
    else consensus.reads.barrier(tell);
  }

  #setPolicy(consensus: Consensus, text: string, attempts: number, answer: Answer): void {
    const refuse = (refusal: Refusal): void => answer({ ok: false, refusal });
    consensus.reads.barrier((refusal) => {
      if (refusal !== null) return refuse(refusal);
      const judged = consensus.policy.judge(text);
      if (!judged.ok) return refuse({ code: 'BAD_REQUEST', message: judged.fault });
      const { words } = judged;
      const expectedIndex = consensus.machine.policy().index;
      const command = encodeCommand({ op: 'setPolicy', words, expectedIndex });
      consensus.requests.execute(command, (outcome) => {
        if (!outcome.ok) return refuse(outcome.refusal);
        const reply = outcome.value;
        if (wasOvertaken(reply) && attempts > 1) {
          return this.#setPolicy(consensus, text, attempts - 1, answer);
        }
        if (reply.kind === 'refused') return refuse(reply.refusal);
        const message = `the policy is set by log entry ${reply.index}: ${text.trim()}`;
        answer({ ok: true, value: { type: 'done', message } });
      });
    });
  }

  /** Without a leader nothing is planned; what this server saw of the other can still be told. */
  #whyHere(name: string): Outcome<OperatorReply> {
    const status = this.#deps.status();
    const found = status.members.filter((member) => member.name === name);
    const member = found[0] ?? status.members.find(({ memberId }) => String(memberId) === name);
    const { name: self } = status.self;
    const waits = `nothing is decided without a leader: ${self} waits for ${waitOf(status)}`;
    if (member === undefined) {
      const names = status.members.map((each) => each.name).join(', ');
      const lines = [`no member is named "${name}"; there are ${names}`, waits];
      const why: WhyReport = { name, memberId: null, state: 'unknown', lines };
      return { ok: true, value: { type: 'why', why } };
    }
    const { memberId, role: state, silentMillis } = member;
    const lines = [waits, `${self} has ${contactText(silentMillis)}`];
    return { ok: true, value: { type: 'why', why: { name: member.name, memberId, state, lines } } };
  }

  #noPlan(): Outcome<OperatorReply> {
    const status = this.#deps.status();
    const { name } = status.self;
    const message = `nobody plans without a leader: ${name} waits for ${waitOf(status)}`;
    return { ok: false, refusal: { code: 'NO_LEADER', message, retryAfterMillis: 200 } };
  }

  #notMember(): Refusal {
    const waitingFor = waitOf(this.#deps.status());
    const message = `this server is in no cluster yet; it waits for ${waitingFor}`;
    return { code: 'NOT_MEMBER', message, retryAfterMillis: 500 };
  }
}

/** The configurations that this server has applied, with names for people. */
function historyOf({ machine }: Consensus): readonly HistoryRow[] {
  const names = machine.memberNames();
  const named = (ids: readonly number[]): readonly string[] =>
    ids.map((id) => names.get(id) ?? `member ${id}`);
  return machine.history().map((row) => {
    const { index, term, timeMillis, reason } = row;
    const voters = named(row.voters);
    const learners = named(row.learners);
    return {
      index,
      term,
      timeMillis,
      voters,
      learners,
      joint: row.votersOutgoing.length > 0,
      reason,
    };
  });
}

function waitOf(status: ClusterStatus): string {
  return status.self.waitingFor ?? 'an election to end';
}

function contactText(silentMillis: number | null): string {
  if (silentMillis === null) return 'had no link to it since it started';
  return silentMillis === 0
    ? 'a link to it'
    : `had no link to it for ${durationText(silentMillis)}`;
}

function isLeaderless(outcome: Outcome<OperatorReply>): boolean {
  return !outcome.ok && outcome.refusal.code === 'NO_LEADER';
}

function wasOvertaken(reply: Reply): boolean {
  return reply.kind === 'refused' && reply.refusal.code === 'CONFLICT';
}
