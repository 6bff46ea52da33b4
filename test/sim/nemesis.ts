/**
 * Whoever makes things go wrong: now and then, of the kinds that the seed has switched on, one
 * fault that fits the moment; and the operator who starts servers again. What is lost for good
 * (disks) stays a minority of every configuration that anybody still goes by, for beyond that
 * nothing is promised.
 */

import type { Rng } from '../../src/base/rng.js';
import type { MemberId } from '../../src/raft/types.js';
import { unplacedFounders } from './founding-strikes.js';
import { breakNetwork, type NetworkFault } from './network-faults.js';
import type { SimHost } from './sim-host.js';
import { type BlindClass, isBlind } from './swarm.js';
import type { World } from './world.js';

/** Most hosts of a world. */
const hostsMax = 9;

/** A removal that was asked for is done or refused after this, milliseconds. */
const removalMillisMax = 30_000;

/** Its disk is full, or may soon be. */
function isShort({ habits }: SimHost): boolean {
  return habits.roomBytes < Number.POSITIVE_INFINITY;
}

/** See the head of the file. */
export class Nemesis {
  readonly #world: World;
  readonly #rng: Rng;
  readonly #kinds: readonly BlindClass[];
  /** Members whose disk is lost for good. */
  readonly lost = new Set<MemberId>();
  #removedUntilMillis = 0;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#rng = world.chances.faults;
    this.#kinds = [...world.swarm.faults].filter(isBlind);
  }

  start(): void {
    this.#later();
  }

  stop(): void {
    this.#isOver = true;
  }

  #later(): void {
    const { scheduler, swarm } = this.#world;
    const pause = 1 + this.#rng.below(2 * swarm.faultEveryMillis);
    scheduler.at(scheduler.nowMillis + pause, null, () => {
      if (this.#isOver) return;
      this.#raise();
      const kind = this.#kinds[this.#rng.below(Math.max(1, this.#kinds.length))];
      if (kind !== undefined) this.#fault(kind);
      this.#later();
    });
  }

  /** The operator looks after servers that are down. */
  #raise(): void {
    for (const host of this.#world.hosts) {
      if (host.isUp || host.isHeld) {
        if (isShort(host) && this.#rng.below(4) === 0) this.#makeRoom(host);
        continue;
      }
      const chance = this.#rng.below(4);
      if (host.isRemoved || host.isDamaged) {
        if (chance === 0) this.#comeBack(host);
      } else if (chance < 2) {
        if (isShort(host) && this.#rng.below(2) === 0) this.#makeRoom(host);
        host.start();
      }
    }
  }

  /** Another server begins on the same machine, with an empty disk. */
  #comeBack(host: SimHost): void {
    host.wipe();
    host.start();
    this.#world.marks.hit('wiped server came back');
  }

  #fault(kind: BlindClass): void {
    const host = this.#anyUp();
    if (host === null) return;
    const rng = this.#rng;
    switch (kind) {
      case 'crash':
        return this.#crash(host, false);
      case 'power':
        return this.#crash(host, true);
      case 'allcrash':
        return this.#crashAll();
      case 'restart':
        return host.stop();
      case 'pause':
        return this.#pause(host);
      case 'drift':
        host.process?.drift([0.5, 0.8, 1, 1.25, 2][rng.below(5)] as number);
        return;
      case 'wallclock':
        host.process?.stepWall((rng.below(3) - 1) * 3_600_000 + rng.below(1000));
        return;
      case 'slowdisk':
        host.habits.syncMillisMin = rng.below(2) === 0 ? 80 : 0.5;
        return;
      case 'diskfail':
        host.diskFaults.add('fails');
        host.habits.failNext = rng.below(2) === 0 ? 'write' : 'sync';
        // What fails may be the very mark of a clean stop.
        if (rng.below(3) === 0) host.stop();
        return;
      case 'diskfull':
        return this.#fill(host);
      case 'bitrot':
        return this.#rot(host);
      case 'wipe':
        return this.#wipe(host);
      case 'members':
        return this.#members();
      case 'transfer':
        return this.#anyClient().transfer();
      case 'latency':
      case 'messages':
      case 'queues':
        // These are habits of the world from its begin, not events.
        return;
      default:
        return this.#network(kind);
    }
  }

  #network(kind: NetworkFault): void {
    const { network, scheduler, hosts, clients, trace } = this.#world;
    const numbers = hosts.map(({ number }) => number);
    // Now and then the clients are on one of the sides too.
    if (this.#rng.below(3) === 0) numbers.push(...clients.map(({ host }) => host));
    const leader = hosts.find(({ shadow, isUp }) => isUp && shadow?.leads === true)?.number ?? null;
    trace.event(`network: ${kind}`);
    if (!breakNetwork(kind, { network, rng: this.#rng, numbers, leader })) return;
    const healed = scheduler.nowMillis + 200 + this.#rng.below(10_000);
    scheduler.at(healed, null, () => {
      if (this.#isOver) return;
      network.unblockAll();
      trace.event('network: healed');
    });
  }

  #crash(host: SimHost, power: boolean): void {
    host.kill(power);
    if (this.#rng.below(3) > 0) return;
    // At once again, and perhaps into its recovery.
    host.start();
    if (this.#rng.below(2) > 0) return;
    const { scheduler } = this.#world;
    const { process } = host;
    scheduler.at(scheduler.nowMillis + this.#rng.below(40) / 4, null, () => {
      if (host.process === process && !this.#isOver) host.kill(power);
    });
  }

  #crashAll(): void {
    const power = this.#rng.below(2) === 0;
    for (const host of this.#world.hosts) host.kill(power);
    this.#world.marks.hit('all servers crashed');
  }

  #pause(host: SimHost): void {
    const { process } = host;
    if (process === null) return;
    const isLong = this.#rng.below(8) === 0;
    const millis = isLong ? this.#rng.between(5000, 60_000) : this.#rng.between(50, 5000);
    if (millis > 1500) this.#world.marks.hit('process paused beyond an election');
    this.#world.trace.event(`${host.name} stands still for ${millis} ms`);
    process.pause(millis);
    this.#world.network.paused(process);
  }

  /** Something else takes the room of its disk: all of it, or all but a few segments. Some file
   * systems want room for every write, others only where files grow. */
  #fill(host: SimHost): void {
    const { segmentBytesMax } = this.#world.swarm;
    host.diskFaults.add('full');
    host.habits.roomBytes = this.#rng.below(2) * this.#rng.below(4 * segmentBytesMax);
    host.habits.isCopying = this.#rng.below(3) === 0;
    this.#world.trace.event(`${host.name}: the disk has ${host.habits.roomBytes} bytes of room`);
  }

  #makeRoom(host: SimHost): void {
    host.habits.roomBytes = Number.POSITIVE_INFINITY;
    this.#world.trace.event(`${host.name}: the disk has room again`);
  }

  #rot(host: SimHost): void {
    const id = host.shadow?.id;
    if (id === undefined || !this.mayLose(id)) return;
    // A removal that waits its turn may make the cluster smaller than it is now.
    if (this.#world.scheduler.nowMillis < this.#removedUntilMillis) return;
    const { media } = host;
    const names = media.list('/data/log');
    const name = names[this.#rng.below(Math.max(1, names.length))];
    const content = name === undefined ? undefined : media.get(`/data/log/${name}`);
    if (content === undefined || content.provenEnd === 0) return;
    this.lost.add(id);
    host.diskFaults.add('rots');
    const position = this.#rng.below(content.provenEnd);
    this.#world.trace.event(`${host.name}: a bit of ${name} turns at ${position}`);
    content.flip(position, this.#rng.below(8));
  }

  #wipe(host: SimHost): void {
    const id = host.shadow?.id;
    if (id === undefined || !this.mayLose(id)) return;
    this.lost.add(id);
    this.#comeBack(host);
    this.#anyClient().remove(String(id));
  }

  /** Whether every configuration in anybody's log can still decide without this member too, and
   * what the policy will make of it: what rots unseen weighs more among fewer voters. */
  mayLose(id: MemberId): boolean {
    if (this.lost.has(id)) return true;
    // A founder that has its place may be the only one that has the certificate.
    if (unplacedFounders(this.#world).length > 0) return false;
    const { votersWanted } = this.#world.swarm.policy;
    for (const { configuration } of this.#world.checkers.shadows.values()) {
      const { members, voters, votersOutgoing } = configuration;
      const lost = members.filter((member) => this.lost.has(member.id)).length;
      for (const set of [voters, votersOutgoing]) {
        const count = Math.min(set.length, votersWanted);
        if (set.length > 0 && lost + 1 > Math.floor((count - 1) / 2)) return false;
      }
    }
    return true;
  }

  #members(): void {
    const world = this.#world;
    const rng = this.#rng;
    if (rng.below(2) === 0 && world.hosts.length < hostsMax) {
      const seeds = world.addresses();
      const host = world.addHost([
        seeds[rng.below(seeds.length)] as string,
        seeds[rng.below(seeds.length)] as string,
      ]);
      host.start();
      return;
    }
    const shadows = [...world.checkers.shadows.values()];
    const leader = shadows.find(({ leads }) => leads);
    const members = leader?.configuration.members ?? [];
    const member = members[rng.below(Math.max(1, members.length))];
    const chosen = rng.below(4) === 0 ? leader?.id : member?.id;
    if (chosen === undefined || members.length < 3) return;
    // What rots unseen must not come to weigh more in a smaller cluster.
    if (members.some(({ id }) => this.lost.has(id))) return;
    world.trace.event(`operator: remove member ${chosen}`);
    this.#removedUntilMillis = world.scheduler.nowMillis + removalMillisMax;
    this.#anyClient().remove(String(chosen));
  }

  #anyClient(): World['clients'][number] {
    const { clients } = this.#world;
    return clients[this.#rng.below(clients.length)] as World['clients'][number];
  }

  #anyUp(): SimHost | null {
    const { hosts } = this.#world;
    const up = hosts.filter((host) => host.isUp);
    // Every third fault meets the leader, if there is one.
    const leader = up.find(({ shadow }) => shadow?.leads === true);
    if (leader !== undefined && this.#rng.below(3) === 0) return leader;
    return up[this.#rng.below(Math.max(1, up.length))] ?? null;
  }
}
