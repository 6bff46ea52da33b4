/**
 * A small cluster in virtual time for the planner alone: servers die, come back, lose their disks,
 * leave and join; whoever may lead plans once a second. A change happens at once and whole, for the
 * core's own tests hold how it is made.
 *
 * The model keeps its own count of what must hold at every change; `faults` says what did not.
 */

import { planLeave } from '../../src/membership/leaving.js';
import type { MemberView, PlannerInput } from '../../src/membership/plan.js';
import { plan } from '../../src/membership/planner.js';
import type { MembershipPolicy } from '../../src/membership/policy.js';
import { leaveJoint, planChange } from '../../src/raft/conf-change.js';
import type { Configuration, MemberChange, MemberId } from '../../src/raft/types.js';

/** How long a newcomer takes to catch up, milliseconds. */
const catchUpMillis = 3000;

/** A machine: one server at a time runs on it, member or not. */
interface Machine {
  readonly name: string;
  /** Its member id; null: it waits to be taken in. */
  member: MemberId | null;
  up: boolean;
  /** When it last came up or went down. */
  sinceMillis: number;
  /** It keeps a peer from getting its log. */
  stuck: boolean;
  stuckSinceMillis: number;
  hasLeft: boolean;
}

/** The cluster. */
export class HealingModel {
  readonly faults: string[] = [];
  readonly changes: string[] = [];
  configuration: Configuration;
  readonly machines: Machine[] = [];
  nowMillis = 0;
  readonly #policy: MembershipPolicy;
  readonly #hasGossip: boolean;
  #index: number;
  #leader: Machine | null = null;
  #leadingSinceMillis = 0;
  #leaving: { readonly member: MemberId; readonly force: boolean } | null = null;

  /** @param founders all voters at the start. */
  constructor(founders: number, policy: MembershipPolicy, hasGossip: boolean) {
    this.#policy = policy;
    this.#hasGossip = hasGossip;
    this.#index = founders;
    const ids = Array.from({ length: founders }, (_, at) => at + 1);
    for (const id of ids) this.addMachine().member = id;
    this.configuration = {
      voters: ids,
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      members: ids.map((id) => member(id, `s${id}`)),
      reason: 'founded',
    };
  }

  addMachine(): Machine {
    const machine: Machine = {
      name: `s${this.machines.length + 1}`,
      member: null,
      up: true,
      sinceMillis: this.nowMillis,
      stuck: false,
      stuckSinceMillis: 0,
      hasLeft: false,
    };
    this.machines.push(machine);
    return machine;
  }

  kill(machine: Machine): void {
    if (machine.up) Object.assign(machine, { up: false, sinceMillis: this.nowMillis });
  }

  start(machine: Machine): void {
    if (machine.up || machine.hasLeft) return;
    Object.assign(machine, { up: true, sinceMillis: this.nowMillis });
  }

  /** Its disk is lost: it starts as somebody else under its old name. */
  wipe(machine: Machine): void {
    Object.assign(machine, { member: null, up: true, sinceMillis: this.nowMillis, stuck: false });
  }

  stick(machine: Machine, stuck: boolean): void {
    Object.assign(machine, { stuck, stuckSinceMillis: this.nowMillis });
  }

  leave(machine: Machine, force: boolean): void {
    if (machine.member !== null) this.#leaving = { member: machine.member, force };
  }

  /** Whether a majority would be left if this machine lost its disk for ever. */
  mayLose(machine: Machine): boolean {
    const { voters } = this.configuration;
    const safe = voters.filter((id) => {
      const owner = this.#ownerOf(id);
      return owner !== undefined && owner !== machine;
    });
    return safe.length * 2 > voters.length;
  }

  /** Lets time pass, in steps of a second. */
  pass(millis: number): void {
    const end = this.nowMillis + millis;
    while (this.nowMillis < end) {
      this.nowMillis += 1000;
      this.#step();
    }
  }

  #ownerOf(id: MemberId): Machine | undefined {
    return this.machines.find((machine) => machine.member === id);
  }

  #isUp(id: MemberId): boolean {
    return this.#ownerOf(id)?.up ?? false;
  }

  #step(): void {
    const { voters } = this.configuration;
    const live = voters.filter((id) => this.#isUp(id));
    if (live.length * 2 <= voters.length) {
      this.#leader = null;
      return;
    }
    const present = this.#leader?.member ?? null;
    if (present === null || !live.includes(present)) {
      this.#leader = this.#ownerOf(live[0] as MemberId) ?? null;
      this.#leadingSinceMillis = this.nowMillis;
      return;
    }
    const input = this.#input(present);
    if (this.#leaving !== null) return this.#letGo(input, this.#leaving);
    const made = plan(input);
    if (made.kind === 'change') this.#make(input, made.changes, made.reason);
    else this.#takeIn(input);
  }

  #letGo(input: PlannerInput, wish: { readonly member: MemberId; readonly force: boolean }): void {
    const { configuration } = this;
    if (!configuration.members.some(({ id }) => id === wish.member)) {
      this.#leaving = null;
      return;
    }
    const step = planLeave(input, { ...wish, why: 'leaves' });
    if (step.kind === 'change') {
      this.#make(input, step.changes, step.reason, wish.force);
      if (configuration.members.length > this.configuration.members.length) {
        const owner = this.#ownerOf(wish.member);
        if (owner !== undefined) Object.assign(owner, { member: null, up: false, hasLeft: true });
      }
    } else if (step.kind === 'handOver') {
      const next = input.configuration.voters.find((id) => id !== wish.member && this.#isUp(id));
      this.#leader = next === undefined ? null : (this.#ownerOf(next) ?? null);
      this.#leadingSinceMillis = this.nowMillis;
    } else if (step.kind === 'rest') {
      this.#leaving = null;
    }
  }

  #takeIn(input: PlannerInput): void {
    const applicant = this.machines.find((machine) => machine.up && machine.member === null);
    if (applicant === undefined) return;
    const { name } = applicant;
    applicant.member = this.#index + 1;
    applicant.sinceMillis = this.nowMillis;
    const newcomer = { peerId: `p${applicant.member}`, incarnation: `i${applicant.member}`, name };
    this.#make(input, [{ op: 'addLearner', member: newcomer }], `${name} asked to join`);
  }

  #input(leader: MemberId): PlannerInput {
    const members = new Map<MemberId, MemberView>();
    for (const { id } of this.configuration.members) {
      if (id !== leader) members.set(id, this.#view(id));
    }
    return {
      configuration: this.configuration,
      leader,
      leadingForMillis: this.nowMillis - this.#leadingSinceMillis,
      ownHealthGood: true,
      lastIndex: 100_000,
      members,
      policy: this.#policy,
    };
  }

  #view(id: MemberId): MemberView {
    const owner = this.#ownerOf(id);
    const since = this.nowMillis - (owner?.sinceMillis ?? 0);
    // This leader knows nothing of the time before it led; gossip does.
    const seen = Math.min(since, this.nowMillis - this.#leadingSinceMillis);
    const alive = owner?.up ?? false;
    const isStuck = owner?.stuck === true;
    const hasCaughtUp = !isStuck && (alive ? since >= catchUpMillis : false);
    const rumour = alive ? 'alive' : 'dead';
    return {
      matchIndex: hasCaughtUp ? 100_000 : 0,
      alive,
      aliveForMillis: alive ? seen : 0,
      silentForMillis: alive ? 0 : seen,
      stalledForMillis: isStuck && alive ? this.nowMillis - (owner?.stuckSinceMillis ?? 0) : 0,
      rumour: this.#hasGossip ? rumour : 'unknown',
      deadForMillis: this.#hasGossip && !alive ? since : 0,
    };
  }

  #make(
    input: PlannerInput,
    changes: readonly MemberChange[],
    reason: string,
    force = false,
  ): void {
    this.#index += 1;
    const planned = planChange(this.configuration, changes, this.#index, reason);
    if (!planned.ok) {
      this.faults.push(`no change at all: ${planned.message}`);
      return;
    }
    const before = this.configuration;
    const isJoint = planned.configuration.votersOutgoing.length > 0;
    this.configuration = isJoint ? leaveJoint(planned.configuration) : planned.configuration;
    this.changes.push(`${this.nowMillis / 1000} s: ${reason}`);
    this.#judge(input, before, force);
    // Whoever was put out joins again by itself, as a newcomer.
    for (const machine of this.machines) {
      const isOut = !this.configuration.members.some(({ id }) => id === machine.member);
      if (isOut) machine.member = null;
    }
  }

  #judge(input: PlannerInput, before: Configuration, force: boolean): void {
    const { voters } = this.configuration;
    const last = this.changes[this.changes.length - 1];
    const sure = voters.filter(
      (id) => this.#isUp(id) && (before.voters.length === 1 || before.voters.includes(id)),
    );
    if (sure.length * 2 <= voters.length) this.faults.push(`no quorum: ${last}`);
    if (voters.length % 2 === 0 && voters.join() !== before.voters.join()) {
      this.faults.push(`an even number: ${last}`);
    }
    const least = Math.min(before.voters.length, input.policy.votersLeast);
    const isOdd = before.voters.length % 2 === 1;
    if (isOdd && voters.length < least && !force) this.faults.push(`too few: ${last}`);
  }
}

function member(id: MemberId, name: string): Configuration['members'][number] {
  return { id, peerId: `p${id}`, incarnation: `i${id}`, name };
}
