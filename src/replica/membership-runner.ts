/**
 * Carries out membership: applicants, removals, transfers, and what the planner wants. It acts only
 * while this server leads; every change is conditional on the configuration it was planned from,
 * and only one is under way at a time. What to change is decided by membership/planner.
 *
 * Invariant: an applicant is answered only when the entry that admits it is committed and applied
 * here, so whoever was told "you are member 7" stays member 7 whatever happens to this leader.
 */

import type { Clock } from '../base/clock.js';
import type { Refusal } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { MemberView, Plan, PlannerInput } from '../membership/planner.js';
import { isReady, plan, planRemoval } from '../membership/planner.js';
import type { MembershipPolicy } from '../membership/policy.js';
import type { CoreStatus, RaftCore } from '../raft/core.js';
import type {
  Configuration,
  Index,
  MemberChange,
  MemberId,
  MemberInfo,
  Term,
} from '../raft/types.js';
import { nobody } from '../raft/types.js';
import type { Outcome } from './api.js';
import type { Driver, RefusedWish } from './driver.js';
import type { Refs } from './refs.js';

/** How often the leader looks whether a change is wanted, milliseconds. */
const planEveryMillis = 100;

/** The most applicants and removals that wait for their turn. */
const waitingMax = 64;

/** How long an applicant or a removal waits for its turn and its commit, milliseconds. */
const changeMillisMax = 20_000;

/** How long a transfer may take, milliseconds: catching up and one election. */
const transferMillisMax = 5000;

/** Somebody who asks to be taken in, without the id that only the log can give. */
export type Applicant = Omit<MemberInfo, 'id'>;

type Answer<T> = (outcome: Outcome<T>) => void;

interface Join {
  readonly kind: 'join';
  readonly applicant: Applicant;
  readonly answer: Answer<MemberId>;
  readonly deadline: number;
}

interface Removal {
  readonly kind: 'removal';
  readonly member: MemberId;
  readonly answer: Answer<string>;
  readonly deadline: number;
}

interface Current {
  readonly ref: number;
  readonly cause: Join | Removal | null;
  readonly what: string;
  /** Where the change stands in the log; 0 until the core took it. */
  index: Index;
}

interface Transfer {
  readonly ref: number;
  readonly answer: Answer<string>;
  readonly deadline: number;
}

/** What the runner works with. */
export interface MembershipDeps {
  readonly driver: Driver;
  readonly core: RaftCore;
  readonly clock: Clock;
  readonly log: Log;
  readonly refs: Refs;
}

/** Membership as the leader carries it out. */
export class MembershipRunner {
  readonly #self: MemberId;
  readonly #policy: MembershipPolicy;
  readonly #deps: MembershipDeps;
  #leading = false;
  #leadingSince = 0;
  #plannedAt = Number.NEGATIVE_INFINITY;
  #configuration: Configuration;
  readonly #aliveSince = new Map<MemberId, number>();
  #waiting: (Join | Removal)[] = [];
  #current: Current | null = null;
  #transfer: Transfer | null = null;
  #lastRule = '';

  constructor(
    self: MemberId,
    policy: MembershipPolicy,
    configuration: Configuration,
    deps: MembershipDeps,
  ) {
    this.#self = self;
    this.#policy = policy;
    this.#configuration = configuration;
    this.#deps = deps;
  }

  /** Takes an applicant in as a learner; answers its member id once that is committed. */
  join(applicant: Applicant, answer: Answer<MemberId>): void {
    const known = this.#configuration.members.find(
      (member) =>
        member.peerId === applicant.peerId && member.incarnation === applicant.incarnation,
    );
    // It was admitted before and the answer got lost: the same answer again.
    if (known !== undefined && this.#deps.core.status().applied >= known.id) {
      return answer({ ok: true, value: known.id });
    }
    const deadline = this.#deps.clock.monotonicMillis() + changeMillisMax;
    this.#enqueue({ kind: 'join', applicant, answer, deadline });
  }

  /** Takes a member out; answers once the configuration without it is committed. */
  remove(member: MemberId, answer: Answer<string>): void {
    const deadline = this.#deps.clock.monotonicMillis() + changeMillisMax;
    this.#enqueue({ kind: 'removal', member, answer, deadline });
  }

  /** Hands leadership to `to` (`nobody`: the best follower); answers once another one leads. */
  transfer(to: MemberId, answer: Answer<string>): void {
    if (this.#transfer !== null) return answer({ ok: false, refusal: transferUnderWay });
    const ref = this.#deps.refs.next();
    const deadline = this.#deps.clock.monotonicMillis() + transferMillisMax;
    this.#transfer = { ref, answer, deadline };
    this.#deps.driver.transfer(ref, to);
  }

  /** A learner that would be a voter if an odd number of voters had room for it. */
  isStandby(id: MemberId): boolean {
    return this.#leading && isReady(this.#input(this.#deps.core.status()), id);
  }

  /** Ends what waits. */
  stop(refusal: Refusal): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { answer } of waiting) answer({ ok: false, refusal });
    this.#current?.cause?.answer({ ok: false, refusal });
    this.#current = null;
    this.#transfer?.answer({ ok: false, refusal });
    this.#transfer = null;
  }

  // ---- facts ----

  roleChanged(leading: boolean, term: Term, leader: MemberId): void {
    const name = this.nameOf(leader);
    if (this.#transfer !== null && leader !== nobody && leader !== this.#self) {
      this.#transfer.answer({ ok: true, value: `${name} leads now, in term ${term}` });
      this.#transfer = null;
    }
    if (leading && !this.#leading) {
      this.#leadingSince = this.#deps.clock.monotonicMillis();
      this.#aliveSince.clear();
    }
    if (!leading && this.#leading && leader !== this.#self) this.#lostLeadership(leader);
    this.#leading = leading;
  }

  /** The configuration in force: from the moment it stands in the log. */
  configured(configuration: Configuration): void {
    this.#configuration = configuration;
  }

  accepted(ref: number, index: Index): void {
    if (this.#current?.ref === ref) this.#current.index = index;
  }

  refused(wish: RefusedWish): boolean {
    const refusal = { code: wish.code, message: wish.message };
    if (this.#transfer?.ref === wish.ref) {
      this.#transfer.answer({ ok: false, refusal });
      this.#transfer = null;
      return true;
    }
    if (this.#current?.ref !== wish.ref) return false;
    this.#current.cause?.answer({ ok: false, refusal });
    this.#current = null;
    return true;
  }

  /** A configuration entry is committed and applied. */
  configurationApplied(index: Index, configuration: Configuration): void {
    const current = this.#current;
    if (current === null || current.index === 0 || index < current.index) return;
    if (configuration.votersOutgoing.length > 0) return;
    this.#current = null;
    const { cause } = current;
    if (cause?.kind === 'join') cause.answer({ ok: true, value: current.index });
    if (cause?.kind === 'removal') cause.answer({ ok: true, value: `${current.what}: done` });
  }

  /** Once a tick. */
  ticked(): void {
    const now = this.#deps.clock.monotonicMillis();
    if (this.#transfer !== null && this.#transfer.deadline <= now) {
      this.#transfer.answer({ ok: false, refusal: transferTooSlow });
      this.#transfer = null;
    }
    if (now - this.#plannedAt < planEveryMillis) return;
    this.#plannedAt = now;
    this.#expire(now);
    if (!this.#leading) return;
    const status = this.#deps.core.status();
    this.#observe(status, now);
    if (this.#current !== null || status.configuration.votersOutgoing.length > 0) return;
    if (!status.committedInTerm) return;
    this.#next(status);
  }

  // ---- within ----

  #enqueue(cause: Join | Removal): void {
    if (this.#waiting.length >= waitingMax) {
      return cause.answer({ ok: false, refusal: tooManyWaiting });
    }
    this.#waiting.push(cause);
    // Looked at with the next tick: the planner's pace is the pace of all changes.
    this.#plannedAt = Number.NEGATIVE_INFINITY;
  }

  #observe(status: CoreStatus, now: number): void {
    for (const [id, progress] of status.progress) {
      if (!progress.recentlyActive) this.#aliveSince.delete(id);
      else if (!this.#aliveSince.has(id)) this.#aliveSince.set(id, now);
    }
    for (const id of this.#aliveSince.keys()) {
      if (!status.progress.has(id)) this.#aliveSince.delete(id);
    }
  }

  #input(status: CoreStatus): PlannerInput {
    const now = this.#deps.clock.monotonicMillis();
    const members = new Map<MemberId, MemberView>();
    for (const [id, progress] of status.progress) {
      const since = this.#aliveSince.get(id);
      members.set(id, {
        matchIndex: progress.match,
        alive: since !== undefined,
        aliveForMillis: since === undefined ? 0 : now - since,
      });
    }
    return {
      configuration: status.configuration,
      leader: this.#self,
      leadingForMillis: now - this.#leadingSince,
      lastIndex: status.lastIndex,
      members,
      policy: this.#policy,
    };
  }

  #next(status: CoreStatus): void {
    const input = this.#input(status);
    const removal = this.#take('removal');
    if (removal !== null) return this.#removeNow(input, status, removal);
    // Only live ones: a learner that died on its way must not keep others out for ever.
    const catchingUp = input.configuration.learners.filter(
      (id) => !isReady(input, id) && input.members.get(id)?.alive === true,
    ).length;
    const join = catchingUp < this.#policy.learnersCatchingUpMax ? this.#take('join') : null;
    if (join !== null) {
      const { applicant } = join;
      const changes: MemberChange[] = [{ op: 'addLearner', member: applicant }];
      return this.#propose(status, changes, `${applicant.name} asked to join`, join);
    }
    const wanted = plan(input);
    if (wanted.kind === 'change') {
      this.#propose(status, wanted.changes, wanted.reason, null);
    } else if (wanted.rule !== this.#lastRule) {
      this.#deps.log.debug({ rule: wanted.rule }, 'no membership change');
      this.#lastRule = wanted.rule;
    }
  }

  #removeNow(input: PlannerInput, status: CoreStatus, removal: Removal): void {
    const { member } = removal;
    if (!input.configuration.members.some(({ id }) => id === member)) {
      const message = `member ${member} is not in the cluster; see "quorate members"`;
      return removal.answer({ ok: false, refusal: { code: 'NOT_FOUND', message } });
    }
    const wanted: Plan = planRemoval(input, member);
    if (wanted.kind === 'change') {
      return this.#propose(status, wanted.changes, wanted.reason, removal);
    }
    const message = `${this.nameOf(member)} cannot be removed now: ${wanted.rule}`;
    removal.answer({ ok: false, refusal: { code: 'CHANGE_REFUSED', message } });
  }

  #propose(
    status: CoreStatus,
    changes: readonly MemberChange[],
    reason: string,
    cause: Join | Removal | null,
  ): void {
    const ref = this.#deps.refs.next();
    this.#current = { ref, cause, what: reason, index: 0 };
    this.#deps.log.info({ reason, from: status.configurationIndex }, 'membership change proposed');
    this.#deps.driver.change({ ref, expected: status.configurationIndex, reason, changes });
  }

  #take<K extends 'join' | 'removal'>(kind: K): Extract<Join | Removal, { kind: K }> | null {
    const at = this.#waiting.findIndex((cause) => cause.kind === kind);
    if (at < 0) return null;
    return this.#waiting.splice(at, 1)[0] as Extract<Join | Removal, { kind: K }>;
  }

  #expire(now: number): void {
    const late = this.#waiting.filter(({ deadline }) => deadline <= now);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const { answer } of late) answer({ ok: false, refusal: changeTooSlow });
  }

  #lostLeadership(leader: MemberId): void {
    const now = this.nameOf(leader);
    const message = `leadership went to ${now} meanwhile; look at "quorate members"`;
    const refusal: Refusal = { code: 'LEADER_CHANGED', message };
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { answer } of waiting) answer({ ok: false, refusal });
    this.#current?.cause?.answer({ ok: false, refusal });
    this.#current = null;
  }

  /** A member's name, for people. */
  nameOf(id: MemberId): string {
    if (id === nobody) return 'nobody';
    return this.#configuration.members.find((member) => member.id === id)?.name ?? `member ${id}`;
  }
}

const tooManyWaiting: Refusal = {
  code: 'OVERLOADED',
  message: `${waitingMax} membership changes are waiting already`,
  retryAfterMillis: 1000,
};

const changeTooSlow: Refusal = {
  code: 'TIMEOUT',
  message: `the change got no turn within ${changeMillisMax} ms; see "quorate members"`,
};

const transferUnderWay: Refusal = {
  code: 'CHANGE_IN_PROGRESS',
  message: 'a transfer of leadership is under way',
};

const transferTooSlow: Refusal = {
  code: 'TIMEOUT',
  message: `nobody else led within ${transferMillisMax} ms; see "quorate status"`,
};
