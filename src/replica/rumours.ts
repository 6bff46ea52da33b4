/**
 * What is said against members: takes rumours, makes its own, passes on what is news, and calls a
 * suspect dead when its time is over. What is said against this server itself it refutes.
 *
 * Invariant: a rumour that is older than the record held here is answered with that record; one
 * that is newer, with the wish for the record it speaks of. So nobody stays behind who talks.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Liveness, RumourVerdict } from '../membership/liveness.js';
import type { OwnHealth } from '../membership/own-health.js';
import type { Rumour } from '../membership/table.js';
import type { PeerId } from '../transport/transport.js';
import type { GossipPost } from './gossip-post.js';
import type { OwnRecord } from './own-record.js';

/** How often a suspicion's end is looked for while there is one, milliseconds. */
const expireMillis = 50;

/** What rumours work with. */
export interface RumoursDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly self: PeerId;
  readonly own: OwnRecord;
  readonly liveness: Liveness;
  readonly health: OwnHealth;
  readonly post: GossipPost;
  /** The record was raised: everybody is to have it. */
  readonly refute: () => void;
  /** Probes this one next. */
  readonly probeNext: (peer: PeerId) => void;
  /** A member's name, for people. */
  readonly nameOf: (peer: PeerId) => string;
}

/** See the head of the file. */
export class Rumours {
  readonly #deps: RumoursDeps;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(deps: RumoursDeps) {
    this.#deps = deps;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Neither this server nor others reach the subject. */
  accuse(subject: PeerId): void {
    const { liveness, self } = this.#deps;
    const sequence = liveness.sequenceOf(subject);
    this.#believe({ kind: 'suspect', subject, sequence, accuser: self });
  }

  /** A peer says this. @param lackedThere collects whose newer record it lacks. */
  heard(rumour: Rumour, from: PeerId, lackedThere: Set<PeerId>): void {
    const { subject, sequence } = rumour;
    const { self, own, post } = this.#deps;
    const verdict = subject === self ? ofSelf(sequence, own.sequence) : this.#believe(rumour);
    if (verdict === 'refuted') lackedThere.add(subject);
    else if (verdict === 'ahead') post.send(from, { type: 'want', peerIds: [subject] });
    else if (subject === self) this.#defend(rumour);
  }

  #defend({ sequence, accuser }: Rumour): void {
    const { log, health, own, refute, nameOf } = this.#deps;
    log.info({ by: nameOf(accuser) }, 'suspected; this server says that it lives');
    health.refuted();
    own.raiseAbove(sequence);
    refute();
  }

  #believe(rumour: Rumour): RumourVerdict {
    const { clock, liveness, post, self, probeNext } = this.#deps;
    const verdict = liveness.heard(rumour, clock.monotonicMillis());
    if (verdict !== 'news') return verdict;
    post.passOn(rumour);
    this.#tell(rumour);
    // Seen for oneself: it confirms the suspicion, or gives the suspect a chance to refute it.
    if (rumour.kind === 'suspect' && rumour.accuser !== self) probeNext(rumour.subject);
    this.#expireSoon();
    return verdict;
  }

  #expireSoon(): void {
    const { clock, liveness } = this.#deps;
    if (this.#timer !== null || !liveness.hasSuspects || this.#stopped) return;
    // Behind what has arrived meanwhile: it may be the refutation.
    this.#timer = clock.after(expireMillis, () => clock.afterTurn(() => this.#expire()));
  }

  #expire(): void {
    this.#timer = null;
    if (this.#stopped) return;
    const { clock, liveness, health, post } = this.#deps;
    for (const rumour of liveness.expire(clock.monotonicMillis(), health.score)) {
      post.passOn(rumour);
      this.#tell(rumour);
    }
    this.#expireSoon();
  }

  #tell({ kind, subject, accuser }: Rumour): void {
    const { log, nameOf } = this.#deps;
    const fields = { server: nameOf(subject), by: nameOf(accuser) };
    if (kind === 'dead') log.info(fields, 'a member is called dead');
    else log.debug(fields, 'a member is suspected');
  }
}

/** A rumour against this server itself: only one against its latest record needs an answer. */
function ofSelf(sequence: number, own: number): RumourVerdict {
  if (sequence === own) return 'news';
  return sequence < own ? 'refuted' : 'ahead';
}
