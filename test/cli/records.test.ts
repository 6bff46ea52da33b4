/**
 * `append -c -` and `query` against a cluster in memory: how input is cut into records, what is
 * printed, and where reading stops.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appendLines, appendOne } from '../../src/cli/append.js';
import type { CommandContext } from '../../src/cli/context.js';
import { query } from '../../src/cli/query.js';
import { nodeClock } from '../../src/transport/node-clock.js';
import { MemoryCluster } from '../client/memory-cluster.js';

/** Runs `command` on a fresh cluster; gives what it printed and what it threw. */
async function run(
  command: (context: CommandContext, cluster: MemoryCluster) => Promise<void>,
  json = false,
) {
  const cluster = new MemoryCluster(nodeClock, ['a:1'], { recordBytesMax: 10_000 });
  const client = cluster.client();
  const context = { client, json, timeoutMillis: 5000, timeoutMillisEach: 5000 };
  let out = '';
  let error: unknown = null;
  const { write } = process.stdout;
  process.stdout.write = ((text: string) => {
    out += text;
    return true;
  }) as typeof write;
  try {
    await command(context, cluster);
  } catch (thrown) {
    error = thrown;
  } finally {
    process.stdout.write = write;
    await client.close();
  }
  return { out, error, cluster };
}

async function* chunks(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === 'string' ? Buffer.from(text) : text;
}

const inputs: readonly (readonly [readonly string[], readonly string[]])[] = [
  [[], []],
  [['a\nb\n'], ['a', 'b']],
  [['a\nb'], ['a', 'b']],
  [
    ['a', 'b', '\nc', '\n'],
    ['ab', 'c'],
  ],
  [['\n\na\n'], ['', '', 'a']],
  [['a\r\nb\n'], ['a\r', 'b']],
  [['é'], ['é']],
];

for (const [input, wanted] of inputs) {
  test(`input ${JSON.stringify(input)} makes ${wanted.length} records`, async () => {
    const { error, out, cluster } = await run((context) =>
      appendLines(context, chunks(...input), {}),
    );
    assert.is(error, null);
    assert.equal(cluster.texts(), wanted);
    if (wanted.length === 0) assert.is(out, '');
    else assert.match(out, new RegExp(`^${wanted.length} records? appended, sequence 1 to `));
  });
}

test('bytes that are no text stay as they are', async () => {
  const bytes = Uint8Array.of(0xff, 0x00, 0x0a, 0xfe);
  const { cluster } = await run((context) => appendLines(context, chunks(bytes), {}));
  assert.equal(
    cluster.records.map((record) => [...record.data]),
    [[0xff, 0x00], [0xfe]],
  );
});

test('many lines arrive all, once, in order', async () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i}`);
  const text = lines.join('\n');
  const parts = text.match(/[\s\S]{1,65536}/g) ?? [];
  const { cluster, error } = await run((context) => appendLines(context, chunks(...parts), {}));
  assert.is(error, null);
  assert.equal(cluster.texts(), lines);
});

test('a refused line is named, and those that are in are counted', async () => {
  const { error, cluster } = await run((context) =>
    appendLines(context, chunks(`a\nb\n${'x'.repeat(20_000)}\n`), {}),
  );
  assert.match((error as Error).message, /^line 3 \(2 other lines are in the log\): a record of/);
  assert.equal(cluster.texts(), ['a', 'b']);
});

test('append prints the sequence number; as JSON one object a line', async () => {
  const one = await run((context) => appendOne(context, 'x', {}));
  assert.is(one.out, '1\n');
  const json = await run((context) => appendOne(context, 'x', {}), true);
  assert.is(json.out, '{"seq":1,"index":3,"term":1}\n');
  const lines = await run((context) => appendLines(context, chunks('a\nb'), {}), true);
  assert.is(lines.out, '{"seq":1,"index":3,"term":1}\n{"seq":2,"index":3,"term":1}\n');
});

async function filled(context: CommandContext, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, i) => `r${i + 1}`);
  if (count > 0) await context.client.appendBatch(records);
}

const listings: readonly (readonly [number, number, number | null, readonly string[]])[] = [
  [0, 1, null, []],
  [3, 1, null, ['r1', 'r2', 'r3']],
  [3, 2, null, ['r2', 'r3']],
  [3, 4, null, []],
  [3, 1, 2, ['r1', 'r2']],
  [3, 1, 0, []],
];

for (const [count, from, limit, wanted] of listings) {
  test(`query of ${count} records from ${from}, limit ${limit}`, async () => {
    const options = { stream: 'log', from, limit, follow: false, stale: false };
    const { out } = await run(async (context) => {
      await filled(context, count);
      await query(context, options);
    });
    const [head, ...lines] = out.trimEnd().split('\n');
    assert.is(head, `Log entries (${count} total):`);
    assert.equal(
      lines.map((line) => line.replace(/^ {2}(\d+) {2}term 1 {2}/, '')),
      wanted,
    );
  });
}

test('query reads page by page, and as JSON has no head line', async () => {
  const options = { stream: 'log', from: 1, limit: null, follow: false, stale: false };
  const { out } = await run(async (context) => {
    await filled(context, 2500);
    await query(context, options);
  }, true);
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(
    rows.map((row) => row['seq']),
    rows.map((_, i) => i + 1),
  );
  assert.is(rows.length, 2500);
  assert.equal(Object.keys(rows[0] ?? {}), ['seq', 'index', 'term', 'time', 'data']);
});

test('query --follow goes on with what comes, up to its limit', async () => {
  const options = { stream: 'log', from: 1, limit: 4, follow: true, stale: false };
  const { out } = await run(async (context) => {
    await filled(context, 2);
    const listed = query(context, options);
    await context.client.appendBatch(['r3', 'r4', 'r5']);
    await listed;
  });
  assert.equal(out.match(/r\d/g), ['r1', 'r2', 'r3', 'r4']);
});

test.run();
