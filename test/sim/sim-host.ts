/**
 * A machine of the false world: an address, a disk, and the server that lives there, life after
 * life. It carries out what befalls it (kill, power cut, lost disk) and knows which ends were to be
 * expected: any other end of a server is a violation.
 */

import type { SignedFounding } from '../../src/base/founding-record.js';
import type { Membership } from '../../src/raft/types.js';
import type { OpenedLog } from '../../src/replica/consensus.js';
import type { Life } from './founding-checker.js';
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
  /** Nobody is to start it now: whoever took it down wants it down. */
  isHeld = false;
  /** Its disk was found damaged when a log was opened: it will not start again as it is. */
  isDamaged = false;
  /** Bits turned in files of its snapshots: it may find one damaged. */
  hasRottenSnapshots = false;
  /** EXPECT; null: its server founds with nobody. */
  expect: number | null = null;
  /** The operator forgets EXPECT at the next start. */
  isExpectForgotten = false;
  /** Its disk names its place in a cluster. */
  hasPlace = false;
  readonly #world: World;
  #seeds: readonly string[];
  #folders = 1;
  /** Of the present folder, once that has begun anew; null: as it was made. */
  #renewed: string | null = null;
  #disk: SimDisk | null = null;

  constructor(world: World, number: number, seeds: readonly string[]) {
    this.#world = world;
    this.number = number;
    this.name = `s${number}`;
    this.address = addressOf(number);
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
  get life(): Life {
    const made = `${this.number}`.padStart(8, 'a') + `${this.#folders}`.padStart(8, '0');
    return { peerId: `${this.name}p${this.#folders}`, incarnation: this.#renewed ?? made };
  }

  get incarnation(): string {
    return this.life.incarnation;
  }

  start(): void {
    if (this.process !== null) return;
    const world = this.#world;
    const process = world.newProcess(this.name);
    process.tenant = this;
    const disk = new SimDisk(this.media, this.habits, process, world.chances.disk);
    const { name, address, number, life } = this;
    const server = new SimServer(
      {
        name,
        address,
        host: number,
        seeds: this.#seeds,
        identity: life,
        founding: world.foundingHabits(this.isExpectForgotten ? null : this.expect),
        swarm: world.swarm,
      },
      {
        process,
        disk,
        network: world.network,
        rng: world.chances.nodes,
        gossipRng: world.chances.gossip,
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
    if (this.isFounding) marks.hit('crash while founding');
    trace.event(`${this.name} ${power ? 'loses power' : 'is killed'}`);
    this.#endProcess(process, power);
    network.deafen(this.address, power);
    if (!power) return;
    marks.hit('power cut');
    this.media.powerCut(chances.disk, this.habits.names);
  }

  /** It wants to found with others, and is in no cluster yet. */
  get isFounding(): boolean {
    return this.expect !== null && !this.hasPlace;
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
    this.#renewed = null;
    this.hasPlace = false;
    if (!this.#world.mayExpect(this)) this.expect = null;
    this.isRemoved = false;
    this.isDamaged = false;
    this.hasRottenSnapshots = false;
    this.diskFaults.clear();
    Object.assign(this.habits, { failNext: null, roomBytes: Number.POSITIVE_INFINITY });
    this.#seeds = this.#world.addresses().filter((address) => address !== this.address);
  }

  /** The operator names every server there is, to a server that found no cluster yet. */
  reseed(): void {
    if (this.shadow !== null || this.isRemoved || this.#seeds.length === 0) return;
    this.kill(false);
    this.isExpectForgotten = false;
    this.#seeds = this.#world.addresses().filter((address) => address !== this.address);
  }

  #endProcess(process: SimProcess, isDark: boolean): void {
    process.end();
    this.#disk?.processEnded();
    this.#world.network.processEnded(process, isDark);
    this.process = null;
  }

  #events(process: SimProcess): ConstructorParameters<typeof SimServer>[1]['events'] {
    const { checkers, founding, trace, marks } = this.#world;
    return {
      opened: (place: Membership, { recovered }: OpenedLog) => {
        trace.event(`${this.name} has log ${recovered.base.index}…${recovered.lastIndex}`);
        checkers.check(() => founding.opened(place, recovered.base));
        return checkers.opened(place.memberId, this.name, recovered);
      },
      persisted: (shadow) => checkers.persisted(shadow),
      roomChanged: (hasRoom) => marks.hit(hasRoom ? 'disk full ridden out' : 'disk full'),
      sending: (shadow, frame) => checkers.sending(shadow, frame),
      saying: (life, message) => checkers.check(() => founding.said(life, message)),
      lives: ({ incarnation }) => {
        if (incarnation === this.incarnation) return;
        this.#renewed = incarnation;
        trace.event(`${this.name} begins anew`);
        marks.hit('founding begun anew');
      },
      founded: () => {
        this.#seeds = [];
      },
      signed: (life: Life, signed: SignedFounding) => {
        checkers.check(() => founding.signed(life, signed));
        this.#world.onSigned?.(this);
      },
      placed: () => {
        if (this.isFounding) marks.hit('founded together');
        this.hasPlace = true;
      },
      secondLife: () => marks.hit('restart met its old connection'),
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
    // A member that runs rides out a full disk; one that is on its way in, or opens, may end.
    const isEnd = fault !== 'full' || !this.hasPlace || this.server?.isStarting === true;
    if (fault === null || !this.diskFaults.has(fault) || !isEnd) {
      checkers.check(() => {
        throw new Violation(`${this.name} ended by itself: ${reason}`);
      });
    } else if (fault === 'rots') {
      this.isDamaged = true;
      marks.hit('damage detected at opening');
    } else marks.hit(fault === 'full' ? 'disk full' : 'disk failed');
  }
}

/** Where the server of a host is started. */
export function addressOf(number: number): string {
  return `10.0.0.${number}:5555`;
}

/** What a server says of its disk when it ends. */
function faultIn(reason: string): DiskFault | null {
  if (/DAMAGED|damaged/.test(reason)) return 'rots';
  if (reason.includes('ENOSPC')) return 'full';
  return reason.includes('EIO') ? 'fails' : null;
}
