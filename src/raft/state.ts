/**
 * What the handlers of the core share: term, vote, role, log, clock of ticks, and the effects of
 * the present step. Holds no decision: handlers are functions over it, one concern a file, and
 * core.ts dispatches to them.
 * Invariants: term and commit never fall; a vote never changes within a term; `leading` is present
 * exactly while the role is leader; hard state is written before anything that promises it is said.
 */

import { assert } from '../base/assert.js';
import type { ErrorCode } from '../base/errors.js';
import { Rng } from '../base/rng.js';
import { isVoter } from './conf-change.js';
import type { Effect, Role } from './effects.js';
import type { Leading } from './leading.js';
import { type LogInit, RaftLog } from './log.js';
import type { Message } from './messages.js';
import type { RaftOptions } from './options.js';
import { FollowerReads } from './read-queue.js';
import {
  type Entry,
  type HardState,
  type Index,
  type MemberId,
  nobody,
  type Term,
} from './types.js';

/** What a core begins with: what its server was told when it was founded or joined, and its log. */
export interface RaftInit extends LogInit {
  readonly self: MemberId;
  /** Index of the entry that admitted this server; 0 for founders. While its configuration is older
   * it neither votes nor stands: an id or a disk from before means nothing. */
  readonly joinIndex: Index;
  /** Of the timeouts and request numbers; must differ from start to start of one server. */
  readonly seed: number;
  readonly hardState: HardState;
  /** Last index the machine has applied: base.index unless it kept more. */
  readonly applied: Index;
}

/** The state of one core. Fields are public to the handlers and to nobody else. */
export class CoreState {
  readonly options: RaftOptions;
  readonly self: MemberId;
  readonly joinIndex: Index;
  readonly log: RaftLog;
  readonly rng: Rng;
  term: Term;
  vote: MemberId;
  role: Role = 'follower';
  leader: MemberId = nobody;
  commit: Index;
  applied: Index;
  /** Ticks since the start. */
  now = 0;
  /** Tick at which the present leader was last heard; meaningless without one. */
  leaderHeardTick = 0;
  /** The election timer runs from this tick for `electionTicks`. */
  timerTick = 0;
  electionTicks = 0;
  /** Votes of the campaign under way. */
  readonly votes = new Map<MemberId, boolean>();
  leading: Leading | null = null;
  readonly reads: FollowerReads;

  #effects: Effect[] = [];
  #hardStateDirty = false;
  #toldRole: Role = 'follower';
  // No term yet: the first step tells where this server stands.
  #toldTerm: Term = -1;
  #toldLeader: MemberId = nobody;

  constructor(options: RaftOptions, init: RaftInit) {
    this.options = options;
    this.self = init.self;
    this.joinIndex = init.joinIndex;
    this.log = new RaftLog(init);
    // Equal seeds on two servers must not give equal timeouts (trap 29).
    this.rng = new Rng((init.seed % 0x1_0000_0000_0000) + init.self * 0x9e37_79b9);
    this.term = init.hardState.term;
    this.vote = init.hardState.vote;
    this.commit = Math.max(init.base.index, init.applied);
    this.applied = this.commit;
    this.reads = new FollowerReads(this.rng.uint32() * 0x10_0000);
    assert(this.commit <= this.log.lastIndex, 'nothing beyond the log was applied');
    assert(this.term >= this.log.lastTerm, 'the term is at least that of the log');
    this.restartTimer();
  }

  /** Ends the step: whatever is still to be written or told, and hands out the effects. */
  finish(): readonly Effect[] {
    this.#flush();
    if (
      this.role !== this.#toldRole ||
      this.term !== this.#toldTerm ||
      this.leader !== this.#toldLeader
    ) {
      this.#toldRole = this.role;
      this.#toldTerm = this.term;
      this.#toldLeader = this.leader;
      this.emit({ type: 'roleChanged', role: this.role, term: this.term, leader: this.leader });
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  note(event: string, fields: Readonly<Record<string, string | number | boolean>>): void {
    this.#effects.push({ type: 'note', event, fields });
  }

  refuse(ref: number, code: ErrorCode, message: string): void {
    this.#effects.push({ type: 'refused', ref, code, message, leader: this.leader });
  }

  /** Sends what promises nothing of this server's disk. */
  sendNow(message: Message): void {
    this.#effects.push({ type: 'send', message, after: 'now' });
  }

  /** Sends a promise: it leaves when everything written until now is on disk. */
  sendPersisted(message: Message): void {
    this.#flush();
    this.#effects.push({ type: 'send', message, after: 'persisted' });
  }

  /** Writes entries that were just put into the log, and hard state with them if it changed. */
  persist(truncateFrom: Index | null, entries: readonly Entry[]): void {
    this.log.writing(truncateFrom);
    this.#effects.push({
      type: 'persist',
      hardState: this.#hardStateDirty ? { term: this.term, vote: this.vote } : null,
      truncateFrom,
      entries,
      lastIndex: this.log.lastIndex,
      lastTerm: this.log.lastTerm,
    });
    this.#hardStateDirty = false;
  }

  #flush(): void {
    if (this.#hardStateDirty) this.persist(null, []);
  }

  setTerm(term: Term): void {
    assert(term > this.term, 'the term never falls');
    this.term = term;
    this.vote = nobody;
    this.#hardStateDirty = true;
  }

  setVote(vote: MemberId): void {
    if (this.vote === vote) return;
    assert(this.vote === nobody, 'one vote a term');
    this.vote = vote;
    this.#hardStateDirty = true;
  }

  /** Tells which configuration is in force, after the log gained or lost one. */
  configured(): void {
    const { configuration, configurationIndex } = this.log;
    this.emit({ type: 'configured', index: configurationIndex, configuration });
    this.note('configuration entered', {
      index: configurationIndex,
      voters: configuration.voters.join(' '),
      votersOutgoing: configuration.votersOutgoing.join(' '),
      learners: configuration.learners.join(' '),
      reason: configuration.reason,
    });
  }

  /** Commits up to `index`, if that is further than before. Returns true when it is. */
  commitTo(index: Index): boolean {
    if (index <= this.commit) return false;
    assert(index <= this.log.lastIndex, 'nothing beyond the log is committed');
    this.commit = index;
    this.emit({ type: 'apply', upTo: index });
    return true;
  }

  /** Starts the election timer anew, with another random length. */
  restartTimer(): void {
    this.timerTick = this.now;
    const { electionTicksMin, electionTicksMax } = this.options;
    // Voters stand by a leader for the shortest timeout since they heard it, each by its own ticks:
    // who asks on that very tick is refused by those who heard it a tick later, and loses a whole
    // timeout.
    const margin = Math.ceil((electionTicksMax - electionTicksMin) / 10);
    this.electionTicks = this.rng.between(electionTicksMin + margin, electionTicksMax);
  }

  /** Frees memory of entries that are applied and on disk. */
  evict(): void {
    const { log } = this;
    log.evict(Math.min(this.applied, log.persisted), this.options.tailBytesMax);
  }

  /**
   * True when this server may stand: a voter, by a configuration not older than its own admission.
   * A server that is out by an entry not known to be committed still may: it can be the only one
   * whose log is far enough (thesis 4.2.2). It needs the votes of others, and hands over when it
   * has led to the commit. Once it knows the commit it never stands again (trap 18).
   */
  get isPromotable(): boolean {
    const { log, self } = this;
    if (!this.knowsItself) return false;
    if (isVoter(log.configuration, self)) return true;
    return log.configurationIndex > this.commit && isVoter(log.previousConfiguration, self);
  }

  /** False while the configuration is from before this server was admitted. */
  get knowsItself(): boolean {
    return this.log.configurationIndex >= this.joinIndex;
  }
}
