/**
 * One client's follow of one stream: reads what is there, waits for more, sends no more than it was
 * granted, and reads ahead by one answer only. The invariant: records go out in order, each once,
 * none left out: the next read starts behind the last record given, and when that place has been
 * trimmed away meanwhile the follow fails with TRIMMED. One that begins at the first record kept
 * is told at once where that is, so that it has a place before there is a record.
 */

import type { Refusal } from '../../base/errors.js';
import { batchRecordsMax, counterMax } from '../../base/limits.js';
import type { Outcome, RecordsRead, ReplicaApi } from '../../replica/api.js';
import type { ClientRequest } from '../../wire/client-messages.js';

/** Records of one answer: a page that a client can take while the next is read. */
const pageRecordsMax = Math.min(1024, batchRecordsMax);

/** What a follow tells the connection. */
export interface FollowEvents {
  /** Whether records could leave now. */
  mayProduce(): boolean;
  produced(read: RecordsRead): void;
  /** The follow is over. */
  failed(refusal: Refusal): void;
}

/** A follow under way. */
export class Follow {
  readonly #stream: string;
  readonly #replica: ReplicaApi;
  readonly #events: FollowEvents;
  /** 0: from the first record kept, which the first read finds. */
  #nextSeq: number;
  #credit: number;
  #isReading = false;
  /** The stream may have grown since the last read began. */
  #hasMore = true;
  #isOver = false;
  #unsubscribe: () => void = () => {};

  constructor(
    request: Extract<ClientRequest, { type: 'follow' }>,
    replica: ReplicaApi,
    events: FollowEvents,
  ) {
    this.#stream = request.stream;
    this.#nextSeq = request.fromSeq;
    this.#credit = request.credit;
    this.#replica = replica;
    this.#events = events;
  }

  start(): void {
    this.#unsubscribe = this.#replica.onAppended(this.#stream, () => {
      this.#hasMore = true;
      this.pump();
    });
    this.pump();
  }

  /** The client takes this many records more. */
  grant(records: number): void {
    this.#credit = Math.min(this.#credit + records, counterMax);
    this.pump();
  }

  stop(): void {
    this.#isOver = true;
    this.#unsubscribe();
  }

  /** Reads on, if there is something to read and it may be sent. */
  pump(): void {
    if (this.#isOver || this.#isReading || !this.#hasMore || this.#credit === 0) return;
    if (!this.#events.mayProduce()) return;
    this.#isReading = true;
    this.#hasMore = false;
    const limit = Math.min(this.#credit, pageRecordsMax);
    const range = { from: { seq: this.#nextSeq }, backwards: false, limit, bytesMax: 0 };
    this.#replica.readRecords(this.#stream, range, 'stale', (outcome) => this.#read(outcome));
  }

  #read(outcome: Outcome<RecordsRead>): void {
    this.#isReading = false;
    if (this.#isOver) return;
    if (!outcome.ok) {
      this.stop();
      this.#events.failed(outcome.refusal);
      return;
    }
    const { records, nextSeq } = outcome.value;
    const last = records[records.length - 1];
    if (last) {
      this.#nextSeq = last.seq + 1;
      this.#credit -= records.length;
      this.#events.produced(outcome.value);
      if (this.#nextSeq < nextSeq) this.#hasMore = true;
    } else if (this.#nextSeq === 0) {
      this.#nextSeq = nextSeq;
      this.#events.produced(outcome.value);
    }
    this.pump();
  }
}
