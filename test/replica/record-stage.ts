/**
 * A log, a machine that has applied it, and a reader of both: for tests of reading. How much of the
 * log is in memory and how much on disk the test says, and what happens while the disk reads.
 */

import * as assert from 'uvu/assert';
import type { Command } from '../../src/machine/commands.js';
import { Machine } from '../../src/machine/machine.js';
import type { Entry } from '../../src/raft/types.js';
import type { Outcome, RecordsRead } from '../../src/replica/api.js';
import { RecordReader } from '../../src/replica/record-reader.js';
import type { DiskError } from '../../src/storage/disk.js';
import type { ReadRange } from '../../src/wire/client-messages.js';
import { encodeCommand } from '../../src/wire/command-codec.js';
import { entry } from '../raft/lone-core.js';
import { base } from '../storage/wal-fixture.js';
import { HandClock } from './hand-clock.js';

/** Index of the first entry. */
export const firstIndex = base.index + 1;

/** A record as the list has it. */
export interface Kept {
  readonly seq: number;
  readonly timeMillis: number;
  readonly text: string;
}

/** What befalls a stream. `trim`: below that part of it. */
export type Step =
  | { readonly append: readonly number[] }
  | { readonly other: number }
  | { readonly wait: number }
  | { readonly trim: number };

/** A log, a machine that has applied it, and a reader of both. */
export class RecordStage {
  readonly clock = new HandClock();
  readonly machine = new Machine(base);
  readonly entries: Entry[] = [];
  /** Every record of the stream `s` that was ever appended. */
  readonly all: Kept[] = [];
  /** Entries from this index on are in memory. */
  memoryFrom = firstIndex;
  /** Entries from this index on are on disk, … */
  diskFrom = 0;
  /** … up to this one. */
  diskTo = Number.POSITIVE_INFINITY;
  fault: DiskError | null = null;
  /** What happens while the disk reads. */
  meanwhile: () => void = () => {};
  /** The first record that no trim has taken. */
  firstSeq = 1;
  reads = 0;
  entriesRead = 0;
  timeMillis = 1000;
  readonly reader: RecordReader;

  constructor() {
    this.reader = new RecordReader({
      machine: this.machine,
      core: { entriesInMemory: (first, last) => this.#inMemory(first, last) },
      store: {
        read: (first, last, bytesMax, done) => {
          this.reads += 1;
          this.clock.afterTurn(() => {
            this.meanwhile();
            if (this.fault === null) done(null, this.#onDisk(first, last, bytesMax));
            else done(this.fault, []);
          });
        },
      },
    });
  }

  append(stream: string, ...texts: string[]): void {
    const records = texts.map((text) => new TextEncoder().encode(text));
    if (stream === 's') {
      const { timeMillis } = this;
      for (const text of texts) this.all.push({ seq: this.all.length + 1, timeMillis, text });
    }
    this.#apply({ op: 'append', tag: null, stream, records });
  }

  trim(beforeSeq: number): void {
    this.firstSeq = Math.max(this.firstSeq, beforeSeq);
    const change = { kind: 'trim', beforeSeq } as const;
    this.#apply({ op: 'changeStream', tag: null, stream: 's', change });
  }

  take(step: Step): void {
    if ('append' in step) this.append('s', ...step.append.map((size) => 'x'.repeat(size)));
    else if ('wait' in step) this.timeMillis += step.wait;
    else if ('other' in step) for (let i = 0; i < step.other; i++) this.append('other', 'y');
    else if (this.all.length > 0) this.trim(Math.floor(step.trim * (this.all.length + 1)));
  }

  /** From here on what was written so far is on disk alone. */
  forget(): void {
    this.memoryFrom = firstIndex + this.entries.length;
  }

  read(range: Partial<ReadRange>): Outcome<RecordsRead> {
    const told: Outcome<RecordsRead>[] = [];
    const all = { from: { seq: 0 }, backwards: false, limit: 1_000_000, bytesMax: 0, ...range };
    this.reader.read('s', all, (outcome) => told.push(outcome));
    for (let turn = 0; told.length === 0 && turn < 10_000; turn++) this.clock.settle();
    assert.is(told.length, 1, 'a read is answered once');
    return told[0] as Outcome<RecordsRead>;
  }

  /** The sequences that a read gives, each checked against the list. */
  seqs(range: Partial<ReadRange>): number[] {
    const outcome = this.read(range);
    if (!outcome.ok) throw new Error(outcome.refusal.code);
    return outcome.value.records.map(({ seq, timeMillis, data }) => {
      const kept = this.all[seq - 1];
      assert.equal(
        { timeMillis, text: Buffer.from(data).toString() },
        {
          timeMillis: kept?.timeMillis,
          text: kept?.text,
        },
      );
      return seq;
    });
  }

  #apply(command: Command): void {
    const index = firstIndex + this.entries.length;
    const { timeMillis } = this;
    const data = encodeCommand(command);
    this.entries.push({ ...entry(index, 1, ''), timeMillis, data });
    const reply = this.machine.apply({ index, term: 1, timeMillis }, command);
    assert.is.not(reply.kind, 'refused');
  }

  #inMemory(first: number, last: number): readonly Entry[] | null {
    if (first < this.memoryFrom) return null;
    return this.entries.slice(first - firstIndex, last - firstIndex + 1);
  }

  #onDisk(first: number, last: number, bytesMax: number): readonly Entry[] {
    const given: Entry[] = [];
    let bytes = 0;
    if (first < this.diskFrom) return [];
    for (let index = first; index <= Math.min(last, this.diskTo); index++) {
      const next = this.entries[index - firstIndex];
      if (next === undefined) break;
      bytes += next.data.length;
      if (given.length > 0 && bytes > bytesMax) break;
      given.push(next);
    }
    this.entriesRead += given.length;
    return given;
  }
}
