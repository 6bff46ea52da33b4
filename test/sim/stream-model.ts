/**
 * What one stream should do, in the plainest words: all records there ever were in one list, every
 * rule asked anew each time. The model of the machine (machine-model.ts) has one for each stream.
 */

import type {
  Append,
  AppendConditions,
  Retention,
  StreamChange,
  StreamState,
} from '../../src/machine/commands.js';
import type { Index } from '../../src/raft/types.js';

/** A record where it stands, kept or not. */
export interface ModelRecord {
  readonly index: Index;
  readonly text: string;
  /** The log's time when it was appended. */
  readonly millis: number;
}

/** A refusal: its code, and what would have been right. */
export interface ModelRefusal {
  readonly code: string;
  readonly expected?: number;
}

interface Mark {
  readonly seq: number;
  readonly millis: number;
  /** Of all records before it. */
  readonly bytes: number;
}

interface View {
  readonly view: number;
  readonly firstSeq: number;
  endSeq: number | null;
}

/** One stream by the book. */
export class StreamModel {
  readonly records: ModelRecord[] = [];
  firstSeq = 1;
  fence = 0;
  retention: Retention = { recordsMax: null, bytesMax: null, ageMillisMax: null };
  #bytes = 0;
  #marks: Mark[] = [];
  #views: View[] = [{ view: 1, firstSeq: 1, endSeq: null }];
  /** How it stood after each change. */
  readonly #changed = new Map<Index, StreamState>();
  /** From which index on the stream began where. */
  readonly #firstSeqs: { readonly index: Index; readonly firstSeq: number }[] = [];

  get nextSeq(): number {
    return this.records.length + 1;
  }

  /** How many records there were, trimmed or not, once `index` was applied. */
  lengthAt(index: Index): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.records[middle] as ModelRecord).index <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first record that was kept once `index` was applied. */
  firstSeqAt(index: Index): number {
    return this.#firstSeqs.findLast((step) => step.index <= index)?.firstSeq ?? 1;
  }

  /** How it stood right after the change at `index`. */
  stateAt(index: Index): StreamState | undefined {
    return this.#changed.get(index);
  }

  state(): StreamState {
    const { firstSeq, nextSeq, fence, retention } = this;
    const before = this.#marks.findLast(({ seq }) => seq <= firstSeq)?.bytes ?? this.#bytes;
    const bytes = firstSeq === nextSeq ? 0 : this.#bytes - before;
    const views = this.#views.slice(-100).map((view) => ({ ...view }));
    return { firstSeq, nextSeq, bytes, fence, views, retention: { ...retention } };
  }

  /** Why these records must not be appended. */
  fault({ expectSeq, fence, view }: AppendConditions): ModelRefusal | null {
    const newest = this.#newest();
    if (view === 0 || fence === 0) return { code: 'BAD_REQUEST' };
    if (view !== null && view < newest.view) {
      const end = this.#views.find((one) => one.view === view)?.endSeq;
      return typeof end === 'number' ? { code: 'SEALED', expected: end } : { code: 'SEALED' };
    }
    if (view !== null && view > newest.view) return { code: 'CONFLICT' };
    if (newest.endSeq !== null) return { code: 'SEALED', expected: newest.endSeq };
    if (fence !== null && fence < this.fence) return { code: 'FENCED', expected: this.fence };
    const isRight = expectSeq === null || expectSeq === this.nextSeq;
    return isRight ? null : { code: 'CONFLICT', expected: this.nextSeq };
  }

  append(index: Index, millis: number, texts: readonly string[], { conditions }: Append): void {
    const seq = this.nextSeq;
    const mark = this.#marks.at(-1);
    const isOver =
      mark === undefined ||
      millis - mark.millis >= 1000 ||
      this.#bytes - mark.bytes >= 65_536 ||
      seq - mark.seq >= 1000;
    if (isOver) this.#marks.push({ seq, millis, bytes: this.#bytes });
    for (const text of texts) {
      this.records.push({ index, text, millis });
      this.#bytes += text.length;
    }
    this.fence = Math.max(this.fence, conditions?.fence ?? 0);
    const { recordsMax, bytesMax } = this.retention;
    if (recordsMax !== null) this.#trim(index, this.nextSeq - recordsMax);
    if (bytesMax !== null) {
      const within = this.#marks.find(({ bytes }) => this.#bytes - bytes <= bytesMax);
      this.#trim(index, (within ?? (this.#marks.at(-1) as Mark)).seq);
    }
    this.expire(index, millis);
  }

  /** Stretches go when even the youngest record that could be in them is too old. */
  expire(index: Index, millis: number): void {
    const { ageMillisMax } = this.retention;
    if (ageMillisMax === null) return;
    const young = this.#marks.find((mark) => mark.millis + 999 > millis - ageMillisMax);
    this.#trim(index, young?.seq ?? this.nextSeq);
  }

  /** Changes it, or says why not. */
  change(index: Index, change: StreamChange): ModelRefusal | null {
    const refusal = this.#change(index, change);
    if (refusal === null) this.#changed.set(index, this.state());
    return refusal;
  }

  #change(index: Index, change: StreamChange): ModelRefusal | null {
    const newest = this.#newest();
    switch (change.kind) {
      case 'seal':
        if (change.view === 0) return { code: 'BAD_REQUEST' };
        if (change.view !== null && change.view !== newest.view) {
          return { code: 'CONFLICT', expected: newest.view };
        }
        newest.endSeq ??= this.nextSeq;
        return null;
      case 'openView':
        if (change.after !== newest.view || newest.endSeq === null) {
          return { code: 'CONFLICT', expected: newest.view };
        }
        if (this.#views.length >= 10_000) return { code: 'TOO_LARGE' };
        this.#views.push({ view: newest.view + 1, firstSeq: this.nextSeq, endSeq: null });
        this.#forgetViews();
        return null;
      case 'trim':
        this.#trim(index, change.beforeSeq);
        return null;
      case 'setRetention': {
        const { recordsMax, bytesMax, ageMillisMax } = change;
        if ([recordsMax, bytesMax, ageMillisMax].includes(0)) return { code: 'BAD_REQUEST' };
        this.retention = { recordsMax, bytesMax, ageMillisMax };
        return null;
      }
    }
  }

  #newest(): View {
    return this.#views.at(-1) as View;
  }

  #trim(index: Index, beforeSeq: number): void {
    const firstSeq = Math.max(this.firstSeq, Math.min(beforeSeq, this.nextSeq));
    if (firstSeq === this.firstSeq) return;
    this.firstSeq = firstSeq;
    this.#firstSeqs.push({ index, firstSeq });
    if (firstSeq === this.nextSeq) this.#marks = [];
    const front = this.#marks.findLastIndex(({ seq }) => seq <= firstSeq);
    this.#marks = this.#marks.slice(Math.max(0, front));
    this.#forgetViews();
  }

  #forgetViews(): void {
    const { firstSeq } = this;
    const newest = this.#newest();
    const isGone = ({ firstSeq: from, endSeq }: View): boolean =>
      endSeq !== null && (endSeq < firstSeq || (endSeq === firstSeq && from < endSeq));
    this.#views = this.#views.filter((view) => view === newest || !isGone(view));
  }
}
