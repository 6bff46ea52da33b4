/**
 * A world for foundings: servers with disks of their own, links that come and go, messages lost,
 * doubled and late, crashes between a write and its answer, wiped folders; time is a number. It
 * judges after every step: an incarnation signs once, a signature leaves after it is on disk,
 * "never" is kept, and no two records that all have signed name a common server.
 */

import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import type { Signer } from '../../src/base/signer.js';
import { Founding } from '../../src/membership/founding.js';
import type { FoundingInput, FoundingOutput } from '../../src/membership/founding-io.js';
import { type Folder, FoundingJudge, hash } from './founding-judge.js';

/** Signatures that only tests believe in. */
export function falseSigner(self: string): Signer {
  const made = (peerId: string, bytes: Uint8Array): Buffer =>
    createHash('sha256').update(peerId).update(bytes).digest();
  return {
    self,
    sign: (bytes) => made(self, bytes),
    verify: (peerId, bytes, signature) => made(peerId, bytes).equals(signature),
  };
}

/** One server. */
export interface Server {
  readonly name: string;
  folder: Folder;
  founding: Founding | null;
  /** Lives are numbered: what an earlier one began does not answer to a later one. */
  life: number;
  isJoining: boolean;
  version: string;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What may go wrong while it goes wrong. Chances in a thousand. */
export interface Chaos {
  readonly loss: number;
  readonly doubling: number;
  /** Every tick, for each server: it goes down, or comes back. */
  readonly crash: number;
  /** Of the crashes, those that leave an empty folder. */
  readonly wipe: number;
  /** Every tick, for each pair: the link is cut, or mended. */
  readonly cut: number;
  /** At each write and each offer: the server goes down with it, half done. */
  readonly crashAtDuty: number;
  /** The longest that a write, or a message, takes, milliseconds. */
  readonly diskMillis: number;
  readonly latencyMillis: number;
}

const calm: Chaos = {
  loss: 0,
  doubling: 0,
  crash: 0,
  wipe: 0,
  cut: 0,
  crashAtDuty: 0,
  diskMillis: 10,
  latencyMillis: 2,
};

/** Another mixture of faults for each seed: rare ones let a founding go far before they strike. */
export function chaosOf(seed: number, wipe: number): Chaos {
  const rng = new Rng(seed);
  const oneOf = (...values: number[]): number => values[rng.below(values.length)] as number;
  return {
    loss: oneOf(0, 50, 300),
    doubling: oneOf(0, 100, 300),
    crash: oneOf(0, 2, 8, 20),
    wipe,
    cut: oneOf(0, 2, 8, 20),
    crashAtDuty: oneOf(0, 20, 100),
    diskMillis: oneOf(5, 100, 500),
    latencyMillis: oneOf(2, 50, 300),
  };
}

const tickMillis = 50;

/** Servers that found together. */
export class FoundingWorld {
  readonly servers: Server[];
  readonly expect: number;
  chaos: Chaos = calm;
  wipes = 0;
  now = 0;
  readonly #rng: Rng;
  readonly #cut = new Set<string>();
  readonly #events: Event[] = [];
  #order = 0;
  readonly judge = new FoundingJudge();

  constructor(count: number, expect: number, seed: number) {
    this.#rng = new Rng(seed);
    this.expect = expect;
    this.servers = Array.from({ length: count }, (_, i) => ({
      name: `s${i}`,
      folder: this.#newFolder(),
      founding: null,
      life: 0,
      isJoining: false,
      version: '1',
    }));
  }

  start(server: Server): void {
    if (server.founding !== null) return;
    const { folder } = server;
    server.life += 1;
    server.isJoining = false;
    server.founding = new Founding(
      {
        clusterName: 'test',
        version: server.version,
        self: { peerId: folder.peerId, incarnation: folder.incarnation, name: server.name },
        expect: this.expect,
        clusterId: folder.clusterId,
        signed: folder.signed,
        nonce: this.#hex(),
        marginMillis: 100,
        repeatMillis: 500,
      },
      { signer: falseSigner(folder.peerId), hash },
    );
    for (const other of this.servers) this.#meet(server, other);
    this.#alive(server, tickMillis, () => this.#tick(server));
  }

  crash(server: Server): void {
    if (server.founding === null) return;
    server.founding = null;
    server.life += 1;
    const { peerId } = server.folder;
    for (const other of this.servers) this.#step(other, { type: 'lost', peerId });
  }

  wipe(server: Server): void {
    this.crash(server);
    server.folder = this.#newFolder();
    this.wipes += 1;
  }

  /** Lets time pass. */
  run(millis: number, until: () => boolean = () => false): void {
    const end = this.now + millis;
    let nextChaos = this.now;
    while (this.now < end && !until()) {
      if (this.now >= nextChaos) {
        this.#goWrong();
        nextChaos += tickMillis;
      }
      const next = this.#events[0];
      this.now = Math.min(next?.at ?? end, nextChaos);
      if (next === undefined || next.at > this.now) continue;
      this.#events.shift();
      next.run();
    }
  }

  /** Everything that can work works: all run, all see one another, nothing is lost. */
  heal(): void {
    this.chaos = calm;
    this.#cut.clear();
    for (const server of this.servers) this.start(server);
    for (const one of this.servers) for (const other of this.servers) this.#meet(one, other);
  }

  get clusters(): ReadonlySet<string> {
    return new Set(this.servers.flatMap(({ folder }) => folder.clusterId ?? []));
  }

  get areAllIn(): boolean {
    return this.servers.every(({ folder, founding }) => {
      return founding !== null && folder.clusterId !== null;
    });
  }

  // ---- the world's workings ----

  #newFolder(): Folder {
    const peerId = `p${this.#hex()}`;
    return { peerId, incarnation: this.#hex(), signed: null, clusterId: null };
  }

  #hex(): string {
    return this.#rng.uint32().toString(16).padStart(8, '0').repeat(2);
  }

  #chance(inThousand: number): boolean {
    return this.#rng.below(1000) < inThousand;
  }

  #later(millis: number, run: () => void): void {
    const event = { at: this.now + millis, order: this.#order++, run };
    const at = this.#events.findLastIndex((each) => each.at <= event.at);
    this.#events.splice(at + 1, 0, event);
  }

  /** Later, if the server lives the same life then. */
  #alive(server: Server, millis: number, run: () => void): void {
    const { life } = server;
    this.#later(millis, () => {
      if (server.life === life) run();
    });
  }

  #tick(server: Server): void {
    this.#step(server, { type: 'tick' });
    this.#maybeJoin(server);
    this.#alive(server, tickMillis, () => this.#tick(server));
  }

  #goWrong(): void {
    const { crash, cut } = this.chaos;
    for (const server of this.servers) {
      // Who is down is so for half a second, more or less.
      if (!this.#chance(server.founding === null ? 100 : crash)) continue;
      if (server.founding === null) this.start(server);
      else this.#down(server);
    }
    for (const [i, one] of this.servers.entries()) {
      for (const other of this.servers.slice(i + 1))
        if (this.#chance(cut)) this.#toggle(one, other);
    }
  }

  #down(server: Server): void {
    if (this.#chance(this.chaos.wipe)) this.wipe(server);
    else this.crash(server);
  }

  #toggle(one: Server, other: Server): void {
    const key = [one.name, other.name].sort().join();
    if (this.#cut.delete(key)) return this.#meet(one, other);
    this.#cut.add(key);
    this.#step(one, { type: 'lost', peerId: other.folder.peerId });
    this.#step(other, { type: 'lost', peerId: one.folder.peerId });
  }

  #areLinked(one: Server, other: Server): boolean {
    const isCut = this.#cut.has([one.name, other.name].sort().join());
    return one !== other && !isCut && one.founding !== null && other.founding !== null;
  }

  #meet(one: Server, other: Server): void {
    this.#greet(one, other);
    this.#greet(other, one);
  }

  #greet(from: Server, to: Server): void {
    if (!this.#areLinked(from, to)) return;
    const { peerId, incarnation, clusterId } = from.folder;
    const { name, version } = from;
    this.#step(to, { type: 'seen', server: { peerId, incarnation, name, version, clusterId } });
  }

  #step(server: Server, input: FoundingInput): void {
    const outputs = server.founding?.step(input, this.now) ?? [];
    const { life } = server;
    for (const output of outputs) if (server.life === life) this.#perform(server, output);
  }

  #perform(server: Server, output: FoundingOutput): void {
    const { folder } = server;
    const { peerId } = folder;
    const isLast = output.type !== 'tell' && this.#chance(this.chaos.crashAtDuty);
    // It goes down within its duty, or just after it.
    if (isLast && this.#chance(500)) this.#alive(server, 0, () => this.#down(server));
    else if (isLast) return this.#down(server);
    switch (output.type) {
      case 'tell':
        for (const to of output.to) {
          this.#send(server, to, { type: 'sighted', peerId, sighting: output.sighting });
        }
        return;
      case 'offer':
        this.judge.offered(folder, output.founding);
        return this.#send(server, output.to, {
          type: 'offered',
          peerId,
          founding: output.founding,
        });
      case 'refuse': {
        const { recordId, never, reason } = output;
        if (never) this.judge.never(folder, recordId);
        return this.#send(server, output.to, { type: 'refused', peerId, recordId, never, reason });
      }
      case 'write':
        return this.#disk(
          server,
          () => {
            folder.signed = output.founding;
            this.judge.signed(folder);
            this.judge.clusters(this.servers.map((each) => each.folder));
          },
          () => ({ type: 'written' }),
        );
      case 'renew': {
        const incarnation = this.#hex();
        return this.#disk(
          server,
          () => {
            folder.incarnation = incarnation;
          },
          () => {
            // The others hear of it when they are greeted anew.
            for (const other of this.servers) this.#greet(server, other);
            return { type: 'renewed', incarnation, nonce: this.#hex() };
          },
        );
      }
      case 'found':
        return this.#enter(server, output.clusterId, null);
    }
  }

  /** A place on disk; then the others hear of it. */
  #enter(server: Server, clusterId: string, answer: FoundingInput | null): void {
    const { folder } = server;
    this.#disk(
      server,
      () => {
        assert.ok(folder.clusterId === null || folder.clusterId === clusterId);
        folder.clusterId = clusterId;
        this.judge.clusters(this.servers.map((each) => each.folder));
      },
      () => {
        for (const other of this.servers) this.#greet(server, other);
        return answer;
      },
    );
  }

  /** A write: on disk some time later; a crash on the way leaves it done or not. */
  #disk(server: Server, write: () => void, done: () => FoundingInput | null): void {
    const { life } = server;
    const { folder } = server;
    const isKept = this.#chance(500);
    this.#later(1 + this.#rng.below(this.chaos.diskMillis), () => {
      if (server.life === life) write();
      else if (isKept && server.folder === folder && server.founding === null) write();
      if (server.life !== life) return;
      this.#alive(server, 1 + this.#rng.below(5), () => {
        const answer = done();
        if (answer !== null) this.#step(server, answer);
      });
    });
  }

  #send(from: Server, toPeer: string, input: FoundingInput): void {
    const copies = this.#chance(this.chaos.loss) ? 0 : this.#chance(this.chaos.doubling) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      // Links keep the order; a copy that comes late stands for an older link's.
      const late = i > 0 || this.#chance(this.chaos.doubling) ? this.#rng.below(3000) : 0;
      this.#later(1 + late + this.#rng.below(this.chaos.latencyMillis), () => {
        const to = this.servers.find(({ folder }) => folder.peerId === toPeer);
        if (to !== undefined && (late > 0 || this.#areLinked(from, to))) this.#step(to, input);
      });
    }
  }

  /** The joiner: asks any server in a cluster that it is linked to. */
  #maybeJoin(server: Server): void {
    const { folder, founding } = server;
    if (founding === null || !founding.mayJoin || server.isJoining) return;
    const host = this.servers.find((other) => {
      return this.#areLinked(server, other) && other.folder.clusterId !== null;
    });
    const clusterId = host?.folder.clusterId;
    if (folder.clusterId !== null || clusterId === null || clusterId === undefined) return;
    server.isJoining = true;
    this.#alive(server, 20 + this.#rng.below(200), () => {
      this.#enter(server, clusterId, { type: 'joined', clusterId });
    });
  }
}
