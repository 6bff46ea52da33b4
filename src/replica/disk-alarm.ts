/**
 * What a member does while its disk is full. It stays: it answers heartbeats and reads, and what it
 * must write as a member (terms, votes, configurations) goes into the room that the log has kept.
 * It takes no commands: as a leader it hands over to a voter that has room, and refuses writes
 * until it has; as a follower it is deaf to the appends that carry them, as if the network had lost
 * them, and catches up when there is room again. It takes no command either as a leader whose
 * followers have no room in such number that nothing could be committed.
 *
 * Invariant: nothing here says what is on disk; the order law stands as it is (raft/effects.ts). A
 * lost append is all that the core ever notices.
 * Source: docs/adr/0015-a-full-disk-is-ridden-out.md.
 */

import type { Clock } from '../base/clock.js';
import type { Refusal } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { DiskFitness } from '../membership/table.js';
import type { RaftCore } from '../raft/core.js';
import type { Message } from '../raft/messages.js';
import type { CoreStatus } from '../raft/status.js';
import { type Index, type MemberId, type MemberInfo, nobody } from '../raft/types.js';
import type { Shortage } from '../storage/log-store.js';
import type { MembershipRunner } from './membership-runner.js';
import type { Requests } from './requests.js';

/** How often a leader looks who has room, and a full one tries to hand over, milliseconds. */
const lookMillis = 500;

/** When a client may ask again, milliseconds: an election and a hand-over take less. */
const retryAfterMillis = 500;

/** What gossip knows and tells of disks. */
export interface DiskNews {
  /** How this server's own disk is doing. */
  disk(fitness: DiskFitness): void;
  /** Whether a member says that its disk is full. */
  isDiskFull(peerId: string): boolean;
}

/** What the alarm works with. */
export interface DiskAlarmDeps {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly log: Log;
  readonly core: Pick<RaftCore, 'status'>;
  readonly membership: Pick<MembershipRunner, 'transfer' | 'nameOf'>;
  readonly requests: Pick<Requests, 'refuseCommands'>;
  readonly gossip: DiskNews;
}

/** The alarm of one member. */
export class DiskAlarm {
  readonly #deps: DiskAlarmDeps;
  #shortage: Shortage | null = null;
  #since = 0;
  #leads = false;
  #lookAt = Number.NEGATIVE_INFINITY;

  constructor(deps: DiskAlarmDeps) {
    this.#deps = deps;
  }

  /** For people: what is wrong, and what to do. Null: nothing. */
  get line(): string | null {
    if (this.#shortage === null) return null;
    const { code, directory } = this.#shortage;
    return (
      `the disk is full (${code}): no room for the log in ${directory}; make room there: until ` +
      `then this server takes no writes, and it goes on by itself`
    );
  }

  /** The last index that this server can come to have while it is as it is. */
  get reach(): Index {
    if (this.#shortage === null) return Number.POSITIVE_INFINITY;
    return this.#deps.core.status().lastIndex;
  }

  // ---- facts ----

  /** The log has no room, or has it again. */
  changed(shortage: Shortage | null): void {
    const { clock, log, gossip } = this.#deps;
    const now = clock.monotonicMillis();
    if (shortage !== null) {
      this.#since = now;
      const { code, directory: folder, message: error } = shortage;
      const todo = 'make room; this server takes no writes until then, and goes on by itself';
      log.error({ code, folder, error, todo }, 'the disk is full');
    } else {
      log.info({ fullForMillis: Math.round(now - this.#since) }, 'the disk has room again');
    }
    this.#shortage = shortage;
    gossip.disk(shortage === null ? 'well' : 'full');
    if (this.#leads) this.#look();
  }

  roleChanged(leads: boolean): void {
    if (leads === this.#leads) return;
    this.#leads = leads;
    if (leads) this.#look();
    else this.#deps.requests.refuseCommands(null);
  }

  /** Once a tick. */
  ticked(): void {
    if (this.#leads && this.#deps.clock.monotonicMillis() >= this.#lookAt) this.#look();
  }

  /**
   * Whether the core may have this message now. What a leader writes on its own account (the first
   * entry of its term, configurations) is little, and without it a cluster whose disks are full
   * could neither be read nor be given other servers. Appends without entries ask for what was lost
   * here: answered, they would bring the same commands again and again.
   */
  admits(message: Message): boolean {
    if (this.#shortage === null || message.type !== 'append') return true;
    const { entries } = message;
    return entries.length > 0 && entries.every(({ kind }) => kind !== 'command');
  }

  // ---- as a leader ----

  #look(): void {
    const { clock, core, requests } = this.#deps;
    this.#lookAt = clock.monotonicMillis() + lookMillis;
    const status = core.status();
    requests.refuseCommands(this.#refusal(status));
    if (this.#shortage !== null) this.#handOver(status);
  }

  /** Why this leader takes no commands now; null: it takes them. */
  #refusal({ configuration }: CoreStatus): Refusal | null {
    const code = 'DISK_FAILED';
    if (this.line !== null) return { code, message: this.line, retryAfterMillis };
    const { voters, votersOutgoing, members } = configuration;
    const full = members.filter((member) => this.#isFull(member));
    const isFull = (id: MemberId): boolean => full.some((member) => member.id === id);
    const isBlocked = [voters, votersOutgoing].some(
      (set) => set.length > 0 && set.filter((id) => !isFull(id)).length * 2 <= set.length,
    );
    if (!isBlocked) return null;
    const names = full.map(({ name }) => name).join(', ');
    const message = `the disks of ${names} are full: no majority could write; make room there`;
    return { code, message, retryAfterMillis };
  }

  #isFull({ id, peerId }: MemberInfo): boolean {
    if (id === this.#deps.self) return this.#shortage !== null;
    return this.#deps.gossip.isDiskFull(peerId);
  }

  /** To the furthest of the voters that are alive and have room, if there is one. */
  #handOver(status: CoreStatus): void {
    const { log, membership } = this.#deps;
    if (status.transferTo !== null) return;
    const { configuration, progress } = status;
    let to: MemberId = nobody;
    let furthest = -1;
    for (const member of configuration.members) {
      const { match = 0, recentlyActive = false } = progress.get(member.id) ?? {};
      if (!configuration.voters.includes(member.id) || !recentlyActive) continue;
      if (match <= furthest || this.#isFull(member)) continue;
      to = member.id;
      furthest = match;
    }
    if (to === nobody) return;
    membership.transfer(to, (outcome) => {
      const name = membership.nameOf(to);
      if (outcome.ok) log.info({ to: name }, 'leadership handed over, for the disk is full');
    });
  }
}
