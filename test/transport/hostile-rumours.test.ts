/**
 * Strangers and guests on the broadcast: without a greeting nobody reaches it, and one who was let
 * in may lie and flood as he likes. What is heard and kept stays bounded, the server answers, and
 * the others hear each other.
 */

import type { Stream } from '@libp2p/interface';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { besiege, closeOfStream, intruder, type Server } from './hostile-world.js';
import { framedRpc, guestOf, rumourProtocol, withLength } from './rumour-world.js';
import { bytes, within } from './transport-world.js';

const test = suite('strangers on the broadcast');

/** What a publication begins with; the sieve takes any eight bytes. */
const nonce = new Uint8Array(8);

const published = (topic: string, text: string): Uint8Array =>
  framedRpc({ messages: [{ topic, data: Buffer.concat([nonce, bytes(text)]) }] });

/** Sends as long as the stream takes it. */
function pour(stream: Stream, chunk: Uint8Array): boolean {
  if (stream.status !== 'open' || stream.writeBufferLength > 4 * 1024 * 1024) return false;
  try {
    stream.send(chunk);
    return true;
  } catch {
    return false;
  }
}

/** The longest time for which `body` kept this process from its timers, milliseconds. */
async function longestStall(body: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 5);
  await body();
  clearInterval(beat);
  return longest;
}

/** The honest peer still hears the victim. */
async function honestHears(victim: Server, honest: Server): Promise<void> {
  const word = `still here ${honest.owner.rumours.length}`;
  const speaking = setInterval(() => victim.transport.publish(bytes(word)), 50);
  try {
    await honest.owner.until(() => honest.owner.rumours.includes(word), 'the victim', 3000);
  } finally {
    clearInterval(speaking);
  }
}

test(
  'without a greeting the broadcast is refused',
  besiege(async (victim) => {
    const { node, connection } = await intruder(victim);
    const stream = await connection.newStream(rumourProtocol);
    if (stream.status === 'open') stream.send(published('quorate', 'x'));
    await within(closeOfStream(stream), 'the end of the stream', 3000);
    await node.stop();
    assert.equal(victim.owner.rumours, []);
  }),
);

test(
  'a guest is heard: the way there is open, so what follows tests something',
  besiege(async (victim) => {
    const guest = await guestOf(victim);
    const stream = await guest.open();
    stream.send(published(guest.topic, 'good day'));
    await victim.owner.until(() => victim.owner.rumours.includes('good day'), 'the guest');
    await guest.leave();
  }),
);

const faults: [string, () => Uint8Array][] = [
  ['a length over the limit', () => Uint8Array.of(0x81, 0x80, 0x04)],
  ['a length without end', () => new Uint8Array(70_000).fill(0xff)],
];

for (const [what, payload] of faults) {
  test(
    `${what} ends the stream`,
    besiege(async (victim) => {
      const guest = await guestOf(victim);
      const stream = await guest.open();
      stream.send(payload());
      await within(closeOfStream(stream), 'the end of the stream', 3000);
      assert.is(guest.connection.status, 'open');
      await guest.leave();
    }),
  );
}

test(
  'garbage, other topics and odd messages are passed over, and the next good one is heard',
  besiege(async (victim) => {
    const guest = await guestOf(victim);
    const stream = await guest.open();
    const rng = new Rng(5);
    const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => rng.below(256));
    for (let i = 0; i < 300; i++) stream.send(withLength(noise(rng.below(200))));
    const topics = Array.from({ length: 5000 }, (_, i) => ({ subscribe: true, topic: `t${i}` }));
    stream.send(framedRpc({ subscriptions: topics.slice(0, 2500) }));
    for (let i = 0; i < 5000; i += 16) {
      stream.send(framedRpc({ subscriptions: topics.slice(i, i + 16) }));
    }
    stream.send(published('another', 'not for us'));
    const data = new Uint8Array(32 * 1024 + 9);
    stream.send(framedRpc({ messages: [{ topic: guest.topic, data }] }));
    stream.send(framedRpc({ messages: [{ topic: guest.topic }] }));
    const from = noise(34);
    stream.send(
      framedRpc({ messages: [{ topic: guest.topic, data: noise(40), signature: from }] }),
    );
    stream.send(published(guest.topic, 'the good one'));
    await victim.owner.until(() => victim.owner.rumours.length > 0, 'the good one');
    assert.equal(victim.owner.rumours, ['the good one']);
    await guest.leave();
  }),
);

interface Flood {
  readonly what: string;
  /** Messages sent at once. */
  readonly atOnce: number;
  /** The least that must have been sent for the test to mean anything. */
  readonly sentMin: number;
  /** The most that may be heard, bytes: a burst, and the rate for six seconds; less than sentMin. */
  readonly heardMax: number;
  /** The victim has to cut the stream, not only to drop messages. */
  readonly isCut: boolean;
  make(topic: string, i: number): Uint8Array;
}

const floods: readonly Flood[] = [
  {
    what: 'small messages, all different',
    atOnce: 512,
    sentMin: 3000,
    heardMax: 100 * (1000 + 6 * 200),
    isCut: false,
    make: (topic, i) => published(topic, String(i).padEnd(100)),
  },
  {
    what: 'the largest messages',
    atOnce: 32,
    sentMin: 300,
    heardMax: 1024 * 1024 + 6 * 256 * 1024,
    isCut: false,
    make: (topic, i) => published(topic, String(i).padEnd(32 * 1024)),
  },
  {
    what: 'empty messages',
    atOnce: 4096,
    sentMin: 20_000,
    heardMax: 0,
    isCut: true,
    make: () => new Uint8Array(1),
  },
  {
    what: 'messages that are garbage',
    atOnce: 4096,
    sentMin: 20_000,
    heardMax: 0,
    isCut: true,
    make: () => Uint8Array.of(1, 0xff),
  },
];

for (const { what, atOnce, sentMin, heardMax, isCut, make } of floods) {
  test(
    `a flood of ${what} is bounded, and the others hear each other`,
    besiege(async (victim, honest) => {
      victim.owner.countsOnly = true;
      const guest = await guestOf(victim);
      const before = process.memoryUsage();
      let sent = 0;
      let streams = 1;
      const stall = await longestStall(async () => {
        const until = performance.now() + 2000;
        let stream = await guest.open();
        while (performance.now() < until) {
          const parts = Array.from({ length: atOnce }, (_, i) => make(guest.topic, sent + i));
          if (pour(stream, Buffer.concat(parts))) sent += atOnce;
          else if (stream.status !== 'open') {
            // Cut off: he tries again and again.
            stream = await guest.open().catch(() => stream);
            streams += 1;
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      const after = process.memoryUsage();
      const grown = after.heapUsed + after.external - before.heapUsed - before.external;
      const heard = victim.owner.receivedBytes;
      assert.ok(sent >= sentMin, `${sent} sent`);
      assert.ok(streams > 1 || !isCut, 'he was not cut off');
      assert.ok(heard <= heardMax, `${heard} bytes were heard`);
      assert.ok(grown < 128 * 1024 * 1024, `${grown} bytes more`);
      assert.ok(stall < 1500, `${stall} ms without a timer`);
      await honestHears(victim, honest);
      victim.owner.countsOnly = false;
      await guest.leave();
    }),
  );
}

test.run();
