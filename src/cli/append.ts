/**
 * `quorate append`: one record from the command line, or one for each line of standard input,
 * many under way at once. Input is taken as bytes: a line is everything up to a newline. Reading
 * stops at the first record that is refused; those before it stay, and the message counts them.
 * Under `--expect-seq N` the first line wants sequence N, the next N + 1: all stand together.
 */

import { fstatSync } from 'node:fs';
import type { AppendOptions, AppendResult } from '../client/calls.js';
import type { Client } from '../client/client.js';
import { type CommandContext, say, sayJson } from './context.js';
import { CommandError } from './faults.js';

/** Records under way at once: enough to fill every batch on the way, bounded in bytes beside. */
const underWayRecordsMax = 4096;
const underWayBytesMax = 8 * 1024 * 1024;

/** Appends one record. */
export async function appendOne(
  { client, json, timeoutMillis }: CommandContext,
  data: string,
  conditions: AppendOptions,
): Promise<void> {
  const result = await client.append(data, { ...conditions, timeoutMillis });
  if (json) sayJson(result);
  else say(String(result.seq));
}

/** Appends each line of `input` as a record. */
export async function appendLines(
  { client, json, timeoutMillisEach }: CommandContext,
  input: AsyncIterable<Uint8Array>,
  conditions: AppendOptions,
): Promise<void> {
  const bar = await progressBar();
  const options = { ...conditions, timeoutMillis: timeoutMillisEach };
  const pipeline = new Pipeline(client, options, (result) => {
    if (json) sayJson(result);
  });
  let bytes = 0;
  try {
    for await (const { line, bytesRead } of lines(input)) {
      if (pipeline.failure !== null) break;
      pipeline.append(line);
      bytes += bytesRead;
      bar?.update(bytes, pipeline.done);
      if (pipeline.isFull) await pipeline.room();
    }
    await pipeline.drained();
    bar?.update(bytes, pipeline.done);
  } finally {
    bar?.stop();
  }
  if (!json && pipeline.done > 0) say(pipeline.summary());
}

/** Appends under way, in order. */
class Pipeline {
  readonly #client: Client;
  readonly #options: AppendOptions;
  readonly #tell: (result: AppendResult) => void;
  #underWay = 0;
  #underWayBytes = 0;
  #asked = 0;
  #firstSeq = 0;
  #lastSeq = 0;
  /** Records that are in the log. */
  done = 0;
  /** Why the first failed one failed. */
  failure: unknown = null;
  #failedLine = 0;
  #wake: (() => void) | null = null;

  constructor(client: Client, options: AppendOptions, tell: (result: AppendResult) => void) {
    this.#client = client;
    this.#options = options;
    this.#tell = tell;
  }

  get isFull(): boolean {
    return this.#underWay >= underWayRecordsMax || this.#underWayBytes >= underWayBytesMax;
  }

  append(record: Uint8Array): void {
    this.#underWay += 1;
    this.#underWayBytes += record.length;
    this.#asked += 1;
    const line = this.#asked;
    const { expectSeq } = this.#options;
    const place = expectSeq === undefined ? {} : { expectSeq: expectSeq + line - 1 };
    this.#client.append(record, { ...this.#options, ...place }).then(
      (result) => this.#succeeded(record, result),
      (error: unknown) => this.#failed(record, line, error),
    );
  }

  /** Waits until there is room for more, or something failed. */
  async room(): Promise<void> {
    while (this.isFull && this.failure === null) await this.#change();
  }

  /** Waits for all. @throws CommandError or the failure, with the number of its line. */
  async drained(): Promise<void> {
    while (this.#underWay > 0) await this.#change();
    if (this.failure === null) return;
    const { failure } = this;
    const where = `line ${this.#failedLine} (${this.done} other lines are in the log)`;
    if (failure instanceof Error) {
      failure.message = `${where}: ${failure.message}`;
      throw failure;
    }
    throw new CommandError(`${where}: ${String(failure)}`);
  }

  summary(): string {
    const s = this.done === 1 ? '' : 's';
    return `${this.done} record${s} appended, sequence ${this.#firstSeq} to ${this.#lastSeq}`;
  }

  #succeeded(record: Uint8Array, result: AppendResult): void {
    this.done += 1;
    if (this.#firstSeq === 0) this.#firstSeq = result.seq;
    this.#lastSeq = result.seq;
    this.#tell(result);
    this.#finished(record);
  }

  #failed(record: Uint8Array, line: number, error: unknown): void {
    if (this.failure === null) {
      this.failure = error;
      this.#failedLine = line;
    }
    this.#finished(record);
  }

  #finished(record: Uint8Array): void {
    this.#underWay -= 1;
    this.#underWayBytes -= record.length;
    this.#wake?.();
    this.#wake = null;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Cuts bytes at newlines; the last line needs none. */
async function* lines(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ line: Uint8Array; bytesRead: number }> {
  let parts: Uint8Array[] = [];
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end);
      const line = parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
      parts = [];
      start = end + 1;
      yield { line, bytesRead: line.length + 1 };
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length === 0) return;
  const line = Buffer.concat(parts);
  yield { line, bytesRead: line.length };
}

interface Bar {
  update(bytes: number, records: number): void;
  stop(): void;
}

/** A bar on a terminal, by bytes when the input is a file and its size known; otherwise none. */
async function progressBar(): Promise<Bar | null> {
  if (process.stderr.isTTY !== true || process.stdin.isTTY === true) return null;
  const { SingleBar, Presets } = await import('cli-progress');
  const input = fstatSync(0);
  const total = input.isFile() ? input.size : 0;
  const format =
    total > 0
      ? '{bar} {percentage}% | {records} records | {duration_formatted}'
      : '{records} records | {duration_formatted}';
  const bar = new SingleBar(
    { format, stream: process.stderr, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(total, 0, { records: 0 });
  return {
    update: (bytes, records) => bar.update(bytes, { records }),
    stop: () => bar.stop(),
  };
}
