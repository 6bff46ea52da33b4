/**
 * The client against a cluster in memory, in virtual time: routing, time-outs, order, exactly once.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ErrorCode } from '../../src/base/errors.js';
import { Rng } from '../../src/base/rng.js';
import { connectWith } from '../../src/client/connect.js';
import { settleOptions } from '../../src/client/options.js';
import { type Fate, MemoryCluster } from './memory-cluster.js';
import { VirtualClock } from './virtual-clock.js';
import { errorOf, refusal, three, world } from './world.js';

/** The fate of the first `count` appends, `done` for the rest. */
function firstAppends(count: number, fate: Fate): MemoryCluster['fate'] {
  let left = count;
  return (command) => {
    if (command.op !== 'append' || left === 0) return 'done';
    left -= 1;
    return fate;
  };
}

test('an append tells where the record went', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const result = await clock.until(client.append('hello'));
  assert.equal(result, { seq: 1, index: 3, term: 1 });
  assert.equal(cluster.texts(), ['hello']);
});

test('appends of one turn share a command, and each hears its own place', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const calls = Array.from({ length: 10 }, (_, i) => client.append(`r${i}`));
  const results = await clock.until(Promise.all(calls));
  assert.equal(
    results.map((result) => result.seq),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  assert.is(cluster.applied.filter((command) => command.op === 'append').length, 1);
});

test('groupRecordsMax 1 gives each append a command of its own', async () => {
  const { clock, cluster } = world();
  const client = cluster.client({ groupRecordsMax: 1 });
  await clock.until(Promise.all([client.append('x'), client.append('y')]));
  assert.is(cluster.applied.filter((command) => command.op === 'append').length, 2);
  assert.equal(cluster.texts(), ['x', 'y']);
});

test('a batch is one command with consecutive sequence numbers', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const result = await clock.until(client.appendBatch(['x', 'y', 'z']));
  assert.equal([result.firstSeq, result.lastSeq], [1, 3]);
});

test('puts, gets, deletes and lists pass through', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const put = await clock.until(client.put('k/1', 'v'));
  assert.equal([put.revision, put.createRevision, put.version], [1, 1, 1]);
  await clock.until(Promise.all([client.put('k/2', 'w'), client.put('l', 'x')]));
  const pair = await clock.until(client.get('k/1'));
  assert.is(new TextDecoder().decode(pair?.value), 'v');
  const listed = await clock.until(client.list({ prefix: 'k/' }));
  assert.is(listed.keys.length, 2);
  assert.is((await clock.until(client.delete('k/1'))).count, 1);
  assert.is((await clock.until(client.delete('k/1'))).count, 0);
  assert.is(await clock.until(client.get('k/1')), null);
  const conflict = await clock.until(errorOf(client.put('l', 'y', { expectedModRevision: 99 })));
  assert.is(conflict.code, 'CONFLICT');
});

test('calls in order are done in order, whatever their kind', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const calls = [
    client.append('a'),
    client.put('k', '1'),
    client.append('b'),
    client.put('k', '2'),
  ];
  await clock.until(Promise.all<unknown>(calls));
  const writes = cluster.applied.filter((command) => command.op !== 'registerSession');
  assert.equal(
    writes.map((command) => command.op),
    ['append', 'put', 'append', 'put'],
  );
});

const retried: readonly (readonly [string, Fate])[] = [
  ['LEADER_CHANGED', refusal('LEADER_CHANGED')],
  ['NO_LEADER', refusal('NO_LEADER')],
  ['NOT_LEADER', refusal('NOT_LEADER', { leader: { name: 'b', addresses: ['b:1'] } })],
  ['OVERLOADED', refusal('OVERLOADED', { retryAfterMillis: 30 })],
  ['STOPPING', refusal('STOPPING')],
  ['NOT_MEMBER', refusal('NOT_MEMBER')],
  ['TIMEOUT', refusal('TIMEOUT')],
  ['DISCONNECTED', refusal('DISCONNECTED')],
  ['DISK_FAILED', refusal('DISK_FAILED')],
  ['no answer, not done', 'lost'],
  ['no answer, but done', 'mute'],
];

for (const [name, fate] of retried) {
  test(`what happens after ${name}: each record once, in order`, async () => {
    const { clock, cluster } = world();
    cluster.fate = firstAppends(5, fate);
    const client = cluster.client({ groupRecordsMax: 1 });
    const calls = Array.from({ length: 20 }, (_, i) => client.append(`r${i}`));
    const results = await clock.until(Promise.all(calls));
    assert.equal(
      results.map((result) => result.seq),
      results.map((_, i) => i + 1),
    );
    assert.equal(
      cluster.texts(),
      results.map((_, i) => `r${i}`),
    );
  });
}

test('NOT_LEADER leads to the leader it names', async () => {
  const { clock, cluster } = world();
  const leader = { name: 'c', addresses: ['c:1'] };
  cluster.fate = (_command, address) =>
    address === 'c:1' ? 'done' : refusal('NOT_LEADER', { leader });
  const client = cluster.client();
  await clock.until(client.append('x'));
  assert.equal(cluster.dials, ['a:1', 'c:1']);
  assert.is(client.address, 'c:1');
});

test('two servers that each believe the other to lead are not asked without a pause', async () => {
  const { clock, cluster } = world(['a:1', 'b:1']);
  cluster.fate = (_command, address) => {
    const other = address === 'a:1' ? 'b:1' : 'a:1';
    return refusal('NOT_LEADER', { leader: { name: other, addresses: [other] } });
  };
  const client = cluster.client({ timeoutMillis: 2000 });
  const error = await clock.until(errorOf(client.append('x')));
  assert.is(error.code, 'NO_LEADER');
  assert.match(error.message, /refused: NOT_LEADER/);
  assert.ok(cluster.dials.length > 4 && cluster.dials.length < 40, `${cluster.dials.length} dials`);
});

test('a dead first target costs nothing but the next dial', async () => {
  const { clock, cluster } = world();
  cluster.kill('a:1');
  const client = cluster.client();
  await clock.until(client.append('x'));
  assert.is(client.address, 'b:1');
  assert.is(clock.monotonicMillis(), 0);
});

test('a server that accepts and stays silent is left after the attempt time-out', async () => {
  const { clock, cluster } = world();
  const paused = cluster.servers.get('a:1');
  if (paused) paused.isPaused = true;
  const client = cluster.client({ attemptTimeoutMillis: 1000 });
  await clock.until(client.append('x'));
  assert.is(client.address, 'b:1');
  assert.ok(clock.monotonicMillis() >= 1000 && clock.monotonicMillis() < 1200);
});

test('a server that answers reads but no writes is left too', async () => {
  const { clock, cluster } = world();
  cluster.fate = (_command, address) => (address === 'a:1' ? 'lost' : 'done');
  const client = cluster.client({ timeoutMillis: 10_000 });
  const append = client.append('x');
  let done = false;
  void append.then(() => {
    done = true;
  });
  // Reads that are answered all the time must not make up for the writes.
  while (!done && clock.monotonicMillis() < 9000)
    await clock.until(client.get('k').then(() => clock.pass(100)));
  assert.equal(await clock.until(append), { seq: 1, index: 3, term: 1 });
});

test('servers learned from status are used when all targets are gone', async () => {
  const { clock, cluster } = world();
  const client = cluster.client({ targets: ['a:1'] });
  await clock.until(client.append('x'));
  await clock.pass(100);
  cluster.kill('a:1');
  await clock.until(client.append('y'));
  assert.is(client.address, 'b:1');
  assert.equal(cluster.texts(), ['x', 'y']);
});

test('with preferLeader the client moves to the leader and loses nothing on the way', async () => {
  const { clock, cluster } = world();
  cluster.leader = 'c:1';
  const client = cluster.client({ preferLeader: true, groupRecordsMax: 1 });
  const calls = Array.from({ length: 50 }, (_, i) => client.append(`r${i}`));
  await clock.until(Promise.all(calls));
  await clock.pass(100);
  assert.is(client.address, 'c:1');
  assert.is(cluster.records.length, 50);
  assert.equal(
    cluster.texts(),
    calls.map((_, i) => `r${i}`),
  );
});

test('an unsent write that runs out of time was not done, and says so', async () => {
  const { clock, cluster } = world();
  for (const address of three) cluster.kill(address);
  const client = cluster.client({ timeoutMillis: 3000 });
  const error = await clock.until(errorOf(client.append('x')));
  assert.is(error.code, 'NO_LEADER');
  assert.match(error.message, /connection refused/);
  assert.ok(clock.monotonicMillis() >= 3000 && clock.monotonicMillis() <= 3100);
});

test('a sent write that runs out of time rejects with TIMEOUT and keeps its place', async () => {
  const { clock, cluster } = world();
  let isDeaf = true;
  cluster.fate = (command) => (isDeaf && command.op === 'append' ? 'lost' : 'done');
  const client = cluster.client({ timeoutMillis: 1000 });
  const first = errorOf(client.append('first'));
  assert.is((await clock.until(first)).code, 'TIMEOUT');
  isDeaf = false;
  const second = await clock.until(client.append('second', { timeoutMillis: 20_000 }));
  assert.is(second.seq, 2);
  assert.equal(cluster.texts(), ['first', 'second']);
});

test('a record that the server will not take fails alone; those behind it go on', async () => {
  const clock = new VirtualClock();
  const cluster = new MemoryCluster(clock, three, { recordBytesMax: 10_000 });
  const client = cluster.client();
  const before = client.append('before');
  const large = errorOf(client.append(new Uint8Array(20_000)));
  const after = client.append('after');
  assert.is((await clock.until(large)).code, 'TOO_LARGE');
  assert.is((await clock.until(before)).seq, 1);
  assert.is((await clock.until(after)).seq, 2);
  assert.equal(cluster.texts(), ['before', 'after']);
});

test('an expired session fails what was on its way; later writes get a new one', async () => {
  const { clock, cluster } = world();
  const client = cluster.client({ groupRecordsMax: 1 });
  await clock.until(client.append('x'));
  const [register] = cluster.applied;
  assert.is(register?.op, 'registerSession');
  // Another client's order: the session is gone.
  const meta = { index: cluster.machine.appliedIndex + 1, term: 1, timeMillis: 0 };
  cluster.machine.apply(meta, { op: 'closeSession', session: 2 });
  cluster.skipIndex();
  const error = await clock.until(errorOf(client.append('y')));
  assert.is(error.code, 'SESSION_EXPIRED');
  assert.match(error.message, /unknown/);
  const later = await clock.until(client.append('z'));
  assert.is(later.seq, 2);
  assert.equal(cluster.texts(), ['x', 'z']);
});

test('an aborted write that was not sent is not done', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const stop = new AbortController();
  const kept = client.append('kept');
  const dropped = client.append('dropped', { signal: stop.signal });
  const also = client.append('also kept');
  stop.abort(new Error('enough'));
  const error: unknown = await dropped.catch((reason: unknown) => reason);
  assert.is((error as Error).message, 'enough');
  assert.is((await clock.until(kept)).seq, 1);
  assert.is((await clock.until(also)).seq, 2);
  assert.equal(cluster.texts(), ['kept', 'also kept']);
});

test('an aborted write that was sent is done without its caller', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  await clock.until(client.append('first'));
  cluster.fate = firstAppends(1, 'lost');
  const stop = new AbortController();
  const dropped = client.append('x', { signal: stop.signal }).catch((reason: unknown) => reason);
  await clock.pass(10);
  stop.abort();
  assert.is(((await dropped) as Error).name, 'AbortError');
  const next = await clock.until(client.append('y', { timeoutMillis: 30_000 }));
  assert.is(next.seq, 3);
  assert.equal(cluster.texts(), ['first', 'x', 'y']);
});

test('reads are asked again after refusals that are not final', async () => {
  const { clock, cluster } = world();
  let refusals = 20;
  cluster.readRefusal = () => {
    refusals -= 1;
    return refusals >= 0 ? refusal('NO_LEADER') : null;
  };
  const client = cluster.client();
  assert.is(await clock.until(client.get('k')), null);
  assert.ok(new Set(cluster.asked).size > 1, 'a leaderless server is left after a while');
});

test('a final refusal of a read is passed on', async () => {
  const { clock, cluster } = world();
  cluster.readRefusal = () => refusal('BAD_REQUEST');
  const error = await clock.until(errorOf(cluster.client().read()));
  assert.is(error.code, 'BAD_REQUEST');
});

test('a removal that is not found when asked again was done the first time', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  await clock.until(client.status());
  let asks = 0;
  cluster.readRefusal = () => {
    asks += 1;
    return refusal(asks === 1 ? 'DISCONNECTED' : 'NOT_FOUND');
  };
  assert.match(await clock.until(client.removeMember('b')), /not a member/);
  asks = 1;
  assert.is((await clock.until(errorOf(client.removeMember('b')))).code, 'NOT_FOUND');
  asks = 0;
  assert.match(await clock.until(client.leave('b')), /not a member/);
});

test('an operator asks and tells through the client; each answer is its own', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  assert.is((await clock.until(client.plan())).reason, 'there is nobody to promote');
  assert.equal((await clock.until(client.why('b:1'))).lines, ['it votes']);
  assert.equal(await clock.until(client.history()), []);
  assert.equal(await clock.until(client.policy()), { index: 0, words: [] });
  assert.match(await clock.until(client.setPolicy('voters=3')), /^setPolicy by /);
  assert.match(await clock.until(client.leave('b:1')), /^leave by /);
  assert.match(await clock.until(client.removeMember('b:1', { force: true })), /^removeMember by /);
  assert.match(await clock.until(client.removeMember('b:1')), /^removeMember by /);
  assert.equal(cluster.operated.slice(-4), [
    { type: 'setPolicy', text: 'voters=3' },
    { type: 'leave', name: 'b:1' },
    { type: 'removeMember', name: 'b:1', force: true },
    { type: 'removeMember', name: 'b:1', force: false },
  ]);
});

test('a policy that does not fit a request is refused before it is sent', async () => {
  const { clock, cluster } = world();
  const error = await clock.until(errorOf(cluster.client().setPolicy('x'.repeat(5000))));
  assert.is(error.code, 'BAD_REQUEST');
  assert.equal(cluster.operated, []);
});

test('bad words are refused before they are sent', async () => {
  const { clock, cluster } = world();
  const client = cluster.client();
  const bad: readonly (readonly [() => Promise<unknown>, ErrorCode])[] = [
    [() => client.append('x', { stream: '' }), 'BAD_REQUEST'],
    [() => client.append('x', { stream: 'n'.repeat(256) }), 'BAD_REQUEST'],
    [() => client.append(new Uint8Array(5 * 1024 * 1024)), 'TOO_LARGE'],
    [() => client.appendBatch([]), 'BAD_REQUEST'],
    [() => client.put('', 'x'), 'BAD_REQUEST'],
    [() => client.put('k', 'x', { expectedModRevision: -1 }), 'BAD_REQUEST'],
    [() => client.read({ from: 0.5 }), 'BAD_REQUEST'],
    [() => client.get('k'.repeat(5000)), 'BAD_REQUEST'],
  ];
  for (const [call, code] of bad) {
    assert.is((await clock.until(errorOf(call()))).code, code);
  }
  assert.throws(() => client.follow({ from: -1 }), /cannot be sent/);
  assert.is(cluster.records.length, 0);
});

test('connect fails with NO_LEADER when nobody answers, within its time', async () => {
  const { clock, cluster } = world();
  for (const address of three) cluster.kill(address);
  const settings = settleOptions({ targets: three, timeoutMillis: 2000 });
  const attempt = connectWith(settings, { dialer: cluster, clock, rng: new Rng(1) });
  const error = await clock.until(errorOf(attempt));
  assert.is(error.code, 'NO_LEADER');
  assert.match(error.message, /a:1, b:1, c:1 within 2 s/);
  assert.is(clock.monotonicMillis(), 2000);
});

test('all faults of options are told at once', () => {
  assert.throws(
    () => settleOptions({ targets: [], timeoutMillis: 0, attemptTimeoutMillis: 1.5 }),
    /targets.*timeoutMillis.*attemptTimeoutMillis/,
  );
});

test('too many waiting writes are turned away, not kept', async () => {
  const { clock, cluster } = world();
  for (const address of three) cluster.kill(address);
  const client = cluster.client({ waitingMax: 10, timeoutMillis: 500 });
  const calls = Array.from({ length: 12 }, () => errorOf(client.append('x')));
  const codes = (await clock.until(Promise.all(calls))).map((error) => error.code);
  assert.equal(codes.slice(10), ['OVERLOADED', 'OVERLOADED']);
  assert.equal(new Set(codes.slice(0, 10)), new Set(['NO_LEADER']));
});

test.run();
