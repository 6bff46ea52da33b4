/**
 * One false world: hosts with disks, servers that live and die on them, clients, faults, checkers.
 * It runs a seed in three parts: the cluster grows and is disturbed; then everything is mended;
 * then all must be well within a bounded time.
 */

import type { Log } from '../../src/base/log.js';
import { Rng } from '../../src/base/rng.js';
import type { LogBase } from '../../src/raft/types.js';
import { Checkers } from './checkers.js';
import { ClientJudge } from './client-judge.js';
import { History } from './history.js';
import { watch } from './hooks.js';
import { Marks } from './marks.js';
import { Nemesis } from './nemesis.js';
import { Network } from './network.js';
import { QuietPhase } from './quiet-phase.js';
import { Scheduler } from './scheduler.js';
import { SimHost } from './sim-host.js';
import { SimProcess } from './sim-process.js';
import { drawSwarm, type FaultClass, type Swarm } from './swarm.js';
import { Trace } from './trace.js';
import { Violation } from './violation.js';
import { VoteChecker } from './vote-checker.js';
import { SimClient } from './workload.js';

/** Hosts of clients are numbered from here on. */
const clientHostFirst = 40;

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
}

/** See the head of the file. */
export class World {
  readonly swarm: Swarm;
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly marks = new Marks();
  readonly network: Network;
  readonly checkers: Checkers;
  readonly judge: ClientJudge;
  readonly history = new History();
  readonly chances: Chances;
  readonly hosts: SimHost[] = [];
  readonly clients: SimClient[] = [];
  writtenAfterMillis = 0;
  #processes = 0;

  constructor(options: RunOptions) {
    const { seed, servers, without } = options;
    const chance = (purpose: number): Rng => new Rng(seed * 64 + purpose);
    this.chances = {
      net: chance(1),
      disk: chance(2),
      faults: chance(3),
      workload: chance(4),
      nodes: chance(5),
    };
    this.swarm = drawSwarm(chance(6), { servers, without });
    const { scheduler, marks } = this;
    this.trace = new Trace(scheduler, options.traceLines);
    const { trace } = this;
    this.network = new Network(this.swarm.network, { scheduler, rng: this.chances.net, trace });
    this.checkers = new Checkers(foundersBase, {
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
      this.#populate();
      const nemesis = new Nemesis(this);
      nemesis.start();
      this.#runTo(seconds * 1000);
      nemesis.stop();
      this.writtenAfterMillis = new QuietPhase(this, nemesis.lost).run((millis, isDone) =>
        this.#runTo(millis, isDone),
      );
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

  /** Where servers were started so far. */
  addresses(): readonly string[] {
    return this.hosts.map(({ address }) => address);
  }

  log(name: string): Log {
    const say = (fields: object, event: string): void => {
      if (this.trace.isOn) this.trace.line(`${name}: ${event} ${JSON.stringify(fields)}`);
    };
    const warn = (fields: object, event: string): void => {
      say(fields, event);
      // Nothing in this world changes bytes on their way.
      if (event !== 'unreadable frame dropped') return;
      this.checkers.check(() => {
        throw new Violation(`${name}: ${event} ${JSON.stringify(fields)}`);
      });
    };
    return { error: say, warn, info: say, debug: () => {} };
  }

  #populate(): void {
    const { servers, clients, workload } = this.swarm;
    const founder = this.addHost([]);
    founder.start();
    const rng = this.chances.nodes;
    for (let i = 1; i < servers; i++) {
      const host = this.addHost([founder.address]);
      this.scheduler.at(rng.below(1500), null, () => {
        if (!host.isUp) host.start();
      });
    }
    const targets = this.addresses();
    for (let i = 0; i < clients; i++) {
      const name = `c${i + 1}`;
      const client = new SimClient(name, workload, {
        process: this.newProcess(name),
        host: clientHostFirst + i,
        network: this.network,
        rng: new Rng(this.chances.workload.uint32()),
        judge: this.judge,
        marks: this.marks,
        trace: this.trace,
        history: this.history,
        targets,
        now: () => this.scheduler.nowMillis,
        commitMax: () => this.checkers.commits.commitMax,
        check: (work) => this.checkers.check(work),
      });
      this.clients.push(client);
      client.start();
    }
  }

  #currentHost(): SimHost | null {
    const { current } = this.scheduler;
    return current instanceof SimProcess ? (current.tenant as SimHost | null) : null;
  }

  #runTo(millis: number, isDone: () => boolean = () => false): void {
    const { checkers } = this;
    this.scheduler.run(millis, () => checkers.violation !== null || isDone());
    if (checkers.violation !== null) throw checkers.violation;
  }
}

const foundersBase: LogBase = {
  index: 1,
  term: 0,
  configurationIndex: 1,
  configuration: {
    voters: [1],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    members: [{ id: 1, peerId: '', incarnation: '', name: '' }],
    reason: 'founded',
  },
};

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
