/**
 * `quorate read` and `quorate follow`: the records of a stream as lines of sequence number, time
 * and data, page by page, in either direction, or for as long as they come.
 */

import type { ReadResult } from '../client/calls.js';
import { type CommandContext, say, sayJson, taken } from './context.js';
import { jsonBytes, printableBytes } from './printable.js';

type StreamRecord = ReadResult['records'][number];

const pageRecords = 1000;

/** What to read. */
export interface ReadWords {
  readonly stream: string;
  /** Null: from the first record kept, or backwards from the last. */
  readonly from: number | null;
  /** Instead of `from`: milliseconds since 1970. */
  readonly sinceMillis: number | null;
  readonly backwards: boolean;
  /** Records at most; null: all. */
  readonly limit: number | null;
  /** What this server has, without asking the leader. */
  readonly stale: boolean;
}

/** Lists records that are there. */
export async function readRecords(context: CommandContext, words: ReadWords): Promise<void> {
  const { client, timeoutMillis, timeoutMillisEach } = context;
  const { stream, backwards, stale } = words;
  const consistency = stale ? 'stale' : 'linearizable';
  let left = words.limit ?? Number.POSITIVE_INFINITY;
  let start: { from?: number; since?: number } =
    words.sinceMillis === null ? place(words.from) : { since: words.sinceMillis };
  // The first answer says where the stream ends; what comes later was not asked for.
  let end: number | null = null;
  while (left > 0) {
    const limit = Math.min(left, pageRecords);
    const timeout = end === null ? timeoutMillis : timeoutMillisEach;
    const options = { stream, backwards, limit, consistency, timeoutMillis: timeout } as const;
    const page: ReadResult = await client.read({ ...options, ...start });
    end ??= page.nextSeq;
    const last = page.records.at(-1);
    if (last === undefined) return;
    for (const record of page.records) showTimed(record, context.json);
    await taken();
    left -= page.records.length;
    const next = backwards ? last.seq - 1 : last.seq + 1;
    if (backwards ? next < page.firstSeq : next >= end) return;
    start = { from: next };
  }
}

/** Lists records that are there and those to come, until it is stopped or has listed `limit`. */
export async function followRecords(
  { client, json }: CommandContext,
  { stream, from, limit }: Pick<ReadWords, 'stream' | 'from' | 'limit'>,
): Promise<void> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const record of client.follow({ stream, ...place(from) })) {
    showTimed(record, json);
    await taken();
    left -= 1;
    if (left === 0) return;
  }
}

/** Where to begin, as the client takes it: nothing for an end of the stream. */
export function place(from: number | null): { readonly from?: number } {
  return from === null ? {} : { from };
}

/** A record as JSON. */
export function recordJson({ seq, index, term, timeMillis, data }: StreamRecord): object {
  const time = new Date(timeMillis).toISOString();
  return { seq, index, term, time, ...jsonBytes('data', data) };
}

function showTimed(record: StreamRecord, json: boolean): void {
  const { seq, timeMillis, data } = record;
  if (json) sayJson(recordJson(record));
  else say(`${seq}  ${new Date(timeMillis).toISOString()}  ${printableBytes(data)}`);
}
