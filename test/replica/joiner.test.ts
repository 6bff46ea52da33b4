/**
 * A server on its way into a cluster, with a puppet for the network: whom it asks, and when
 * somebody may found instead.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { Joiner } from '../../src/replica/joiner.js';
import type { Peers } from '../../src/replica/peers.js';
import { Refs } from '../../src/replica/refs.js';
import type { Transport } from '../../src/transport/transport.js';
import { EventLog } from '../storage/wal-fixture.js';
import { HandClock } from './hand-clock.js';

/** Who answers where: a cluster id, null for a server in none, undefined for nobody. */
type Answers = Readonly<Record<string, string | null | undefined>>;

function world(answers: Answers) {
  const clock = new HandClock();
  const asked: string[] = [];
  let foundNone = 0;
  const transport = {
    self: 'me',
    keep: () => {},
    release: () => {},
    probe: (address: string) =>
      answers[address] === undefined
        ? Promise.reject(new Error(`${address}: silent`))
        : Promise.resolve({
            peer: `peer of ${address}`,
            hello: { name: address, clusterId: answers[address], addresses: [] },
          }),
  };
  const joiner = new Joiner(Object.keys(answers), {
    transport: transport as unknown as Transport,
    peers: { self: { incarnation: 'aa', name: 'me' } } as unknown as Peers,
    clock,
    log: new EventLog(),
    refs: new Refs(new Rng(1)),
    send: (peer) => asked.push(peer) > 0,
    mayAsk: () => true,
    say: () => {},
    joined: () => {},
    foundNone: () => {
      foundNone += 1;
    },
  });
  joiner.start();
  return { joiner, clock, asked, foundNone: () => foundNone };
}

/** Lets promises that are settled be heard. */
async function heard(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('a round in which nobody is in a cluster says so', async () => {
  const { asked, foundNone } = world({ 'a:1': null, 'b:1': undefined });
  await heard();
  assert.equal(asked, []);
  assert.is(foundNone(), 1);
});

test('whoever saw a cluster is never told that there is none, taken in or not', async () => {
  const { joiner, asked, foundNone } = world({ 'a:1': 'c1', 'b:1': undefined });
  await heard();
  assert.equal(asked, ['peer of a:1']);
  joiner.linkDown('peer of a:1');
  await heard();
  assert.is(foundNone(), 0);
});

test('a member that is gone is not waited for: the next round asks again', async () => {
  const { joiner, clock, asked } = world({ 'a:1': 'c1' });
  await heard();
  joiner.linkDown('peer of somebody else');
  await heard();
  clock.pass(1000);
  await heard();
  assert.equal(asked, ['peer of a:1'], 'still waiting');
  joiner.linkDown('peer of a:1');
  await heard();
  clock.pass(1000);
  await heard();
  assert.equal(asked, ['peer of a:1', 'peer of a:1']);
});

test.run();
