/**
 * The native front, spoken to in frames: ids, limits, back-pressure, follows, garbage, stopping.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { NativeFrontOptions } from '../../src/front/native/native-front.js';
import type { SessionTag } from '../../src/machine/commands.js';
import { decodeReply, encodeRequest } from '../../src/wire/client-codec.js';
import type { ClientReply, ClientRequest } from '../../src/wire/client-messages.js';
import { encodeCommand } from '../../src/wire/command-codec.js';
import {
  type Fate,
  MemoryCluster,
  type MemoryStream,
  streamPair,
} from '../client/memory-cluster.js';
import { VirtualClock } from '../client/virtual-clock.js';

/** A client that speaks in frames, and all it was told. */
class Talker {
  readonly clock = new VirtualClock();
  readonly cluster: MemoryCluster;
  readonly near: MemoryStream;
  readonly far: MemoryStream;
  readonly replies: ClientReply[] = [];
  closed: string | null = null;

  constructor(options: NativeFrontOptions = {}, addresses: readonly string[] = ['a:1', 'b:1']) {
    this.cluster = new MemoryCluster(this.clock, addresses, options);
    [this.near, this.far] = streamPair(this.clock);
    this.near.onFrames((frames) => {
      for (const frame of frames) this.replies.push(decodeReply(frame));
    });
    this.near.onClose((reason) => {
      this.closed = reason;
    });
    this.front.accept(this.far);
  }

  get front() {
    const server = this.cluster.servers.get('a:1');
    if (!server) throw new Error('no server');
    return server.front;
  }

  /** Comes to the same server now; what it is told. */
  anotherClient(): readonly ClientReply[] {
    const replies: ClientReply[] = [];
    const [near, far] = streamPair(this.clock);
    near.onFrames((frames) => {
      for (const frame of frames) replies.push(decodeReply(frame));
    });
    this.front.accept(far);
    return replies;
  }

  say(...requests: ClientRequest[]): void {
    this.near.send(requests.map(encodeRequest));
  }

  append(id: number, ...records: string[]): ClientRequest {
    const bytes = records.map((record) => new TextEncoder().encode(record));
    const tag: SessionTag | null = null;
    const command = encodeCommand({ op: 'append', tag, stream: 'log', records: bytes });
    return { type: 'command', id, command };
  }

  async settle(): Promise<void> {
    await this.clock.pass(1);
  }

  /** The codes of all refusals, by id. */
  refusals(): [number, string][] {
    return this.replies.flatMap((reply) =>
      reply.type === 'refused' ? [[reply.id, reply.refusal.code] as [number, string]] : [],
    );
  }
}

function recordsTold(talker: Talker): number[] {
  return talker.replies.flatMap((reply) =>
    reply.type === 'records' ? reply.records.map((record) => record.seq) : [],
  );
}

test('replies carry the ids of their requests, and those of a turn leave in one send', async () => {
  const talker = new Talker();
  talker.say(talker.append(7, 'x'), talker.append(9, 'y'), { type: 'status', id: 11 });
  await talker.settle();
  assert.equal(talker.replies.map((reply) => reply.id).sort(), [11, 7, 9]);
  assert.ok(talker.far.sends <= 2, `${talker.far.sends} sends`);
});

test('the machine answers, refusals included, as it would anywhere', async () => {
  const talker = new Talker();
  talker.say({
    type: 'command',
    id: 1,
    command: encodeCommand({
      op: 'put',
      tag: null,
      key: Uint8Array.of(1),
      value: Uint8Array.of(2),
      expectedModRevision: 9,
    }),
  });
  await talker.settle();
  const [reply] = talker.replies;
  assert.is(reply?.type, 'commandReply');
  assert.is(reply?.type === 'commandReply' && reply.reply.kind, 'refused');
});

test('a record over the limit is refused and never reaches the replica', async () => {
  const talker = new Talker({ recordBytesMax: 100 });
  talker.say(talker.append(1, 'x'.repeat(101)), talker.append(2, 'y'.repeat(100)));
  talker.say({ type: 'command', id: 3, command: new Uint8Array(0) });
  await talker.settle();
  assert.equal(talker.refusals(), [
    [1, 'TOO_LARGE'],
    [3, 'BAD_REQUEST'],
  ]);
  assert.is(talker.cluster.records.length, 1);
});

test('a policy is set by a request of its own, never by a command that nobody judged', async () => {
  const talker = new Talker();
  const words = [{ name: 'voters', value: '4' }];
  const command = encodeCommand({ op: 'setPolicy', words, expectedIndex: null });
  talker.say({ type: 'command', id: 1, command }, { type: 'setPolicy', id: 2, text: 'voters=5' });
  await talker.settle();
  assert.equal(talker.refusals(), [[1, 'BAD_REQUEST']]);
  assert.equal(talker.cluster.applied, []);
  assert.equal(
    talker.replies.filter(({ type }) => type === 'done').map(({ id }) => id),
    [2],
  );
});

test('operators get what they asked for, their requests are counted as others are', async () => {
  const talker = new Talker({ inflightRequestsMax: 3 });
  talker.say(
    { type: 'plan', id: 1 },
    { type: 'why', id: 2, name: 'a:1' },
    { type: 'history', id: 3 },
    { type: 'policy', id: 4 },
  );
  await talker.settle();
  talker.say({ type: 'policy', id: 5 });
  await talker.settle();
  assert.equal(talker.replies.map(({ id, type }) => `${id} ${type}`).sort(), [
    '1 plan',
    '2 why',
    '3 history',
    '4 refused',
    '5 policy',
  ]);
});

test('many small records may together be larger than the limit of one', async () => {
  const talker = new Talker({ recordBytesMax: 100 });
  talker.say(talker.append(1, 'x'.repeat(60), 'y'.repeat(60)));
  await talker.settle();
  assert.equal(talker.refusals(), []);
  assert.is(talker.cluster.records.length, 2);
});

test('a command that the machine could not read is refused, and the stream goes on', async () => {
  const talker = new Talker();
  talker.say(
    { type: 'command', id: 1, command: Uint8Array.of(99, 1, 2, 3) },
    talker.append(2, 'x'),
  );
  await talker.settle();
  assert.equal(talker.refusals(), [[1, 'BAD_REQUEST']]);
  assert.is(talker.cluster.records.length, 1);
});

test('bytes that are no request: a refusal, then the end of the stream', async () => {
  const talker = new Talker();
  talker.near.send([Uint8Array.of(255, 1, 2, 3)]);
  talker.say(talker.append(2, 'x'));
  await talker.settle();
  assert.equal(talker.refusals(), [[0, 'BAD_REQUEST']]);
  assert.ok(talker.closed);
  assert.is(talker.cluster.records.length, 0);
  assert.is(talker.front.connectionCount, 0);
});

test('requests beyond the limit are refused with OVERLOADED and a time to come back', async () => {
  const talker = new Talker({ inflightRequestsMax: 2 });
  const lost: Fate = 'lost';
  talker.cluster.fate = () => lost;
  talker.say(...[1, 2, 3, 4].map((id) => talker.append(id, 'x')), { type: 'status', id: 5 });
  await talker.settle();
  assert.equal(talker.refusals(), [
    [3, 'OVERLOADED'],
    [4, 'OVERLOADED'],
  ]);
  const [first] = talker.replies;
  assert.ok(first?.type === 'refused' && (first.refusal.retryAfterMillis ?? 0) > 0);
  assert.is(talker.replies.at(-1)?.type, 'status');
});

test('reads wait for others by weight, and all are answered in the end', async () => {
  const talker = new Talker({ readWeightMax: 8 });
  const read = {
    type: 'read',
    stream: 'log',
    range: { from: { seq: 1 }, backwards: false, limit: 10, bytesMax: 0 },
    consistency: 'stale',
  } as const;
  talker.say(...[1, 2, 3, 4].map((id) => ({ ...read, id })));
  await talker.settle();
  assert.equal(
    talker.replies.map((reply) => reply.id),
    [1, 2, 3, 4],
  );
});

test('a read cut by the limit of a reply says that it is not complete', async () => {
  const talker = new Talker();
  for (let i = 0; i < 3; i++) talker.say(talker.append(i + 1, ...Array(5000).fill('r')));
  await talker.settle();
  talker.replies.length = 0;
  const read = (id: number, seq: number): ClientRequest => {
    const range = { from: { seq }, backwards: false, limit: 20_000, bytesMax: 0 };
    return { type: 'read', id, stream: 'log', range, consistency: 'stale' };
  };
  talker.say(read(9, 1), read(10, 10_001));
  await talker.settle();
  const told = talker.replies.map((reply) =>
    reply.type === 'records' ? [reply.records.length, reply.complete] : null,
  );
  assert.equal(told, [
    [10_000, false],
    [5000, true],
  ]);
});

test('a follow sends no more than its credit, and goes on with more', async () => {
  const talker = new Talker();
  talker.say(talker.append(1, ...Array(30).fill('r')));
  await talker.settle();
  talker.say({ type: 'follow', id: 2, stream: 'log', fromSeq: 3, credit: 10 });
  await talker.settle();
  assert.equal(recordsTold(talker), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  talker.say({ type: 'credit', id: 2, records: 100 });
  await talker.settle();
  assert.is(recordsTold(talker).length, 28);
  talker.say(talker.append(3, 'later'));
  await talker.settle();
  assert.is(recordsTold(talker).at(-1), 31);
  talker.say({ type: 'cancel', id: 2 });
  await talker.settle();
  talker.say(talker.append(4, 'unseen'));
  await talker.settle();
  assert.is(recordsTold(talker).at(-1), 31);
});

test('two follows under one id, and more follows than allowed, are refused', async () => {
  const talker = new Talker({ followsMax: 2 });
  const follow = { type: 'follow', stream: 'log', fromSeq: 1, credit: 10 } as const;
  talker.say(...[1, 1, 2, 3].map((id) => ({ ...follow, id })));
  await talker.settle();
  assert.equal(talker.refusals(), [
    [1, 'BAD_REQUEST'],
    [3, 'OVERLOADED'],
  ]);
});

test('while replies do not leave nothing is begun; then all goes on in order', async () => {
  const talker = new Talker();
  talker.far.room = 0;
  talker.say(talker.append(1, 'first'));
  await talker.settle();
  assert.equal(talker.cluster.texts(), ['first']);
  talker.say(
    { type: 'follow', id: 2, stream: 'log', fromSeq: 1, credit: 10 },
    talker.append(3, 'second'),
  );
  await talker.settle();
  assert.equal(talker.cluster.texts(), ['first']);
  assert.equal(talker.replies, []);
  talker.far.drain();
  await talker.settle();
  assert.equal(talker.cluster.texts(), ['first', 'second']);
  assert.equal(recordsTold(talker), [1, 2]);
  assert.equal(
    talker.replies.map((reply) => reply.id).filter((id) => id !== 2),
    [1, 3],
  );
});

test('a client that asks on and on but takes no replies loses its stream', async () => {
  const talker = new Talker({ heldBytesMax: 1000 });
  talker.far.room = 0;
  talker.say(talker.append(1, 'x'));
  await talker.settle();
  talker.say(talker.append(2, 'y'.repeat(2000)));
  await talker.settle();
  assert.ok(talker.closed);
  assert.equal(talker.cluster.texts(), ['x']);
});

test('stop tells clients where to go, and nothing gets through any more', async () => {
  const talker = new Talker();
  talker.front.stop();
  talker.say(talker.append(1, 'x'));
  await talker.settle();
  assert.equal(talker.replies, [{ type: 'goAway', id: 0, addresses: ['b:1'] }]);
  assert.ok(talker.closed);
  assert.is(talker.cluster.records.length, 0);
});

test('a server that led sends its clients elsewhere at once, and those who come', async () => {
  const talker = new Talker({ leaderlessMillisMax: 3000 });
  await talker.clock.pass(2500);
  talker.cluster.leader = null;
  talker.cluster.lastLeader = 'a:1';
  await talker.clock.pass(500);
  assert.equal(talker.replies, [{ type: 'goAway', id: 0, addresses: ['b:1'] }]);
  const late = talker.anotherClient();
  await talker.clock.pass(200);
  assert.equal(late, []);
  await talker.clock.pass(400);
  assert.equal(late, [{ type: 'goAway', id: 0, addresses: ['b:1'] }]);
  await talker.clock.pass(10_000);
  assert.is(talker.replies.length + late.length, 2, 'each is told once');
});

test('a server without a leader sends its clients elsewhere, once', async () => {
  const talker = new Talker({ leaderlessMillisMax: 3000 });
  await talker.clock.pass(2500);
  talker.cluster.leader = null;
  await talker.clock.pass(2500);
  assert.equal(talker.replies, []);
  await talker.clock.pass(10_000);
  assert.equal(talker.replies, [{ type: 'goAway', id: 0, addresses: ['b:1'] }]);
  assert.is(talker.closed, null);
});

test.run();
