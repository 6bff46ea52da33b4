/**
 * Following a stream: records from a sequence on, for as long as the reader reads, across streams
 * and servers. The server sends only as many records as it was granted, so a slow reader bounds
 * what waits here; the grant follows the size of the records. The invariant: each record is given
 * once, in order, none left out; after a loss the follow goes on behind the last one taken in, and
 * where the server does not keep that place any more it ends with TRIMMED.
 */

import type { Clock } from '../base/clock.js';
import { QuorateError } from '../base/errors.js';
import type { ClientReply, StreamRecord } from '../wire/client-messages.js';
import { AbortWatch, abortReason } from './abort.js';
import type { Link, Receiver } from './link.js';
import { Queue } from './queue.js';
import { requestFault } from './requests.js';
import { isFinal, nextStep } from './routing.js';

const creditRecordsFirst = 64;
const creditRecordsMin = 8;
const creditRecordsMax = 1024;
/** What the records granted but not read may weigh, by the mean of those seen. */
const creditBytes = 8 * 1024 * 1024;

type Result = IteratorResult<StreamRecord, undefined>;

interface Reader {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** All follows of a client. */
export class Follows {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #open = new Set<Follow>();

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Starts to follow `stream` at `fromSeq`; 0: at the first record that is kept. */
  start(stream: string, fromSeq: number, signal: AbortSignal | undefined): Follow {
    const fault = requestFault({ type: 'follow', stream, fromSeq, credit: 1 });
    if (fault) throw fault;
    const ended = (gone: Follow) => this.#open.delete(gone);
    const deps = { link: this.#link, clock: this.#clock, ended };
    const follow = new Follow({ stream, fromSeq, signal }, deps);
    if (follow.isOpen) this.#open.add(follow);
    return follow;
  }

  opened(): void {
    for (const follow of this.#open) follow.ask();
  }

  closed(): void {
    for (const follow of this.#open) follow.forgetStream();
  }

  /** Fails every follow. */
  end(error: QuorateError): void {
    for (const follow of this.#open) follow.fail(error);
  }
}

/** One reader of one stream. */
export class Follow implements Receiver, AsyncIterableIterator<StreamRecord, undefined> {
  readonly manner = 'follow';
  readonly #stream: string;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #ended: (follow: Follow) => void;
  readonly #buffer = new Queue<StreamRecord>();
  readonly #readers = new Queue<Reader>();
  readonly #watch: AbortWatch | null = null;
  /** 0 until the server has said which record is the first that is kept. */
  #nextSeq: number;
  /** The id on the stream in use; 0: the server does not know of this follow. */
  #id = 0;
  /** Records that the server may still send. */
  #granted = 0;
  #creditTarget = creditRecordsFirst;
  #meanBytes = 0;
  #failures = 0;
  #isOpen = true;
  #error: unknown = null;

  constructor(
    what: { stream: string; fromSeq: number; signal: AbortSignal | undefined },
    deps: { link: Link; clock: Clock; ended: (follow: Follow) => void },
  ) {
    this.#stream = what.stream;
    this.#nextSeq = what.fromSeq;
    this.#link = deps.link;
    this.#clock = deps.clock;
    this.#ended = deps.ended;
    const { signal } = what;
    if (signal?.aborted) this.fail(abortReason(signal));
    else if (signal) this.#watch = new AbortWatch(signal, () => this.fail(abortReason(signal)));
    this.ask();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Puts the follow to the server in use, from the first record not taken in yet. */
  ask(): void {
    if (!this.#isOpen || this.#id !== 0) return;
    if (!this.#link.isOpen) {
      this.#link.open();
      return;
    }
    this.#id = this.#link.expect(this);
    this.#granted = Math.max(1, this.#creditTarget - this.#buffer.length);
    this.#link.post({
      type: 'follow',
      id: this.#id,
      stream: this.#stream,
      fromSeq: this.#nextSeq,
      credit: this.#granted,
    });
  }

  /** The stream is gone, and the server's memory of this follow with it. */
  forgetStream(): void {
    this.#id = 0;
    this.#granted = 0;
  }

  replied(reply: ClientReply, id: number): void {
    if (id !== this.#id) return;
    if (reply.type === 'records') {
      this.#take(reply.records);
      // From here on this follow has a place in the stream, though it has no record yet.
      if (this.#nextSeq === 0) this.#nextSeq = reply.nextSeq;
    } else if (reply.type === 'refused') {
      this.#id = 0;
      const { refusal } = reply;
      if (isFinal(refusal.code)) {
        this.fail(QuorateError.from(refusal));
        return;
      }
      this.#failures += 1;
      const step = nextStep(refusal, this.#failures);
      if (step.move) this.#link.move(refusal.message);
      else this.#clock.after(step.delayMillis, () => this.ask());
    }
  }

  /** Ends the follow with an error, after the records that have come. */
  fail(error: unknown): void {
    if (!this.#isOpen) return;
    this.#error = error;
    this.#finish();
    for (const reader of this.#readers.drain()) {
      const thrown = this.#error;
      this.#error = null;
      if (thrown === null) reader.resolve({ done: true, value: undefined });
      else reader.reject(thrown);
    }
  }

  next(): Promise<Result> {
    const record = this.#buffer.shift();
    if (record) {
      this.#grantMore();
      return Promise.resolve({ done: false, value: record });
    }
    if (this.#error !== null) {
      const error = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (!this.#isOpen) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  return(): Promise<Result> {
    this.#finish();
    this.#error = null;
    this.#buffer.drain();
    for (const reader of this.#readers.drain()) reader.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #take(records: readonly StreamRecord[]): void {
    this.#failures = 0;
    this.#link.served();
    this.#granted = Math.max(0, this.#granted - records.length);
    for (const record of records) {
      // A record seen already: an answer overtook a repeat of the question.
      if (record.seq < this.#nextSeq) continue;
      this.#nextSeq = record.seq + 1;
      this.#meanBytes += (record.data.length - this.#meanBytes) / 16;
      const reader = this.#readers.shift();
      if (reader) reader.resolve({ done: false, value: record });
      else this.#buffer.push(record);
    }
    this.#grantMore();
  }

  /** Grants when half of what may be on its way or waiting here is used up. */
  #grantMore(): void {
    if (this.#id === 0) return;
    const fitting = Math.floor(creditBytes / Math.max(1, this.#meanBytes));
    this.#creditTarget = Math.min(Math.max(fitting, creditRecordsMin), creditRecordsMax);
    const held = this.#granted + this.#buffer.length;
    if (held > this.#creditTarget / 2) return;
    const records = this.#creditTarget - held;
    this.#granted += records;
    this.#link.post({ type: 'credit', id: this.#id, records });
  }

  #finish(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#watch?.stop();
    this.#ended(this);
    if (this.#id === 0) return;
    this.#link.post({ type: 'cancel', id: this.#id });
    this.#link.forget(this.#id);
    this.#id = 0;
  }
}
