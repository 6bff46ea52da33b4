/**
 * One false world: hosts with disks, servers that live and die on them, clients, faults, checkers.
 * It runs a seed in three parts: the cluster grows and is disturbed; then everything is mended;
 * then all must be well within a bounded time.
 */

import type { Log } from '../../src/base/log.js';
import { Rng } from '../../src/base/rng.js';
import { Checkers } from './checkers.js';
import { ClientJudge } from './client-judge.js';
import { Director } from './director.js';
import { FoundingChecker } from './founding-checker.js';
import { FoundingStrikes } from './founding-strikes.js';
import { History } from './history.js';
import { watch } from './hooks.js';
import { type Mark, Marks } from './marks.js';
import { Nemesis } from './nemesis.js';
import { Network } from './network.js';
import { QuietPhase } from './quiet-phase.js';
import { Scheduler } from './scheduler.js';
import { baseOf, type FoundingHabits } from './sim-founding.js';
import { addressOf, SimHost } from './sim-host.js';
import { SimProcess } from './sim-process.js';
import { SnapshotStrikes } from './snapshot-strikes.js';
import { drawSwarm, type FaultClass, type Swarm } from './swarm.js';
import { Trace } from './trace.js';
import { Violation } from './violation.js';
import { VoteChecker } from './vote-checker.js';
import { SimClient } from './workload.js';

/** Hosts of clients are numbered from here on: behind those of the largest cluster. */
const clientHostFirst = 58;

/** Lines of a server's log that are rare events. */
const markOfEvent: ReadonlyMap<string, Mark> = new Map([
  ['snapshot written', 'snapshot written'],
  ['snapshot restored', 'started from a snapshot'],
  ['snapshot passed over', 'damaged snapshot passed over'],
  ['snapshot dropped', 'snapshot dropped'],
]);

/** What a run is given. */
export interface RunOptions {
  readonly seed: number;
  /** Virtual time with faults. @default 60 s */
  readonly seconds: number;
  /** How many servers begin; null: as the seed draws. */
  readonly servers: number | null;
  readonly without: ReadonlySet<FaultClass>;
  /** Lines of trace to keep; 0: none. */
  readonly traceLines: number;
}

/** What came of it. */
export interface RunResult {
  readonly seed: number;
  /** One line, or null when all was well. */
  readonly failure: string | null;
  readonly hash: string;
  readonly virtualMillis: number;
  readonly steps: number;
  readonly committed: number;
  readonly answers: number;
  /** From the mending of all to the first write, milliseconds. */
  readonly writtenAfterMillis: number;
  readonly faults: readonly FaultClass[];
  readonly marks: ReturnType<Marks['entries']>;
  readonly trace: readonly string[];
}

/** Chance, a stream of its own for each purpose. */
export interface Chances {
  readonly net: Rng;
  readonly disk: Rng;
  readonly faults: Rng;
  readonly workload: Rng;
  readonly nodes: Rng;
  readonly directed: Rng;
  readonly gossip: Rng;
  readonly founding: Rng;
  readonly snapshots: Rng;
  readonly streams: Rng;
}

/** See the head of the file. */
export class World {
  readonly swarm: Swarm;
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly marks = new Marks();
  readonly network: Network;
  readonly checkers: Checkers;
  readonly founding = new FoundingChecker();
  /** Hears when a signature of a host is on its disk. */
  onSigned: ((host: SimHost) => void) | null = null;
  readonly judge: ClientJudge;
  readonly history = new History();
  readonly chances: Chances;
  readonly hosts: SimHost[] = [];
  readonly clients: SimClient[] = [];
  /** Clients that died; others came in their places. */
  readonly #departed: SimClient[] = [];
  writtenAfterMillis = 0;
  #processes = 0;

  /** @param swarm the world itself; null: as the seed draws it. */
  constructor(options: RunOptions, swarm: Swarm | null = null) {
    const { seed, servers, without } = options;
    const chance = (purpose: number): Rng => new Rng(seed * 64 + purpose);
    this.chances = {
      net: chance(1),
      disk: chance(2),
      faults: chance(3),
      workload: chance(4),
      nodes: chance(5),
      directed: chance(8),
      gossip: chance(9),
      founding: chance(11),
      snapshots: chance(13),
      streams: chance(15),
    };
    const draws = {
      rng: chance(6),
      directed: chance(7),
      founding: chance(10),
      snapshots: chance(12),
      streams: chance(14),
    };
    this.swarm = swarm ?? drawSwarm(draws, { servers, without });
    const { scheduler, marks } = this;
    this.trace = new Trace(scheduler, options.traceLines);
    const { trace } = this;
    const { net: rng, gossip: gossipRng } = this.chances;
    this.network = new Network(this.swarm.network, { scheduler, rng, gossipRng, trace });
    this.checkers = new Checkers(baseOf(this.swarm.expect ?? 1), {
      marks,
      trace,
      votes: new VoteChecker(),
      current: () => this.#currentHost()?.server?.shadow ?? null,
    });
    this.judge = new ClientJudge(this.checkers.model, marks);
  }

  /** Runs it all. */
  run(seconds: number): void {
    watch(this.checkers);
    try {
      this.populate();
      const nemesis = new Nemesis(this);
      const director = new Director(this, nemesis);
      const strikes = new FoundingStrikes(this, nemesis);
      const snapshots = new SnapshotStrikes(this);
      nemesis.start();
      director.start();
      strikes.start();
      snapshots.start();
      this.runTo(seconds * 1000);
      nemesis.stop();
      director.stop();
      strikes.stop();
      snapshots.stop();
      const quiet = new QuietPhase(this, { lost: nemesis.lost, founding: strikes });
      this.writtenAfterMillis = quiet.run((millis, isDone) => this.runTo(millis, isDone));
    } finally {
      watch(null);
    }
  }

  /** A process that begins now. */
  newProcess(name: string): SimProcess {
    this.#processes += 1;
    return new SimProcess(name, this.#processes, this.scheduler);
  }

  /** One more host, not started yet. */
  addHost(seeds: readonly string[]): SimHost {
    const host = new SimHost(this, this.hosts.length + 1, seeds);
    this.hosts.push(host);
    return host;
  }

  /** What a server with this EXPECT founds by; null: nobody founds with others in this world. */
  foundingHabits(expect: number | null): FoundingHabits | null {
    if (this.swarm.expect === null) return null;
    const rng = this.chances.founding;
    const word = (): string => rng.uint32().toString(16).padStart(8, '0');
    return { expect, randomHex: () => word() + word() };
  }

  /** Whether a host whose disk was lost may be started with EXPECT again: beside a cluster that is
   * founded there must never be servers enough for a second one, which do not see the first. */
  mayExpect(host: SimHost): boolean {
    const { expect } = this.swarm;
    if (expect === null || this.founding.clusterId === null) return true;
    const others = this.hosts.filter((other) => other !== host && other.isFounding);
    return others.length + 1 < expect;
  }

  /** A client dies with all that it has open; another one takes its place on its machine. */
  replaceClient(client: SimClient): void {
    const at = this.clients.indexOf(client);
    if (at < 0) return;
    this.trace.event(`${client.name} dies`, `with ${client.open} open calls`);
    client.die();
    const heir = this.#newClient(client.host, this.chances.directed);
    this.#departed.push(client);
    this.clients[at] = heir;
    heir.start();
  }

  /** Whether the writes of a client, alive or dead, stand in the order in which it asked. */
  isOrdered(name: string): boolean {
    return (
      [...this.clients, ...this.#departed].find((one) => one.name === name)?.isOrdered === true
    );
  }

  /** Where servers were started so far. */
  addresses(): readonly string[] {
    return this.hosts.map(({ address }) => address);
  }

  log(name: string): Log {
    const say = (fields: object, event: string): void => {
      if (this.trace.isOn) this.trace.line(`${name}: ${event} ${JSON.stringify(fields)}`);
      const mark = markOfEvent.get(event);
      if (mark !== undefined) this.marks.hit(mark);
      if (event.startsWith('leadership handed over, for')) {
        this.marks.hit('leader handed over for its full disk');
      }
    };
    const warn = (fields: object, event: string): void => {
      say(fields, event);
      // Nothing in this world changes bytes on their way, and a snapshot that has its name is good
      // unless a bit of it turned.
      const mayBePassedOver = this.hosts.find((host) => host.name === name)?.hasRottenSnapshots;
      const isWrong =
        event === 'unreadable frame dropped' ||
        (event === 'snapshot passed over' && mayBePassedOver !== true);
      if (!isWrong) return;
      this.checkers.check(() => {
        throw new Violation(`${name}: ${event} ${JSON.stringify(fields)}`);
      });
    };
    return { error: say, warn, info: say, debug: () => {} };
  }

  /** Servers and clients begin. */
  populate(): void {
    const { servers, clients, expect } = this.swarm;
    if (expect === null) this.#foundAlone(servers);
    else this.#foundTogether(servers, expect);
    for (let i = 0; i < clients; i++) {
      const client = this.#newClient(clientHostFirst + i, this.chances.workload);
      this.clients.push(client);
      client.start();
    }
  }

  #foundAlone(servers: number): void {
    const founder = this.addHost([]);
    founder.start();
    const rng = this.chances.nodes;
    for (let i = 1; i < servers; i++) this.#startSoon(this.addHost([founder.address]), rng);
  }

  /** All know all. */
  #foundTogether(servers: number, expect: number): void {
    const all = Array.from({ length: servers }, (_, i) => addressOf(i + 1));
    for (const own of all) {
      const host = this.addHost(all.filter((address) => address !== own));
      host.expect = expect;
      this.#startSoon(host, this.chances.founding);
    }
  }

  #startSoon(host: SimHost, rng: Rng): void {
    this.scheduler.at(rng.below(1500), null, () => {
      if (!host.isUp) host.start();
    });
  }

  /** It is told of the servers that there are now: those of the beginning may be gone for good. */
  #newClient(host: number, chance: Rng): SimClient {
    const name = `c${this.clients.length + this.#departed.length + 1}`;
    return new SimClient(name, this.swarm.workload, {
      process: this.newProcess(name),
      host,
      network: this.network,
      rng: new Rng(chance.uint32()),
      streamRng: new Rng(this.chances.streams.uint32()),
      judge: this.judge,
      marks: this.marks,
      trace: this.trace,
      history: this.history,
      targets: this.addresses(),
      now: () => this.scheduler.nowMillis,
      commitMax: () => this.checkers.commits.commitMax,
      check: (work) => this.checkers.check(work),
      asked: (client) => this.checkers.onSight?.({ type: 'asked', client }),
    });
  }

  #currentHost(): SimHost | null {
    const { current } = this.scheduler;
    return current instanceof SimProcess ? (current.tenant as SimHost | null) : null;
  }

  /** Runs to a moment, or until something is so. @throws Violation that a checker found. */
  runTo(millis: number, isDone: () => boolean = () => false): void {
    const { checkers } = this;
    this.scheduler.run(millis, () => checkers.violation !== null || isDone());
    if (checkers.violation !== null) throw checkers.violation;
  }
}

/** Runs one seed. Call it `inMacroTask`. */
export function runSeed(options: RunOptions): RunResult {
  const world = new World(options);
  let failure: string | null = null;
  try {
    world.run(options.seconds);
  } catch (error) {
    failure =
      error instanceof Violation
        ? error.message
        : `exception: ${error instanceof Error ? error.stack : String(error)}`;
    world.trace.line(`VIOLATION ${failure}`);
  }
  const { trace, scheduler, checkers, judge, swarm, marks } = world;
  return {
    seed: options.seed,
    failure,
    hash: trace.hash,
    virtualMillis: scheduler.nowMillis,
    steps: scheduler.steps,
    committed: checkers.commits.commitMax,
    answers: judge.done,
    writtenAfterMillis: world.writtenAfterMillis,
    faults: [...swarm.faults],
    marks: marks.entries(),
    trace: trace.lines,
  };
}
