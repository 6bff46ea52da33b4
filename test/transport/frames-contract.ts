/**
 * The part of the transport's contract about frames: between servers, and with clients.
 */

import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClientStream } from '../../src/transport/transport.js';
import {
  type ContractWorld,
  down,
  flood,
  type InWorld,
  linked,
  type Peer,
  quick,
  rejection,
  start,
} from './contract-world.js';
import { bytes, text, within } from './transport-world.js';

/** Frames between servers: order, limits, overflow. */
export function frameTests(test: Test, inWorld: InWorld): void {
  test(
    'frames arrive in order, and those of one turn together',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      const words = Array.from({ length: 50 }, (_, i) => `word ${i}`);
      for (const word of words) a.transport.send(b.transport.self, 'consensus', [bytes(word)]);
      a.transport.send(b.transport.self, 'forward', [bytes('one'), bytes(''), bytes('three')]);
      a.transport.send(b.transport.self, 'control', [bytes('c')]);
      await b.owner.until(() => b.owner.received.length === 54, 'all frames');
      assert.equal(b.owner.texts('consensus'), words);
      assert.equal(b.owner.texts('forward'), ['one', '', 'three']);
      assert.equal(b.owner.texts('control'), ['c']);
      assert.is(b.owner.frameCalls, 3);
    }),
  );

  test(
    'without a link nothing is taken',
    inWorld(async (world) => {
      const a = await start(world, 'a');
      const b = await start(world, 'b');
      assert.is(a.transport.send(b.transport.self, 'consensus', [bytes('x')]), false);
      assert.is(a.transport.isLinked(b.transport.self), false);
    }),
  );

  test(
    'large frames arrive whole, up to the limit of the channel',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      const large = new Uint8Array(8 * 1024 * 1024).map((_, i) => i * 7);
      const medium = large.subarray(0, 300_000);
      let received: Uint8Array[] = [];
      b.owner.countsOnly = true;
      b.owner.onFrames = (_peer, _channel, frames) => {
        received = [...received, ...frames];
      };
      a.transport.send(b.transport.self, 'consensus', [bytes('before'), large, medium, bytes('z')]);
      await b.owner.until(() => received.length === 4, 'all frames', 10_000);
      assert.is(text(received[0] as Uint8Array), 'before');
      assert.ok(Buffer.compare(received[1] as Uint8Array, large) === 0);
      assert.ok(Buffer.compare(received[2] as Uint8Array, medium) === 0);
      assert.is(text(received[3] as Uint8Array), 'z');
    }),
  );

  test(
    'a full forward queue refuses, and takes again once it is empty',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      const frames = flood(world);
      const taken = frames.filter((frame) =>
        a.transport.send(b.transport.self, 'forward', [frame]),
      ).length;
      assert.ok(taken < frames.length, 'nothing was refused');
      assert.ok(taken >= (world.queueBytesMax / 1024) * 0.9, `only ${taken} were taken`);
      await b.owner.until(() => b.owner.texts('forward').length === taken, 'what was taken');
      assert.equal(
        b.owner.texts('forward').map(Number),
        Array.from({ length: taken }, (_, i) => i),
      );
      assert.ok(a.transport.send(b.transport.self, 'forward', [bytes('more')]));
      await b.owner.until(() => b.owner.texts('forward').at(-1) === 'more', 'one more');
    }),
  );

  test(
    'a full consensus queue drops the oldest frames',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      const frames = flood(world);
      for (const frame of frames) {
        assert.ok(a.transport.send(b.transport.self, 'consensus', [frame]));
      }
      const last = frames.length - 1;
      const numbers = (): number[] => b.owner.texts('consensus').map(Number);
      await b.owner.until(() => numbers().at(-1) === last, 'the newest frame');
      const first = frames.length - numbers().length;
      assert.ok(first >= 64, 'nothing was dropped');
      assert.equal(
        numbers(),
        Array.from({ length: frames.length - first }, (_, i) => first + i),
      );
    }),
  );

  test(
    'no handler is called from within a call',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      const told = [a.owner.told.length, b.owner.told.length];
      a.transport.send(b.transport.self, 'control', [bytes('x')]);
      a.transport.greetAgain();
      a.transport.release(b.transport.self);
      const stopping = b.transport.stop();
      assert.equal([a.owner.told.length, b.owner.told.length], told);
      assert.is(b.owner.received.length, 0);
      await within(stopping, 'stop');
    }),
  );

  test(
    'what was sent before a stop still arrives',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      a.transport.send(b.transport.self, 'forward', [bytes('last words')]);
      await within(a.transport.stop(), 'stop');
      await b.owner.until(() => b.owner.count(down(a)) === 1, 'link down');
      assert.equal(b.owner.texts('forward'), ['last words']);
    }),
  );
}

async function clientOf(world: ContractWorld): Promise<[Peer, ClientStream, ClientStream]> {
  const server = await start(world, 'server');
  const address = server.transport.addresses()[0] as string;
  const stream = await within(world.dialer().dial(address, quick()), 'dial');
  await server.owner.until(() => server.owner.clients.length === 1, 'the client');
  return [server, stream, server.owner.clients[0] as ClientStream];
}

function collect(stream: ClientStream): { words: string[]; until(count: number): Promise<void> } {
  const words: string[] = [];
  let look = (): void => undefined;
  stream.onFrames((frames) => {
    for (const frame of frames) words.push(text(frame));
    look();
  });
  return {
    words,
    until: (count) =>
      within(
        new Promise((resolve) => {
          look = () => (words.length >= count ? resolve() : undefined);
          look();
        }),
        `${count} frames`,
      ),
  };
}

/** Streams between a client and a server. */
export function clientTests(test: Test, inWorld: InWorld): void {
  test(
    'a client and a server exchange frames in order',
    inWorld(async (world) => {
      const [server, client, accepted] = await clientOf(world);
      assert.is(client.remotePeer, server.transport.self);
      assert.type(accepted.remotePeer, 'string');
      client.send([bytes('early')]);
      const there = collect(accepted);
      const here = collect(client);
      for (let i = 0; i < 100; i++) assert.ok(client.send([bytes(`q${i}`)]));
      await there.until(101);
      assert.equal(there.words, ['early', ...Array.from({ length: 100 }, (_, i) => `q${i}`)]);
      accepted.send([bytes('r1'), bytes('r2')]);
      await here.until(2);
      assert.equal(here.words, ['r1', 'r2']);
    }),
  );

  test(
    'closing sends what is queued, and both ends hear of it once',
    inWorld(async (world) => {
      const [, client, accepted] = await clientOf(world);
      const there = collect(accepted);
      const closes: string[] = [];
      const closed = new Promise<void>((resolve) => {
        accepted.onClose(() => {
          closes.push('server');
          resolve();
        });
      });
      const closedHere = new Promise<void>((resolve) => {
        client.onClose(() => {
          closes.push('client');
          resolve();
        });
      });
      client.send([bytes('bye')]);
      client.close();
      client.close();
      assert.is(client.send([bytes('late')]), false);
      await within(Promise.all([closed, closedHere]), 'both closes');
      assert.equal(there.words, ['bye']);
      assert.equal(closes.sort(), ['client', 'server']);
      assert.is(accepted.send([bytes('late')]), false);
    }),
  );

  test(
    'a client that is not read fills its queue, hears false, then of the drain',
    inWorld(async (world) => {
      const [, client, accepted] = await clientOf(world);
      const frames = flood(world);
      const drained = new Promise<void>((resolve) => client.onDrain(resolve));
      const there = collect(accepted);
      const taken = frames.filter((frame) => client.send([frame])).length;
      assert.ok(taken < frames.length, 'nothing was refused');
      await within(drained, 'drain');
      await there.until(taken);
      assert.equal(
        there.words.map(Number),
        Array.from({ length: taken }, (_, i) => i),
      );
      assert.ok(client.send([bytes('more')]));
      await there.until(taken + 1);
    }),
  );

  test(
    'a server that stops closes its client streams',
    inWorld(async (world) => {
      const [server, client] = await clientOf(world);
      const closed = new Promise<string>((resolve) => client.onClose(resolve));
      await within(server.transport.stop(), 'stop');
      assert.type(await within(closed, 'close'), 'string');
    }),
  );

  test(
    'a dial where nobody listens rejects in one line',
    inWorld(async (world) => {
      const address = await world.deadAddress();
      const error = await rejection(world.dialer().dial(address, quick()));
      assert.match(error.message, /refused/);
      assert.not.match(error.message, /\n/);
    }),
  );
}
