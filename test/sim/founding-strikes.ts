/**
 * What befalls a founding: for its first seconds a world that is founded together has faults of the
 * kinds that the seed has switched on far more often than later, some of them right when a
 * signature is on a disk; and the operator, who knows from the handbook (docs/membership.md,
 * Founding) what to do when a founder is lost for good before all have signed.
 *
 * Chance is a stream of its own, and a world that one server founds is not touched.
 */

import type { FoundingRecord } from '../../src/base/founding-record.js';
import type { Rng } from '../../src/base/rng.js';
import { founderId, foundingBase } from '../../src/membership/founding-record.js';
import type { Life } from './founding-checker.js';
import type { Nemesis } from './nemesis.js';
import { breakNetwork, type NetworkFault } from './network-faults.js';
import type { SimHost } from './sim-host.js';
import type { BlindClass } from './swarm.js';
import type { World } from './world.js';

/** Kinds of faults that strike a founding. */
const kindsOfStrikes = [
  'crash',
  'power',
  'pause',
  'wipe',
  'slowdisk',
  'partition',
  'oneway',
  'bridge',
  'break',
  'halfopen',
] as const satisfies readonly BlindClass[];

type Kind = (typeof kindsOfStrikes)[number];

/** How often the operator looks, milliseconds. */
const lookEveryMillis = 500;

/** How long a founding must have been stuck for the operator to give it up, milliseconds. */
const patienceMillis = 5000;

/** See the head of the file. */
export class FoundingStrikes {
  /** How often the operator had all begin anew. */
  cures = 0;
  readonly #world: World;
  readonly #nemesis: Nemesis;
  readonly #rng: Rng;
  readonly #kinds: readonly Kind[];
  /** Founders whose disk is lost, with what they had signed there. */
  readonly #lost = new Set<string>();
  #endsMillis = 0;
  #stuckSinceMillis = 0;
  #isOver = false;

  constructor(world: World, nemesis: Nemesis) {
    this.#world = world;
    this.#nemesis = nemesis;
    this.#rng = world.chances.founding;
    this.#kinds = kindsOfStrikes.filter((kind) => world.swarm.faults.has(kind));
  }

  start(): void {
    const { swarm, scheduler } = this.#world;
    if (swarm.expect === null) return;
    this.#look();
    if (this.#kinds.length === 0) return;
    this.#endsMillis = scheduler.nowMillis + this.#rng.between(1500, 12_000);
    this.#world.onSigned = (host) => this.#signed(host);
    if (this.#kinds.includes('partition') || this.#kinds.includes('bridge')) this.#splitViews();
    this.#later(2 * ([60, 200, 500][this.#rng.below(3)] as number));
  }

  /** No more strikes; the operator goes on. */
  stop(): void {
    this.#isOver = true;
    this.#world.onSigned = null;
  }

  /** Why the founding is not over; null: every founder that is not lost has its place. */
  pending(): string | null {
    const { hosts, founding } = this.#world;
    if (founding.founded === null) {
      const words = hosts.map(({ name, server }) => {
        return `${name}: ${server?.replica?.status().self.waitingFor ?? 'starts'}`;
      });
      return `no cluster is founded; ${words.join(' | ')}`;
    }
    const late = unplacedFounders(this.#world).map(({ name }) => name);
    return late.length === 0 ? null : `founders have no place yet: ${late.join(' ')}`;
  }

  /** Where more begin than found, the two lowest do not see each other: each proposes a record with
   * the same others, and those sign one of the two each. */
  #splitViews(): void {
    const { hosts, swarm, network, scheduler, trace } = this.#world;
    const [one, other] = hosts;
    if (one === undefined || other === undefined || swarm.servers === swarm.expect) return;
    trace.event(`network, while founding: cut ${one.name} | ${other.name}`);
    network.block(one.number, other.number);
    network.block(other.number, one.number);
    scheduler.at(scheduler.nowMillis + this.#rng.between(1500, 5000), null, () => {
      if (!this.#isOver) network.unblockAll();
    });
  }

  #later(spreadMillis: number): void {
    const { scheduler } = this.#world;
    scheduler.at(scheduler.nowMillis + 1 + this.#rng.below(spreadMillis), null, () => {
      if (this.#isStruckNoMore()) return;
      const kind = this.#kinds[this.#rng.below(this.#kinds.length)] as Kind;
      const up = this.#world.hosts.filter((host) => host.isUp && host.isFounding);
      const host = up[this.#rng.below(Math.max(1, up.length))];
      if (host !== undefined) this.#strike(kind, host);
      this.#later(spreadMillis);
    });
  }

  #isStruckNoMore(): boolean {
    return this.#isOver || this.#world.scheduler.nowMillis > this.#endsMillis;
  }

  /** A signature is on disk, and about to be given away. */
  #signed(host: SimHost): void {
    if (this.#isStruckNoMore() || this.#rng.below(3) > 0) return;
    const kinds = this.#kinds.filter((kind) => kind === 'crash' || kind === 'power');
    const kind = kinds[this.#rng.below(Math.max(1, kinds.length))];
    const { scheduler } = this.#world;
    const { process } = host;
    if (kind === undefined) return;
    scheduler.at(scheduler.nowMillis + this.#rng.below(16) / 4, null, () => {
      if (host.process === process && !this.#isOver) this.#strike(kind, host);
    });
  }

  #strike(kind: Kind, host: SimHost): void {
    const rng = this.#rng;
    switch (kind) {
      case 'crash':
      case 'power':
        host.kill(kind === 'power');
        host.isExpectForgotten = rng.below(6) === 0;
        return this.#startLater(host);
      case 'pause':
        host.process?.pause(rng.between(50, 1500));
        if (host.process !== null) this.#world.network.paused(host.process);
        return;
      case 'slowdisk':
        host.habits.syncMillisMin = rng.below(2) === 0 ? 80 : 0.5;
        return;
      case 'wipe':
        if (rng.below(2) === 0) this.#lose(host);
        return;
      default:
        return this.#network(kind);
    }
  }

  #startLater(host: SimHost): void {
    const { scheduler } = this.#world;
    scheduler.at(scheduler.nowMillis + 1 + this.#rng.below(800), null, () => {
      if (!host.isHeld && !this.#isOver) host.start();
    });
  }

  #network(kind: NetworkFault): void {
    const { network, hosts, scheduler, trace } = this.#world;
    const numbers = hosts.map(({ number }) => number);
    trace.event(`network, while founding: ${kind}`);
    if (!breakNetwork(kind, { network, rng: this.#rng, numbers, leader: null })) return;
    scheduler.at(scheduler.nowMillis + this.#rng.between(50, 2500), null, () => {
      if (!this.#isOver) network.unblockAll();
    });
  }

  /** A founder's disk is lost, as long as its cluster can do without. */
  #lose(host: SimHost): void {
    const { founding, marks } = this.#world;
    if (founding.clusterId !== null) return;
    const { life } = host;
    const record = founding.recordOf(life);
    if (record !== null) {
      const lost = record.founders.filter((one) => this.#lost.has(wordOf(one))).length;
      const { voters } = foundingBase(record).configuration;
      if (lost + 1 > Math.floor((voters.length - 1) / 2)) return;
    }
    this.#lost.add(wordOf(life));
    host.wipe();
    marks.hit('founder lost while founding');
    this.#startLater(host);
  }

  /** The operator, who goes on after the faults. */
  #look(): void {
    const { scheduler, founding } = this.#world;
    scheduler.at(scheduler.nowMillis + lookEveryMillis, null, () => this.#look());
    const { founded } = founding;
    if (founded !== null) this.#tellLost(founded);
    const isStuck = founded === null ? this.#isStuck() : this.#leftBehind(founded).length > 0;
    if (!isStuck) this.#stuckSinceMillis = scheduler.nowMillis;
    if (scheduler.nowMillis - this.#stuckSinceMillis < patienceMillis) return;
    if (founded === null) this.#cure();
    else for (const host of this.#leftBehind(founded)) this.#beginAnew(host);
  }

  /** What is lost counts from the first as lost of the cluster that there is now. */
  #tellLost(record: FoundingRecord): void {
    for (const one of record.founders) {
      if (this.#lost.has(wordOf(one))) this.#nemesis.lost.add(founderId(record, one.peerId));
    }
    this.#lost.clear();
  }

  /** Somebody waits for the signature of a founder that is lost for good. */
  #isStuck(): boolean {
    const { hosts, founding } = this.#world;
    if (hosts.some(({ hasPlace }) => hasPlace)) return false;
    const present = new Set(hosts.map(({ life }) => life.peerId));
    return hosts.some(({ life }) => {
      return founding.recordOf(life)?.founders.some(({ peerId }) => !present.has(peerId)) === true;
    });
  }

  /** Who waits for the signature of a founder that is lost for good while others found a cluster. */
  #leftBehind(founded: FoundingRecord): readonly SimHost[] {
    const { hosts, founding } = this.#world;
    const present = new Set(hosts.map(({ life }) => life.peerId));
    return hosts.filter(({ life, hasPlace }) => {
      const record = founding.recordOf(life);
      if (hasPlace || record === null || record === founded) return false;
      return record.founders.some(({ peerId }) => !present.has(peerId));
    });
  }

  /** One who was left behind joins the cluster that there is, with an empty folder. */
  #beginAnew(host: SimHost): void {
    const { trace, marks } = this.#world;
    trace.event(`operator: ${host.name} begins with an empty folder`);
    marks.hit('founding cured by the operator');
    host.wipe();
    host.expect = null;
    if (!host.isHeld) host.start();
  }

  /** All who have signed are stopped, their folders moved away, and started again. */
  #cure(): void {
    const { hosts, founding, checkers, trace, marks } = this.#world;
    const signers = hosts.filter(({ life }) => founding.recordOf(life) !== null);
    trace.event(`operator: ${signers.map(({ name }) => name).join(' ')} begin with empty folders`);
    marks.hit('founding cured by the operator');
    this.cures += 1;
    for (const host of signers) host.kill(false);
    for (const host of signers) host.wipe();
    founding.givenUp();
    // Logs were made for places that nobody ever wrote down: they are gone with the folders.
    checkers.shadows.clear();
    this.#lost.clear();
    for (const host of signers) if (!host.isHeld) host.start();
  }
}

/** Founders of the cluster that there is, on the disk that they signed on, without a place yet:
 * until each has it, it is not known in how many places the certificate is. */
export function unplacedFounders({ hosts, founding, swarm }: World): readonly SimHost[] {
  const { founded } = founding;
  if (founded === null || swarm.expect === null) return [];
  return hosts.filter(({ life, hasPlace }) => {
    return !hasPlace && founded.founders.some((one) => wordOf(one) === wordOf(life));
  });
}

function wordOf({ peerId, incarnation }: Life): string {
  return `${peerId} ${incarnation}`;
}
