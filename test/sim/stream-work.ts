/**
 * What a client does to streams that have rules: appends under conditions, seals and opens views,
 * trims, says what is to be kept, and reads from both ends, by sequence and by time. Several
 * clients do it to the same streams, each by what it last heard of them: much of it is refused.
 */

import type { QuorateError } from '../../src/base/errors.js';
import type { Rng } from '../../src/base/rng.js';
import type { AppendOptions, ReadResult, StreamChanged } from '../../src/client/calls.js';
import type { Client } from '../../src/client/client.js';
import type { StreamState } from '../../src/machine/commands.js';
import type { StreamRecord } from '../../src/wire/client-messages.js';
import type { ClientJudge } from './client-judge.js';
import type { Marks } from './marks.js';
import type { OpenCalls } from './open-calls.js';
import type { KindOfRead } from './workload.js';

/** What the work is done with. */
export interface StreamWorkParts {
  readonly client: Client;
  readonly calls: OpenCalls;
  readonly judge: ClientJudge;
  readonly marks: Marks;
  readonly check: (work: () => void) => void;
  /** So many records that nobody else appends. */
  readonly texts: (count: number) => string[];
  readonly kind: () => KindOfRead;
}

/** What a client believes of a stream. */
interface Belief {
  firstSeq: number;
  nextSeq: number;
  view: number;
  fence: number;
  /** When some record was appended. */
  timeMillis: number;
}

/** See the head of the file. */
export class StreamWork {
  readonly #streams: number;
  readonly #rng: Rng;
  readonly #parts: StreamWorkParts;
  readonly #beliefs = new Map<string, Belief>();

  constructor(streams: number, rng: Rng, parts: StreamWorkParts) {
    this.#streams = streams;
    this.#rng = rng;
    this.#parts = parts;
  }

  /** Begins to follow one of the streams, perhaps. */
  start(): void {
    if (this.#streams > 0 && this.#rng.below(2) === 0) this.#follow(this.#stream());
  }

  /** Asks something, or nothing. */
  ask(): void {
    if (this.#streams === 0 || this.#rng.below(3) === 0) return;
    const stream = this.#stream();
    switch (this.#rng.below(16)) {
      case 0:
        return this.#seal(stream);
      case 1:
      case 2:
        return this.#openView(stream);
      case 3:
        return this.#trim(stream);
      case 4:
        return this.#retain(stream);
      case 5:
      case 6:
        return this.#tail(stream);
      case 7:
      case 8:
      case 9:
        return this.#read(stream);
      case 10:
        return this.#list();
      default:
        return this.#append(stream);
    }
  }

  #append(stream: string): void {
    const { client, calls, judge, texts } = this.#parts;
    const named = texts(this.#rng.between(1, 4));
    const belief = this.#belief(stream);
    const options = { stream, ...this.#conditions(belief) };
    calls.when(
      client.appendBatch(named, options),
      ({ firstSeq, lastSeq, index }) => {
        judge.appended(stream, named, firstSeq, index);
        belief.nextSeq = Math.max(belief.nextSeq, lastSeq + 1);
        belief.fence = Math.max(belief.fence, options.fence ?? 0);
      },
      (isSure, error) => {
        for (const text of named) judge.failed(text, isSure);
        this.#refused(belief, error);
      },
    );
  }

  /** Each condition now and then, mostly one that would hold. */
  #conditions({ nextSeq, view, fence }: Belief): Omit<AppendOptions, 'stream'> {
    const rng = this.#rng;
    const off = (): number => (rng.below(6) === 0 ? rng.between(0, 2) - 1 : 0);
    return {
      ...(rng.below(3) === 0 && { expectSeq: Math.max(0, nextSeq + off()) }),
      ...(rng.below(3) === 0 && { fence: Math.max(1, fence + (rng.below(4) === 0 ? 1 : off())) }),
      ...(rng.below(3) === 0 && { view: Math.max(1, view + off()) }),
    };
  }

  #refused(belief: Belief, { code, hints }: QuorateError): void {
    const { expected } = hints;
    if (expected === undefined) return;
    if (code === 'FENCED') belief.fence = expected;
    if (code === 'CONFLICT') belief.nextSeq = expected;
    // Somebody has gone on, or soon will.
    if (code === 'SEALED') belief.view += 1;
  }

  #seal(stream: string): void {
    const { view } = this.#belief(stream);
    const options = { stream, ...(this.#rng.below(2) === 0 && { view }) };
    this.#changed(stream, this.#parts.client.seal(options));
  }

  #openView(stream: string): void {
    this.#changed(stream, this.#parts.client.openView(this.#belief(stream).view, { stream }));
  }

  #trim(stream: string): void {
    const { firstSeq, nextSeq } = this.#belief(stream);
    const beforeSeq = this.#rng.between(Math.max(0, firstSeq - 3), nextSeq + 1);
    this.#changed(stream, this.#parts.client.trim(beforeSeq, { stream }));
  }

  #retain(stream: string): void {
    const rng = this.#rng;
    const limits = {
      ...(rng.below(2) === 0 && { recordsMax: rng.between(1, 60) }),
      ...(rng.below(2) === 0 && { bytesMax: rng.between(100, 5000) }),
      ...(rng.below(2) === 0 && { ageMillisMax: rng.between(300, 20_000) }),
    };
    this.#changed(stream, this.#parts.client.setRetention(limits, { stream }));
  }

  #changed(stream: string, call: Promise<StreamChanged>): void {
    const { calls, judge } = this.#parts;
    const belief = this.#belief(stream);
    calls.when(
      call,
      ({ state, index }) => {
        judge.changed(stream, state, index);
        this.#learn(stream, state);
      },
      (_, { code, hints }) => {
        if (code === 'CONFLICT' && hints.expected !== undefined) belief.view = hints.expected;
      },
    );
  }

  #tail(stream: string): void {
    const { client, calls, judge, kind } = this.#parts;
    const { consistency, since } = kind();
    calls.when(client.tail({ stream, consistency }), (state) => {
      judge.bounds(stream, state, since);
      this.#learn(stream, state);
    });
  }

  #list(): void {
    const { client, calls, judge, kind } = this.#parts;
    const { consistency, since } = kind();
    calls.when(client.streams({ prefix: 'ruled', consistency }), ({ streams }) => {
      for (const { name, state } of streams) judge.bounds(name, state, since);
    });
  }

  #read(stream: string): void {
    const { client, calls, judge, marks, kind } = this.#parts;
    const rng = this.#rng;
    const belief = this.#belief(stream);
    const { consistency, since } = kind();
    const { firstSeq, nextSeq, timeMillis } = belief;
    const isByTime = timeMillis > 0 && rng.below(3) === 0;
    const asked = {
      seq: rng.below(3) === 0 ? 0 : rng.between(Math.max(1, firstSeq - 3), nextSeq + 1),
      since: isByTime ? timeMillis + rng.between(0, 4000) - 2000 : null,
      backwards: rng.below(2) === 0,
      limit: rng.between(1, 30),
    };
    const { backwards, limit } = asked;
    const from = asked.since === null ? { from: asked.seq } : { since: asked.since };
    calls.when(
      client.read({ stream, consistency, backwards, limit, ...from }),
      (result: ReadResult) => {
        judge.range(stream, asked, result, since);
        belief.firstSeq = Math.max(belief.firstSeq, result.firstSeq);
        belief.nextSeq = Math.max(belief.nextSeq, result.nextSeq);
        belief.timeMillis = result.records[0]?.timeMillis ?? belief.timeMillis;
      },
      (_, { code, hints }) => {
        if (code !== 'TRIMMED') return;
        marks.hit('read of trimmed records refused');
        judge.trimmed(stream, asked.seq, hints.expected, since);
      },
    );
  }

  /** Follows a stream from its first record; one that is overtaken by a trim begins anew. */
  #follow(stream: string): void {
    const { client, judge, marks, check } = this.#parts;
    const follow = client.follow({ stream });
    let seq = 0;
    const next = (): void => {
      follow.next().then(
        (result: IteratorResult<StreamRecord, unknown>) => {
          if (result.done === true) return;
          const record = result.value;
          // What it begins with is the first record that is kept then.
          if (seq === 0) seq = record.seq;
          const at = seq;
          seq += 1;
          check(() => judge.record(stream, at, record));
          next();
        },
        (error: QuorateError) => {
          if (error.code !== 'TRIMMED') return;
          marks.hit('follow overtaken by a trim');
          check(() => judge.trimmed(stream, seq, error.hints.expected, null));
          this.#follow(stream);
        },
      );
    };
    next();
  }

  #learn(stream: string, { firstSeq, nextSeq, fence, views }: StreamState): void {
    const belief = this.#belief(stream);
    belief.firstSeq = Math.max(belief.firstSeq, firstSeq);
    belief.nextSeq = Math.max(belief.nextSeq, nextSeq);
    belief.fence = Math.max(belief.fence, fence);
    const newest = views.at(-1);
    if (newest !== undefined && newest.view > 1) this.#parts.marks.hit('view opened');
    belief.view = newest?.view ?? 1;
  }

  #belief(stream: string): Belief {
    const known = this.#beliefs.get(stream);
    if (known !== undefined) return known;
    const belief = { firstSeq: 1, nextSeq: 1, view: 1, fence: 0, timeMillis: 0 };
    this.#beliefs.set(stream, belief);
    return belief;
  }

  #stream(): string {
    return `ruled${this.#rng.below(this.#streams)}`;
  }
}
