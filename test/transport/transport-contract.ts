/**
 * What every implementation of the ports `Transport` and `ClientDialer` must do: one suite, run by
 * the real one (libp2p-transport.test.ts) and by the one in memory (memory-transport.test.ts).
 * Frames and clients are in frames-contract.ts, gossip is in gossip-contract.ts.
 */

import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bothUp,
  down,
  type InWorld,
  linked,
  type Peer,
  quick,
  rejection,
  start,
  up,
} from './contract-world.js';
import { clientTests, frameTests } from './frames-contract.js';
import { gossipTests } from './gossip-contract.js';
import { bytes, Owner, within } from './transport-world.js';

/** Puts the suite on `test`. */
export function transportContract(test: Test, inWorld: InWorld): void {
  linkTests(test, inWorld);
  greetingTests(test, inWorld);
  probeTests(test, inWorld);
  frameTests(test, inWorld);
  gossipTests(test, inWorld);
  clientTests(test, inWorld);
}

function linkTests(test: Test, inWorld: InWorld): void {
  test(
    'one side keeps: both hear of the link, once',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      assert.equal(a.owner.told, ['greeted b test', up(b)]);
      assert.equal(b.owner.told, ['greeted a test', up(a)]);
      assert.ok(a.transport.isLinked(b.transport.self) && b.transport.isLinked(a.transport.self));
    }),
  );

  test(
    'both sides keep at once: one link, and nothing sent is lost or doubled',
    inWorld(async (world) => {
      const a = await start(world, 'a');
      const b = await start(world, 'b');
      a.transport.keep(b.transport.self, b.transport.addresses());
      b.transport.keep(a.transport.self, a.transport.addresses());
      await bothUp(a, b);
      const sent = Array.from({ length: 300 }, (_, i) => String(i));
      for (const word of sent) {
        assert.ok(a.transport.send(b.transport.self, 'forward', [bytes(word)]));
        assert.ok(b.transport.send(a.transport.self, 'forward', [bytes(word)]));
        // Spread over 1.5 s, in which the spare connection is left and closed.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (const { owner } of [a, b]) {
        await owner.until(() => owner.texts('forward').length >= sent.length, 'all frames');
        assert.equal(
          [...owner.texts('forward')].map(Number).sort((x, y) => x - y),
          sent.map(Number),
        );
      }
      assert.is(a.owner.count(up(b)), 1);
      assert.is(b.owner.count(up(a)), 1);
      assert.is(a.owner.count(down(b)) + b.owner.count(down(a)), 0);
    }),
  );

  test(
    'a link that neither side keeps any more ends',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      a.transport.release(b.transport.self);
      await a.owner.until(() => a.owner.count(down(b)) === 1, 'link down');
      await b.owner.until(() => b.owner.count(down(a)) === 1, 'link down');
      assert.not.ok(a.transport.isLinked(b.transport.self));
    }),
  );

  test(
    'a link lasts while the other side keeps it',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      b.transport.keep(a.transport.self, a.transport.addresses());
      await new Promise((resolve) => setTimeout(resolve, 50));
      a.transport.release(b.transport.self);
      await new Promise((resolve) => setTimeout(resolve, 2200));
      assert.ok(a.transport.isLinked(b.transport.self));
      assert.is(a.owner.count(down(b)), 0);
    }),
  );

  test(
    'a peer that stops and comes back is linked again',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      await within(b.transport.stop(), 'stop');
      await a.owner.until(() => a.owner.count(down(b)) === 1, 'link down');
      const transport = await world.recreate(b.transport);
      const again: Peer = { transport, owner: new Owner('b again') };
      await within(transport.start(again.owner), 'start');
      assert.is(transport.self, b.transport.self);
      await a.owner.until(() => a.owner.count(up(b)) === 2, 'link up again');
      assert.equal(b.owner.told.at(-1), up(a), 'a stopped transport tells nothing');
    }),
  );

  test(
    'whoever answers under another id is not linked',
    inWorld(async (world) => {
      const a = await start(world, 'a');
      const b = await start(world, 'b');
      const c = await start(world, 'c');
      a.transport.keep(b.transport.self, c.transport.addresses());
      await new Promise((resolve) => setTimeout(resolve, 400));
      assert.equal([a.owner.told, c.owner.told], [[], []]);
      a.transport.keep(b.transport.self, b.transport.addresses());
      await bothUp(a, b);
    }),
  );

  test(
    'a second transport on the same address does not start, and says why in one line',
    inWorld(async (world) => {
      const a = await start(world, 'a');
      const second = await world.recreate(a.transport);
      const error = await rejection(second.start(new Owner('second')));
      assert.match(error.message, /in use/);
      assert.not.match(error.message, /\n/);
    }),
  );
}

function greetingTests(test: Test, inWorld: InWorld): void {
  test(
    'a refused greeting ends the link with its reason, and no link is told',
    inWorld(async (world) => {
      const a = await start(world, 'a');
      const b = await start(world, 'b');
      b.owner.verdict = (hello) => `no ${hello.name} here`;
      a.transport.keep(b.transport.self, b.transport.addresses());
      await a.owner.until(() => a.owner.told.includes('refused dialled: no a here'), 'refusal');
      b.owner.verdict = () => null;
      assert.is(a.owner.count(up(b)) + b.owner.count(up(a)), 0);
      await bothUp(a, b);
    }),
  );

  test(
    'greeting again shows what changed, and may be refused',
    inWorld(async (world) => {
      const [a, b] = await linked(world);
      a.owner.clusterName = 'other';
      a.transport.greetAgain();
      await b.owner.until(() => b.owner.told.includes('greeted a other'), 'second greeting');
      assert.ok(b.transport.isLinked(a.transport.self));
      b.owner.verdict = () => 'not that one';
      a.transport.greetAgain();
      await a.owner.until(() => a.owner.told.includes('refused dialled: not that one'), 'refusal');
      await b.owner.until(() => b.owner.count(down(a)) === 1, 'link down');
      await a.owner.until(() => a.owner.count(down(b)) === 1, 'link down');
    }),
  );
}

function probeTests(test: Test, inWorld: InWorld): void {
  test(
    'a probe tells who answers, and leaves a link',
    inWorld(async (world) => {
      const a = await start(world, 'a');
      const b = await start(world, 'b');
      const address = b.transport.addresses()[0] as string;
      const found = await within(a.transport.probe(address, quick()), 'probe');
      assert.is(found.peer, b.transport.self);
      assert.equal(found.hello, b.owner.hello());
      assert.ok(a.transport.isLinked(b.transport.self));
      const again = await within(a.transport.probe(address, quick()), 'second probe');
      assert.is(again.peer, b.transport.self);
      assert.is(a.owner.count(down(b)), 0);
    }),
  );

  test(
    'a probe fails in one line: ourselves, nobody, refused',
    inWorld(async (world) => {
      const a = await start(world, 'a');
      const b = await start(world, 'b');
      b.owner.verdict = () => 'go away';
      const rows: [string, RegExp][] = [
        [a.transport.addresses()[0] as string, /this server itself/],
        [await world.deadAddress(), /refused/],
        [b.transport.addresses()[0] as string, /refused: go away/],
      ];
      for (const [address, expected] of rows) {
        const error = await rejection(a.transport.probe(address, quick()));
        assert.match(error.message, expected);
        assert.not.match(error.message, /\n/);
      }
    }),
  );
}
