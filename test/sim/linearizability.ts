/**
 * The exact search for linearizability: is there an order of the operations, each at one moment
 * between its begin and its end, that explains every reply? What the operations mean is a model's
 * business: key-history.ts has the one of keys, stream-history.ts the one of streams and its linear
 * rules. Operations without a known outcome stay open to the end: done at some moment after their
 * begin, or never.
 * A search that reaches its limit is `undecided`, and that is a failure, never a pass.
 * Two things keep it short, and leave every answer as it is: operations whose replies tell their
 * order are tried in no other, and one that fits and changes nothing is never put off.
 * Source: Wing and Gong 1993, with Lowe's memory of (operations done, state) as Porcupine uses it.
 */

/** When an operation ran, in any unit: ends before another's begin precede it, equal times do
 * not. */
export interface Timed {
  readonly begun: number;
  /** Null: the outcome is not known; it may still be done, at any time. */
  readonly ended: number | null;
}

/** A sequential thing: what each operation does to it, if its reply fits. */
export interface Model<Operation, State> {
  readonly initial: State;
  /**
   * The state after `operation`, or null when its reply does not fit. States are never changed. For
   * an unknown outcome: the state if it is done; that it is not, the search tries by itself.
   */
  step(state: State, operation: Operation): State | null;
  /**
   * Where the operation's own reply puts it in the order: after all that have smaller places. Null:
   * the reply does not say. Only what `step` would refuse in any other order may have a place.
   */
  placeOf(operation: Operation): number | null;
  /** Equal for equal states and for no others. */
  keyOf(state: State): string;
}

/** When a search gives up. */
export interface SearchLimits {
  /** @default 4,000,000 */
  readonly stepsMax: number;
  /** Most places remembered, about 200 bytes each. @default 1,000,000 */
  readonly placesMax: number;
}

/** What was found; `operations` counts those with a known outcome: none judged is none proved. */
export type Verdict =
  | { readonly result: 'linearizable'; readonly operations: number; readonly steps: number }
  | { readonly result: 'violated' | 'undecided'; readonly why: string };

/** The limits that hold when none are given. */
export const searchLimitsDefault: SearchLimits = { stepsMax: 4_000_000, placesMax: 1_000_000 };

/** A place of the search: what may come next here, and how far that was tried. */
interface Place<State> {
  readonly state: State;
  readonly candidates: readonly number[];
  tried: number;
}

/** The operations in the order of their begin, and which of them the search has done. */
class Progress {
  readonly #times: readonly Timed[];
  readonly #done: Uint16Array;
  /** All before it are done. */
  #first = 0;
  readonly #places: readonly (number | null)[];
  /** Those that have a place, in that order; and how many of the first of them are done. */
  readonly #placed: readonly number[];
  readonly #rank: readonly number[];
  #firstPlaced = 0;

  constructor(times: readonly Timed[], places: readonly (number | null)[]) {
    this.#times = times;
    this.#done = new Uint16Array((times.length >> 4) + 1);
    this.#places = places;
    this.#placed = places
      .flatMap((place, at) => (place === null ? [] : [at]))
      .sort((a, b) => (places[a] as number) - (places[b] as number));
    const rank = times.map(() => Number.POSITIVE_INFINITY);
    for (const [i, at] of this.#placed.entries()) rank[at] = i;
    this.#rank = rank;
  }

  #isDone(at: number): boolean {
    return ((this.#done[at >> 4] as number) & (1 << (at & 15))) !== 0;
  }

  flip(at: number): void {
    this.#done[at >> 4] = (this.#done[at >> 4] as number) ^ (1 << (at & 15));
    this.#first = Math.min(this.#first, at);
    this.#firstPlaced = Math.min(this.#firstPlaced, this.#rank[at] as number);
  }

  /** The smallest place that is not done. */
  #placeMax(): number {
    for (; this.#firstPlaced < this.#placed.length; this.#firstPlaced++) {
      const at = this.#placed[this.#firstPlaced] as number;
      if (!this.#isDone(at)) return this.#places[at] as number;
    }
    return Number.POSITIVE_INFINITY;
  }

  /**
   * What may come next: not done, begun before the end of every other that is not done, and of no
   * higher place than any of these. Those of known outcome first, the sooner ended the sooner: the
   * others are seldom needed.
   */
  candidates(): readonly number[] {
    const times = this.#times;
    while (this.#first < times.length && this.#isDone(this.#first)) this.#first++;
    const found: number[] = [];
    let soonestEnd = Number.POSITIVE_INFINITY;
    for (let at = this.#first; at < times.length; at++) {
      if (this.#isDone(at)) continue;
      const { begun, ended } = times[at] as Timed;
      if (begun > soonestEnd) break;
      found.push(at);
      if (ended !== null && ended < soonestEnd) soonestEnd = ended;
    }
    const endOf = (at: number): number => times[at]?.ended ?? Number.MAX_VALUE;
    const placeMax = this.#placeMax();
    return found
      .filter((at) => (times[at] as Timed).begun <= soonestEnd)
      .filter((at) => (this.#places[at] ?? placeMax) <= placeMax)
      .sort((a, b) => endOf(a) - endOf(b));
  }

  key(): string {
    return String.fromCharCode(...this.#done);
  }
}

/**
 * Searches for an order that explains `history`.
 * @param describe one line for people, of an operation that could not be explained.
 */
export function search<Operation extends Timed, State>(
  history: readonly Operation[],
  model: Model<Operation, State>,
  describe: (operation: Operation) => string,
  limits: SearchLimits = searchLimitsDefault,
): Verdict {
  const operations = [...history].sort((a, b) => a.begun - b.begun);
  const known = operations.filter(({ ended }) => ended !== null).length;
  const places = operations.map((operation) => model.placeOf(operation));
  const progress = new Progress(operations, places);
  const seen = new Set<string>();
  const path: number[] = [];
  const trail: Place<State>[] = [];
  let knownDone = 0;
  let best: readonly number[] = [];
  let bestCount = -1;
  let steps = 0;
  const enter = (state: State): void => {
    if (knownDone > bestCount) {
      bestCount = knownDone;
      best = [...path];
    }
    trail.push({ state, candidates: progress.candidates(), tried: 0 });
  };
  const toggle = (at: number, by: 1 | -1): void => {
    progress.flip(at);
    if (operations[at]?.ended !== null) knownDone += by;
  };
  enter(model.initial);
  for (let place = trail.at(-1); place !== undefined; place = trail.at(-1)) {
    if (knownDone === known) return { result: 'linearizable', operations: known, steps };
    const at = place.candidates[place.tried++];
    if (at === undefined) {
      trail.pop();
      const last = path.pop();
      if (last !== undefined) toggle(last, -1);
      continue;
    }
    if (++steps > limits.stepsMax || seen.size > limits.placesMax) {
      const why = `no answer after ${steps} steps and ${seen.size} places, ${known} operations`;
      return { result: 'undecided', why };
    }
    const next = model.step(place.state, operations[at] as Operation);
    if (next === null) continue;
    // In any order from here it can be moved to the front: trying others first gains nothing.
    if (next === place.state) place.tried = place.candidates.length;
    toggle(at, 1);
    const key = `${progress.key()} ${model.keyOf(next)}`;
    if (seen.has(key)) {
      toggle(at, -1);
      continue;
    }
    seen.add(key);
    path.push(at);
    enter(next);
  }
  return { result: 'violated', why: explain(operations, best, describe) };
}

/** The longest explanation found, its end, and what could not come after it. */
function explain<Operation extends Timed>(
  operations: readonly Operation[],
  best: readonly number[],
  describe: (operation: Operation) => string,
): string {
  const done = new Set(best);
  const line = (at: number): string => {
    const operation = operations[at] as Operation;
    return `${operation.begun}–${operation.ended ?? '?'} ${describe(operation)}`;
  };
  const open = operations.flatMap(({ ended }, at) => (done.has(at) || ended === null ? [] : [at]));
  const before = best.slice(-5).map((at) => `  done: ${line(at)}`);
  const after = open.slice(0, 5).map((at) => `  cannot follow: ${line(at)}`);
  return [
    `${best.length} operations can be put in order, then none fits`,
    ...before,
    ...after,
  ].join('\n');
}

/** An operation's place in an order that its reply tells, and what it is, for people. */
export interface Ordered extends Timed {
  /** Smaller ones came before; equal ones may have come in any order. */
  readonly place: number;
  readonly what: string;
}

/** The first pair whose order in time contradicts the order of their places, or null. O(n log
 * n). */
export function orderFault(operations: readonly Ordered[]): string | null {
  const byBegin = [...operations].sort((a, b) => a.begun - b.begun);
  const byEnd = operations
    .filter(({ ended }) => ended !== null)
    .sort((a, b) => (a.ended as number) - (b.ended as number));
  let ended = 0;
  let highest: Ordered | null = null;
  for (const operation of byBegin) {
    for (; ended < byEnd.length; ended++) {
      const earlier = byEnd[ended] as Ordered;
      if ((earlier.ended as number) >= operation.begun) break;
      if (highest === null || earlier.place > highest.place) highest = earlier;
    }
    if (highest !== null && highest.place > operation.place) {
      const before = `the end (${highest.ended}) of ${highest.what}`;
      return `${operation.what} began at ${operation.begun}, after ${before}`;
    }
  }
  return null;
}
