/**
 * A model of the log, and a random workload that drives log and model together. The model knows
 * what was submitted and how much of it was acknowledged; after a crash the log on disk must be
 * what the submitted batches give up to some point not before the last acknowledged one: all of
 * what was done is there, nothing is invented, the order is kept.
 */

import type { Rng } from '../../src/base/rng.js';
import type { Entry, HardState } from '../../src/raft/types.js';
import type { LogBatch, LogStore } from '../../src/storage/log-store.js';
import type { OpenedWal } from '../../src/storage/wal.js';
import { base, command, type WalFixture } from './wal-fixture.js';

/** What a log holds: the terms of its entries after the base, and the hard state. */
export interface LogState {
  readonly terms: readonly number[];
  readonly hardState: HardState;
}

/** The empty log. */
export const emptyState: LogState = { terms: [], hardState: { term: 0, vote: 0 } };

/** What the submitted batches should have made of a log. */
export class WalModel {
  /** The log before the first batch. */
  readonly start: LogState;
  readonly batches: LogBatch[] = [];
  acknowledged = 0;

  constructor(start: LogState) {
    this.start = start;
  }

  /** The log when all that was submitted is on disk. */
  get newest(): LogState {
    return this.batches.reduce(
      (state, batch) => applied(state, batch, Number.POSITIVE_INFINITY),
      this.start,
    );
  }

  /** Why `found` is no possible outcome, or null when it is one. */
  judge(found: LogState): string | null {
    let state = this.start;
    for (let k = 0; k < this.acknowledged; k++) {
      state = applied(state, this.batches[k] as LogBatch, Number.POSITIVE_INFINITY);
    }
    const lowest = state;
    if (isSame(state, found)) return null;
    for (let k = this.acknowledged; k < this.batches.length; k++) {
      const batch = this.batches[k] as LogBatch;
      for (let count = 0; count <= batch.entries.length; count++) {
        if (isSame(applied(state, batch, count), found)) return null;
      }
      state = applied(state, batch, Number.POSITIVE_INFINITY);
    }
    return `found ${show(found)}, acknowledged ${show(lowest)}, submitted ${show(state)}`;
  }
}

/** What an opened log says, with every entry checked against what it should hold. */
export function stateOf(fixture: WalFixture, opened: OpenedWal): LogState {
  const { recovered, store } = opened;
  const entries = fixture.read(store, base.index + 1, recovered.lastIndex);
  if (entries.length !== recovered.lastIndex - base.index) {
    throw new Error(`${entries.length} entries up to ${recovered.lastIndex}`);
  }
  checkEntries(entries, base.index + 1);
  checkEntries(recovered.tail, recovered.lastIndex + 1 - recovered.tail.length);
  const terms = entries.map((entry) => entry.term);
  const runs = recovered.termRuns.map((run) => `${run.firstIndex}:${run.term}`).join();
  const expected = entries
    .filter((entry, i) => entry.term !== entries[i - 1]?.term)
    .map((entry) => `${entry.index}:${entry.term}`)
    .join();
  if (runs !== expected) throw new Error(`term runs ${runs}, not ${expected}`);
  return { terms, hardState: recovered.hardState };
}

function checkEntries(entries: readonly Entry[], first: number): void {
  entries.forEach((entry, i) => {
    const right = command(entry.index, entry.term, entry.data.length);
    const isRight =
      entry.index === first + i &&
      entry.timeMillis === right.timeMillis &&
      Buffer.compare(entry.data, right.data) === 0;
    if (!isRight) throw new Error(`entry ${entry.index} at ${first + i} is not what was written`);
  });
}

/** Submits random batches until `steps` are done or the disk has crashed. */
export function work(
  fixture: WalFixture,
  store: LogStore,
  model: WalModel,
  rng: Rng,
  steps: number,
): void {
  for (let step = 0; step < steps && !fixture.disk.isCrashed; step++) {
    const batch = randomBatch(model.newest, rng);
    model.batches.push(batch);
    const place = model.batches.length;
    store.append(batch, () => {
      if (model.acknowledged !== place - 1) throw new Error('done out of order');
      model.acknowledged = place;
    });
    const pick = rng.below(10);
    if (pick < 5) fixture.settle();
    else if (pick < 8) fixture.disk.drain(rng.below(4));
    if (pick === 0) {
      fixture.clock.fire();
      fixture.settle();
    }
  }
  fixture.settle();
}

function randomBatch(state: LogState, rng: Rng): LogBatch {
  let next = base.index + 1 + state.terms.length;
  let { term } = state.hardState;
  let truncateFrom: number | null = null;
  let hardState: HardState | null = null;
  const pick = rng.below(10);
  if (pick === 0 && state.terms.length > 0) {
    truncateFrom = base.index + 1 + rng.below(state.terms.length);
    next = truncateFrom;
  }
  if (pick <= 2) {
    term++;
    hardState = { term, vote: rng.below(4) };
  }
  const entries: Entry[] = [];
  const count = pick === 2 ? 0 : 1 + rng.below(6);
  for (let i = 0; i < count; i++) {
    const size = rng.below(20) === 0 ? rng.below(9000) : rng.below(400);
    entries.push(command(next++, term, size));
  }
  return { truncateFrom, hardState, entries };
}

function applied(state: LogState, batch: LogBatch, count: number): LogState {
  const from = batch.truncateFrom;
  const terms = state.terms.slice(0, from === null ? undefined : from - base.index - 1);
  for (const entry of batch.entries.slice(0, count)) terms.push(entry.term);
  return { terms, hardState: batch.hardState ?? state.hardState };
}

function isSame(a: LogState, b: LogState): boolean {
  return (
    a.hardState.term === b.hardState.term &&
    a.hardState.vote === b.hardState.vote &&
    a.terms.length === b.terms.length &&
    a.terms.every((term, i) => term === b.terms[i])
  );
}

function show(state: LogState): string {
  const { term, vote } = state.hardState;
  const last = state.terms.slice(-6).join();
  return `${state.terms.length} entries [${last}] term ${term} vote ${vote}`;
}
