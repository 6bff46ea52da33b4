/**
 * Two processes with one key, over sockets: a copy is turned away while the first one answers, a
 * restart is not, whatever became of the connection of the life before.
 */

import * as net from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogFields } from '../../src/base/log.js';
import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import { tickMillis } from '../../src/transport/transport-options.js';
import { bothUp, down, type Peer, up } from './contract-world.js';
import { bytes, CollectedLog, Owner, realClock, within } from './transport-world.js';

/** What a server has to be silent for to lose its link, milliseconds. */
const silenceMillis = 1000;

/** A log that can be waited for. */
class WaitingLog extends CollectedLog {
  readonly #waiting: { event: string; done: () => void }[] = [];

  override debug(fields: LogFields, event: string): void {
    super.debug(fields, event);
    for (const { done } of this.#waiting.filter((one) => one.event === event)) done();
  }

  /** Resolves at the next line of that event. */
  next(event: string): Promise<void> {
    return within(
      new Promise((done) => {
        this.#waiting.push({ event, done });
      }),
      event,
    );
  }
}

interface Server extends Peer {
  readonly log: WaitingLog;
  readonly privateKey: Uint8Array;
}

/** Everything that runs in a test. */
class World {
  readonly #ends: (() => Promise<unknown>)[] = [];
  #lives = 0;

  /** Starts a server; with the key of `copied`, as another process of it. */
  async start(name: string, copied: Server | null = null): Promise<Server> {
    const privateKey = copied?.privateKey ?? (await generatePeerKey());
    const log = new WaitingLog();
    this.#lives += 1;
    const transport = createTransport(
      { privateKey, host: '127.0.0.1', port: 0, mdns: false, clusterName: 'test' },
      { clock: realClock, log, seed: this.#lives, life: `${this.#lives}`.padStart(16, '0') },
    );
    const owner = new Owner(name);
    await within(transport.start(owner), 'start');
    owner.addresses = transport.addresses();
    this.#ends.push(() => transport.stop());
    return { transport, owner, log, privateKey };
  }

  /** A way to a server that can be blocked. */
  async valve(to: Server): Promise<Valve> {
    const valve = new Valve(Number(to.transport.addresses()[0]?.split(':')[1]));
    await valve.open();
    this.#ends.push(() => valve.close());
    return valve;
  }

  async end(): Promise<void> {
    await within(Promise.all(this.#ends.map((end) => end())), 'the end of the world');
  }
}

/** Passes connections on; while it is shut nothing passes, and nobody is told of anything. */
class Valve {
  readonly #to: number;
  readonly #server = net.createServer((socket) => this.#join(socket));
  readonly #sockets = new Set<net.Socket>();
  #isShut = false;

  constructor(to: number) {
    this.#to = to;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  open(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  shut(isShut: boolean): void {
    this.#isShut = isShut;
    for (const socket of this.#sockets) {
      if (isShut) socket.pause();
      else socket.resume();
    }
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: net.Socket): void {
    const far = net.connect(this.#to, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (data) => to.write(data));
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#isShut) from.pause();
    }
  }
}

function inWorld(body: (world: World) => Promise<void>): () => Promise<void> {
  return async () => {
    const world = new World();
    try {
      await body(world);
    } finally {
      await world.end();
    }
  };
}

/** Tells from now on when a server says that it was refused as one of two. */
function refusal({ owner }: Server): Promise<void> {
  const before = refusals(owner);
  return owner.until(() => refusals(owner) > before, 'a refusal');
}

function refusals({ told }: Owner): number {
  return told.filter((line) => /^refused as a clone: .*the data folder of .* runs twice/.test(line))
    .length;
}

function alarms({ log }: Server): number {
  return log.lines.filter(({ event }) => event === 'a data folder runs twice').length;
}

const second = 'a second process greeted with one key';

test(
  'a copy of a server that is linked is turned away, and both hear so',
  inWorld(async (world) => {
    const [a, b] = [await world.start('a'), await world.start('b')];
    b.transport.keep(a.transport.self, a.transport.addresses());
    await bothUp(a, b);
    const copy = await world.start('copy', b);
    const refused = refusal(copy);
    copy.transport.keep(a.transport.self, a.transport.addresses());
    await refused;
    const warned = (): boolean => b.owner.told.some((line) => line.startsWith('warned of a clone'));
    await b.owner.until(warned, 'a warning');
    // The same again for as long as it comes.
    await refusal(copy);
    assert.equal(
      a.owner.told,
      ['greeted b test', up(b)],
      'what the copy said of itself is nothing',
    );
    assert.equal(copy.owner.count(up(a)), 0);
    assert.is(alarms(a), 1);
    for (const where of [b, copy]) {
      assert.match(copy.owner.told.join('\n'), where.transport.addresses()[0] as string);
    }
    assert.ok(b.transport.send(a.transport.self, 'consensus', [bytes('I am here')]));
    await a.owner.until(() => a.owner.texts('consensus').length > 0, 'a frame of the first');
  }),
);

test(
  'of two that were both listened to neither is heard any more',
  inWorld(async (world) => {
    const [a, b, c] = [await world.start('a'), await world.start('b'), await world.start('c')];
    b.transport.keep(a.transport.self, a.transport.addresses());
    await bothUp(a, b);
    const copy = await world.start('copy', b);
    copy.transport.keep(c.transport.self, c.transport.addresses());
    await bothUp(copy, c);
    const both = [refusal(b), refusal(copy)];
    copy.transport.keep(a.transport.self, a.transport.addresses());
    await Promise.all(both);
    await a.owner.until(() => a.owner.count(down(b)) === 1, 'the end of the link');
    // Whichever comes back first.
    await Promise.all([refusal(b), refusal(copy)]);
    assert.is(a.owner.count(up(b)), 1);
    assert.is(alarms(a), 1);
  }),
);

test(
  'one that waits is not heard, and an answer that comes late counts',
  inWorld(async (world) => {
    const [a, b] = [await world.start('a'), await world.start('b')];
    const valve = await world.valve(a);
    b.transport.keep(a.transport.self, [valve.address]);
    await bothUp(a, b);
    const copy = await world.start('copy', b);
    const waits = a.log.next(second);
    valve.shut(true);
    copy.transport.keep(a.transport.self, a.transport.addresses());
    await waits;
    assert.not.ok(copy.transport.isLinked(a.transport.self));
    assert.not.ok(copy.transport.send(a.transport.self, 'consensus', [bytes('I vote')]));
    const refused = refusal(copy);
    valve.shut(false);
    await refused;
    assert.equal(a.owner.told, ['greeted b test', up(b)]);
    assert.equal(a.owner.received, []);
  }),
);

test(
  'a process that vanished without a word is replaced as soon as its silence tells',
  inWorld(async (world) => {
    const [a, b] = [await world.start('a'), await world.start('b')];
    const valve = await world.valve(a);
    b.transport.keep(a.transport.self, [valve.address]);
    await bothUp(a, b);
    valve.shut(true);
    const since = performance.now();
    const again = await world.start('again', b);
    again.transport.keep(a.transport.self, a.transport.addresses());
    await a.owner.until(() => a.owner.count(up(b)) === 2, 'the next life');
    const took = performance.now() - since;
    // The link of the life before is given up at the first tick after its silence; half a second
    // for what else this machine does.
    assert.ok(took < silenceMillis + 2 * tickMillis + 500, `${took} ms`);
    // The end of the one before the beginning of the other.
    assert.equal(a.owner.told, ['greeted b test', up(b), down(b), 'greeted again test', up(b)]);
    assert.is(alarms(a), 0);
    // It had not vanished, only slept: now two were listened to.
    const both = [refusal(b), refusal(again)];
    valve.shut(false);
    await Promise.all(both);
    assert.is(alarms(a), 1);
  }),
);

test(
  'a process that ended is no second one: nobody is asked, and nobody waits',
  inWorld(async (world) => {
    const [a, b] = [await world.start('a'), await world.start('b')];
    b.transport.keep(a.transport.self, a.transport.addresses());
    await bothUp(a, b);
    await within(b.transport.stop(), 'stop');
    const again = await world.start('again', b);
    again.transport.keep(a.transport.self, a.transport.addresses());
    await a.owner.until(() => a.owner.count(up(b)) === 2, 'the next life');
    assert.not.ok(a.log.has(second));
    assert.is(alarms(a), 0);
  }),
);

test(
  'both dial at once: one process, however many connections',
  inWorld(async (world) => {
    const [a, b] = [await world.start('a'), await world.start('b')];
    a.transport.keep(b.transport.self, b.transport.addresses());
    b.transport.keep(a.transport.self, a.transport.addresses());
    await bothUp(a, b);
    await a.transport.probe(b.transport.addresses()[0] as string, AbortSignal.timeout(4000));
    assert.not.ok(a.log.has(second) || b.log.has(second));
    assert.is(a.owner.count(down(b)), 0);
  }),
);

test.run();
