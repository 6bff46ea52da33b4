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
import { explainPlan } from '../membership/explain.js';
import { planLeave } from '../membership/leaving.js';
import type { Hearsay, MemberView, PlannerInput } from '../membership/plan.js';
import { plan } from '../membership/planner.js';
import type { MembershipPolicy } from '../membership/policy.js';
import type { PlanReport, WhyReport } from '../membership/report.js';
import { isReady } from '../membership/vital-signs.js';
import { explainMember, unknownMember } from '../membership/why.js';
import type { CoreStatus, RaftCore } from '../raft/core.js';
import type { Configuration, Index, MemberChange, MemberId, Term } from '../raft/types.js';
import { nobody } from '../raft/types.js';
import type { Driver, RefusedWish } from './driver.js';
import { MemberWatch } from './member-watch.js';
import { MembershipNews } from './membership-news.js';
import {
  type Answer,
  type Applicant,
  changeMillisMax,
  type Join,
  MembershipWishes,
  type Removal,
} from './membership-wishes.js';
import type { Refs } from './refs.js';

/** How often the leader looks whether a change is wanted, milliseconds. */
const planEveryMillis = 100;

/** How long a transfer may take, milliseconds: catching up and one election. */
const transferMillisMax = 5000;

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

/** What gossip says of health: the second witness of a death. */
export interface HealthSource {
  health(peerId: string): Hearsay;
  /** Whether this server keeps time and reaches others: else it calls nobody dead. */
  ownHealthGood(): boolean;
}

/** Gossip that knows of nobody: the leader's own contact counts alone, and by half. */
export const noGossip: HealthSource = {
  health: () => ({ rumour: 'unknown', deadForMillis: 0 }),
  ownHealthGood: () => true,
};

/** What the runner works with. */
export interface MembershipDeps {
  readonly driver: Driver;
  readonly core: RaftCore;
  readonly clock: Clock;
  readonly log: Log;
  readonly refs: Refs;
  /** The policy in force: asked for at every look, so that a new one counts at once. */
  readonly policy: () => MembershipPolicy;
  readonly gossip: HealthSource;
  /** Members of the past, by name, for those who ask after one. */
  readonly graves: () => readonly { readonly name: string; readonly removedAtIndex: Index }[];
}

/** Membership as the leader carries it out. */
export class MembershipRunner {
  readonly #self: MemberId;
  readonly #deps: MembershipDeps;
  #leading = false;
  #leadingSince = 0;
  #plannedAt = Number.NEGATIVE_INFINITY;
  #configuration: Configuration;
  readonly #watch = new MemberWatch();
  readonly #news: MembershipNews;
  readonly #wishes = new MembershipWishes();
  #current: Current | null = null;
  #transfer: Transfer | null = null;
  #lastRule = '';

  constructor(self: MemberId, configuration: Configuration, deps: MembershipDeps) {
    this.#self = self;
    this.#configuration = configuration;
    this.#deps = deps;
    this.#news = new MembershipNews(deps.log);
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

  /**
   * Takes a member out; answers once the configuration without it is committed. The leader itself
   * hands over first: `NOT_LEADER` then means that the same wish is to be told to the next one.
   * @param force fewer voters than the least are accepted.
   */
  remove(member: MemberId, force: boolean, answer: Answer<string>): void {
    this.#takeOut(member, { why: 'removed by the operator', force }, answer);
  }

  /** As `remove`, by the member's own wish and never by force. */
  leave(member: MemberId, answer: Answer<string>): void {
    this.#takeOut(member, { why: 'leaves by its own wish', force: false }, answer);
  }

  /** Hands leadership to `to` (`nobody`: the best follower); answers once another one leads. */
  transfer(to: MemberId, answer: Answer<string>): void {
    if (this.#transfer !== null) return answer({ ok: false, refusal: transferUnderWay });
    const ref = this.#deps.refs.next();
    const deadline = this.#deps.clock.monotonicMillis() + transferMillisMax;
    this.#transfer = { ref, answer, deadline };
    this.#deps.driver.transfer(ref, to);
  }

  /** Learners that would be voters if an odd number of voters had room for them, as the leader sees
   * them; none on another server. */
  standbys(): readonly MemberId[] {
    if (!this.#leading) return [];
    const input = this.#input(this.#deps.core.status());
    return input.configuration.learners.filter((id) => isReady(input, id));
  }

  /** What the planner would do now, and why. */
  explain(): PlanReport {
    const status = this.#deps.core.status();
    const { term, configurationIndex } = status;
    return explainPlan(this.#input(status), { term, configurationIndex, busy: this.#busy(status) });
  }

  /** What a member, or one who asks to be one, waits for. @param named a name or a member id. */
  why(named: string): WhyReport {
    const input = this.#input(this.#deps.core.status());
    const { members } = input.configuration;
    // Of two of one name the younger: it is the one that somebody waits for.
    const member =
      members.findLast(({ name }) => name === named) ??
      members.find(({ id }) => String(id) === named);
    if (member !== undefined) {
      const removal = this.#current?.cause?.kind === 'removal' ? this.#current.cause : null;
      const isLeaving = removal?.wish.member === member.id || this.#wishes.isLeaving(member.id);
      return explainMember(input, member.id, isLeaving);
    }
    const report = unknownMember(named, input);
    if (this.#wishes.applicants().some(({ name }) => name === named)) {
      const most = this.#deps.policy().learnersCatchingUpMax;
      const line = `it asks to join and waits for its turn: at most ${most} catch up at once`;
      return { ...report, state: 'applicant', lines: [line] };
    }
    const grave = this.#deps.graves().findLast(({ name }) => name === named);
    if (grave === undefined) return report;
    return { ...report, state: 'removed', lines: [`removed by log entry ${grave.removedAtIndex}`] };
  }

  /** Ends what waits. */
  stop(refusal: Refusal): void {
    this.#wishes.refuseAll(refusal);
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
      this.#watch.restart();
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
    if (cause?.kind !== 'removal') return;
    if (configuration.members.some(({ id }) => id === cause.wish.member)) {
      // It is a learner now and goes with the next change, before the planner looks again.
      this.#wishes.putBack(cause, 'it is a learner now, and goes next');
      this.#plannedAt = Number.NEGATIVE_INFINITY;
    } else {
      cause.answer({ ok: true, value: `${current.what}: done` });
    }
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
    this.#wishes.expire(now);
    if (!this.#leading) return;
    const status = this.#deps.core.status();
    this.#watch.look(status, this.#deps.policy().lagEntriesMax, now);
    const input = this.#input(status);
    this.#news.tell(input);
    if (this.#busy(status) === null) this.#next(input, status);
  }

  // ---- within ----

  #enqueue(wish: Join | Removal): void {
    this.#wishes.add(wish);
    // Looked at with the next tick: the planner's pace is the pace of all changes.
    this.#plannedAt = Number.NEGATIVE_INFINITY;
  }

  #takeOut(
    member: MemberId,
    how: { readonly why: string; readonly force: boolean },
    answer: Answer<string>,
  ): void {
    const deadline = this.#deps.clock.monotonicMillis() + changeMillisMax;
    this.#enqueue({ kind: 'removal', wish: { member, ...how }, answer, deadline, waitsFor: null });
  }

  /** What keeps the leader from any change; null: nothing. */
  #busy(status: CoreStatus): string | null {
    if (!this.#leading) return 'this server does not lead';
    if (this.#current !== null) return `a change is under way: ${this.#current.what}`;
    if (status.configuration.votersOutgoing.length > 0) return 'a joint change is under way';
    if (this.#transfer !== null) return 'the leadership is being handed over';
    return status.committedInTerm ? null : 'no entry of this term is committed yet';
  }

  #input(status: CoreStatus): PlannerInput {
    const { clock, gossip, policy } = this.#deps;
    const members = new Map<MemberId, MemberView>();
    for (const { id, peerId } of status.configuration.members) {
      const progress = status.progress.get(id);
      if (progress === undefined) continue;
      members.set(id, this.#watch.view(id, progress.match, gossip.health(peerId)));
    }
    return {
      configuration: status.configuration,
      leader: this.#self,
      leadingForMillis: this.#leading ? clock.monotonicMillis() - this.#leadingSince : 0,
      ownHealthGood: gossip.ownHealthGood(),
      lastIndex: status.lastIndex,
      members,
      policy: policy(),
    };
  }

  #next(input: PlannerInput, status: CoreStatus): void {
    const removal = this.#wishes.takeRemoval();
    if (removal !== null && this.#removeNow(input, status, removal)) return;
    // Only live ones: a learner that died on its way must not keep others out for ever.
    const catchingUp = input.configuration.learners.filter(
      (id) => !isReady(input, id) && input.members.get(id)?.alive === true,
    ).length;
    const join = catchingUp < input.policy.learnersCatchingUpMax ? this.#wishes.takeJoin() : null;
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

  /** The next step of a removal; false when its time has not come yet. */
  #removeNow(input: PlannerInput, status: CoreStatus, removal: Removal): boolean {
    const { member } = removal.wish;
    if (!input.configuration.members.some(({ id }) => id === member)) {
      const message = `member ${member} is not in the cluster; see "quorate members"`;
      removal.answer({ ok: false, refusal: { code: 'NOT_FOUND', message } });
      return true;
    }
    const step = planLeave(input, removal.wish);
    switch (step.kind) {
      case 'change':
        this.#propose(status, step.changes, step.reason, removal);
        return true;
      case 'handOver':
        this.transfer(nobody, (outcome) => {
          // The asker finds who leads now and repeats the wish there.
          const handedOver: Refusal = { code: 'NOT_LEADER', message: 'another member leads now' };
          removal.answer({ ok: false, refusal: outcome.ok ? handedOver : outcome.refusal });
        });
        return true;
      case 'wait':
        this.#wishes.putBack(removal, step.rule);
        return false;
      case 'rest': {
        const message = `${this.nameOf(member)} cannot be removed now: ${step.rule}`;
        removal.answer({ ok: false, refusal: { code: 'CHANGE_REFUSED', message } });
        return true;
      }
    }
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

  #lostLeadership(leader: MemberId): void {
    const now = this.nameOf(leader);
    const message = `leadership went to ${now} meanwhile; look at "quorate members"`;
    const refusal: Refusal = { code: 'LEADER_CHANGED', message };
    this.#wishes.refuseAll(refusal);
    this.#current?.cause?.answer({ ok: false, refusal });
    this.#current = null;
  }

  /** A member's name, for people. */
  nameOf(id: MemberId): string {
    if (id === nobody) return 'nobody';
    return this.#configuration.members.find((member) => member.id === id)?.name ?? `member ${id}`;
  }
}

const transferUnderWay: Refusal = {
  code: 'CHANGE_IN_PROGRESS',
  message: 'a transfer of leadership is under way',
};

const transferTooSlow: Refusal = {
  code: 'TIMEOUT',
  message: `nobody else led within ${transferMillisMax} ms; see "quorate status"`,
};
