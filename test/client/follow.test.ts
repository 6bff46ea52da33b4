/**
 * Follows of the client in virtual time: every record once, across losses, until they are ended.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { errorOf, world } from './world.js';

test('a follow gives what is there and what comes, across a lost server, each once', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const writer = cluster.client();
  const total = 3000;
  const wanted: string[] = [];
  const write = async () => {
    for (let i = 0; i < total; i += 100) {
      const batch = Array.from({ length: 100 }, (_, j) => `r${i + j}`);
      wanted.push(...batch);
      await writer.appendBatch(batch);
      if (i === 1000) cluster.cut('a:1');
      if (i === 2000) cluster.kill('a:1');
    }
  };
  const seen: string[] = [];
  const follow = async () => {
    for await (const record of client.follow()) {
      seen.push(Buffer.from(record.data).toString());
      if (seen.length === total) return;
    }
  };
  await clock.until(Promise.all([write(), follow()]));
  assert.equal(seen, wanted);
});

test('a follow on a server that died silently goes on elsewhere', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const records = client.follow();
  const first = records.next();
  await clock.pass(100);
  const paused = cluster.servers.get('a:1');
  assert.ok(paused);
  paused.isPaused = true;
  for (const [near] of paused.streams) near.other = null;
  const writer = cluster.client({ targets: ['b:1'] });
  await clock.until(writer.append('x'));
  // The memory cluster tells every watcher, so only a deaf stream keeps the record from a's client.
  for (const [, far] of paused.streams) far.other = null;
  const result = await clock.until(first);
  assert.is(result.value?.seq, 1);
});

test('an abort ends a follow with its reason, leaving a loop ends it quietly', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  await clock.until(client.append('x'));
  const stop = new AbortController();
  const seen: number[] = [];
  const loop = (async () => {
    for await (const record of client.follow({ signal: stop.signal })) {
      seen.push(record.seq);
      stop.abort(new Error('enough'));
    }
  })().catch((error: Error) => error.message);
  assert.is(await clock.until(loop), 'enough');
  assert.equal(seen, [1]);
});

test('close fails what is open with DISCONNECTED, and later calls too', async () => {
  const { clock, cluster } = world();
  cluster.fate = (command) => (command.op === 'append' ? 'lost' : 'done');
  const client = cluster.client();
  const append = errorOf(client.append('x'));
  const follow = errorOf(client.follow().next());
  await clock.pass(50);
  await clock.until(client.close());
  assert.is((await append).code, 'DISCONNECTED');
  assert.is((await follow).code, 'DISCONNECTED');
  assert.is((await errorOf(client.append('y'))).code, 'DISCONNECTED');
  await clock.pass(10);
  assert.is(cluster.applied.at(-1)?.op, 'closeSession');
});

test.run();
