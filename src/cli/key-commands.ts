/**
 * `quorate put`, `get`, `delete` and `list`: the key-value store by hand.
 */

import type { ListResult } from '../client/calls.js';
import { type CommandContext, say, sayJson } from './context.js';
import { CommandError } from './faults.js';
import { jsonBytes, printable, printableBytes } from './printable.js';
import { table } from './table.js';

type KeyValue = ListResult['keys'][number];

/** Writes a key; with `ifRevision` only if that is its mod revision. */
export async function putKey(
  { client, json, timeoutMillis }: CommandContext,
  pair: { readonly key: string; readonly value: string; readonly ifRevision: number | undefined },
): Promise<void> {
  const { key, value, ifRevision } = pair;
  const condition = ifRevision === undefined ? {} : { expectedModRevision: ifRevision };
  const result = await client.put(key, value, { timeoutMillis, ...condition });
  if (json) sayJson({ key, ...result });
  else say(`revision ${result.revision}`);
}

/** Reads a key. */
export async function getKey(
  { client, json, timeoutMillis }: CommandContext,
  key: string,
  stale: boolean,
): Promise<void> {
  const consistency = stale ? 'stale' : 'linearizable';
  const pair = await client.get(key, { timeoutMillis, consistency });
  if (pair === null) {
    const name = printable(key);
    throw new CommandError(`there is no key "${name}"; quorate put "${name}" VALUE writes it`);
  }
  if (json) sayJson(pairJson(pair));
  else say(printableBytes(pair.value));
}

/** Deletes a key. */
export async function deleteKey(
  { client, json, timeoutMillis }: CommandContext,
  key: string,
): Promise<void> {
  const { count, revision } = await client.delete(key, { timeoutMillis });
  if (json) sayJson({ key, count, revision });
  if (count === 0)
    throw new CommandError(`there is no key "${printable(key)}"; nothing was deleted`);
  if (!json) say(`deleted, revision ${revision}`);
}

/** Lists keys by prefix. */
export async function listKeys(
  { client, json, timeoutMillis }: CommandContext,
  options: { readonly prefix: string; readonly limit: number; readonly stale: boolean },
): Promise<void> {
  const { prefix, limit, stale } = options;
  const consistency = stale ? 'stale' : 'linearizable';
  const result = await client.list({ prefix, limit, consistency, timeoutMillis });
  if (json) {
    for (const pair of result.keys) sayJson(pairJson(pair));
  } else if (result.keys.length === 0) say('no keys');
  else {
    const rows = result.keys.map((pair) => [
      printableBytes(pair.key),
      printableBytes(pair.value),
      String(pair.modRevision),
      String(pair.version),
    ]);
    say(await table(['KEY', 'VALUE', 'MOD REVISION', 'VERSION'], rows));
  }
  if (result.more)
    process.stderr.write(`quorate: only the first ${limit}; --limit asks for more\n`);
}

function pairJson(pair: KeyValue): Record<string, unknown> {
  const { createRevision, modRevision, version } = pair;
  return {
    ...jsonBytes('key', pair.key),
    ...jsonBytes('value', pair.value),
    createRevision,
    modRevision,
    version,
  };
}
