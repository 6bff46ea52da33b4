/**
 * Streams with three real servers: conditions decide races of writers, a fence keeps a zombie out,
 * a sealed view stays as it is over the death of the leader, and readers go from anywhere.
 */

// time limit: 240 s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { QuorateError } from '../../src/base/errors.js';
import type { ReadOptions } from '../../src/client/calls.js';
import type { Client } from '../../src/client/client.js';
import { assertLines, quorate } from './commands.js';
import { Servers, within } from './servers.js';

const quick = ['--stabilisation', '300'];

async function withThree(work: (servers: Servers) => Promise<void>): Promise<void> {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    await work(servers);
  } finally {
    await servers.stopAll();
  }
}

/** The text of every record that a read gives. */
async function texts(client: Client, options: ReadOptions): Promise<string[]> {
  const { records } = await client.read({ limit: 10_000, ...options });
  return records.map(({ data }) => Buffer.from(data).toString());
}

/** What a refused call rejects with. */
async function refusalOf(call: Promise<unknown>): Promise<QuorateError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, QuorateError);
  return error as QuorateError;
}

test('of two writers that expect the same sequences, one wins each, over a fail-over', () =>
  withThree(async (servers) => {
    const clients = [await servers.client(), await servers.client()];
    const total = 300;
    const won: [number, string][] = [];
    const race = clients.map(async (client, who) => {
      for (let seq = 1; seq <= total; ) {
        try {
          const text = `writer ${who} at ${seq}`;
          await client.append(text, { stream: 'race', expectSeq: seq });
          won.push([seq, text]);
          seq += 1;
        } catch (error) {
          const { code, hints } = error as QuorateError;
          assert.is(code, 'CONFLICT');
          assert.ok((hints.expected ?? 0) > seq, `${hints.expected} after ${seq}`);
          seq = hints.expected as number;
        }
      }
    });
    const isOver = Promise.all(race);
    const leader = await servers.leader();
    await leader.kill();
    await within(60_000, 'the race', isOver);
    await servers.start(leader);
    const found = await texts(clients[0] as Client, { stream: 'race' });
    assert.is(found.length, total);
    const wanted = won.toSorted(([a], [b]) => a - b).map(([, text]) => text);
    assert.equal(found, wanted, 'each sequence was won once, by who was told so');
  }));

test('a writer with an older fence is put out, its records in flight too', () =>
  withThree(async (servers) => {
    const stream = 'fenced';
    const zombie = await servers.client();
    const heir = await servers.client();
    await zombie.append('z0', { stream, fence: 1 });
    const writing = (async () => {
      const done: number[] = [];
      for (let i = 1; ; i++) {
        // Pipelined: several are on their way when the heir takes over.
        const calls = [0, 1, 2, 3].map((lane) =>
          zombie.append(`z${i} ${lane}`, { stream, fence: 1 }).then(({ seq }) => done.push(seq)),
        );
        const [first] = (await Promise.allSettled(calls)).filter(
          (result) => result.status === 'rejected',
        );
        if (first === undefined) continue;
        return { error: first.reason as QuorateError, done };
      }
    })();
    const { seq } = await heir.append('heir', { stream, fence: 2 });
    const { error, done } = await within(20_000, 'the zombie hears of it', writing);
    assert.equal([error.code, error.hints.expected], ['FENCED', 2]);
    assert.ok(
      done.every((each) => each < seq),
      'what the zombie was told is done stands before the heir',
    );
    await heir.append('heir again', { stream, fence: 2 });
    const found = await texts(heir, { stream });
    assert.equal(found.slice(seq - 1), ['heir', 'heir again']);
  }));

test('nothing lands in a sealed view, whatever dies meanwhile', () =>
  withThree(async (servers) => {
    const stream = 'sealed';
    const writers = await Promise.all([0, 1, 2, 3].map(() => servers.client()));
    let acknowledged = 0;
    const writing = Promise.all(
      writers.map(async (client, who) => {
        for (let i = 0; ; i++) {
          try {
            await client.append(`writer ${who} record ${i}`, { stream, view: 1 });
            acknowledged += 1;
          } catch (error) {
            return error as QuorateError;
          }
        }
      }),
    );
    const operator = await servers.client();
    while ((await operator.read({ stream, limit: 1 })).nextSeq < 100);
    const leader = await servers.leader();
    const dead = leader.kill();
    const sealed = await within(30_000, 'the seal', operator.seal({ stream, view: 1 }));
    const end = sealed.state.nextSeq;
    assert.equal(sealed.state.views, [{ view: 1, firstSeq: 1, endSeq: end }]);
    const before = await texts(operator, { stream });
    const opened = await operator.openView(1, { stream });
    assert.equal(opened.state.views.at(-1), { view: 2, firstSeq: end, endSeq: null });
    const first = await operator.append('in view 2', { stream, view: 2 });
    assert.is(first.seq, end);
    for (const error of await within(30_000, 'the writers hear of it', writing)) {
      assert.equal([error.code, error.hints.expected], ['SEALED', end]);
    }
    await dead;
    await servers.start(leader);
    await operator.append('once more', { stream, view: 2 });
    for (const server of servers.all) {
      const client = await servers.client({ only: server });
      const found = await texts(client, { stream });
      assert.equal(found, [...before, 'in view 2', 'once more'], server.name);
      assert.is(found.length, end + 1);
    }
    assert.is(before.length, end - 1);
    assert.is(new Set(before).size, before.length, 'each once');
    assert.is(acknowledged, before.length, 'every writer was told of all of its own');
  }));

test('reading below a trim, from a time, backwards, over a restart of all', () =>
  withThree(async (servers) => {
    const client = await servers.client();
    const batch = (from: number) => Array.from({ length: 50 }, (_, i) => `r${from + i}`);
    await client.appendBatch(batch(1));
    const { timeMillis } = (await client.read({ backwards: true, limit: 1 })).records[0] ?? {
      timeMillis: 0,
    };
    // The next batch has to bear a later time: the clock is all that makes it so.
    while (Date.now() <= timeMillis + 1);
    const { records } = await readAfter(client, timeMillis, batch(51));
    assert.equal(records, batch(51));
    const { state } = await client.trim(31);
    assert.equal([state.firstSeq, state.nextSeq], [31, 101]);
    await Promise.all(servers.all.map((server) => server.kill()));
    await Promise.all(servers.all.map((server) => servers.start(server)));
    await servers.leader();
    const error = await refusalOf(client.read({ from: 30 }));
    assert.equal([error.code, error.hints.expected], ['TRIMMED', 31]);
    const all = [...batch(1), ...batch(51)];
    assert.equal(await texts(client, {}), all.slice(30));
    assert.equal(await texts(client, { backwards: true }), all.slice(30).toReversed());
    assert.equal(await texts(client, { from: 40, backwards: true, limit: 3 }), [
      'r40',
      'r39',
      'r38',
    ]);
    assert.equal(await texts(client, { since: timeMillis + 1 }), batch(51));
    const older = await texts(client, { since: timeMillis + 1, backwards: true, limit: 2 });
    assert.equal(older, ['r50', 'r49']);
    await commandLine(servers);
  }));

/** Appends a batch; what a read from behind `timeMillis` gives then. */
async function readAfter(
  client: Client,
  timeMillis: number,
  batch: readonly string[],
): Promise<{ readonly records: readonly string[] }> {
  await client.appendBatch(batch);
  return { records: await texts(client, { since: timeMillis + 1 }) };
}

/** The same stream by the command line. */
async function commandLine(servers: Servers): Promise<void> {
  const targets = ['-t', servers.all.map(({ address }) => address).join(',')];
  const run = (...words: string[]) => quorate([...words, ...targets]);
  const trimmed = await run('read', '--from', '2');
  assert.is(trimmed.code, 1);
  assertLines(trimmed.err, [/record 2 of the stream "log" is trimmed away.*read from 31 on/]);
  const last = await run('read', '--reverse', '--limit', '2');
  assert.match(last.out, /^100 {2}\S+ {2}r100\n99 {2}\S+ {2}r99\n$/);
  const race = await run('append', '-c', 'x', '--expect-seq', '7');
  assert.is(race.code, 1);
  assertLines(race.err, [/101.*not 7/]);
  assert.is((await run('append', '-c', 'x', '--expect-seq', '101')).out, '101\n');
  assert.match((await run('stream', 'seal', 'log')).out, /^view 1 is sealed, it ends at 102\n$/);
  const sealed = await run('append', '-c', 'y');
  assert.is(sealed.code, 1);
  assertLines(sealed.err, [/sealed.*102.*open-view/]);
  assert.is((await run('stream', 'open-view', 'log', '--after', '1')).code, 0);
  assert.is((await run('append', '-c', 'y', '--view', '2')).out, '102\n');
  const kept = await run('stream', 'retention', 'log', '--records', '2', '--json');
  const { retention } = JSON.parse(kept.out) as { retention: object };
  assert.equal(retention, { recordsMax: 2, bytesMax: null, ageMillisMax: null });
  assert.is((await run('append', '-c', 'z')).out, '103\n');
  const none = await run('stream', 'info', 'none');
  assert.is(none.code, 1);
  assertLines(none.err, [/there is no stream "none"/]);
  const listed = await run('stream', 'ls', '--json');
  const { name, firstSeq, nextSeq } = JSON.parse(listed.out) as Record<string, unknown>;
  assert.equal([name, firstSeq, nextSeq], ['log', 102, 104]);
}

test.run();
