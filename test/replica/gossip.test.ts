/**
 * Gossip whole, in virtual time: who is called dead and how soon, who never is, how what got lost
 * is found again, and what all of it costs as clusters grow.
 */

// time limit: 240 s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeRecord, encodeSignedRecord, signedBytes } from '../../src/wire/record-codec.js';
import { inMacroTask } from '../sim/scheduler.js';
import { simSigner } from '../sim/sim-signer.js';
import { GossipWorld } from './gossip-world.js';

/** Runs `work` where the scheduler can drain promises. */
function worldTest(name: string, work: () => void): void {
  test(name, () => inMacroTask(work));
}

function everybodySays(world: GossipWorld, peerId: string, state: string): boolean {
  return [...world.servers.values()].every(
    (server) => server.peerId === peerId || server.gossip.health(peerId).rumour === state,
  );
}

function saidAnywhere(world: GossipWorld, event: RegExp): number {
  let count = 0;
  for (const { said } of world.servers.values()) count += said.filter((e) => event.test(e)).length;
  return count;
}

/** Milliseconds until everybody says so; the bound fails the test. */
function until(world: GossipWorld, bound: number, isSo: () => boolean, what: string): number {
  const from = world.now;
  world.run(bound, isSo);
  assert.ok(isSo(), `${what} (seed ${world.options.seed})`);
  return world.now - from;
}

const dead = /is called dead/;

worldTest('a killed server of five is dead to every other within 3 s', () => {
  const times: number[] = [];
  for (let seed = 1; seed <= 300; seed++) {
    const world = new GossipWorld({ seed, servers: 5 });
    world.run(3000 + world.rng.below(2000));
    const victim = `p${1 + world.rng.below(5)}`;
    // Every second one dies with its machine: no link is closed, only silence tells.
    world.kill(victim, seed % 2 === 0);
    times.push(until(world, 3000, () => everybodySays(world, victim, 'dead'), 'not dead'));
  }
  times.sort((one, other) => one - other);
  console.log(
    `dead to all of 5: median ${times[150]?.toFixed(0)}, worst ${times[299]?.toFixed(0)} ms`,
  );
});

worldTest('nobody is called dead in ten minutes of lost frames and stalls', () => {
  for (const [servers, seed] of [
    [3, 1],
    [5, 2],
    [5, 3],
    [12, 4],
  ] as const) {
    const world = new GossipWorld({ seed, servers, lossPermille: 100 });
    const stall = (): void => {
      world.stall(`p${1 + world.rng.below(servers)}`, 100 + world.rng.below(900));
      world.scheduler.at(world.now + 1000 + world.rng.below(2000), null, stall);
    };
    world.scheduler.at(1000, null, stall);
    world.run(600_000);
    assert.is(saidAnywhere(world, dead), 0, `${servers} servers`);
    assert.ok(saidAnywhere(world, /says that it lives/) > 10, 'suspected often enough');
  }
});

worldTest('a server that stood still accuses nobody when it goes on', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const world = new GossipWorld({ seed, servers: 5 });
    world.run(2000 + world.rng.below(1000));
    world.stall('p1', 800 + world.rng.below(400), 400);
    world.run(5000);
    for (const id of [2, 3, 4, 5]) {
      const { said } = world.of(`p${id}`);
      assert.not.ok(
        said.some((event) => /says that it lives/.test(event)),
        `seed ${seed}`,
      );
    }
  }
});

worldTest('what is said against a living server, it refutes at once', () => {
  const world = new GossipWorld({ seed: 3, servers: 5 });
  world.run(2000);
  const before = world.of('p2').gossip.view().self.sequence;
  world.of('p2').process.pause(700);
  until(world, 1500, () => saidAnywhere(world, /says that it lives/) > 0, 'never suspected');
  until(world, 300, () => everybodySays(world, 'p2', 'alive'), 'not refuted');
  assert.ok(world.of('p2').gossip.view().self.sequence > before);
  world.run(5000);
  assert.is(saidAnywhere(world, dead), 0);
});

worldTest('trap 51: a link that works one way alone kills nobody', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new GossipWorld({ seed, servers: 5 });
    world.run(1000);
    world.cut('p1', 'p2', false);
    world.run(60_000);
    // Not even suspected: others reach it in the stead of whoever does not.
    assert.is(saidAnywhere(world, /says that it lives/), 0, `seed ${seed}`);
    assert.is(saidAnywhere(world, dead), 0, `seed ${seed}`);
    assert.ok(everybodySays(world, 'p1', 'alive') && everybodySays(world, 'p2', 'alive'));
  }
});

worldTest('a partition: each side calls the other dead, and after healing all live again', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new GossipWorld({ seed, servers: 5 });
    world.run(2000);
    for (const one of ['p1', 'p2']) {
      for (const other of ['p3', 'p4', 'p5']) {
        world.cut(one, other);
        world.cut(other, one);
      }
    }
    const sees = (one: string, other: string, state: string): boolean =>
      world.of(one).gossip.health(other).rumour === state;
    const isSplit = (): boolean => sees('p1', 'p3', 'dead') && sees('p4', 'p2', 'dead');
    until(world, 20_000, isSplit, 'not told apart');
    assert.ok(sees('p1', 'p2', 'alive') && sees('p3', 'p4', 'alive'));
    world.heal();
    const peers = [...world.servers.keys()];
    const isWhole = (): boolean => peers.every((peer) => everybodySays(world, peer, 'alive'));
    until(world, 5000, isWhole, 'not whole again');
  }
});

worldTest('a server whose clock was set back is heard again after its restart', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new GossipWorld({ seed, servers: 5 });
    world.run(3000);
    world.kill('p3', true);
    until(world, 4000, () => everybodySays(world, 'p3', 'dead'), 'not dead');
    const lost = world
      .of('p1')
      .gossip.view()
      .records.find(({ peerId }) => peerId === 'p3');
    world.start('p3', -3_600_000);
    until(world, 3000, () => everybodySays(world, 'p3', 'alive'), 'not alive again');
    assert.ok(world.of('p3').gossip.view().self.sequence > (lost?.sequence ?? 0));
  }
});

worldTest('two lives that go on from one number, their clock set back, are told apart', () => {
  const others = ['p1', 'p2', 'p4'];
  for (let seed = 1; seed <= 20; seed++) {
    const world = new GossipWorld({ seed, servers: 4 });
    const part = (one: string, other: string): void => {
      world.cut(one, other);
      world.cut(other, one);
    };
    world.run(3000);
    const first = world.of('p3').gossip.view().self.sequence;
    world.kill('p3');
    world.start('p3', -3_600_000);
    const goesOn = (): boolean => world.of('p3').gossip.view().self.sequence > first;
    until(world, 5000, goesOn, 'it does not go on from its number');
    world.run(500);
    // That it goes, p1 alone does not hear; and of its number before, the next life hears from p1.
    for (const other of ['p2', 'p3', 'p4']) part('p1', other);
    world.of('p3').gossip.stop();
    const isLeft = (peer: string): boolean => world.of(peer).gossip.health('p3').rumour === 'left';
    until(world, 2000, () => isLeft('p2') && isLeft('p4'), 'not told');
    world.kill('p3');
    world.heal();
    for (const other of ['p2', 'p4']) {
      part('p1', other);
      part('p3', other);
    }
    world.start('p3', -3_600_000);
    const isHeard = (): boolean => world.of('p1').gossip.health('p3').rumour === 'alive';
    until(world, 8000, isHeard, 'not heard by p1');
    world.heal();
    const says = (peer: string): boolean => world.of(peer).gossip.health('p3').rumour === 'alive';
    until(world, 8000, () => others.every(says), `seed ${seed}: not heard by all`);
  }
});

worldTest('everybody restarts at once, some with a clock set back: all are heard', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new GossipWorld({ seed, servers: 5 });
    world.run(3000);
    world.kill('p1', true);
    until(world, 4000, () => everybodySays(world, 'p1', 'dead'), 'not dead');
    // One stays, and remembers p1's death; the others know nothing any more.
    for (const peer of ['p2', 'p3', 'p4']) world.kill(peer);
    for (const peer of ['p1', 'p2', 'p3', 'p4']) world.start(peer, -60_000);
    const peers = [...world.servers.keys()];
    const isWhole = (): boolean => peers.every((peer) => everybodySays(world, peer, 'alive'));
    until(world, 5000, isWhole, 'not whole again');
  }
});

worldTest('new addresses of all at once reach all, however many publications are lost', () => {
  const world = new GossipWorld({ seed: 5, servers: 12, lossPermille: 200 });
  world.run(3000);
  const peers = [...world.servers.keys()];
  for (const peer of peers) {
    world.kill(peer);
    world.start(peer, 0, `${peer}:2`);
  }
  const knowsAll = (peer: string): boolean => {
    const { located } = world.of(peer);
    return peers.every((other) => other === peer || located.get(other)?.[0] === `${other}:2`);
  };
  until(world, 90_000, () => peers.every(knowsAll), 'not everywhere');
});

worldTest('what the topic lost is found by comparing', () => {
  const world = new GossipWorld({ seed: 6, servers: 12 });
  world.run(3000);
  // From p1 nothing gets out for a moment.
  world.lossPermille = 1000;
  const { gossip, process } = world.of('p1');
  world.scheduler.at(world.now, process, () => gossip.disk('slow'));
  world.run(50);
  world.lossPermille = 0;
  const isKnown = (): boolean =>
    [...world.servers.values()].every(({ peerId, gossip: { view } }) => {
      if (peerId === 'p1') return true;
      const records = view.call(world.of(peerId).gossip).records;
      return records.some((record) => record.peerId === 'p1' && record.disk === 'slow');
    });
  assert.not.ok(isKnown());
  until(world, 60_000, isKnown, 'never found');
});

worldTest('who stops in order has left, and is nobody to accuse', () => {
  const world = new GossipWorld({ seed: 7, servers: 5 });
  world.run(2000);
  world.stop('p4');
  until(world, 100, () => everybodySays(world, 'p4', 'left'), 'not left');
  world.run(10_000);
  assert.ok(everybodySays(world, 'p4', 'left'));
  assert.is(saidAnywhere(world, dead), 0);
  assert.ok(world.of('p1').gossip.health('p4').deadForMillis > 9000);
  world.start('p4');
  until(world, 1000, () => everybodySays(world, 'p4', 'alive'), 'not back');
});

worldTest('a member that does not know yet that it is one is nobody to accuse', () => {
  const world = new GossipWorld({ seed: 12, servers: 5 });
  world.kill('p5');
  world.start('p5', 0, 'p5:1', false);
  world.run(20_000);
  assert.ok(everybodySays(world, 'p5', 'unknown'));
  assert.is(saidAnywhere(world, dead), 0);
  world.kill('p5', true);
  world.start('p5');
  until(world, 500, () => everybodySays(world, 'p5', 'alive'), 'not alive');
});

worldTest('a death is known to a server that starts later', () => {
  const world = new GossipWorld({ seed: 8, servers: 5 });
  world.run(2000);
  world.kill('p5');
  until(world, 4000, () => everybodySays(world, 'p5', 'dead'), 'not dead');
  world.kill('p2');
  world.start('p2');
  until(world, 500, () => world.of('p2').gossip.health('p5').rumour === 'dead', 'not known');
});

worldTest('a forged record, one of another cluster, and garbage change nothing', () => {
  const world = new GossipWorld({ seed: 9, servers: 3 });
  world.run(2000);
  const { gossip, located, said } = world.of('p1');
  const held = gossip.view().records.find(({ peerId }) => peerId === 'p2');
  assert.ok(held !== undefined);
  const forge = (given: object, author = 'p2'): void => {
    const record = { ...held, sequence: held.sequence + 9, addresses: ['evil:1'], ...given };
    const payload = encodeRecord(record);
    const signature = simSigner(author).sign(signedBytes(payload));
    world.scheduler.at(world.now, world.of('p1').process, () =>
      gossip.published(encodeSignedRecord({ record, payload, signature })),
    );
    world.run(1);
  };
  forge({}, 'p3');
  forge({ clusterId: 'bad0bad0bad0bad0' });
  forge({ clusterName: 'other' });
  forge({ incarnation: 'ffffffffffffffff' });
  gossip.published(Buffer.from('garbage'));
  const view = gossip.view();
  assert.equal([view.forgeries, view.unreadable], [1, 1]);
  assert.equal(
    world
      .of('p1')
      .others.list()
      .map(({ server, clusterId }) => [server, clusterId]),
    [['p2', 'bad0bad0bad0bad0']],
  );
  assert.equal(located.get('p2'), ['p2:1']);
  assert.is(said.filter((event) => /another cluster/.test(event)).length, 1);
  forge({});
  assert.equal(located.get('p2'), ['evil:1'], 'its own word counts');
});

worldTest('a flood of records by strangers is not checked without end', () => {
  const world = new GossipWorld({ seed: 10, servers: 3 });
  world.run(1000);
  const { gossip } = world.of('p1');
  const [held] = gossip.view().records;
  assert.ok(held !== undefined);
  for (let i = 0; i < 1000; i++) {
    const record = { ...held, peerId: `x${i}`, clusterId: null, memberId: null };
    const payload = encodeRecord(record);
    const signature = simSigner(record.peerId).sign(signedBytes(payload));
    gossip.published(encodeSignedRecord({ record, payload, signature }));
  }
  const { crowded, records } = gossip.view();
  assert.ok(crowded >= 895, `${crowded}`);
  assert.ok(records.length <= 66);
});

worldTest('traffic stays the same and news is as quick, however many servers', () => {
  const rows = [5, 12, 25, 50].map((servers) => {
    const world = new GossipWorld({ seed: 11, servers });
    world.run(5000);
    const all = [...world.servers.values()];
    for (const server of all) server.framesSent = server.bytesSent = 0;
    world.run(30_000);
    const frames = Math.max(...all.map(({ framesSent }) => framesSent)) / 30;
    const bytes = Math.max(...all.map(({ bytesSent }) => bytesSent)) / 30;
    world.kill(`p${servers}`);
    const deathMillis = until(world, 3000, () => everybodySays(world, `p${servers}`, 'dead'), '');
    return { servers, frames, bytes, deathMillis };
  });
  for (const { servers, frames, bytes, deathMillis } of rows) {
    console.log(
      `${servers} servers: at most ${frames.toFixed(1)} frames and ${bytes.toFixed(0)} bytes a ` +
        `second each; dead to all after ${deathMillis.toFixed(0)} ms`,
    );
    assert.ok(frames < 15 && bytes < 300, 'constant');
    assert.ok(deathMillis < 2500);
  }
});

test.run();
