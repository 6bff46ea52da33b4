/**
 * The commands about streams against a cluster in memory: what they print, for people and as JSON,
 * and what a refusal says.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appendLines, appendOne } from '../../src/cli/append.js';
import { readAge, readSince } from '../../src/cli/arguments.js';
import type { CommandContext } from '../../src/cli/context.js';
import { describeFault } from '../../src/cli/faults.js';
import { query } from '../../src/cli/query.js';
import { followRecords, type ReadWords, readRecords } from '../../src/cli/read.js';
import * as commands from '../../src/cli/stream-commands.js';
import type { Client } from '../../src/client/client.js';
import { nodeClock } from '../../src/transport/node-clock.js';
import { MemoryCluster } from '../client/memory-cluster.js';

/** To be closed in the end: a server looks for its leader as long as it has clients. */
const clients: Client[] = [];
test.after(async () => {
  await Promise.all(clients.map((client) => client.close()));
});

/** A cluster, a client, and what a command prints. */
class Stage {
  readonly cluster = new MemoryCluster(nodeClock, ['a:1']);
  readonly client = this.cluster.client();

  constructor() {
    clients.push(this.client);
  }

  /** What `command` printed, line by line; a fault as the line that it ends with. */
  async run(
    command: (context: CommandContext) => Promise<void>,
    json = false,
  ): Promise<readonly string[]> {
    const context = { client: this.client, json, timeoutMillis: 5000, timeoutMillisEach: 5000 };
    let out = '';
    const { write } = process.stdout;
    process.stdout.write = ((text: string, done?: () => void) => {
      out += text;
      done?.();
      return true;
    }) as typeof write;
    try {
      await command(context);
    } catch (error) {
      out += `error: ${describeFault(error)}\n`;
    } finally {
      process.stdout.write = write;
    }
    return out.split('\n').filter((line) => line !== '');
  }

  read(words: Partial<ReadWords>, json = false): Promise<readonly string[]> {
    const all: ReadWords = {
      stream: 'log',
      from: null,
      sinceMillis: null,
      backwards: false,
      limit: null,
      stale: false,
    };
    return this.run((context) => readRecords(context, { ...all, ...words }), json);
  }
}

async function withRecords(count: number): Promise<Stage> {
  const stage = new Stage();
  const records = Array.from({ length: count }, (_, i) => `r${i + 1}`);
  await stage.client.appendBatch(records);
  return stage;
}

/** The sequences at the begin of lines. */
function seqs(lines: readonly string[]): number[] {
  return lines.map((line) => Number(/^\d+/.exec(line)?.[0]));
}

test('read prints sequence, time and data, in either direction', async () => {
  const stage = await withRecords(3);
  const lines = await stage.read({});
  assert.match(lines[0] ?? '', /^1 {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}r1$/);
  assert.equal(seqs(lines), [1, 2, 3]);
  assert.equal(seqs(await stage.read({ backwards: true })), [3, 2, 1]);
  assert.equal(seqs(await stage.read({ from: 2 })), [2, 3]);
  assert.equal(seqs(await stage.read({ from: 2, backwards: true })), [2, 1]);
  assert.equal(seqs(await stage.read({ limit: 2 })), [1, 2]);
  assert.equal(await stage.read({ sinceMillis: Date.now() + 60_000 }), []);
  const row = JSON.parse((await stage.read({ limit: 1 }, true))[0] ?? '') as object;
  assert.equal(Object.keys(row), ['seq', 'index', 'term', 'time', 'data']);
});

test('read goes on page by page in both directions, and ends where the stream ended', async () => {
  const stage = await withRecords(2500);
  const all = Array.from({ length: 2500 }, (_, i) => i + 1);
  assert.equal(seqs(await stage.read({})), all);
  assert.equal(seqs(await stage.read({ backwards: true })), all.toReversed());
  assert.equal(seqs(await stage.read({ limit: 1500 })), all.slice(0, 1500));
  await stage.client.trim(1001);
  assert.equal(seqs(await stage.read({})), all.slice(1000));
  assert.equal(seqs(await stage.read({ backwards: true })), all.slice(1000).toReversed());
});

test('follow begins at the first record kept and ends at its limit', async () => {
  const stage = await withRecords(3);
  await stage.client.trim(2);
  const words = { stream: 'log', from: null, limit: 3 };
  const listed = stage.run((context) => followRecords(context, words));
  await stage.client.append('r4');
  assert.equal(seqs(await listed), [2, 3, 4]);
});

test('query counts what is kept, and says where it begins', async () => {
  const stage = await withRecords(3);
  await stage.client.trim(3);
  const words = { stream: 'log', from: null, limit: null, follow: false, stale: false };
  assert.equal(await stage.run((context) => query(context, words)), [
    'Log entries (1 total, below 3 trimmed):',
    '  3  term 1  r3',
  ]);
});

test('below what is trimmed a line says where to read from', async () => {
  const stage = await withRecords(3);
  await stage.client.trim(3);
  const [line] = await stage.read({ from: 1 });
  assert.match(
    line ?? '',
    /^error: record 1 of the stream "log" .*read from 3 on; leave --from out/,
  );
});

test('append under conditions, and what it says when they do not hold', async () => {
  const stage = await withRecords(1);
  const append = (conditions: object) =>
    stage.run((context) => appendOne(context, 'x', conditions));
  assert.equal(await append({ expectSeq: 2 }), ['2']);
  assert.match((await append({ expectSeq: 2 }))[0] ?? '', /^error: .*3.*read it again/);
  assert.equal(await append({ fence: 5 }), ['3']);
  assert.match((await append({ fence: 4 }))[0] ?? '', /^error: .*fence 5.*--fence/);
  await stage.client.seal();
  assert.match((await append({ view: 1 }))[0] ?? '', /^error: view 1 .*4.*stream open-view/);
});

test('lines under --expect-seq stand together, from that sequence on', async () => {
  const stage = await withRecords(1);
  async function* input(text: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  const lines = (text: string, expectSeq: number) =>
    stage.run((context) => appendLines(context, input(text), { expectSeq }));
  assert.equal(await lines('a\nb\nc\n', 2), ['3 records appended, sequence 2 to 4']);
  assert.match((await lines('d\ne\n', 9))[0] ?? '', /^error: line 1 \(0 other lines are in/);
  assert.equal(stage.cluster.texts(), ['r1', 'a', 'b', 'c']);
});

test('stream ls and info tell how streams stand', async () => {
  const stage = await withRecords(3);
  const { client } = stage;
  assert.equal(await new Stage().run((context) => commands.listStreams(context, all)), [
    'no streams',
  ]);
  await client.append('x', { stream: 'orders', fence: 7 });
  await client.setRetention({ recordsMax: 10, ageMillisMax: 7_200_000 }, { stream: 'orders' });
  await client.trim(3);
  await client.seal();
  const rows = await stage.run((context) => commands.listStreams(context, all));
  assert.equal(
    rows.map((row) => row.split(/ {2,}/)),
    [
      ['NAME', 'RECORDS', 'FIRST', 'NEXT', 'BYTES', 'VIEW', 'FENCE', 'KEEPS'],
      ['log', '1', '3', '4', rows[1]?.split(/ {2,}/)[4] ?? '', '1, sealed', '-', '-'],
      ['orders', '1', '1', '2', '1', '1', '7', '10 records, 2h'],
    ],
  );
  const one = await stage.run(
    (context) => commands.listStreams(context, { ...all, prefix: 'o' }),
    true,
  );
  const { name, ...state } = JSON.parse(one[0] ?? '') as { name: string };
  assert.is(name, 'orders');
  assert.equal(state, await client.tail({ stream: 'orders' }));
  await client.openView(1);
  assert.equal(
    (await stage.run((context) => commands.showStream(context, 'log', false))).slice(2),
    [
      'sequences  first kept 3, next 4',
      'fence      none',
      'keeps      everything',
      'views      1: from 1, sealed at 4',
      '           2: from 4, open',
    ],
  );
  const none = await stage.run((context) => commands.showStream(context, 'none', false));
  assert.match(none[0] ?? '', /^error: /);
});

const all = { prefix: '', limit: null, stale: false };

test('stream ls reads page by page', async () => {
  const stage = new Stage();
  const names = Array.from({ length: 1200 }, (_, i) => `s${String(i).padStart(4, '0')}`);
  await Promise.all(names.map((stream) => stage.client.append('x', { stream })));
  const listed = async (limit: number | null) => {
    const words = { ...all, limit };
    const rows = await stage.run((context) => commands.listStreams(context, words), true);
    return rows.map((row) => (JSON.parse(row) as { name: string }).name);
  };
  assert.equal(await listed(null), names);
  assert.equal(await listed(1100), names.slice(0, 1100));
});

test('seal, open-view, trim and retention say what came of it, as JSON all of it', async () => {
  const stage = await withRecords(3);
  const run = (command: (context: CommandContext) => Promise<void>) => stage.run(command);
  const { trim, seal, openView, setRetention, showRetention } = commands;
  assert.equal(await run((c) => trim(c, 'log', 2)), ['the first record that is kept is 2']);
  assert.equal(await run((c) => seal(c, 'log', null)), ['view 1 is sealed, it ends at 4']);
  assert.equal(await run((c) => openView(c, 'log', 1)), ['view 2 is open, it begins at 4']);
  assert.match((await run((c) => openView(c, 'log', 1)))[0] ?? '', /^error: .*view/);
  assert.match((await run((c) => seal(c, 'log', 1)))[0] ?? '', /^error: .*2, not 1/);
  const limits = { recordsMax: 1, bytesMax: 500, ageMillisMax: 90_000 };
  assert.equal(await run((c) => setRetention(c, 'log', limits)), [
    'keeps 1 records, 500 bytes, 90s',
  ]);
  assert.equal(await run((c) => showRetention(c, 'log')), ['keeps 1 records, 500 bytes, 90s']);
  assert.equal(await run((c) => setRetention(c, 'log', {})), ['keeps everything']);
  const [json] = await stage.run((c) => trim(c, 'log', 3), true);
  const { name, firstSeq } = JSON.parse(json ?? '') as { name: string; firstSeq: number };
  assert.equal([name, firstSeq], ['log', 3]);
});

test('times that have passed, and ages', () => {
  assert.is(readSince('2026-11-20T06:00Z'), Date.UTC(2026, 10, 20, 6));
  assert.is(readSince('2026-11-20T06:00:01.5+01:00'), Date.UTC(2026, 10, 20, 5, 0, 1, 500));
  assert.is(readSince('2026-11-20'), Date.UTC(2026, 10, 20));
  const before = Date.now();
  const since = readSince('10m');
  assert.ok(since >= before - 600_000 && since <= Date.now() - 600_000);
  for (const text of [
    '',
    '10',
    'yesterday',
    '10 m',
    '2026-13-40',
    '1',
    '2026',
    '-5m',
    '1999999d',
  ]) {
    if (text === '1999999d') assert.is(readSince(text), 0);
    else assert.throws(() => readSince(text), /10m/, text);
  }
  assert.is(readAge('90s'), 90_000);
  assert.is(readAge('7d'), 604_800_000);
  assert.is(readAge('1.5h'), 5_400_000);
  for (const text of ['', '0s', '5', '1y', '9999999999999d']) {
    assert.throws(() => readAge(text), /age/, text);
  }
});

test.run();
