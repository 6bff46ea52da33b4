/**
 * `quorate query`: lists the records of a stream page by page, and with --follow those to come.
 */

import type { ReadResult } from '../client/client.js';
import { type CommandContext, say, sayJson, taken } from './context.js';
import { jsonBytes, printableBytes } from './printable.js';

type StreamRecord = ReadResult['records'][number];

const pageRecords = 1000;

/** What to list. */
export interface QueryOptions {
  readonly stream: string;
  readonly from: number;
  /** Records at most; null: all. */
  readonly limit: number | null;
  readonly follow: boolean;
  /** What this server has, without asking the leader. */
  readonly stale: boolean;
}

/** Lists records. */
export async function query(context: CommandContext, options: QueryOptions): Promise<void> {
  const { client, json, timeoutMillis, timeoutMillisEach } = context;
  const { stream, stale } = options;
  const consistency = stale ? 'stale' : 'linearizable';
  let from = options.from;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  let isFirst = true;
  // The first answer says where the log ends; what comes later belongs to --follow alone.
  let end = Number.POSITIVE_INFINITY;
  while (isFirst || (left > 0 && from < end)) {
    // A limit of 0 still asks how many there are.
    const limit = Math.max(1, Math.min(left, pageRecords));
    const timeout = isFirst ? timeoutMillis : timeoutMillisEach;
    const page = await client.read({ stream, from, limit, consistency, timeoutMillis: timeout });
    if (isFirst) {
      end = page.nextSeq;
      if (!json) say(`Log entries (${page.nextSeq - 1} total):`);
    }
    isFirst = false;
    if (page.records.length === 0) break;
    for (const record of page.records.slice(0, Math.min(left, pageRecords))) show(record, json);
    await taken();
    left = Math.max(0, left - page.records.length);
    from = (page.records.at(-1) as StreamRecord).seq + 1;
  }
  if (!options.follow || left === 0) return;
  for await (const record of client.follow({ stream, from })) {
    show(record, json);
    await taken();
    left -= 1;
    if (left === 0) return;
  }
}

function show(record: StreamRecord, json: boolean): void {
  const { seq, index, term, timeMillis, data } = record;
  if (json) {
    const time = new Date(timeMillis).toISOString();
    sayJson({ seq, index, term, time, ...jsonBytes('data', data) });
  } else say(`  ${seq}  term ${term}  ${printableBytes(data)}`);
}
