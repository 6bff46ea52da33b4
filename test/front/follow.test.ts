/**
 * Follows at the front, over trims: each record once, in order, none left out in silence.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeReply, encodeRequest } from '../../src/wire/client-codec.js';
import type { ClientReply, ClientRequest } from '../../src/wire/client-messages.js';
import { MemoryCluster, type MemoryStream, streamPair } from '../client/memory-cluster.js';
import { VirtualClock } from '../client/virtual-clock.js';

/** A cluster with a writer, and a stream of frames to one of its servers. */
class Stage {
  readonly clock = new VirtualClock();
  readonly cluster = new MemoryCluster(this.clock, ['a:1']);
  readonly writer = this.cluster.client();
  readonly near: MemoryStream;
  readonly far: MemoryStream;
  readonly replies: ClientReply[] = [];

  constructor() {
    [this.near, this.far] = streamPair(this.clock);
    this.near.onFrames((frames) => {
      for (const frame of frames) this.replies.push(decodeReply(frame));
    });
    const server = this.cluster.servers.get('a:1');
    server?.front.accept(this.far);
  }

  async append(count: number): Promise<void> {
    const records = Array.from({ length: count }, (_, i) => `r${i}`);
    await this.clock.until(this.writer.appendBatch(records));
  }

  async trim(beforeSeq: number): Promise<void> {
    await this.clock.until(this.writer.trim(beforeSeq));
  }

  async say(...requests: ClientRequest[]): Promise<void> {
    this.near.send(requests.map(encodeRequest));
    await this.clock.pass(1);
  }

  /** What was told: sequences of records, the first kept of an answer without, codes of refusals. */
  async told(): Promise<(number | string)[]> {
    await this.clock.pass(1);
    return this.replies.splice(0).flatMap((reply): (number | string)[] => {
      if (reply.type === 'refused') return [`${reply.refusal.code} ${reply.refusal.expected}`];
      if (reply.type !== 'records') return [reply.type];
      const { records, firstSeq, nextSeq } = reply;
      return records.length === 0
        ? [`at ${firstSeq} of ${nextSeq}`]
        : records.map(({ seq }) => seq);
    });
  }
}

function follow(fromSeq: number, credit: number): ClientRequest {
  return { type: 'follow', id: 7, stream: 'log', fromSeq, credit };
}

test('a follow from 0 begins at the first record that is kept', async () => {
  const stage = new Stage();
  await stage.append(5);
  await stage.trim(4);
  await stage.say(follow(0, 10));
  assert.equal(await stage.told(), [4, 5]);
  await stage.append(1);
  assert.equal(await stage.told(), [6]);
});

test('a follow from 0 of a stream without records is told where it stands', async () => {
  const stage = new Stage();
  await stage.say(follow(0, 10));
  assert.equal(await stage.told(), ['at 1 of 1']);
  await stage.append(3);
  assert.equal(await stage.told(), [1, 2, 3]);
  const trimmed = new Stage();
  await trimmed.append(3);
  await trimmed.trim(4);
  await trimmed.say(follow(0, 10));
  assert.equal(await trimmed.told(), ['at 4 of 4']);
  await trimmed.append(1);
  assert.equal(await trimmed.told(), [4]);
});

test('a follow below what is trimmed is refused with the first that is kept', async () => {
  const stage = new Stage();
  await stage.append(5);
  await stage.trim(4);
  await stage.say(follow(3, 10));
  assert.equal(await stage.told(), ['TRIMMED 4']);
  await stage.say(follow(4, 10));
  assert.equal(await stage.told(), [4, 5]);
});

test('a follow that is overtaken by a trim fails: it leaves no record out in silence', async () => {
  const stage = new Stage();
  await stage.append(5);
  await stage.say(follow(1, 2));
  assert.equal(await stage.told(), [1, 2]);
  await stage.trim(5);
  assert.equal(await stage.told(), []);
  await stage.say({ type: 'credit', id: 7, records: 10 });
  assert.equal(await stage.told(), ['TRIMMED 5']);
});

test('a follow that began at 0 without a record is overtaken like any other', async () => {
  const stage = new Stage();
  stage.far.room = 1;
  await stage.say(follow(0, 10));
  assert.equal(await stage.told(), ['at 1 of 1']);
  // Its replies do not leave, so nothing is read for it while records come and go.
  stage.far.room = 0;
  await stage.say({ type: 'status', id: 8 });
  await stage.append(5);
  await stage.trim(4);
  stage.far.drain();
  await stage.clock.pass(1);
  assert.equal(await stage.told(), ['status', 'TRIMMED 4']);
});

test('a follow that has caught up is not touched by a trim of what it has seen', async () => {
  const stage = new Stage();
  await stage.append(5);
  await stage.say(follow(1, 100));
  assert.equal(await stage.told(), [1, 2, 3, 4, 5]);
  await stage.trim(6);
  await stage.append(2);
  assert.equal(await stage.told(), [6, 7]);
});

test('tail and streams come from the machine, and a tail of nothing is NOT_FOUND', async () => {
  const stage = new Stage();
  await stage.append(2);
  await stage.say(
    { type: 'tail', id: 1, stream: 'log', consistency: 'stale' },
    { type: 'tail', id: 2, stream: 'none', consistency: 'stale' },
    { type: 'streams', id: 3, prefix: '', after: '', limit: 10, consistency: 'stale' },
  );
  const [tail, none, streams] = stage.replies;
  assert.is(tail?.type === 'tail' && tail.state.nextSeq, 3);
  assert.is(none?.type === 'refused' && none.refusal.code, 'NOT_FOUND');
  assert.equal(streams?.type === 'streams' && streams.streams.map(({ name }) => name), ['log']);
});

test.run();
