/**
 * `quorate query`: lists the records of a stream page by page, and with --follow those to come.
 */

import type { ReadResult } from '../client/calls.js';
import { type CommandContext, say, sayJson, taken } from './context.js';
import { printableBytes } from './printable.js';
import { place, recordJson } from './read.js';

type StreamRecord = ReadResult['records'][number];

const pageRecords = 1000;

/** What to list. */
export interface QueryOptions {
  readonly stream: string;
  /** Null: from the first record that is kept. */
  readonly from: number | null;
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
  while (isFirst || (left > 0 && (from ?? 0) < end)) {
    // A limit of 0 still asks how many there are.
    const limit = Math.max(1, Math.min(left, pageRecords));
    const timeout = isFirst ? timeoutMillis : timeoutMillisEach;
    const options = { stream, limit, consistency, timeoutMillis: timeout } as const;
    const page: ReadResult = await client.read({ ...options, ...place(from) });
    if (isFirst) {
      end = page.nextSeq;
      if (!json) say(headLine(page));
    }
    isFirst = false;
    for (const record of page.records.slice(0, Math.min(left, pageRecords))) show(record, json);
    await taken();
    left = Math.max(0, left - page.records.length);
    const last = page.records.at(-1);
    from = last === undefined ? (from ?? page.nextSeq) : last.seq + 1;
    if (last === undefined) break;
  }
  if (!options.follow || left === 0) return;
  for await (const record of client.follow({ stream, ...place(from) })) {
    show(record, json);
    await taken();
    left -= 1;
    if (left === 0) return;
  }
}

/** How many records there are; and where they begin, once some are trimmed away. */
export function headLine({ firstSeq, nextSeq }: ReadResult): string {
  const trimmed = firstSeq === 1 ? '' : `, below ${firstSeq} trimmed`;
  return `Log entries (${nextSeq - firstSeq} total${trimmed}):`;
}

function show(record: StreamRecord, json: boolean): void {
  if (json) sayJson(recordJson(record));
  else say(`  ${record.seq}  term ${record.term}  ${printableBytes(record.data)}`);
}
