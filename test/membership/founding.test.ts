/**
 * Founding together: thousands of schedules in a world of lost, doubled and late messages, crashes
 * between write and answer, cuts and wiped folders (founding-world.ts judges each step), and what
 * is said to people.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chaosOf, FoundingWorld, type Server } from './founding-world.js';

/** A world after its troubles: all servers run and see one another. */
function healed(count: number, expect: number, seed: number, wipe = 0): FoundingWorld {
  const world = new FoundingWorld(count, expect, seed);
  world.chaos = chaosOf(seed, wipe);
  for (const server of world.servers) world.start(server);
  world.run(2000 + (seed % 100) * 30);
  world.heal();
  return world;
}

test('servers that all live and can talk found one cluster within a second', () => {
  for (const count of [2, 3, 4, 5, 7]) {
    const world = new FoundingWorld(count, count, count);
    for (const server of world.servers) world.start(server);
    world.run(1000);
    assert.ok(world.areAllIn, `${count} servers`);
    assert.is(world.clusters.size, 1);
    assert.is(world.judge.records.size, 1);
  }
});

test('in every schedule n servers found one cluster, once all live and can talk', () => {
  for (const count of [2, 3, 4, 5]) {
    for (let seed = 1; seed <= 150; seed++) {
      const world = healed(count, count, seed);
      world.run(5000, () => world.areAllIn);
      assert.ok(world.areAllIn, `${count} servers, seed ${seed}: ${words(world)}`);
      assert.is(world.clusters.size, 1);
    }
  }
});

test('with more servers than founders all are in a cluster in the end', () => {
  let rivals = 0;
  for (const [count, expect] of [
    [4, 3],
    [5, 3],
    [6, 3],
    [5, 2],
  ] as const) {
    for (let seed = 1; seed <= 150; seed++) {
      const world = healed(count, expect, seed);
      world.run(10_000, () => world.areAllIn);
      assert.ok(world.areAllIn, `${count} for ${expect}, seed ${seed}: ${words(world)}`);
      if (world.judge.records.size > world.clusters.size) rivals += 1;
    }
  }
  assert.ok(rivals > 50, `only ${rivals} runs had records that came to nothing`);
});

test('with wiped folders who cannot go on says which founder is missing, and what to do', () => {
  let stuck = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const world = healed(3 + (seed % 3), 3, seed, 300);
    world.run(10_000, () => world.areAllIn);
    if (world.areAllIn) continue;
    stuck += 1;
    const living = new Set(world.servers.map(({ folder }) => folder.peerId));
    const lost = [...world.judge.records.values()].some(({ founders }) =>
      founders.some(({ peerId }) => !living.has(peerId)),
    );
    assert.ok(lost, `seed ${seed}: nobody is lost, and yet: ${words(world)}`);
    assert.match(words(world), /missing: .*s\d \(not reached.*is lost for good, stop the others/);
    // What the message says helps: empty folders for all who are in no cluster.
    for (const server of world.servers) if (server.folder.clusterId === null) world.wipe(server);
    world.heal();
    world.run(5000, () => world.areAllIn);
    assert.ok(world.areAllIn, `seed ${seed}: ${words(world)}`);
  }
  assert.ok(stuck > 5, `${stuck} of 300 were stuck: too few to say anything`);
});

test('a calm world with more servers than founders founds once, and the rest join', () => {
  const world = new FoundingWorld(6, 3, 7);
  for (const server of world.servers) world.start(server);
  world.run(3000);
  assert.ok(world.areAllIn);
  assert.is(world.clusters.size, 1);
  assert.is(world.judge.records.size, 1);
  const [record] = world.judge.records.values();
  const lowest = world.servers.map(({ folder }) => folder.peerId).sort();
  assert.equal(
    record?.founders.map(({ peerId }) => peerId),
    lowest.slice(0, 3),
  );
});

test('two of three that lost their disks found nothing beside the third (trap 49)', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new FoundingWorld(3, 3, seed);
    for (const server of world.servers) world.start(server);
    world.run(2000);
    const [third, ...others] = world.servers as [Server, ...Server[]];
    const { clusterId } = third.folder;
    // Down or not, it holds data, and the two are not three.
    if (seed % 2 === 0) world.crash(third);
    for (const server of others) world.wipe(server);
    for (const server of others) world.start(server);
    world.run(5000);
    assert.equal([...world.clusters], [clusterId]);
    assert.is(world.judge.records.size, 1);
    world.start(third);
    world.run(5000);
    assert.ok(world.areAllIn);
  }
});

function words(world: FoundingWorld): string {
  return world.servers
    .filter(({ folder }) => folder.clusterId === null)
    .map(({ name, founding }) => `${name}: ${founding?.waitingFor() ?? 'down'}`)
    .join(' | ');
}

test.run();
