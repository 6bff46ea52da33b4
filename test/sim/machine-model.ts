/**
 * What the replicated machine should do, in the plainest words: lists, maps, no sharing. It is fed
 * each committed command once, and keeps what every key and stream looked like at every revision,
 * so that any read can be judged by when it was asked and answered.
 */

import type { Append, Command, Delete, Put, Reply, SetPolicy } from '../../src/machine/commands.js';
import type { Index } from '../../src/raft/types.js';

/** One state of one key: from `from` on, until the next. */
export interface KeyState {
  readonly from: Index;
  readonly revision: number;
  /** Null: deleted. */
  readonly value: string | null;
  readonly createRevision: number;
  readonly version: number;
}

/** A record where it stands. */
export interface ModelRecord {
  readonly index: Index;
  readonly text: string;
}

interface Session {
  next: number;
  acknowledged: number;
  readonly replies: Map<number, string>;
}

/** A reply in one word: equal for equal replies. Messages for people do not count. */
export function replyWord(reply: Reply): string {
  switch (reply.kind) {
    case 'session':
      return `session ${reply.session}`;
    case 'closed':
      return `closed ${reply.index}`;
    case 'appended':
      return `appended ${reply.firstSeq} ${reply.lastSeq} ${reply.index} ${reply.term}`;
    case 'put': {
      const { revision, createRevision, version, index, term } = reply;
      return `put ${revision} ${createRevision} ${version} ${index} ${term}`;
    }
    case 'deleted':
      return `deleted ${reply.revision} ${reply.count} ${reply.index} ${reply.term}`;
    case 'policySet':
      return `policySet ${reply.index} ${reply.term}`;
    case 'refused':
      return `refused ${reply.refusal.code} ${reply.index} ${reply.refusal.expected ?? ''}`;
  }
}

/** Bytes as text, one character a byte. */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** The machine by the book. */
export class MachineModel {
  readonly streams = new Map<string, ModelRecord[]>();
  readonly keys = new Map<string, KeyState[]>();
  revision = 0;
  #policyIndex: Index = 0;
  /** The revision after each index that changed it, as pairs in order. */
  readonly #sessions = new Map<number, Session>();
  readonly #revisionAt: number[] = [];

  /** The store's revision once `index` was applied. */
  revisionAt(index: Index): number {
    return this.#revisionAt[index] ?? 0;
  }

  /** Takes in entry `index`. @returns the word of the reply it must give; null for no command. */
  apply(index: Index, term: number, command: Command | null): string | null {
    const word = command === null ? null : this.#reply(index, term, command);
    this.#revisionAt[index] = this.revision;
    return word;
  }

  /** How many records a stream had once `index` was applied. */
  lengthAt(stream: string, index: Index): number {
    const records = this.streams.get(stream) ?? [];
    let low = 0;
    let high = records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((records[middle] as ModelRecord).index <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #reply(index: Index, term: number, command: Command): string {
    if (command.op === 'registerSession') {
      this.#sessions.set(index, { next: 1, acknowledged: 1, replies: new Map() });
      return `session ${index}`;
    }
    if (command.op === 'closeSession') {
      this.#sessions.delete(command.session);
      return `closed ${index}`;
    }
    if (command.op === 'setPolicy') return this.#setPolicy(index, term, command);
    const { tag } = command;
    if (tag === null) return this.#do(index, term, command);
    const session = this.#sessions.get(tag.session);
    if (session === undefined) return `refused SESSION_EXPIRED ${index} `;
    if (tag.sequence > session.next) return `refused OUT_OF_ORDER ${index} ${session.next}`;
    if (tag.sequence < session.next) {
      if (tag.sequence < session.acknowledged) return `refused REPLY_FORGOTTEN ${index} `;
      return session.replies.get(tag.sequence) as string;
    }
    const word = this.#do(index, term, command);
    session.replies.set(tag.sequence, word);
    session.next += 1;
    session.acknowledged = Math.max(session.acknowledged, tag.acknowledgedBelow);
    return word;
  }

  /** Words that say something are taken; the worlds have no others. */
  #setPolicy(index: Index, term: number, { expectedIndex }: SetPolicy): string {
    if (expectedIndex !== null && expectedIndex !== this.#policyIndex) {
      return `refused CONFLICT ${index} `;
    }
    this.#policyIndex = index;
    return `policySet ${index} ${term}`;
  }

  #do(index: Index, term: number, command: Append | Put | Delete): string {
    if (command.op === 'append') {
      const { stream } = command;
      const records = this.streams.get(stream) ?? [];
      this.streams.set(stream, records);
      const first = records.length + 1;
      for (const record of command.records) records.push({ index, text: textOf(record) });
      return `appended ${first} ${records.length} ${index} ${term}`;
    }
    const key = textOf(command.key);
    const states = this.keys.get(key) ?? [];
    const now = states[states.length - 1];
    const isThere = now !== undefined && now.value !== null;
    const { expectedModRevision: expected } = command;
    if (expected !== null && expected !== (isThere ? now.revision : 0)) {
      return `refused CONFLICT ${index} `;
    }
    if (command.op === 'delete' && !isThere) return `deleted ${this.revision} 0 ${index} ${term}`;
    this.revision += 1;
    const { revision } = this;
    this.keys.set(key, states);
    if (command.op === 'delete') {
      states.push({ from: index, revision, value: null, createRevision: 0, version: 0 });
      return `deleted ${revision} 1 ${index} ${term}`;
    }
    const createRevision = isThere ? now.createRevision : revision;
    const version = isThere ? now.version + 1 : 1;
    const value = textOf(command.value);
    states.push({ from: index, revision, value, createRevision, version });
    return `put ${revision} ${createRevision} ${version} ${index} ${term}`;
  }
}
