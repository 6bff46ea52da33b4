/**
 * The control channel between servers: applicants led to the leader and their answers back, wishes
 * of operators likewise, addresses shared, removed servers told. Rare messages, each a small
 * conversation with a deadline; nothing here is repeated unasked.
 *
 * Invariant: every conversation ends once: by its answer, by the end of the link, or by its
 * deadline.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { Refusal } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Index, MemberId } from '../raft/types.js';
import { nobody } from '../raft/types.js';
import type { PeerId, Transport } from '../transport/transport.js';
import type { OperatorReply, OperatorRequest } from '../wire/client-messages.js';
import { decodeControl, encodeControl } from '../wire/peer-codec.js';
import type { ControlMessage, FoundingMessage } from '../wire/peer-messages.js';
import type { Outcome } from './api.js';
import type { Consensus } from './consensus.js';
import type { Applicant } from './membership-wishes.js';
import type { Peers } from './peers.js';
import type { Refs } from './refs.js';

/** How long the leader may take with a wish that was passed on to it, milliseconds. */
const answerMillisMax = 22_000;

/** How long a wish waits for a leader to be known, milliseconds, and how often it looks. */
const leaderMillisMax = 3000;
const leaderLookMillis = 50;

/** A wish or question of an operator that the leader answers. */
type AdminWish = Exclude<OperatorRequest, { type: 'history' | 'policy' | 'setPolicy' }>;

type Answer = (outcome: Outcome<OperatorReply>) => void;

/** What comes back for a wish or an application. */
type FinalMessage = Extract<
  ControlMessage,
  { type: 'joined' | 'done' | 'planned' | 'explained' | 'refused' }
>;

/** What control works with. */
export interface ControlDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: Transport;
  readonly peers: Peers;
  readonly refs: Refs;
  readonly consensus: () => Consensus | null;
  /** A message between founders. */
  readonly founding: (peer: PeerId, message: FoundingMessage) => void;
  /** An answer that is for the joiner. */
  readonly joinAnswered: (message: ControlMessage) => void;
  /** Another member says that this server was removed by the entry at `index`. */
  readonly removed: (index: Index, mayRejoin: boolean) => void;
}

type Removed = Extract<ControlMessage, { type: 'removed' }>;

interface Asked {
  readonly peer: PeerId;
  readonly timer: Timer;
  readonly end: (message: FinalMessage) => void;
}

/** The control conversations of one server. */
export class Control {
  readonly #deps: ControlDeps;
  readonly #asked = new Map<number, Asked>();
  #stopped = false;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  send(peer: PeerId, message: ControlMessage): boolean {
    return this.#deps.transport.send(peer, 'control', [encodeControl(message)]);
  }

  stop(): void {
    this.#stopped = true;
    this.#endAll(() => true, { code: 'STOPPING', message: 'the server is stopping' });
  }

  // ---- the transport's facts ----

  linkUp(peer: PeerId): void {
    const consensus = this.#deps.consensus();
    if (consensus === null) return;
    const memberId = this.#deps.peers.greeting(peer)?.memberId ?? nobody;
    const grave = consensus.machine.tombstones().find(({ id }) => id === memberId);
    if (grave !== undefined && grave.peerId === peer) this.#tellRemoved(peer, grave.id);
    else this.send(peer, { type: 'peers', peers: this.#deps.peers.bookOfMembers() });
  }

  linkDown(peer: PeerId): void {
    this.#endAll((asked) => asked.peer === peer, {
      code: 'DISCONNECTED',
      message: 'the link to the leader broke: look at "quorate members" whether it was done',
    });
  }

  /** Takes a frame. @throws WireError for bytes that are no message. */
  frame(peer: PeerId, frame: Uint8Array): void {
    const message = decodeControl(frame);
    switch (message.type) {
      case 'join':
        return this.#join(peer, message.ref, message.member);
      case 'transferLeader':
      case 'removeMember':
      case 'leave':
      case 'plan':
      case 'why':
        return this.#wished(peer, message);
      case 'joined':
      case 'done':
      case 'planned':
      case 'explained':
      case 'refused':
        return this.#answered(peer, message);
      case 'peers':
        return this.#deps.peers.learn(message.peers);
      case 'sighting':
      case 'foundingOffer':
      case 'foundingRefused':
        return this.#deps.founding(peer, message);
      case 'removed':
        return this.#toldRemoved(peer, message);
    }
  }

  /** A configuration is committed here: those who are out of it by now are told. */
  configured(index: Index): void {
    const graves = this.#deps.consensus()?.machine.tombstones() ?? [];
    for (const { id, peerId, removedAtIndex } of graves) {
      if (removedAtIndex === index) this.#tellRemoved(peerId, id);
    }
  }

  // ---- operators' wishes ----

  /** Carries out a wish, here or through the leader. */
  administer(wish: AdminWish, answer: Answer): void {
    const now = this.#deps.clock.monotonicMillis();
    const giveUpAt = now + leaderMillisMax;
    this.#administerBy(wish, giveUpAt, this.#orNextLeader(wish, now + answerMillisMax, answer));
  }

  /** A leader that is to go hands over first: its successor is told the same wish. */
  #orNextLeader(wish: AdminWish, endAt: number, answer: Answer): Answer {
    return (outcome) => {
      const now = this.#deps.clock.monotonicMillis();
      const hasMoved = !outcome.ok && outcome.refusal.code === 'NOT_LEADER';
      if (!hasMoved || now >= endAt) return answer(outcome);
      const giveUpAt = now + leaderMillisMax;
      this.#deps.clock.after(leaderLookMillis, () =>
        this.#administerBy(wish, giveUpAt, this.#orNextLeader(wish, endAt, answer)),
      );
    };
  }

  #administerBy(wish: AdminWish, giveUpAt: number, answer: Answer): void {
    if (this.#stopped) return answer({ ok: false, refusal: stopping });
    const consensus = this.#deps.consensus();
    if (consensus === null) return answer({ ok: false, refusal: notMember });
    const { role, leader } = consensus.core.status();
    if (role === 'leader') return this.#carryOut(consensus, wish, answer);
    const peer = leader === nobody ? undefined : this.#deps.peers.peerOf(leader);
    if (peer !== undefined && this.#pass(peer, wish, answer)) return;
    if (this.#deps.clock.monotonicMillis() >= giveUpAt) {
      return answer({ ok: false, refusal: noLeader });
    }
    this.#deps.clock.after(leaderLookMillis, () => this.#administerBy(wish, giveUpAt, answer));
  }

  #pass(peer: PeerId, wish: AdminWish, answer: Answer): boolean {
    return this.#ask(
      peer,
      (ref) => ({ ...wish, ref }),
      (message) => {
        if (message.type === 'refused') answer({ ok: false, refusal: message.refusal });
        else if (message.type === 'joined') answer({ ok: false, refusal: strange });
        else answer({ ok: true, value: replyOf(message) });
      },
    );
  }

  #carryOut(consensus: Consensus, wish: AdminWish, answer: Answer): void {
    const { membership } = consensus;
    switch (wish.type) {
      case 'plan':
        return answer({ ok: true, value: { type: 'plan', plan: membership.explain() } });
      case 'why':
        return answer({ ok: true, value: { type: 'why', why: membership.why(wish.name) } });
      case 'transferLeader':
        return this.#transfer(consensus, wish.to, doneWith(answer));
      default: {
        const member = findMember(consensus, wish.name);
        if (typeof member !== 'number') return answer({ ok: false, refusal: member });
        if (wish.type === 'leave') membership.leave(member, doneWith(answer));
        else membership.remove(member, wish.force, doneWith(answer));
      }
    }
  }

  #transfer(consensus: Consensus, to: string, answer: (outcome: Outcome<string>) => void): void {
    if (to === '') return consensus.membership.transfer(nobody, answer);
    const member = findMember(consensus, to);
    if (typeof member !== 'number') return answer({ ok: false, refusal: member });
    const { leader, configuration } = consensus.core.status();
    const name = consensus.membership.nameOf(member);
    if (member === leader) return answer({ ok: true, value: `${name} leads already` });
    if (!configuration.voters.includes(member)) {
      const message = `${name} has no vote, so it cannot lead; see "quorate members"`;
      return answer({ ok: false, refusal: { code: 'CHANGE_REFUSED', message } });
    }
    consensus.membership.transfer(member, answer);
  }

  #wished(peer: PeerId, message: AdminWish & { readonly ref: number }): void {
    const { ref } = message;
    const answer: Answer = (outcome) => {
      if (outcome.ok) this.send(peer, messageOf(outcome.value, ref));
      else this.send(peer, { type: 'refused', ref, refusal: outcome.refusal });
    };
    const consensus = this.#deps.consensus();
    if (consensus === null) return answer({ ok: false, refusal: notMember });
    // Only servers of this cluster pass wishes on, and only to whom they take for the leader.
    if (this.#deps.peers.greeting(peer)?.clusterId !== consensus.place.clusterId) return;
    if (consensus.core.status().role !== 'leader') {
      return answer({
        ok: false,
        refusal: { code: 'NOT_LEADER', message: 'ask the leader again' },
      });
    }
    this.#carryOut(consensus, message, answer);
  }

  // ---- joining ----

  #join(peer: PeerId, ref: number, applicant: Applicant): void {
    const refuse = (refusal: Refusal): void => {
      this.send(peer, { type: 'refused', ref, refusal });
    };
    const consensus = this.#deps.consensus();
    if (consensus === null) return refuse(notMember);
    const { role, leader } = consensus.core.status();
    if (role === 'leader') return this.#admit(consensus, peer, ref, applicant);
    const leaderPeer = leader === nobody ? undefined : this.#deps.peers.peerOf(leader);
    if (leaderPeer === undefined || leaderPeer === peer) return refuse(noLeader);
    const passed = this.#ask(
      leaderPeer,
      (own) => ({ type: 'join', ref: own, member: applicant }),
      (message) => this.send(peer, { ...message, ref }),
    );
    if (!passed) refuse(noLeader);
  }

  #admit(consensus: Consensus, peer: PeerId, ref: number, applicant: Applicant): void {
    const greeting = this.#deps.peers.greeting(peer);
    // An applicant speaks for itself, or through a member of this cluster.
    const trusted = peer === applicant.peerId || greeting?.clusterId === consensus.place.clusterId;
    if (!trusted) return;
    consensus.membership.join(applicant, (outcome) => {
      if (!outcome.ok) {
        this.send(peer, { type: 'refused', ref, refusal: outcome.refusal });
        return;
      }
      this.send(peer, {
        type: 'joined',
        ref,
        clusterId: consensus.place.clusterId,
        memberId: outcome.value,
        base: consensus.base,
        lastIndex: consensus.core.status().lastIndex,
        peers: this.#deps.peers.bookOfMembers(),
      });
    });
  }

  // ---- conversations ----

  /** Asks a peer; false when the message could not be sent. `end` comes once. */
  #ask(
    peer: PeerId,
    message: (ref: number) => ControlMessage,
    end: (message: FinalMessage) => void,
  ): boolean {
    const ref = this.#deps.refs.next();
    if (!this.send(peer, message(ref))) return false;
    const timer = this.#deps.clock.after(answerMillisMax, () => {
      this.#asked.delete(ref);
      end({ type: 'refused', ref, refusal: tooSlow });
    });
    this.#asked.set(ref, { peer, timer, end });
    return true;
  }

  #answered(peer: PeerId, message: FinalMessage): void {
    const asked = this.#asked.get(message.ref);
    if (asked === undefined) return this.#deps.joinAnswered(message);
    if (asked.peer !== peer) return;
    this.#asked.delete(message.ref);
    asked.timer.cancel();
    asked.end(message);
  }

  #endAll(which: (asked: Asked) => boolean, refusal: Refusal): void {
    for (const [ref, asked] of [...this.#asked]) {
      if (!which(asked)) continue;
      this.#asked.delete(ref);
      asked.timer.cancel();
      asked.end({ type: 'refused', ref, refusal });
    }
  }

  // ---- removal ----

  #tellRemoved(peer: PeerId, memberId: MemberId): void {
    const graves = this.#deps.consensus()?.machine.tombstones() ?? [];
    const grave = graves.find(({ id }) => id === memberId);
    if (grave === undefined) return;
    const { removedAtIndex: index, mayRejoin } = grave;
    this.send(peer, { type: 'removed', memberId, index, mayRejoin });
  }

  #toldRemoved(peer: PeerId, { memberId, index, mayRejoin }: Removed): void {
    const consensus = this.#deps.consensus();
    if (consensus === null || consensus.place.memberId !== memberId) return;
    // Believed only from a member of the cluster, and never about a time before the admission.
    const known = consensus.core.status().configuration.members.some((m) => m.peerId === peer);
    const younger = (this.#deps.peers.greeting(peer)?.memberId ?? 0) > memberId;
    // A newcomer that was put out before its log reached its admission knows nobody to believe but
    // servers of the cluster that took it in.
    const isNewcomer = consensus.core.status().configurationIndex < consensus.place.joinIndex;
    const ofCluster = this.#deps.peers.greeting(peer)?.clusterId === consensus.place.clusterId;
    if ((known || younger || (isNewcomer && ofCluster)) && index >= consensus.place.joinIndex)
      this.#deps.removed(index, mayRejoin);
  }
}

type Told = Extract<FinalMessage, { type: 'done' | 'planned' | 'explained' }>;

function replyOf(message: Told): OperatorReply {
  switch (message.type) {
    case 'done':
      return { type: 'done', message: message.message };
    case 'planned':
      return { type: 'plan', plan: message.plan };
    case 'explained':
      return { type: 'why', why: message.why };
  }
}

/** The same towards the server that passed the question on. */
function messageOf(reply: OperatorReply, ref: number): Told {
  if (reply.type === 'plan') return { type: 'planned', ref, plan: reply.plan };
  if (reply.type === 'why') return { type: 'explained', ref, why: reply.why };
  return { type: 'done', ref, message: reply.type === 'done' ? reply.message : reply.type };
}

function doneWith(answer: Answer): (outcome: Outcome<string>) => void {
  return (outcome) =>
    answer(outcome.ok ? { ok: true, value: { type: 'done', message: outcome.value } } : outcome);
}

/** The member that a name or an id means, or why none. */
function findMember(consensus: Consensus, named: string): MemberId | Refusal {
  const { members } = consensus.core.status().configuration;
  const byName = members.filter(({ name }) => name === named);
  if (byName.length === 1 && byName[0] !== undefined) return byName[0].id;
  if (byName.length > 1) {
    const ids = byName.map(({ id }) => id).join(' and ');
    const message = `"${named}" is the name of members ${ids}: give the id instead`;
    return { code: 'BAD_REQUEST', message };
  }
  const byId = members.find(({ id }) => String(id) === named);
  if (byId !== undefined) return byId.id;
  const names = members.map(({ name }) => name).join(', ');
  return { code: 'NOT_FOUND', message: `no member is named "${named}"; there are ${names}` };
}

const stopping: Refusal = { code: 'STOPPING', message: 'the server is stopping' };

const notMember: Refusal = {
  code: 'NOT_MEMBER',
  message: 'this server is in no cluster yet',
  retryAfterMillis: 500,
};

const noLeader: Refusal = {
  code: 'NO_LEADER',
  message: 'no leader is known: is a majority of the voters up? See "quorate status"',
  retryAfterMillis: 200,
};

const tooSlow: Refusal = {
  code: 'TIMEOUT',
  message: `the leader gave no answer within ${answerMillisMax} ms; see "quorate members"`,
};

const strange: Refusal = { code: 'BAD_REQUEST', message: 'the leader gave a strange answer' };
