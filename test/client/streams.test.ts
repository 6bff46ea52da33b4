/**
 * Streams through the client: conditions of appends, views, trims, retention, reading from
 * anywhere.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReadOptions } from '../../src/client/calls.js';
import type { Client } from '../../src/client/client.js';
import { errorOf, refusal, world } from './world.js';

const everything = { recordsMax: null, bytesMax: null, ageMillisMax: null };

/** A client of a cluster with five records in `log`, a second apart. */
async function five() {
  const made = world();
  const client = made.cluster.client();
  const times: number[] = [];
  for (let i = 1; i <= 5; i++) {
    await made.clock.until(client.append(`r${i}`));
    times.push(made.cluster.records.at(-1)?.timeMillis ?? 0);
    await made.clock.pass(1000);
  }
  return { ...made, client, times };
}

/** The sequences that a read gives. */
async function seqs(client: Client, options: ReadOptions): Promise<number[]> {
  return (await client.read(options)).records.map(({ seq }) => seq);
}

test('an append that expects its sequence is done at that one alone', async () => {
  const { clock, cluster, client } = await five();
  const done = await clock.until(client.append('r6', { expectSeq: 6 }));
  assert.is(done.seq, 6);
  const late = await clock.until(errorOf(client.append('again', { expectSeq: 6 })));
  assert.equal([late.code, late.hints.expected], ['CONFLICT', 7]);
  const early = await clock.until(errorOf(client.appendBatch(['a', 'b'], { expectSeq: 9 })));
  assert.equal([early.code, early.hints.expected], ['CONFLICT', 7]);
  const batch = await clock.until(client.appendBatch(['a', 'b'], { expectSeq: 7 }));
  assert.equal([batch.firstSeq, batch.lastSeq], [7, 8]);
  assert.equal(cluster.texts().slice(5), ['r6', 'a', 'b']);
});

test('a conditional append that is sent again is not refused for its own first doing', async () => {
  const { clock, cluster, client } = await five();
  let isFirst = true;
  cluster.fate = (command) => {
    if (command.op !== 'append' || !isFirst) return 'done';
    isFirst = false;
    return 'mute';
  };
  const result = await clock.until(client.append('r6', { expectSeq: 6 }));
  assert.is(result.seq, 6);
  assert.is(cluster.applied.filter(({ op }) => op === 'append').length, 7);
  assert.is(cluster.records.length, 6);
});

test('of two writers that expect one sequence, one gets it', async () => {
  const { clock, cluster } = world();
  const writers = [cluster.client(), cluster.client({ targets: ['b:1'] })];
  const won: number[] = [0, 0];
  const work = writers.map(async (client, who) => {
    for (let seq = 1; seq <= 50; ) {
      try {
        await client.append(`${who}`, { expectSeq: seq });
        won[who] = (won[who] ?? 0) + 1;
        seq += 1;
      } catch (error) {
        seq = (error as { hints: { expected: number } }).hints.expected;
      }
    }
  });
  await clock.until(Promise.all(work));
  assert.is(cluster.records.length, 50);
  assert.is((won[0] ?? 0) + (won[1] ?? 0), 50);
});

test('appends with conditions travel alone, those without still together', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const done = clock.until(
    Promise.all([
      client.append('a'),
      client.append('b'),
      client.append('c', { fence: 1 }),
      client.append('d'),
      client.append('e'),
      client.append('f', { expectSeq: 6 }),
      client.append('g', { view: 1 }),
    ]),
  );
  await done;
  const appends = cluster.applied.filter((command) => command.op === 'append');
  assert.equal(
    appends.map((command) => command.op === 'append' && command.records.length),
    [2, 1, 2, 1, 1],
  );
  assert.equal(cluster.texts().join(''), 'abcdefg');
});

test('one whose condition fails leaves its neighbours of the same turn alone', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const wrong = errorOf(client.append('b', { expectSeq: 9 }));
  const results = await clock.until(Promise.all([client.append('a'), wrong, client.append('c')]));
  assert.is(results[1].code, 'CONFLICT');
  assert.equal(cluster.texts(), ['a', 'c']);
});

test('a greater fence puts an older writer out; without a fence nobody is', async () => {
  const { clock, cluster } = world();
  const old = cluster.client();
  const young = cluster.client({ targets: ['b:1'] });
  await clock.until(old.append('a', { fence: 3 }));
  await clock.until(young.append('b', { fence: 4 }));
  const error = await clock.until(errorOf(old.append('zombie', { fence: 3 })));
  assert.equal([error.code, error.hints.expected, error.retry], ['FENCED', 4, 'never']);
  await clock.until(young.append('c', { fence: 4 }));
  await clock.until(old.append('d'));
  assert.equal(cluster.texts(), ['a', 'b', 'c', 'd']);
  assert.is((await clock.until(old.tail())).fence, 4);
});

test('a sealed view takes nothing, the next one goes on at its end', async () => {
  const { clock, cluster, client } = await five();
  const { state } = await clock.until(client.seal({ view: 1 }));
  assert.equal(state.views, [{ view: 1, firstSeq: 1, endSeq: 6 }]);
  for (const options of [{}, { view: 1 }, { view: 1, expectSeq: 9 }]) {
    const error = await clock.until(errorOf(client.append('x', options)));
    assert.equal([error.code, error.hints.expected], ['SEALED', 6]);
  }
  await clock.until(client.seal());
  const wrong = await clock.until(errorOf(client.openView(2)));
  assert.is(wrong.code, 'CONFLICT');
  const opened = await clock.until(client.openView(1));
  assert.equal(opened.state.views.at(-1), { view: 2, firstSeq: 6, endSeq: null });
  const again = await clock.until(errorOf(client.openView(1)));
  assert.equal([again.code, again.hints.expected], ['CONFLICT', 2]);
  const past = await clock.until(errorOf(client.append('x', { view: 1 })));
  assert.equal([past.code, past.hints.expected], ['SEALED', 6]);
  const future = await clock.until(errorOf(client.append('x', { view: 3 })));
  assert.is(future.code, 'CONFLICT');
  assert.is((await clock.until(client.append('r6', { view: 2 }))).seq, 6);
  assert.is(cluster.records.length, 6);
});

test('reads begin anywhere and go both ways', async () => {
  const { clock, client, times } = await five();
  const rows: readonly (readonly [ReadOptions, readonly number[]])[] = [
    [{}, [1, 2, 3, 4, 5]],
    [{ from: 3 }, [3, 4, 5]],
    [{ from: 3, limit: 1 }, [3]],
    [{ backwards: true }, [5, 4, 3, 2, 1]],
    [{ from: 3, backwards: true }, [3, 2, 1]],
    [{ since: times[2] as number }, [3, 4, 5]],
    [{ since: new Date(times[2] as number) }, [3, 4, 5]],
    [{ since: (times[2] as number) - 0.5 }, [3, 4, 5]],
    [{ since: (times[2] as number) + 0.5 }, [4, 5]],
    [{ since: times[2] as number, backwards: true }, [2, 1]],
    [{ since: -5 }, [1, 2, 3, 4, 5]],
    [{ bytesMax: 4 }, [1, 2]],
    [{ stream: 'none' }, []],
  ];
  for (const [options, wanted] of rows) {
    assert.equal(await clock.until(seqs(client, options)), wanted, JSON.stringify(options));
  }
  const cut = await clock.until(client.read({ bytesMax: 4 }));
  assert.equal([cut.firstSeq, cut.nextSeq, cut.complete], [1, 6, false]);
});

test('a read that contradicts itself, or means no time, is refused here', async () => {
  const { clock, client } = await five();
  const asked = [
    { from: 1, since: 1 },
    { since: Number.NaN },
    { since: new Date('yesterday') },
    { from: -1 },
    { limit: 0.5 },
  ];
  for (const options of asked) {
    const error = await clock.until(errorOf(client.read(options)));
    assert.is(error.code, 'BAD_REQUEST', JSON.stringify(options));
  }
});

test('what is trimmed is gone for readers, and a trim done twice is done once', async () => {
  const { clock, client } = await five();
  for (let i = 0; i < 2; i++) {
    const { state } = await clock.until(client.trim(4));
    assert.equal([state.firstSeq, state.nextSeq], [4, 6]);
  }
  const back = await clock.until(client.trim(2));
  assert.is(back.state.firstSeq, 4);
  const error = await clock.until(errorOf(client.read({ from: 3 })));
  assert.equal([error.code, error.hints.expected, error.retry], ['TRIMMED', 4, 'never']);
  const kept = await clock.until(client.read());
  assert.equal([kept.firstSeq, kept.records.map(({ seq }) => seq)], [4, [4, 5]]);
  const beyond = await clock.until(client.trim(99));
  assert.is(beyond.state.firstSeq, 6);
  assert.is((await clock.until(client.append('r6'))).seq, 6);
});

test('retention takes what is over, and can be taken back', async () => {
  const { clock, client } = await five();
  const set = await clock.until(client.setRetention({ recordsMax: 3 }));
  assert.equal(set.state.retention, { ...everything, recordsMax: 3 });
  await clock.until(client.append('r6'));
  assert.equal(await clock.until(seqs(client, {})), [4, 5, 6]);
  const none = await clock.until(client.setRetention({}));
  assert.equal(none.state.retention, everything);
  await clock.until(client.append('r7'));
  assert.equal(await clock.until(seqs(client, {})), [4, 5, 6, 7]);
});

test('streams are listed by name, page by page, with how they stand', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  for (const stream of ['b/2', 'a', 'b/1', 'b/3', 'c']) {
    await clock.until(client.append('x', { stream }));
  }
  const names = async (options: Parameters<Client['streams']>[0]) => {
    const { streams, more } = await clock.until(client.streams(options));
    return [...streams.map(({ name }) => name), more];
  };
  assert.equal(await names({}), ['a', 'b/1', 'b/2', 'b/3', 'c', false]);
  assert.equal(await names({ prefix: 'b/', limit: 2 }), ['b/1', 'b/2', true]);
  assert.equal(await names({ prefix: 'b/', after: 'b/2' }), ['b/3', false]);
  assert.equal(await names({ prefix: 'z' }), [false]);
  const { streams } = await clock.until(client.streams({ prefix: 'a' }));
  assert.equal(streams[0]?.state, await clock.until(client.tail({ stream: 'a' })));
  const error = await clock.until(errorOf(client.tail({ stream: 'none' })));
  assert.is(error.code, 'NOT_FOUND');
});

test('numbers that cannot be are refused here, before they stand between others', async () => {
  const { clock, cluster, client } = await five();
  const before = cluster.applied.length;
  const text = '5' as unknown as number;
  const calls = [
    errorOf(client.append('x', { expectSeq: 0 })),
    errorOf(client.append('x', { fence: 1.5 })),
    errorOf(client.append('x', { view: Number.NaN })),
    errorOf(client.append('x', { fence: text })),
    errorOf(client.openView(0)),
    errorOf(client.trim(-1)),
    errorOf(client.trim(text)),
    errorOf(client.setRetention({ recordsMax: 0 })),
    errorOf(client.seal({ view: 0 })),
    errorOf(client.seal({ stream: '' })),
  ];
  for (const call of calls) {
    assert.is((await clock.until(call)).code, 'BAD_REQUEST');
  }
  assert.is(cluster.applied.length, before);
});

test('changes of streams keep their place among the writes of a session', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  cluster.fate = (command) => {
    cluster.fate = () => 'done';
    return command.op === 'append' ? refusal('LEADER_CHANGED') : 'done';
  };
  const work = Promise.all([
    client.append('a'),
    client.seal(),
    errorOf(client.append('b')),
    client.openView(1),
    client.append('c', { view: 2 }),
  ]);
  const results = await clock.until(work);
  assert.is(results[2].code, 'SEALED');
  assert.is(results[4].seq, 2);
  assert.equal(cluster.texts(), ['a', 'c']);
});

test('a follow begins at the first record kept, and ends when a trim overtakes it', async () => {
  const { clock, cluster, client } = await five();
  await clock.until(client.trim(3));
  const follow = client.follow();
  assert.is((await clock.until(follow.next())).value?.seq, 3);
  await follow.return();
  const below = client.follow({ from: 2 });
  const refused = await clock.until(errorOf(below.next()));
  assert.equal([refused.code, refused.hints.expected], ['TRIMMED', 3]);
  // More than a follow is granted before somebody reads, so that the rest is trimmed meanwhile.
  for (let i = 0; i < 5; i++) await clock.until(client.appendBatch(Array(500).fill('x')));
  const slow = client.follow();
  const first = await clock.until(slow.next());
  assert.is(first.value?.seq, 3);
  await clock.pass(1000);
  await clock.until(client.trim(2400));
  const seen: number[] = [3];
  const overtaken = await clock.until(
    errorOf(
      (async () => {
        for await (const record of slow) seen.push(record.seq);
      })(),
    ),
  );
  assert.equal([overtaken.code, overtaken.hints.expected], ['TRIMMED', 2400]);
  assert.equal(
    seen,
    seen.map((_, i) => 3 + i),
    'none is left out before the end',
  );
  assert.ok(seen.length < 2397, `${seen.length} of them`);
  assert.ok(cluster.records.length > 2400);
});

test('a follow that waits for a first record misses nothing over a lost server', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const writer = cluster.client({ targets: ['b:1'] });
  const follow = client.follow();
  const next = errorOf(follow.next());
  await clock.pass(100);
  // While it finds no server that reads for it, records come, and the first of them go.
  cluster.readRefusal = () => refusal('NO_LEADER');
  cluster.cut('a:1');
  await clock.until(writer.appendBatch(['a', 'b', 'c']));
  await clock.until(writer.trim(3));
  cluster.readRefusal = null;
  const error = await clock.until(next);
  assert.equal([error.code, error.hints.expected], ['TRIMMED', 3]);
});

test.run();
