/**
 * The views of a stream: ranges of its sequences, one behind the other without a gap, of which only
 * the newest may be open. Sealing is one-way: a closed view never changes. Views whose records are
 * all trimmed away are forgotten, but for the newest; numbers go on.
 */

import { streamViewsTold } from '../base/limits.js';
import type { StreamView } from './commands.js';
import type { StateDigest } from './state-digest.js';
import { StateRowError, streamPartMax, type ViewsRow } from './state-rows.js';

/** Most views remembered; one more is refused until some are trimmed away. */
export const streamViewsMax = 10_000;

/** What every stream begins with; shared, for most streams never have another. */
const firstView: StreamView = { view: 1, firstSeq: 1, endSeq: null };

/** The views of one stream. */
export class StreamViews {
  /** By rising number, no number left out; all but the last are closed. Never empty. */
  #views: StreamView[] = [firstView];
  #isSealed = false;

  /** The newest view is closed: the stream takes no record. */
  get isSealed(): boolean {
    return this.#isSealed;
  }

  /** Number of the newest view. */
  get newest(): number {
    return this.#last().view;
  }

  /** Views remembered. */
  get count(): number {
    return this.#views.length;
  }

  /** The newest of them, at most `streamViewsTold`, the oldest first. */
  told(): readonly StreamView[] {
    return this.#views.slice(-streamViewsTold);
  }

  /** Where a view ended; null: it is open, forgotten, or has not begun. */
  endOf(view: number): number | null {
    const first = this.#views[0] as StreamView;
    return this.#views[view - first.view]?.endSeq ?? null;
  }

  /** Closes the newest view before `nextSeq`; closed already, it stays as it is. */
  seal(nextSeq: number): void {
    if (this.#isSealed) return;
    this.#isSealed = true;
    // The array is shared with nobody, the view with those who were told of it.
    this.#views[this.#views.length - 1] = { ...this.#last(), endSeq: nextSeq };
  }

  /** Opens the next view at `nextSeq`; the newest one is sealed. */
  open(nextSeq: number): void {
    this.#isSealed = false;
    this.#views.push({ view: this.newest + 1, firstSeq: nextSeq, endSeq: null });
  }

  /** Forgets views whose records are all below `firstSeq`, the first record kept. */
  trim(firstSeq: number): void {
    let gone = 0;
    while (gone + 1 < this.#views.length && isGone(this.#views[gone] as StreamView, firstSeq))
      gone++;
    if (gone > 0) this.#views = this.#views.slice(gone);
  }

  /** The same views, to be changed by themselves. */
  copy(): StreamViews {
    const copy = new StreamViews();
    copy.#views = this.#views.slice();
    copy.#isSealed = this.#isSealed;
    return copy;
  }

  /** All that are remembered. Not to be walked once they were changed. */
  *rows(): Generator<ViewsRow> {
    for (let at = 0; at < this.#views.length; at += streamPartMax) {
      yield { kind: 'views', views: this.#views.slice(at, at + streamPartMax) };
    }
  }

  /** Takes back a row: the first one in the place of what every stream begins with.
   * @throws StateRowError when its views cannot follow those. */
  restoreViews(row: ViewsRow, isFirst: boolean): void {
    const views = isFirst ? [] : this.#views;
    for (const view of row.views) {
      const last = views.at(-1);
      const follows =
        last === undefined || (view.view === last.view + 1 && view.firstSeq === last.endSeq);
      if (!follows || (view.endSeq !== null && view.endSeq < view.firstSeq)) {
        throw new StateRowError('views that do not follow each other');
      }
      views.push(view);
    }
    if (views.length > streamViewsMax) throw new StateRowError('more views than are remembered');
    this.#views = views;
    this.#isSealed = views.at(-1)?.endSeq !== null;
  }

  /** All rows are back. @throws StateRowError when a stream of that length has no such views. */
  restored(nextSeq: number): void {
    const { firstSeq, endSeq } = this.#last();
    if (firstSeq > nextSeq || (endSeq !== null && endSeq !== nextSeq)) {
      throw new StateRowError('views that do not end where their stream does');
    }
  }

  /** Adds every view. */
  digest(into: StateDigest): void {
    into.number(this.#views.length);
    for (const { view, firstSeq, endSeq } of this.#views) {
      into.number(view);
      into.number(firstSeq);
      into.number(endSeq ?? 0);
    }
  }

  #last(): StreamView {
    return this.#views[this.#views.length - 1] as StreamView;
  }
}

/** An empty view goes once the stream has lost what came behind it. */
function isGone(view: StreamView, firstSeq: number): boolean {
  if (view.endSeq === null) return false;
  return view.endSeq < firstSeq || (view.endSeq === firstSeq && view.firstSeq < view.endSeq);
}
