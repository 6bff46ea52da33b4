/**
 * The replicated machine: what the log means. Fed every committed entry in order, it answers each
 * command with a reply or a refusal and never throws for what a command says: a refusal is part of
 * the state's course, equal on every replica. It reads no clock; time comes with the entries and is
 * made monotone here. An entry that cannot be decoded never gets here: the runner halts (trap 46).
 *
 * Invariant: equal sequences of entries from an equal base give equal states and equal replies.
 */

import { assert, unreachable } from '../base/assert.js';
import { commandBytesMax, keyBytesMax } from '../base/limits.js';
import type {
  Configuration,
  ConfigurationAt,
  Index,
  LogBase,
  MemberId,
  MemberInfo,
  Term,
} from '../raft/types.js';
import type {
  Append,
  ApplyMeta,
  ChangeStream,
  Command,
  Delete,
  KeyValue,
  Put,
  RecordPlace,
  Reply,
  SetPolicy,
  StreamState,
} from './commands.js';
import { type KeysListed, KeyValues } from './key-values.js';
import { type HistoryRow, Members, type Tombstone } from './members.js';
import { type PolicyState, PolicyWords } from './policy-words.js';
import { refused, refusedWith } from './refused.js';
import { Sessions } from './sessions.js';
import { StateDigest } from './state-digest.js';
import type { FrozenState, StateRow } from './state-rows.js';
import { doAppend, doChangeStream } from './stream-commands.js';
import { Streams, type StreamsFound, type StreamsPage } from './streams.js';

/** How often time alone trims streams, milliseconds of the log's time. */
const sweepMillis = 1000;

/** What a machine is made of. */
export class MachineParts {
  readonly streams = new Streams();
  readonly keys = new KeyValues();
  readonly sessions = new Sessions();
  readonly members = new Members();
  readonly policy = new PolicyWords();
  timeMillis = 0;

  /** Parts that know of nothing but where the log starts. */
  static of(base: LogBase): MachineParts {
    const parts = new MachineParts();
    const meta = { index: base.configurationIndex, term: base.term, timeMillis: 0 };
    parts.members.apply(meta, base.configuration);
    return parts;
  }
}

/** The state that the log makes, and the questions that readers may ask it. */
export class Machine {
  readonly #streams: Streams;
  readonly #keys: KeyValues;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #policy: PolicyWords;
  #appliedIndex: Index;
  #appliedTerm: Term;
  #timeMillis: number;
  /** The first whole second behind `#timeMillis`: with it, streams that have an age limit are
   * looked at. A function of the log's time alone: a snapshot has nothing to say of it. */
  #sweepAtMillis: number;

  /**
   * @param base what stands before the first entry to be applied.
   * @param parts the state there; a founding record has none (`restoring.ts` makes other ones).
   */
  constructor(base: LogBase, parts: MachineParts = MachineParts.of(base)) {
    this.#appliedIndex = base.index;
    this.#appliedTerm = base.term;
    this.#streams = parts.streams;
    this.#keys = parts.keys;
    this.#sessions = parts.sessions;
    this.#members = parts.members;
    this.#policy = parts.policy;
    this.#timeMillis = parts.timeMillis;
    this.#sweepAtMillis = nextSweepMillis(parts.timeMillis);
  }

  /** Index of the last entry taken in. */
  get appliedIndex(): Index {
    return this.#appliedIndex;
  }

  /** Term of the last entry taken in. */
  get appliedTerm(): Term {
    return this.#appliedTerm;
  }

  /** The newest stamp of an entry, milliseconds since 1970; never runs backwards. */
  get timeMillis(): number {
    return this.#timeMillis;
  }

  /**
   * Takes in a command.
   * @returns the reply, or the refusal that is the same on every replica.
   * @throws AssertionError when `meta` is not the entry after the last one taken in.
   */
  apply(meta: ApplyMeta, command: Command): Reply {
    this.#advance(meta);
    switch (command.op) {
      case 'registerSession':
        this.#sessions.register(meta.index);
        return { kind: 'session', session: meta.index, index: meta.index, term: meta.term };
      case 'closeSession':
        this.#sessions.close(command.session);
        return { kind: 'closed', index: meta.index, term: meta.term };
      case 'setPolicy':
        return this.#setPolicy(meta, command);
      default:
        return this.#applyOnce(meta, command);
    }
  }

  /** Takes in a configuration entry. @throws AssertionError as `apply` does. */
  applyConfiguration(meta: ApplyMeta, configuration: Configuration): void {
    this.#advance(meta);
    const { index, term } = meta;
    this.#members.apply({ index, term, timeMillis: this.#timeMillis }, configuration);
  }

  /** Takes in an entry that changes nothing. @throws AssertionError as `apply` does. */
  applyNoop(meta: ApplyMeta): void {
    this.#advance(meta);
  }

  /** The bounds of a stream: the first record kept (`nextSeq` when none is) and the sequence that
   * the next one gets. Null: there is no such stream. */
  stream(name: string): { readonly firstSeq: number; readonly nextSeq: number } | null {
    const stream = this.#streams.find(name);
    return stream === undefined ? null : { firstSeq: stream.firstSeq, nextSeq: stream.nextSeq };
  }

  /** How a stream stands, or null when there is none of that name. */
  streamState(name: string): StreamState | null {
    return this.#streams.find(name)?.state() ?? null;
  }

  /** Streams by rising name (as JavaScript compares strings), behind `after`, those that begin with
   * `prefix`, at most `limit`; `more`: there are others behind them. */
  streams(page: StreamsPage): StreamsFound {
    return this.#streams.list(page);
  }

  /**
   * Places of records fromSeq … fromSeq + limit − 1, as many as are kept, but at most
   * `locatedRecordsMax` (streams.ts) at once. A stream that does not exist has none.
   */
  locate(stream: string, fromSeq: number, limit: number): readonly RecordPlace[] {
    return this.#streams.locate(stream, fromSeq, limit);
  }

  /** A sequence kept, or `nextSeq`, at or before the first record kept that was appended at or
   * after `timeMillis`: as near as the stream's marks tell. 1 when there is no such stream. */
  timeMark(stream: string, timeMillis: number): number {
    return this.#streams.find(stream)?.seqBefore(timeMillis) ?? 1;
  }

  /** A key as it stands; what is given must not be written to. */
  get(key: Uint8Array): KeyValue | null {
    return this.#keys.get(key);
  }

  /** Keys from `start` (included) to `end` (excluded; empty: to the end), at most `limit` of them,
   * at most `listedKeysMax` and `listedBytesMax` (key-values.ts); `more`: the range goes on. */
  list(start: Uint8Array, end: Uint8Array, limit: number): KeysListed {
    return this.#keys.list(start, end, limit);
  }

  /** The key-value store's revision: 0 before the first change. */
  get revision(): number {
    return this.#keys.revision;
  }

  /** Sessions that are open. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Members of the newest applied configuration, by rising id. */
  members(): readonly MemberInfo[] {
    return this.#members.members;
  }

  /** Everyone who was a member and is none any more. */
  tombstones(): readonly Tombstone[] {
    return this.#members.tombstones;
  }

  /** The name of everyone who is or was a member, by id. */
  memberNames(): ReadonlyMap<MemberId, string> {
    return this.#members.names();
  }

  /** The last configurations, the oldest first. */
  history(): readonly HistoryRow[] {
    return this.#members.history;
  }

  /** The operator's policy: words that were set, whether this version knows them or not. */
  policy(): PolicyState {
    return this.#policy.state;
  }

  /** The newest configuration applied, and where it stands. */
  configuration(): ConfigurationAt {
    const { newest } = this.#members;
    assert(newest !== null, 'a machine begins with a configuration');
    return newest;
  }

  /** The state as it is now, to be walked while more is applied: what it shares with the machine is
   * copied when it is about to change. Costs next to nothing itself. */
  freeze(): FrozenState {
    const { index: configurationIndex, configuration } = this.configuration();
    const index = this.#appliedIndex;
    const term = this.#appliedTerm;
    const parts = [
      [this.#policy.freeze()],
      this.#members.freeze(),
      this.#keys.freeze(),
      this.#sessions.freeze(),
      this.#streams.freeze(),
    ];
    return {
      base: { index, term, configuration, configurationIndex },
      timeMillis: this.#timeMillis,
      rows: rowsOf(parts),
    };
  }

  /** A digest of the whole state, 32 hexadecimal digits: equal on replicas at equal applied index.
   * Walks everything: for tests and rare checks. */
  hash(): string {
    const digest = new StateDigest();
    digest.number(this.#appliedIndex);
    digest.number(this.#appliedTerm);
    digest.number(this.#timeMillis);
    this.#streams.digest(digest);
    this.#keys.digest(digest);
    this.#sessions.digest(digest);
    this.#members.digest(digest);
    this.#policy.digest(digest);
    return digest.hex();
  }

  #advance(meta: ApplyMeta): void {
    assert(meta.index === this.#appliedIndex + 1, 'entries are applied in order, each once');
    assert(meta.term >= this.#appliedTerm, 'terms never fall along the log');
    this.#appliedIndex = meta.index;
    this.#appliedTerm = meta.term;
    if (meta.timeMillis > this.#timeMillis) {
      this.#timeMillis = meta.timeMillis;
      if (meta.timeMillis >= this.#sweepAtMillis) this.#sweep();
    }
  }

  #sweep(): void {
    this.#sweepAtMillis = nextSweepMillis(this.#timeMillis);
    this.#streams.expire(this.#timeMillis);
  }

  #applyOnce(meta: ApplyMeta, command: Append | ChangeStream | Put | Delete): Reply {
    const { tag } = command;
    if (tag === null) return this.#perform(meta, command);
    const admission = this.#sessions.admit(tag);
    if (admission.kind === 'repeat') return admission.reply;
    if (admission.kind === 'refused') {
      return refusedWith(meta, admission.refusal);
    }
    const reply = this.#perform(meta, command);
    // A refusal is kept like any reply: its place in the order is used, a repeat must hear it too.
    this.#sessions.store(tag, reply);
    return reply;
  }

  #perform(meta: ApplyMeta, command: Append | ChangeStream | Put | Delete): Reply {
    switch (command.op) {
      case 'append':
        return doAppend(this.#streams, meta, this.#timeMillis, command);
      case 'changeStream':
        return doChangeStream(this.#streams, meta, command);
      case 'put':
        return this.#put(meta, command);
      case 'delete':
        return this.#delete(meta, command);
      default:
        return unreachable(command);
    }
  }

  #put(meta: ApplyMeta, { key, value, expectedModRevision }: Put): Reply {
    if (key.length + value.length > commandBytesMax) {
      return refused(meta, 'TOO_LARGE', `key and value have at most ${commandBytesMax} bytes`);
    }
    const fault = this.#keyFault(meta, key, expectedModRevision);
    if (fault !== null) return fault;
    const pair = this.#keys.put(key, value);
    return {
      kind: 'put',
      revision: pair.modRevision,
      createRevision: pair.createRevision,
      version: pair.version,
      index: meta.index,
      term: meta.term,
    };
  }

  #setPolicy(meta: ApplyMeta, { words, expectedIndex }: SetPolicy): Reply {
    const { index, term } = meta;
    const actual = this.#policy.state.index;
    if (expectedIndex !== null && expectedIndex !== actual) {
      const message = `the policy was set by entry ${actual} meanwhile, not ${expectedIndex}`;
      return refused(meta, 'CONFLICT', message);
    }
    const fault = this.#policy.set(index, words);
    return fault === null
      ? { kind: 'policySet', index, term }
      : refused(meta, 'BAD_REQUEST', fault);
  }

  #delete(meta: ApplyMeta, { key, expectedModRevision }: Delete): Reply {
    const fault = this.#keyFault(meta, key, expectedModRevision);
    if (fault !== null) return fault;
    const count = this.#keys.delete(key);
    const { index, term } = meta;
    return { kind: 'deleted', revision: this.#keys.revision, count, index, term };
  }

  /** The refusal of a write to `key` under this condition, or null when it may be done. */
  #keyFault(meta: ApplyMeta, key: Uint8Array, expected: number | null): Reply | null {
    if (key.length === 0) return refused(meta, 'BAD_REQUEST', 'a key has at least one byte');
    if (key.length > keyBytesMax) {
      return refused(meta, 'TOO_LARGE', `a key has at most ${keyBytesMax} bytes`);
    }
    if (expected === null) return null;
    const actual = this.#keys.get(key)?.modRevision ?? 0;
    if (actual === expected) return null;
    return refused(meta, 'CONFLICT', `the key is at revision ${actual}, not ${expected}`);
  }
}

function nextSweepMillis(timeMillis: number): number {
  return (Math.floor(timeMillis / sweepMillis) + 1) * sweepMillis;
}

function* rowsOf(parts: readonly Iterable<StateRow>[]): Generator<StateRow> {
  for (const part of parts) yield* part;
}
