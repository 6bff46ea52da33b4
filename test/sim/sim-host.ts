/**
 * A machine of the false world: an address, a disk, and the server that lives there, life after
 * life. It carries out what befalls it (kill, power cut, lost disk) and knows which ends were to be
 * expected: any other end of a server is a violation.
 */

import type { Membership } from '../../src/raft/types.js';
import type { OpenedLog } from '../../src/replica/consensus.js';
import { Media } from './media.js';
import type { Shadow } from './shadow.js';
import { type DiskHabits, SimDisk } from './sim-disk.js';
import type { SimProcess } from './sim-process.js';
import { SimServer } from './sim-server.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

/** An operation fails with EIO, the disk is full, a bit turns. */
type DiskFault = 'fails' | 'full' | 'rots';

/** See the head of the file. */
export class SimHost {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly media = new Media();
  readonly habits: DiskHabits;
  process: SimProcess | null = null;
  server: SimServer | null = null;
  /** What its disk did or may do: other ends of a server are violations. */
  readonly diskFaults = new Set<DiskFault>();
  /** Its server was removed from the cluster and has ended. */
  isRemoved = false;
  /** Its disk was found damaged when a log was opened: it will not start again as it is. */
  isDamaged = false;
  readonly #world: World;
  #seeds: readonly string[];
  #folders = 1;
  #disk: SimDisk | null = null;

  constructor(world: World, number: number, seeds: readonly string[]) {
    this.#world = world;
    this.number = number;
    this.name = `s${number}`;
    this.address = `10.0.0.${number}:5555`;
    this.#seeds = seeds;
    this.habits = { ...world.swarm.disk };
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  /** What is known of the member that its disk belongs to. */
  get shadow(): Shadow | null {
    return this.server?.shadow ?? null;
  }

  /** Key and incarnation of its present folder. */
  get incarnation(): string {
    return `${this.number}`.padStart(8, 'a') + `${this.#folders}`.padStart(8, '0');
  }

  start(): void {
    if (this.process !== null) return;
    const world = this.#world;
    const process = world.newProcess(this.name);
    process.tenant = this;
    const disk = new SimDisk(this.media, this.habits, process, world.chances.disk);
    const { name, address, number, incarnation } = this;
    const server = new SimServer(
      {
        name,
        address,
        host: number,
        seeds: this.#seeds,
        identity: { peerId: `${name}p${this.#folders}`, incarnation },
        swarm: world.swarm,
      },
      {
        process,
        disk,
        network: world.network,
        rng: world.chances.nodes,
        log: world.log(name),
        events: this.#events(process),
      },
    );
    this.process = process;
    this.server = server;
    this.#disk = disk;
    world.trace.event(`${name} starts`);
    world.scheduler.at(world.scheduler.nowMillis, process, () => server.start());
  }

  /** The process is gone at once; with `power` the machine too, and what the disk had not yet. */
  kill(power: boolean): void {
    const { process } = this;
    if (process === null) return;
    const { trace, marks, network, chances } = this.#world;
    if (this.server?.isStarting === true) marks.hit('crash during recovery');
    if (this.server?.shadow?.leads === true) marks.hit('leader crashed');
    trace.event(`${this.name} ${power ? 'loses power' : 'is killed'}`);
    this.#endProcess(process, power);
    network.deafen(this.address, power);
    if (!power) return;
    marks.hit('power cut');
    this.media.powerCut(chances.disk, this.habits.names);
  }

  /** Ends in order. */
  stop(): void {
    this.#world.trace.event(`${this.name} is asked to stop`);
    this.server?.stop();
  }

  /** The disk is lost with all that was on it; the next start is another server's. */
  wipe(): void {
    this.kill(true);
    this.#world.trace.event(`${this.name} loses its disk`);
    this.media.wipe();
    this.#folders += 1;
    this.server = null;
    this.isRemoved = false;
    this.isDamaged = false;
    this.diskFaults.clear();
    this.habits.failNext = null;
    this.#seeds = this.#world.addresses().filter((address) => address !== this.address);
  }

  /** The operator names every server there is, to a server that found no cluster yet. */
  reseed(): void {
    if (this.shadow !== null || this.isRemoved || this.#seeds.length === 0) return;
    this.kill(false);
    this.#seeds = this.#world.addresses().filter((address) => address !== this.address);
  }

  #endProcess(process: SimProcess, isDark: boolean): void {
    process.end();
    this.#disk?.processEnded();
    this.#world.network.processEnded(process, isDark);
    this.process = null;
  }

  #events(process: SimProcess): ConstructorParameters<typeof SimServer>[1]['events'] {
    const { checkers, trace, marks } = this.#world;
    return {
      opened: (place: Membership, { recovered }: OpenedLog) => {
        trace.event(`${this.name} has log ${recovered.base.index}…${recovered.lastIndex}`);
        return checkers.opened(place.memberId, this.name, recovered);
      },
      persisted: (shadow) => checkers.persisted(shadow),
      sending: (shadow, frame) => checkers.sending(shadow, frame),
      founded: () => {
        this.#seeds = [];
      },
      removed: () => {
        this.isRemoved = true;
        marks.hit('server told of its removal');
      },
      ended: (how, reason) => {
        if (this.process !== process) return;
        trace.event(`${this.name} ends: ${reason}`);
        this.#endProcess(process, false);
        this.#world.network.deafen(this.address, false);
        if (how === 'failed') this.#failed(reason);
      },
    };
  }

  #failed(reason: string): void {
    const { marks, checkers } = this.#world;
    const fault = faultIn(reason);
    if (fault === null || !this.diskFaults.has(fault)) {
      checkers.check(() => {
        throw new Violation(`${this.name} ended by itself: ${reason}`);
      });
    } else if (fault === 'rots') {
      this.isDamaged = true;
      marks.hit('damage detected at opening');
    } else marks.hit(fault === 'full' ? 'disk full' : 'disk failed');
  }
}

/** What a server says of its disk when it ends. */
function faultIn(reason: string): DiskFault | null {
  if (/DAMAGED|damaged/.test(reason)) return 'rots';
  if (reason.includes('ENOSPC')) return 'full';
  return reason.includes('EIO') ? 'fails' : null;
}
