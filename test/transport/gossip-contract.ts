/**
 * The contract's part on gossip: the channel of that name, which drops its oldest frames, and what
 * is published, which reaches everybody linked, though no single publication has to.
 */

import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bothUp,
  type ContractWorld,
  type InWorld,
  linked,
  type Peer,
  start,
} from './contract-world.js';
import { bytes, Owner, within } from './transport-world.js';

/** More than any implementation lets wait on the channel. */
const floodFrames = 3 * 1024;

/** Puts this part of the suite on `test`. */
export function gossipTests(test: Test, inWorld: InWorld): void {
  channelTests(test, inWorld);
  broadcastTests(test, inWorld);
  countTests(test, inWorld);
}

function channelTests(test: Test, inWorld: InWorld): void {
  test(
    'frames on gossip arrive in order, both ways',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      const words = Array.from({ length: 50 }, (_, i) => String(i));
      for (const word of words) {
        assert.ok(a.transport.send(b.transport.self, 'gossip', [bytes(word)]));
        assert.ok(b.transport.send(a.transport.self, 'gossip', [bytes(word)]));
      }
      for (const { owner } of [a, b]) {
        await owner.until(() => owner.texts('gossip').length >= words.length, 'all frames');
        assert.equal(owner.texts('gossip'), words);
      }
    }),
  );

  test(
    'a full queue of gossip takes every frame and drops the oldest',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      for (let i = 0; i < floodFrames; i++) {
        assert.ok(a.transport.send(b.transport.self, 'gossip', [bytes(String(i).padStart(1024))]));
      }
      const last = String(floodFrames - 1).padStart(1024);
      await b.owner.until(() => b.owner.texts('gossip').at(-1) === last, 'the last frame');
      const { length } = b.owner.texts('gossip');
      assert.ok(length > 100 && length < floodFrames, `${length} frames came`);
    }),
  );
}

function broadcastTests(test: Test, inWorld: InWorld): void {
  test(
    'what one publishes the four others hear, once each, and not itself',
    inWorld(async (world) => {
      const peers = await five(world);
      await allHear(peers);
      const [publisher, ...others] = peers as [Peer, ...Peer[]];
      publisher.transport.publish(bytes('the word'));
      await Promise.all(others.map((peer) => heard(peer, 'the word', 1000)));
      // Whatever goes round about comes within this.
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (const { owner } of others) {
        assert.is(owner.rumours.filter((rumour) => rumour === 'the word').length, 1);
      }
      assert.equal(publisher.owner.rumours, []);
    }),
  );

  test(
    'the same published twice is heard twice, and the longest is heard whole',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      await allHear([a, b]);
      const longest = 'x'.repeat(32 * 1024);
      for (const word of ['again', 'again', longest]) a.transport.publish(bytes(word));
      const { rumours } = b.owner;
      await b.owner.until(() => rumours.includes(longest), 'the longest');
      assert.is(rumours.filter((rumour) => rumour === 'again').length, 2);
    }),
  );

  test(
    'one who is alone publishes to nobody, and one who was stopped says nothing',
    inWorld(async (world) => {
      const alone = await start(world, 'alone');
      alone.transport.publish(bytes('hello?'));
      const [a, b] = await linked(world);
      await allHear([a, b]);
      await within(a.transport.stop(), 'stop');
      a.transport.publish(bytes('from the grave'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal([alone.owner.rumours, a.owner.rumours], [[], []]);
      assert.not.ok(b.owner.rumours.includes('from the grave'));
    }),
  );

  test(
    'a peer that stops and comes back hears and is heard again',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      await allHear([a, b]);
      await within(b.transport.stop(), 'stop');
      const transport = await world.recreate(b.transport);
      const again: Peer = { transport, owner: new Owner('b again') };
      await within(transport.start(again.owner), 'start');
      await bothUp(a, again);
      await allHear([a, again]);
      again.transport.publish(bytes('back'));
      await heard(a, 'back', 1000);
    }),
  );
}

function countTests(test: Test, inWorld: InWorld): void {
  test(
    'what is sent on gossip is counted, what is sent elsewhere is not',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      const { transport } = a;
      // Within one turn: nothing else can be sent in between.
      const before = transport.gossipSent();
      transport.send(b.transport.self, 'gossip', [bytes('four'), bytes('sixsix')]);
      transport.send(b.transport.self, 'consensus', [bytes('consensus')]);
      transport.send('nobody', 'gossip', [bytes('to nobody')]);
      const after = transport.gossipSent();
      assert.equal([after.frames - before.frames, after.bytes - before.bytes], [2, 10]);
    }),
  );

  test(
    'a publication is counted for each link that it leaves by',
    inWorld(async (world) => {
      const peers = await five(world);
      await allHear(peers);
      const [publisher, ...others] = peers as [Peer, ...Peer[]];
      const before = publisher.transport.gossipSent().bytes;
      const word = 'w'.repeat(8000);
      publisher.transport.publish(bytes(word));
      await Promise.all(others.map((peer) => heard(peer, word, 1000)));
      const sent = publisher.transport.gossipSent().bytes - before;
      // The real one has envelopes, and a small word for its neighbours now and then.
      assert.ok(sent >= 4 * 8000 && sent < 5 * 8000, `${sent} bytes`);
    }),
  );
}

/** Five peers, each linked with each. */
async function five(world: ContractWorld): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const peer = await start(world, name);
    for (const other of peers) {
      peer.transport.keep(other.transport.self, other.transport.addresses());
      await bothUp(peer, other);
    }
    peers.push(peer);
  }
  return peers;
}

/** The first publishes until all others have heard it once: from then on the way is open. */
async function allHear(peers: readonly Peer[]): Promise<void> {
  const [first, ...others] = peers as [Peer, ...Peer[]];
  const speaking = setInterval(() => first.transport.publish(bytes('is anybody there?')), 25);
  try {
    await Promise.all(others.map((peer) => heard(peer, 'is anybody there?', 4000)));
  } finally {
    clearInterval(speaking);
  }
}

function heard({ owner }: Peer, rumour: string, millis: number): Promise<void> {
  return owner.until(() => owner.rumours.includes(rumour), rumour.slice(0, 40), millis);
}
