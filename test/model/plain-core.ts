/**
 * The core with its private fields in the open: what the model checker needs to copy a server and
 * to tell whether two are in the same state. `plainPatches` makes the fields plain as the sources
 * are loaded, here alone; the product stays as it is. A field that this file does not know makes
 * `unknownFields` speak, so that no new field is forgotten in the comparison.
 */

import type { RaftCore } from '../../src/raft/core.js';
import { Leading } from '../../src/raft/leading.js';
import type { RaftLog } from '../../src/raft/log.js';
import type { Progress } from '../../src/raft/progress.js';
import type { LeaderReads } from '../../src/raft/read-queue.js';
import type { CoreState } from '../../src/raft/state.js';

/** A write that was given out and not answered. */
interface PlainWrite {
  readonly index: number;
  readonly term: number;
  readonly cutFrom: number;
}

/** RaftLog, opened. */
export type PlainLog = RaftLog & {
  _runs: unknown[];
  _configurations: unknown[];
  _tail: unknown[];
  _writes: PlainWrite[];
};

/** Progress, opened: its window is a ring. */
export type PlainProgress = Progress & {
  _lastIndexes: number[];
  _bytes: number[];
  readonly _window: { readonly messagesMax: number };
  readonly _head: number;
  readonly _count: number;
  readonly _allowed: number;
};

type PlainReads = LeaderReads & { _rounds: unknown[] };
type PlainState = { -readonly [K in keyof CoreState]: CoreState[K] } & { _effects: unknown[] };

/** The fields that copy and comparison know, by class. */
const knownFields: Readonly<Record<string, readonly string[]>> = {
  CoreState: [
    ...['options', 'self', 'joinIndex', 'log', 'rng', 'term', 'vote', 'role', 'leader', 'commit'],
    ...['applied', 'now', 'leaderHeardTick', 'timerTick', 'electionTicks', 'votes', 'leading'],
    ...['reads', '_effects', '_hardStateDirty', '_toldRole', '_toldTerm', '_toldLeader'],
  ],
  RaftLog: [
    ...['_base', '_lastIndex', '_lastTerm', '_persisted', '_runs', '_configurations', '_tail'],
    ...['_head', '_tailBytes', '_writes', '_cutsPending', '_slice', '_lastTimeMillis'],
  ],
  Leading: [
    ...['followers', 'reads', 'firstIndex', 'sinceTick', 'alone', 'transfer', 'uncommittedBytes'],
    ...['heartbeatTick', 'matches', 'rounds', 'heard', '_state'],
  ],
  Progress: [
    ...['id', 'match', 'next', 'state', 'pendingSnapshot', 'sequence', 'floor', 'probeSent'],
    ...['heardTick', 'ackedRound', 'sentCommit', 'sentTick', 'lossCheckSequence'],
    ...['lossCheckTick', 'forgottenSequence', '_window', '_lastIndexes', '_bytes', '_head'],
    ...['_count', '_bytesTotal', '_allowed'],
  ],
};

/** The state behind a core. @throws Error when the sources were loaded without the patches. */
export function stateOf(core: RaftCore): PlainState {
  const state = (core as unknown as { _state?: PlainState })._state;
  if (state === undefined) throw new Error('load the sources with plainPatches (register.ts)');
  return state;
}

/** Fields of this leader's objects that copy and comparison do not know. */
export function unknownFields(core: RaftCore): readonly string[] {
  const state = stateOf(core);
  const objects: object[] = [state, state.log];
  if (state.leading !== null) objects.push(state.leading, ...state.leading.followers.values());
  return objects.flatMap((object) => {
    const known = knownFields[object.constructor.name] ?? [];
    const fields = Object.keys(object).filter((field) => !known.includes(field));
    return fields.map((field) => `${object.constructor.name}.${field}`);
  });
}

/** A new object with the same fields. */
function shallow<T extends object>(object: T): T {
  return Object.assign(Object.create(Object.getPrototypeOf(object)), object);
}

function copyProgress(progress: PlainProgress): Progress {
  const copy = shallow(progress);
  copy._lastIndexes = progress._lastIndexes.slice();
  copy._bytes = progress._bytes.slice();
  return copy;
}

/** What hangs on a leadership is built anew, for its index sources look into their own state. */
function copyLeading(leading: Leading, state: CoreState): Leading {
  const copy = new Leading(state, leading.alone);
  const { firstIndex, sinceTick, heartbeatTick, uncommittedBytes } = leading;
  const transfer = leading.transfer === null ? null : { ...leading.transfer };
  Object.assign(copy, { firstIndex, sinceTick, heartbeatTick, uncommittedBytes, transfer });
  for (const [id, progress] of leading.followers) {
    copy.followers.set(id, copyProgress(progress as PlainProgress));
  }
  const reads = copy.reads as PlainReads;
  reads.round = leading.reads.round;
  reads.waiting = leading.reads.waiting.slice();
  reads._rounds = (leading.reads as PlainReads)._rounds.slice();
  return copy;
}

/** A core that goes on from the same state, and shares with the first only what never changes. */
export function copyCore(core: RaftCore): RaftCore {
  const state = stateOf(core);
  const log = shallow(state.log) as PlainLog;
  log._runs = log._runs.slice();
  log._configurations = log._configurations.slice();
  log._tail = log._tail.slice();
  log._writes = log._writes.slice();
  const reads = shallow(state.reads);
  reads.waiting = reads.waiting.slice();
  const copy = shallow(state);
  copy.log = log;
  copy.rng = shallow(state.rng);
  copy.votes = new Map(state.votes);
  copy.reads = reads;
  copy._effects = [];
  const { leading } = state;
  copy.leading = leading === null ? null : copyLeading(leading, copy as unknown as CoreState);
  return Object.assign(Object.create(Object.getPrototypeOf(core)), { _state: copy });
}
