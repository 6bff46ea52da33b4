/**
 * The table of signed, numbered records: what each server says of itself. Of two records of one
 * server the higher sequence counts. The table decides what enters and what gives way; whether a
 * signature is right is checked by its owner before `take`.
 *
 * Invariants: the records of the configuration's members always have room, strangers share
 * `strangersMax` places, and no record of another cluster is ever held.
 * Nothing here makes anyone a member, and no vote depends on it.
 */

import type { MemberInfo } from '../raft/types.js';

/** What a server says of its own disk. */
export type DiskFitness = 'well' | 'slow' | 'full' | 'failed';

/** Every word of `DiskFitness`, in the order in which they travel. */
export const diskFitnesses: readonly DiskFitness[] = ['well', 'slow', 'full', 'failed'];

/** The worst own health; 0 is the best. As in Lifeguard. */
export const ownHealthMax = 8;

/** The most records of servers that are no members: applicants, and whoever makes up keys. */
export const strangersMax = 64;

/** Who stands by, in a leader's word. */
export interface Standbys {
  /** The term in which it leads. */
  readonly term: number;
  /** Member ids of learners that are ready to vote. */
  readonly ids: readonly number[];
}

/** The most stand-bys that a record names. */
export const standbysMax = 64;

/** What a server says of itself. */
export interface MemberRecord {
  readonly peerId: string;
  readonly incarnation: string;
  /** Higher is newer. Begins at the wall clock's milliseconds, so that a restart is newer. */
  readonly sequence: number;
  readonly clusterName: string;
  /** Null: it is in no cluster yet. */
  readonly clusterId: string | null;
  readonly memberId: number | null;
  readonly name: string;
  readonly version: string;
  /** Where it can be dialled, `host:port`. */
  readonly addresses: readonly string[];
  /** Where it stands, in the operator's word; null: not said. */
  readonly zone: string | null;
  /** How late its event loop runs. */
  readonly loopDelayMillis: number;
  /** 0 (well) … `ownHealthMax`. */
  readonly ownHealth: number;
  readonly disk: DiskFitness;
  /** Null: it does not lead, or nobody stands by. */
  readonly standbys: Standbys | null;
  /** It is stopping, in order. */
  readonly leaving: boolean;
}

/** A record as it travels: `payload` is what was signed, byte for byte. */
export interface SignedRecord {
  readonly record: MemberRecord;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Somebody's word against a record of a member. */
export interface Rumour {
  readonly kind: 'suspect' | 'dead';
  /** Peer ids. */
  readonly subject: string;
  /** The record that it speaks against. */
  readonly sequence: number;
  readonly accuser: string;
}

/**
 * What a record is to this table. `newer`: it should enter. `ours`: it speaks of this server.
 * `older`: one as new, or newer, is held. `otherName`, `otherCluster`: it is of another cluster.
 * `otherFolder`: it has a member's key and another incarnation, so it is not that member.
 */
export type RecordVerdict =
  | 'newer'
  | 'ours'
  | 'older'
  | 'otherName'
  | 'otherCluster'
  | 'otherFolder';

/** Whose table it is. */
export interface TableOwner {
  readonly peerId: string;
  readonly clusterName: string;
}

/** Records by peer id. */
export class RecordTable {
  readonly #owner: TableOwner;
  #clusterId: string | null = null;
  /** Incarnations of the configuration's members. */
  #members: ReadonlyMap<string, string> = new Map();
  readonly #held = new Map<string, SignedRecord>();
  /** Peers of `#held` that are no members, the one heard longest ago first. */
  readonly #strangers = new Set<string>();

  constructor(owner: TableOwner) {
    this.#owner = owner;
  }

  /** This server belongs to a cluster: records of others go. */
  joined(clusterId: string): void {
    this.#clusterId = clusterId;
    for (const { record } of [...this.#held.values()]) {
      if (this.#isOfOther(record)) this.#drop(record.peerId);
    }
  }

  /** The members of the configuration in force. */
  configured(members: readonly MemberInfo[]): void {
    this.#members = new Map(members.map(({ peerId, incarnation }) => [peerId, incarnation]));
    for (const [peerId, { record }] of [...this.#held]) {
      const incarnation = this.#members.get(peerId);
      if (incarnation === undefined) this.#strangers.add(peerId);
      else if (incarnation !== record.incarnation) this.#drop(peerId);
      else this.#strangers.delete(peerId);
    }
    this.#makeRoom();
  }

  /** What the record is to this table; it changes nothing. */
  judge(record: MemberRecord): RecordVerdict {
    if (record.clusterName !== this.#owner.clusterName) return 'otherName';
    if (record.peerId === this.#owner.peerId) return 'ours';
    if (this.#isOfOther(record)) return 'otherCluster';
    const incarnation = this.#members.get(record.peerId);
    if (incarnation !== undefined && incarnation !== record.incarnation) return 'otherFolder';
    return record.sequence > this.sequenceOf(record.peerId) ? 'newer' : 'older';
  }

  /** Takes a record whose signature is right; returns what it was. Only `newer` ones enter. */
  take(signed: SignedRecord): RecordVerdict {
    const { record } = signed;
    const verdict = this.judge(record);
    if (verdict !== 'newer') return verdict;
    const { peerId } = record;
    this.#held.set(peerId, signed);
    if (!this.#members.has(peerId)) {
      // To the end: the one heard longest ago gives way first.
      this.#strangers.delete(peerId);
      this.#strangers.add(peerId);
      this.#makeRoom();
    }
    return verdict;
  }

  get(peerId: string): SignedRecord | undefined {
    return this.#held.get(peerId);
  }

  /** 0: no record is held. */
  sequenceOf(peerId: string): number {
    return this.#held.get(peerId)?.record.sequence ?? 0;
  }

  /** Every record held. */
  records(): readonly MemberRecord[] {
    return [...this.#held.values()].map(({ record }) => record);
  }

  #isOfOther({ clusterId }: MemberRecord): boolean {
    return clusterId !== null && this.#clusterId !== null && clusterId !== this.#clusterId;
  }

  #makeRoom(): void {
    for (const peerId of this.#strangers) {
      if (this.#strangers.size <= strangersMax) return;
      this.#drop(peerId);
    }
  }

  #drop(peerId: string): void {
    this.#held.delete(peerId);
    this.#strangers.delete(peerId);
  }
}
