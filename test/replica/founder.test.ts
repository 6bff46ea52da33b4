/**
 * Founding by the parts that run it (Newcomer, Founder, Joiner, Peers) over a network in memory and
 * virtual time: addresses that travel, the order of what is written, restarts at every stage.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SignedFounding } from '../../src/base/founding-record.js';
import { Rng } from '../../src/base/rng.js';
import { foundingRecord, signRecord } from '../../src/membership/founding-record.js';
import type { Membership } from '../../src/raft/types.js';
import type { OpenedLog } from '../../src/replica/consensus.js';
import type { DataFolder } from '../../src/replica/data-folder.js';
import type { FoundingStore } from '../../src/replica/founder.js';
import { Newcomer } from '../../src/replica/newcomer.js';
import { Peers } from '../../src/replica/peers.js';
import { Refs } from '../../src/replica/refs.js';
import type { Transport } from '../../src/transport/transport.js';
import { decodeControl, encodeControl } from '../../src/wire/peer-codec.js';
import type { ControlMessage, PeerAddresses } from '../../src/wire/peer-messages.js';
import { VirtualClock } from '../client/virtual-clock.js';
import { hash } from '../membership/founding-judge.js';
import { falseSigner } from '../membership/founding-world.js';
import { EventLog } from '../storage/wal-fixture.js';
import { MemoryNetwork } from '../transport/memory-transport.js';

const diskMillis = 5;
const logOpened = {} as OpenedLog;

/** One server: what is on its disk, and the life it leads now. */
class Host {
  readonly name: string;
  readonly peerId: string;
  readonly address: string;
  expect: number | null = 3;
  seeds: readonly string[];
  incarnation: string;
  signed: SignedFounding | null = null;
  place: Membership | null = null;
  book: readonly PeerAddresses[] = [];
  /** What was written, in order. */
  readonly writes: string[] = [];
  readonly log = new EventLog();
  newcomer: Newcomer | null = null;
  /** Writes of these kinds never end. */
  stuckAt = '';
  readonly #world: World;
  #transport: Transport | null = null;
  #life = 0;

  constructor(world: World, name: string, seeds: string) {
    this.#world = world;
    this.name = name;
    this.peerId = `p${name}`;
    this.address = `${name}:1`;
    this.seeds = [...seeds].map((seed) => `${seed}:1`);
    this.incarnation = world.randomHex();
  }

  async start(): Promise<void> {
    const { clock, network } = this.#world;
    const { log, name, incarnation } = this;
    const transport = network.createTransport(this.peerId, this.address);
    this.#transport = transport;
    const self = { clusterName: 'test', clusterId: null, memberId: null, incarnation, name };
    const save = (book: readonly PeerAddresses[]): void => {
      this.book = book;
    };
    const peers = new Peers({ ...self, version: '1' }, this.book, { transport, clock, log, save });
    const send = (peer: string, message: ControlMessage): boolean =>
      transport.send(peer, 'control', [encodeControl(message)]);
    const founding = {
      expect: this.expect,
      signed: this.signed,
      signer: falseSigner(this.peerId),
      hash,
      store: this.#store(),
      randomHex: () => this.#world.randomHex(),
    };
    const newcomer = new Newcomer(this.seeds, founding, this.place, {
      transport,
      peers,
      clock,
      log,
      send,
      refs: new Refs(new Rng(1)),
      folder: this.#folder(),
      foundNone: () => {},
      became: ({ place }) => peers.becameMember(place.clusterId, place.memberId),
      fatal: (reason) => assert.unreachable(reason),
    });
    this.newcomer = newcomer;
    if (this.place !== null) peers.becameMember(this.place.clusterId, this.place.memberId);
    await transport.start({
      hello: () => peers.hello(),
      greeted: (peer, hello) => {
        const refusal = peers.greeted(peer, hello);
        if (refusal === null && transport.isLinked(peer)) newcomer.seen(peer, hello);
        return refusal;
      },
      linkUp: (peer) => newcomer.linkUp(peer, peers.greeting(peer)),
      linkDown: (peer) => {
        peers.linkDown(peer);
        newcomer.linkDown(peer);
      },
      refused: () => {},
      cloned: () => {},
      frames: (peer, _channel, frames) => {
        for (const frame of frames) this.#control(newcomer, peer, decodeControl(frame));
      },
      published: () => {},
      discovered: (peer, addresses) => newcomer.discovered(peer, addresses),
      client: (stream) => stream.close(),
    });
    if (this.place === null) newcomer.start();
  }

  async crash(): Promise<void> {
    this.#life += 1;
    this.newcomer?.stop();
    await this.#transport?.stop();
  }

  #control(newcomer: Newcomer, peer: string, message: ControlMessage): void {
    switch (message.type) {
      case 'sighting':
      case 'foundingOffer':
      case 'foundingRefused':
        return newcomer.founding(peer, message);
      case 'join':
        return assert.unreachable(`${message.member.name} asked to join`);
      default:
        return newcomer.joinAnswered(message);
    }
  }

  /** On disk a little later, unless the server is gone by then. */
  #write(what: string, write: () => void, done: () => void): void {
    const life = this.#life;
    if (what === this.stuckAt) return;
    this.#world.clock.after(diskMillis, () => {
      if (this.#life !== life) return;
      write();
      this.writes.push(what);
      done();
    });
  }

  #store(): FoundingStore {
    return {
      saveFounding: (founding, done) => {
        const write = (): void => {
          this.signed = founding;
        };
        this.#write(`signed by ${founding.signatures.length}`, write, () => done(null));
      },
      saveIncarnation: (incarnation, done) => {
        const write = (): void => {
          this.incarnation = incarnation;
        };
        this.#write('incarnation', write, () => done(null));
      },
    };
  }

  #folder(): DataFolder {
    return {
      createLog: (_place, _base, done) => {
        this.#write(
          'log',
          () => {},
          () => done(null, logOpened),
        );
      },
      saveMembership: (place, done) => {
        const write = (): void => {
          this.place = place;
        };
        this.#write('identity', write, () => done(null));
      },
      saveAddresses: () => {},
    };
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latencyMillis: 1 });
  readonly hosts: readonly Host[];
  readonly #rng = new Rng(4);

  /** @param seeds whom each knows at first. */
  constructor(seeds: Readonly<Record<string, string>>) {
    this.hosts = Object.entries(seeds).map(([name, known]) => new Host(this, name, known));
  }

  randomHex(): string {
    return this.#rng.uint32().toString(16).padStart(8, '0').repeat(2);
  }

  async start(): Promise<void> {
    for (const host of this.hosts) await host.start();
  }

  /** The one cluster of all. */
  cluster(): string {
    const ids = new Set(this.hosts.map(({ place }) => place?.clusterId ?? 'none'));
    const words = this.hosts.map(({ newcomer }) => newcomer?.waitingFor()).join(' | ');
    assert.is(ids.size, 1, words);
    assert.not.ok(ids.has('none'), words);
    return [...ids][0] as string;
  }
}

test('three that know one another found a cluster, each in the right order on disk', async () => {
  const world = new World({ a: 'bc', b: 'ac', c: 'ab' });
  await world.start();
  await world.clock.pass(1500);
  world.cluster();
  assert.equal(
    world.hosts.map(({ place }) => place?.memberId),
    [1, 2, 3],
  );
  for (const { writes } of world.hosts) {
    assert.is(writes.at(-3), 'signed by 3');
    assert.equal(writes.slice(-2), ['log', 'identity']);
    assert.is(writes.length, 4);
  }
});

test('addresses travel: a chain of acquaintances is enough', async () => {
  const world = new World({ a: '', b: 'a', c: 'b' });
  await world.start();
  await world.clock.pass(3000);
  world.cluster();
});

test('two of three wait, and say for whom', async () => {
  const world = new World({ a: 'bc', b: 'ac' });
  await world.start();
  await world.clock.pass(10_000);
  for (const { newcomer, place } of world.hosts) {
    assert.is(place, null);
    assert.is(
      newcomer?.waitingFor(),
      '2 of 3 founders seen: a, b; waiting for one more; c:1: connection refused: nothing ' +
        'listens there',
    );
  }
});

test('a crash of anybody at any write, then a restart without a flag: one cluster', async () => {
  for (const victim of ['a', 'b', 'c']) {
    for (const stuckAt of ['signed by 1', 'signed by 2', 'signed by 3', 'log', 'identity']) {
      const world = new World({ a: 'bc', b: 'ac', c: 'ab' });
      const host = world.hosts.find(({ name }) => name === victim) as Host;
      host.stuckAt = stuckAt;
      await world.start();
      await world.clock.pass(1500);
      await host.crash();
      host.stuckAt = '';
      // Who has signed needs no EXPECT any more, and no PEERS: it remembers.
      if (host.signed !== null) {
        host.expect = null;
        host.seeds = [];
      }
      await world.clock.pass(500);
      await host.start();
      await world.clock.pass(3000);
      world.cluster();
      // It came in as the founder that it is, not as a newcomer.
      assert.is(host.place?.memberId, 'abc'.indexOf(victim) + 1, `${victim} at ${stuckAt}`);
    }
  }
});

test('a dead record is given up: a new incarnation first, then another record', async () => {
  const world = new World({ a: 'bc', b: 'ac', c: 'ab' });
  const [a, b, c] = world.hosts as [Host, Host, Host];
  // b was wiped and came back: the record that a has signed names a life of it that is over.
  const { incarnation } = a;
  const founders = [a, { peerId: 'pb', incarnation: 'feedfeedfeedfeed', name: 'b' }, c];
  const record = foundingRecord(
    'test',
    founders.map(({ peerId, incarnation: life, name }) => ({ peerId, incarnation: life, name })),
    'cafecafecafecafe',
  );
  a.signed = { record, signatures: [signRecord(record, falseSigner('pa'))] };
  await world.start();
  await world.clock.pass(5000);
  world.cluster();
  assert.is(a.writes[0], 'incarnation');
  assert.is.not(a.incarnation, incarnation);
  assert.is(a.signed.record.founders.length, 3);
  for (const { signed } of [a, b, c]) assert.equal(signed?.record, b.signed?.record);
});

test.run();
