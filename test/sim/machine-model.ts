/**
 * What the replicated machine should do, in the plainest words: lists, maps, no sharing. It is fed
 * each committed command once, and keeps what every key and stream looked like at every revision,
 * so that any read can be judged by when it was asked and answered.
 */

import type {
  Append,
  AppendConditions,
  ApplyMeta,
  ChangeStream,
  Command,
  Delete,
  Put,
  Reply,
  SetPolicy,
} from '../../src/machine/commands.js';
import type { Index } from '../../src/raft/types.js';
import { type ModelRecord, type ModelRefusal, StreamModel } from './stream-model.js';

/** One state of one key: from `from` on, until the next. */
export interface KeyState {
  readonly from: Index;
  readonly revision: number;
  /** Null: deleted. */
  readonly value: string | null;
  readonly createRevision: number;
  readonly version: number;
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
    case 'streamChanged':
      return `streamChanged ${JSON.stringify(inOrder(reply.state))} ${reply.index} ${reply.term}`;
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

/** Objects by rising names of their fields: equal for equal states. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== 'object') return value;
  const rows = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(rows.map(([name, each]) => [name, inOrder(each)]));
}

const noConditions: AppendConditions = { expectSeq: null, fence: null, view: null };

/** The machine by the book. */
export class MachineModel {
  readonly streams = new Map<string, StreamModel>();
  readonly keys = new Map<string, KeyState[]>();
  revision = 0;
  /** How often an append, and how often time alone, made a stream forget records. */
  retentionTrims = 0;
  ageTrims = 0;
  #policyIndex: Index = 0;
  /** The newest stamp of an entry. */
  #millis = 0;
  /** The revision after each index that changed it, as pairs in order. */
  readonly #sessions = new Map<number, Session>();
  readonly #revisionAt: number[] = [];

  /** The store's revision once `index` was applied. */
  revisionAt(index: Index): number {
    return this.#revisionAt[index] ?? 0;
  }

  /** Takes in an entry. @returns the word of the reply it must give; null for no command. */
  apply({ index, term, timeMillis }: ApplyMeta, command: Command | null): string | null {
    const before = Math.floor(this.#millis / 1000);
    this.#millis = Math.max(this.#millis, timeMillis);
    if (Math.floor(this.#millis / 1000) > before) {
      for (const stream of this.streams.values()) {
        const { firstSeq } = stream;
        stream.expire(index, this.#millis);
        if (stream.firstSeq > firstSeq) this.ageTrims += 1;
      }
    }
    const word = command === null ? null : this.#reply(index, term, command);
    this.#revisionAt[index] = this.revision;
    return word;
  }

  /** The records of a stream, kept or not. */
  records(stream: string): readonly ModelRecord[] {
    return this.streams.get(stream)?.records ?? [];
  }

  /** How many records a stream ever had once `index` was applied. */
  lengthAt(stream: string, index: Index): number {
    return this.streams.get(stream)?.lengthAt(index) ?? 0;
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

  #do(index: Index, term: number, command: Append | ChangeStream | Put | Delete): string {
    if (command.op === 'append') return this.#append(index, term, command);
    if (command.op === 'changeStream') return this.#changeStream(index, term, command);
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

  #append(index: Index, term: number, command: Append): string {
    const stream = this.streams.get(command.stream) ?? new StreamModel();
    const refusal = stream.fault(command.conditions ?? noConditions);
    if (refusal !== null) return refusalWord(refusal, index);
    this.streams.set(command.stream, stream);
    const { firstSeq, nextSeq: first } = stream;
    stream.append(index, this.#millis, command.records.map(textOf), command);
    if (stream.firstSeq > firstSeq) this.retentionTrims += 1;
    return `appended ${first} ${stream.nextSeq - 1} ${index} ${term}`;
  }

  #changeStream(index: Index, term: number, { stream: name, change }: ChangeStream): string {
    const known = this.streams.get(name);
    const isMade = change.kind === 'seal' || change.kind === 'setRetention';
    if (known === undefined && !isMade) return refusalWord({ code: 'NOT_FOUND' }, index);
    const stream = known ?? new StreamModel();
    const refusal = stream.change(index, change);
    if (refusal !== null) return refusalWord(refusal, index);
    this.streams.set(name, stream);
    return `streamChanged ${JSON.stringify(inOrder(stream.state()))} ${index} ${term}`;
  }
}

function refusalWord({ code, expected }: ModelRefusal, index: Index): string {
  return `refused ${code} ${index} ${expected ?? ''}`;
}
