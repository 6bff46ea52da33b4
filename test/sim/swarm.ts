/**
 * What a seed draws before its world begins: size, knobs, which kinds of faults there are and how
 * often. Each kind is on in half of the worlds, so that they meet in ever other company; any may be
 * turned off from outside without moving what the others draw. Directed kinds are drawn from a
 * stream of their own, and every third world has none of them. So is whether the cluster is founded
 * by several servers together, as every fourth one is, and whether there are streams with rules, as
 * in two of three. That servers tell their lives is not drawn: it is so, unless it is turned off.
 */

import type { Rng } from '../../src/base/rng.js';
import { defaultPolicy, type MembershipPolicy } from '../../src/membership/policy.js';
import { type RaftOptions, raftOptionsDefault } from '../../src/raft/options.js';
import type { NetworkHabits } from './network.js';
import type { DiskHabits } from './sim-disk.js';
import type { TransportHabits } from './sim-transport.js';

/** The kinds of faults that come blindly. */
const blindClasses = [
  'crash',
  'power',
  'allcrash',
  'restart',
  'pause',
  'drift',
  'wallclock',
  'partition',
  'oneway',
  'bridge',
  'leadercut',
  'break',
  'halfopen',
  'latency',
  'messages',
  'queues',
  'slowdisk',
  'diskfail',
  'diskfull',
  'bitrot',
  'wipe',
  'members',
  'transfer',
] as const;

/** The kinds that look at the world and wait for the worst moment (director.ts). */
export const directedClasses = [
  'figure8',
  'changecut',
  'rashplan',
  'appendcrash',
  'clientcrash',
  'linkbreak',
  'rotcrash',
] as const;

/** The kinds that meet snapshots (snapshot-strikes.ts). */
const snapshotClasses = ['snapshotcrash', 'snapshotrot'] as const;

/** Not a fault, but may be turned off like one: the cluster is founded by several together. */
export const foundingClass = 'together';

/** Not a fault either: clients seal, fence and trim streams, and tell them what to keep. */
export const streamsClass = 'streams';

/** The same: servers tell which life of theirs greets, so that one which is started again waits
 * for the end of the connections of its life before (src/transport/clone-watch.ts). */
export const livesClass = 'lives';

/** The kinds of faults. */
export const faultClasses = [
  ...blindClasses,
  ...directedClasses,
  ...snapshotClasses,
  foundingClass,
  streamsClass,
  livesClass,
] as const;

/** The name of one blind kind. */
export type BlindClass = (typeof blindClasses)[number];

/** The name of one directed kind. */
export type DirectedClass = (typeof directedClasses)[number];

/** The name of one kind. */
export type FaultClass = (typeof faultClasses)[number];

/** Everything that a seed draws. */
export interface Swarm {
  readonly servers: number;
  /** EXPECT of the servers that begin; null: one founds alone, the others join it. */
  readonly expect: number | null;
  readonly clients: number;
  readonly faults: ReadonlySet<FaultClass>;
  /** Mean time between two faults, milliseconds. */
  readonly faultEveryMillis: number;
  readonly tickMillis: number;
  readonly raft: RaftOptions;
  readonly policy: MembershipPolicy;
  readonly segmentBytesMax: number;
  readonly walTailBytesMax: number;
  /** A snapshot is due after so many entries. */
  readonly snapshotEntries: number;
  readonly network: NetworkHabits;
  readonly transport: TransportHabits;
  readonly disk: DiskHabits;
  readonly workload: WorkloadKnobs;
}

/** How clients behave. */
export interface WorkloadKnobs {
  /** Mean pause of a client between two calls, milliseconds. */
  readonly pauseMillis: number;
  readonly keys: number;
  readonly streams: number;
  /** Streams with views, fences and retention (stream-work.ts), beside those. */
  readonly ruledStreams: number;
  readonly timeoutMillis: number;
  readonly attemptTimeoutMillis: number;
  readonly inflightCommandsMax: number;
  readonly groupRecordsMax: number;
  readonly preferLeader: boolean;
}

/** Whether a kind comes blindly. */
export function isBlind(kind: FaultClass): kind is BlindClass {
  return blindClasses.includes(kind as BlindClass);
}

/** Whether a kind is directed. */
export function isDirected(kind: FaultClass): kind is DirectedClass {
  return directedClasses.includes(kind as DirectedClass);
}

/** The chance that a world is drawn from, a stream for each purpose. */
export interface SwarmDraws {
  readonly rng: Rng;
  readonly directed: Rng;
  readonly founding: Rng;
  readonly snapshots: Rng;
  readonly streams: Rng;
}

/** Draws a world. @param without faults that are off whatever the seed says. */
export function drawSwarm(
  { rng, directed, founding, snapshots, streams }: SwarmDraws,
  given: { readonly servers: number | null; readonly without: ReadonlySet<FaultClass> },
): Swarm {
  const faults = new Set<FaultClass>();
  for (const fault of blindClasses) {
    // Every second one on average; message faults are for a few worlds alone, TCP has none.
    const isOn = rng.below(fault === 'messages' ? 5 : 2) === 0;
    if (isOn && !given.without.has(fault)) faults.add(fault);
  }
  const hasDirected = directed.below(3) > 0;
  for (const fault of directedClasses) {
    const isOn = directed.below(2) === 0;
    if (isOn && hasDirected && !given.without.has(fault)) faults.add(fault);
  }
  for (const fault of snapshotClasses) {
    if (snapshots.below(2) === 0 && !given.without.has(fault)) faults.add(fault);
  }
  const drawn = [1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7][rng.below(12)] as number;
  const raft = drawRaft(rng);
  const founded = drawTogether(founding, given.servers);
  const isTogether = founded !== null && !given.without.has(foundingClass);
  if (isTogether) faults.add(foundingClass);
  const ruledStreams = given.without.has(streamsClass) ? 0 : pick(streams, [0, 1, 2]);
  if (ruledStreams > 0) faults.add(streamsClass);
  if (!given.without.has(livesClass)) faults.add(livesClass);
  return {
    servers: isTogether ? founded.servers : (given.servers ?? drawn),
    expect: isTogether ? founded.expect : null,
    clients: rng.between(1, 4),
    faults,
    faultEveryMillis: pick(rng, [400, 800, 1500, 3000]),
    tickMillis: pick(rng, [50, 100, 100]),
    raft,
    policy: drawPolicy(rng),
    segmentBytesMax: pick(rng, [4096, 4096, 8192, 16_384, 65_536]),
    walTailBytesMax: pick(rng, [0, 512, 4096, 1 << 20]),
    snapshotEntries: pick(snapshots, [5, 20, 50, 200, 1_000_000]),
    network: drawNetwork(rng, faults),
    transport: drawTransport(rng, faults),
    disk: drawDisk(rng, faults),
    workload: { ...drawWorkload(rng), ruledStreams },
  };
}

function pick<T>(rng: Rng, list: readonly T[]): T {
  return list[rng.below(list.length)] as T;
}

/**
 * Now and then more servers begin than found. Never so many that a second cluster could be founded
 * beside the first by servers that do not see it, not even when founders lose their disks: the
 * checkers know of one log.
 */
function drawTogether(
  rng: Rng,
  servers: number | null,
): { readonly expect: number; readonly servers: number } | null {
  const isOn = rng.below(4) === 0;
  const drawn = rng.between(2, 5);
  const more = rng.below(2) === 0 ? rng.between(1, moreMax(drawn)) : 0;
  const expect = servers === null ? drawn : Math.min(5, servers);
  const all = servers ?? expect + more;
  return isOn && expect > 1 && all <= expect + moreMax(expect) ? { expect, servers: all } : null;
}

function moreMax(expect: number): number {
  return Math.floor(expect / 2);
}

function drawRaft(rng: Rng): RaftOptions {
  const electionTicksMin = pick(rng, [4, 6, 6, 6, 10, 20]);
  const electionTicksMax = electionTicksMin + pick(rng, [electionTicksMin, 3, electionTicksMin]);
  return {
    ...raftOptionsDefault,
    heartbeatTicks: pick(rng, [1, 1, 1, 2]),
    electionTicksMin,
    electionTicksMax,
    transferTicksMax: electionTicksMax,
    appendBytesMax: pick(rng, [200, 1000, 512 * 1024]),
    appendEntriesMax: pick(rng, [4, 64, 4096]),
    inflightMessagesMax: pick(rng, [1, 2, 8, 64]),
    inflightBytesMax: pick(rng, [1, 1000, 8 << 20]),
    uncommittedBytesMax: pick(rng, [2000, 64 << 20, 64 << 20]),
    tailBytesMax: pick(rng, [0, 500, 5000, 32 << 20]),
  };
}

function drawPolicy(rng: Rng): MembershipPolicy {
  return {
    ...defaultPolicy,
    votersWanted: pick(rng, [3, 5, 5, 7]),
    stabilisationMillis: pick(rng, [100, 500, 1000, 3000]),
    lagEntriesMax: pick(rng, [1, 16, 256]),
    learnersCatchingUpMax: pick(rng, [1, 3]),
  };
}

function drawNetwork(rng: Rng, faults: ReadonlySet<FaultClass>): NetworkHabits {
  const isOdd = faults.has('latency');
  return {
    latencyMillisMin: pick(rng, [0.1, 0.5, 1]),
    latencyMillisSpread: isOdd ? pick(rng, [2, 10, 40]) : 0.5,
    tailEvery: isOdd ? pick(rng, [20, 100, 500]) : 0,
    tailMillis: pick(rng, [50, 300, 1000]),
  };
}

function drawTransport(rng: Rng, faults: ReadonlySet<FaultClass>): TransportHabits {
  const isAstray = faults.has('messages');
  const isTight = faults.has('queues');
  return {
    lossPermille: isAstray ? pick(rng, [0, 10, 100]) : 0,
    doublingPermille: isAstray ? pick(rng, [0, 20, 200]) : 0,
    delayPermille: isAstray ? pick(rng, [0, 20, 300]) : 0,
    delayMillisMax: pick(rng, [20, 200, 3000]),
    consensusQueueBytesMax: isTight ? pick(rng, [300, 2000, 20_000]) : 64 << 20,
    queueBytesMax: isTight ? pick(rng, [300, 2000, 20_000]) : 16 << 20,
    unkeptMillisMax: 10_000,
  };
}

function drawDisk(rng: Rng, faults: ReadonlySet<FaultClass>): DiskHabits {
  const isSlow = faults.has('slowdisk');
  return {
    syncMillisMin: pick(rng, [0.1, 0.5, 1]),
    syncMillisSpread: isSlow ? pick(rng, [2, 20, 80]) : 1,
    tailEvery: isSlow ? pick(rng, [10, 50, 200]) : 0,
    tailMillis: pick(rng, [20, 150, 1000]),
    names: rng.below(2) === 0 ? 'ordered' : 'weak',
    roomBytes: Number.POSITIVE_INFINITY,
    isCopying: false,
    failNext: null,
  };
}

function drawWorkload(rng: Rng): Omit<WorkloadKnobs, 'ruledStreams'> {
  return {
    pauseMillis: pick(rng, [100, 300, 700, 1000]),
    keys: pick(rng, [1, 3, 8]),
    streams: pick(rng, [1, 2]),
    timeoutMillis: pick(rng, [500, 2000, 5000, 10_000]),
    attemptTimeoutMillis: pick(rng, [500, 1000]),
    inflightCommandsMax: pick(rng, [1, 4, 64]),
    groupRecordsMax: pick(rng, [1, 8, 64]),
    preferLeader: rng.below(2) === 0,
  };
}
