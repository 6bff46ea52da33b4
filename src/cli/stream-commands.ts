/**
 * `quorate stream …`: how streams stand, and what may be done to one as a whole. Every change shows
 * how the stream stands right after it.
 */

import type { RetentionLimits, StreamsResult } from '../client/calls.js';
import { type CommandContext, say, sayJson, taken } from './context.js';
import { printable } from './printable.js';
import { table } from './table.js';

type NamedStream = StreamsResult['streams'][number];
type State = NamedStream['state'];

const pageStreams = 1000;

/** Views that `info` shows; `--json` has all that the answer has. */
const viewsShownMax = 10;

/** Lists streams, page by page. */
export async function listStreams(
  { client, json, timeoutMillis, timeoutMillisEach }: CommandContext,
  words: { readonly prefix: string; readonly limit: number | null; readonly stale: boolean },
): Promise<void> {
  const { prefix, stale } = words;
  const consistency = stale ? 'stale' : 'linearizable';
  const found: NamedStream[] = [];
  let left = words.limit ?? Number.POSITIVE_INFINITY;
  let after = '';
  let isFirst = true;
  while (left > 0) {
    const limit = Math.min(left, pageStreams);
    const timeout = isFirst ? timeoutMillis : timeoutMillisEach;
    const options = { prefix, after, limit, consistency, timeoutMillis: timeout } as const;
    const page = await client.streams(options);
    isFirst = false;
    if (json) for (const { name, state } of page.streams) sayJson({ name, ...state });
    else found.push(...page.streams);
    await taken();
    left -= page.streams.length;
    after = page.streams.at(-1)?.name ?? after;
    if (!page.more) break;
  }
  if (json) return;
  say(await streamsText(found));
}

/** Shows how one stream stands. */
export async function showStream(
  { client, json, timeoutMillis }: CommandContext,
  name: string,
  stale: boolean,
): Promise<void> {
  const consistency = stale ? 'stale' : 'linearizable';
  const state = await client.tail({ stream: name, consistency, timeoutMillis });
  if (json) sayJson({ name, ...state });
  else say(streamText(name, state));
}

/** Closes the newest view. */
export async function seal(
  context: CommandContext,
  name: string,
  view: number | null,
): Promise<void> {
  const { client, timeoutMillis } = context;
  const only = view === null ? {} : { view };
  const { state } = await client.seal({ stream: name, ...only, timeoutMillis });
  tell(context, name, state, sealedText(state));
}

/** Opens the view behind `after`. */
export async function openView(
  context: CommandContext,
  name: string,
  after: number,
): Promise<void> {
  const { client, timeoutMillis } = context;
  const { state } = await client.openView(after, { stream: name, timeoutMillis });
  tell(context, name, state, `view ${after + 1} is open, it begins at ${state.nextSeq}`);
}

/** Forgets records below `beforeSeq`. */
export async function trim(
  context: CommandContext,
  name: string,
  beforeSeq: number,
): Promise<void> {
  const { client, timeoutMillis } = context;
  const { state } = await client.trim(beforeSeq, { stream: name, timeoutMillis });
  tell(context, name, state, `the first record that is kept is ${state.firstSeq}`);
}

/** Sets what the stream keeps. */
export async function setRetention(
  context: CommandContext,
  name: string,
  limits: RetentionLimits,
): Promise<void> {
  const { client, timeoutMillis } = context;
  const { state } = await client.setRetention(limits, { stream: name, timeoutMillis });
  tell(context, name, state, `keeps ${retentionText(state)}`);
}

/** Shows what the stream keeps. */
export async function showRetention(context: CommandContext, name: string): Promise<void> {
  const { client, json, timeoutMillis } = context;
  const state = await client.tail({ stream: name, timeoutMillis });
  if (json) sayJson({ name, ...state.retention });
  else say(`keeps ${retentionText(state)}`);
}

/** What `stream ls` prints; the shell prints it too. */
export async function streamsText(streams: readonly NamedStream[]): Promise<string> {
  if (streams.length === 0) return 'no streams';
  const rows = streams.map(({ name, state }) => [
    printable(name),
    String(state.nextSeq - state.firstSeq),
    String(state.firstSeq),
    String(state.nextSeq),
    String(state.bytes),
    viewText(state),
    state.fence === 0 ? '-' : String(state.fence),
    limitsOf(state).length === 0 ? '-' : limitsOf(state).join(', '),
  ]);
  return table(['NAME', 'RECORDS', 'FIRST', 'NEXT', 'BYTES', 'VIEW', 'FENCE', 'KEEPS'], rows);
}

/** What `stream info` prints; the shell prints it too. */
export function streamText(name: string, state: State): string {
  const { firstSeq, nextSeq, bytes, fence, views } = state;
  const lines = [
    `stream     ${printable(name)}`,
    `records    ${nextSeq - firstSeq}, ${bytes} bytes`,
    `sequences  first kept ${firstSeq}, next ${nextSeq}`,
    `fence      ${fence === 0 ? 'none' : fence}`,
    `keeps      ${retentionText(state)}`,
  ];
  const hidden = Math.max(0, views.length - viewsShownMax);
  const shown = views.slice(hidden).map(({ view, firstSeq: begin, endSeq }) => {
    return `${view}: from ${begin}, ${endSeq === null ? 'open' : `sealed at ${endSeq}`}`;
  });
  if (hidden > 0) shown.unshift(`${hidden} older ones: --json shows them`);
  const told = shown.map((line, at) => `${(at === 0 ? 'views' : '').padEnd(11)}${line}`);
  return [...lines, ...told].join('\n');
}

/** What a seal says. */
export function sealedText({ views, nextSeq }: State): string {
  const newest = views.at(-1);
  return `view ${newest?.view ?? 1} is sealed, it ends at ${newest?.endSeq ?? nextSeq}`;
}

function tell({ json }: CommandContext, name: string, state: State, line: string): void {
  if (json) sayJson({ name, ...state });
  else say(line);
}

function viewText({ views }: State): string {
  const newest = views.at(-1);
  if (newest === undefined) return '1';
  return newest.endSeq === null ? String(newest.view) : `${newest.view}, sealed`;
}

function retentionText(state: State): string {
  const limits = limitsOf(state);
  return limits.length === 0 ? 'everything' : limits.join(', ');
}

function limitsOf({ retention }: State): readonly string[] {
  const { recordsMax, bytesMax, ageMillisMax } = retention;
  return [
    ...(recordsMax === null ? [] : [`${recordsMax} records`]),
    ...(bytesMax === null ? [] : [`${bytesMax} bytes`]),
    ...(ageMillisMax === null ? [] : [ageText(ageMillisMax)]),
  ];
}

/** An age as `--age` takes it, in its largest whole unit. */
function ageText(millis: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const found = units.find(([, unit]) => millis % unit === 0);
  return found === undefined ? `${millis}ms` : `${millis / found[1]}${found[0]}`;
}
