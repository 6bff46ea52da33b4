/**
 * The end of a world: everything is mended, every server that is not removed or lost runs again,
 * and now it must come back to life within a bounded time: a write is acknowledged, every client
 * has its answers, every member has applied the same and is in the same state.
 */

import type { Machine } from '../../src/machine/machine.js';
import type { MemberId } from '../../src/raft/types.js';
import { coreHosts, isEnough } from './core-hosts.js';
import type { FoundingStrikes } from './founding-strikes.js';
import type { Shadow } from './shadow.js';
import type { SimHost } from './sim-host.js';
import { demand } from './violation.js';
import type { World } from './world.js';

/** A write must be acknowledged within so many election timeouts after all is mended, and within
 * what a client takes to find its way, milliseconds. */
const electionsMax = 10;
const clientMillisMax = 2000;

/** Where most servers stay cut off a client may ask each of them for half a minute first. */
const searchMillisMax = 120_000;

/** How long one entry may take to be replicated in the slowest of worlds, milliseconds. */
const entryMillisMax = 5;

/** How long a founding may take once all is mended: a link is dialled again after 5 s at the
 * latest, and the greetings and three writes of each founder come on top, milliseconds. */
const foundingMillisMax = 8000;

/** How long the operator may take to see that a founder is lost for good, milliseconds. */
const cureMillisMax = 6000;

/** How long a server with a full disk takes at most to find that there is room (the longest pause
 * of src/storage/log-room.ts, and two files to make), milliseconds. */
const roomMillisMax = 65_000;

/** How long until all is even, milliseconds. */
const settleMillisMax = 90_000;

const lookEveryMillis = 500;

/** Runs the world up to a moment, or until something is so. */
type Runner = (untilMillis: number, isDone: () => boolean) => void;

/** See the head of the file. */
export class QuietPhase {
  readonly #world: World;

  readonly #lost: ReadonlySet<MemberId>;
  readonly #founding: FoundingStrikes;
  /** While only these are mended; null: all are. */
  #core: ReadonlySet<SimHost> | null = null;

  /** @param given members whose disk is lost for good, and how the founding goes. */
  constructor(
    world: World,
    given: { readonly lost: ReadonlySet<MemberId>; readonly founding: FoundingStrikes },
  ) {
    this.#world = world;
    this.#lost = given.lost;
    this.#founding = given.founding;
  }

  /** @returns how long it took until a write was acknowledged, milliseconds. */
  run(runTo: Runner): number {
    const world = this.#world;
    const { scheduler, clients } = world;
    this.#mend(runTo);
    this.#awaitFounding(runTo);
    this.#cutAllButCore();
    let beganMillis = scheduler.nowMillis;
    let isWritten = false;
    for (const client of clients) client.rest();
    clients[0]?.appendAtLast(() => {
      isWritten = true;
    });
    this.#look();
    const { raft, tickMillis } = world.swarm;
    const searchMillis = this.#core === null ? clientMillisMax : searchMillisMax;
    const electionMillis = electionsMax * raft.electionTicksMax * tickMillis;
    const roomMillis = this.#isAnyFull() ? roomMillisMax : 0;
    const writeMillisMax = electionMillis + searchMillis + this.#backlogMillis() + roomMillis;
    const core = this.#core;
    runTo(beganMillis + writeMillisMax, () => isWritten || this.#core !== core);
    if (!isWritten && this.#core !== core) {
      beganMillis = scheduler.nowMillis;
      runTo(beganMillis + writeMillisMax, () => isWritten);
    }
    demand(isWritten, () => `no write was acknowledged ${writeMillisMax} ms after all was mended`);
    const writtenAfterMillis = scheduler.nowMillis - beganMillis;
    world.trace.event(`quiet: written after ${Math.round(writtenAfterMillis)} ms`);
    if (this.#core !== null) world.marks.hit('a mere majority went on');
    this.#core = null;
    world.network.unblockAll();
    const restMillis = scheduler.nowMillis;
    // Read back once nobody writes any more: what was read then leaves the judge no gaps.
    let readBack: 'not yet' | 'begun' | 'done' = 'not yet';
    let isEven = false;
    const look = (): void => {
      if (this.#unevenness() === null) {
        isEven = readBack === 'done';
        if (readBack === 'not yet') {
          readBack = 'begun';
          clients[0]?.readAll(() => {
            readBack = 'done';
          });
        }
      }
      if (!isEven) scheduler.at(scheduler.nowMillis + 100, null, look);
    };
    look();
    runTo(restMillis + settleMillisMax, () => isEven);
    demand(isEven, () => `${settleMillisMax} ms after all was mended: ${this.#unevenness()}`);
    this.#compare();
    world.judge.finish((name) => world.isOrdered(name));
    if (world.history.judge()) world.marks.hit('history judged');
    return writtenAfterMillis;
  }

  #mend(runTo: Runner): void {
    const { network, swarm, hosts, scheduler, trace } = this.#world;
    trace.event('quiet: all is mended');
    network.unblockAll();
    Object.assign(network.habits, { latencyMillisMin: 0.5, latencyMillisSpread: 1, tailEvery: 0 });
    Object.assign(swarm.transport, { lossPermille: 0, doublingPermille: 0, delayPermille: 0 });
    Object.assign(swarm.transport, { consensusQueueBytesMax: 1 << 26, queueBytesMax: 1 << 24 });
    let awakeMillis = scheduler.nowMillis;
    for (const host of hosts) {
      Object.assign(host.habits, { syncMillisMin: 0.5, syncMillisSpread: 1, tailEvery: 0 });
      Object.assign(host.habits, { roomBytes: Number.POSITIVE_INFINITY, failNext: null });
      host.process?.drift(1);
      awakeMillis = Math.max(awakeMillis, host.process?.pausedUntilMillis ?? 0);
    }
    runTo(awakeMillis, () => false);
    for (const host of hosts) host.reseed();
  }

  /** A founding that is not over comes to its end, with the operator's help if a founder is lost. */
  #awaitFounding(runTo: Runner): void {
    const { swarm, scheduler } = this.#world;
    const founding = this.#founding;
    if (swarm.expect === null || founding.pending() === null) return;
    let isAwaited = true;
    const start = (): void => {
      if (!isAwaited) return;
      this.#startAll();
      scheduler.at(scheduler.nowMillis + lookEveryMillis, null, start);
    };
    start();
    const isDone = (): boolean => founding.pending() === null;
    const { cures } = founding;
    const begunMillis = scheduler.nowMillis;
    runTo(begunMillis + cureMillisMax + foundingMillisMax, isDone);
    isAwaited = false;
    const tookMillis = scheduler.nowMillis - begunMillis;
    const millisMax = foundingMillisMax + (founding.cures > cures ? cureMillisMax : 0);
    demand(
      isDone() && tookMillis <= millisMax,
      () => `${Math.round(tookMillis)} ms after all was mended: ${founding.pending()}`,
    );
  }

  /** A server whose tries to make room failed looks again only now and then. */
  #isAnyFull(): boolean {
    return this.#world.hosts.some(({ server }) => server?.replica?.status().self.alarm != null);
  }

  /** What is in a log uncommitted goes first, and some worlds replicate a few entries at a time. */
  #backlogMillis(): number {
    const { commits, shadows } = this.#world.checkers;
    let lastIndex = commits.commitMax;
    for (const { memory } of shadows.values()) lastIndex = Math.max(lastIndex, memory.lastIndex);
    return (lastIndex - commits.commitMax) * entryMillisMax;
  }

  /** In every third world only a majority comes back at first. */
  #cutAllButCore(): void {
    const { hosts, checkers, chances, network, trace } = this.#world;
    const rng = chances.faults;
    if (rng.below(3) > 0) return;
    const core = coreHosts(hosts, checkers.shadows.values(), { rng, lost: this.#lost });
    if (core === null || core.size === hosts.length) return;
    this.#core = core;
    trace.event(`quiet: only ${[...core].map(({ name }) => name).join(' ')} at first`);
    for (const inside of core) {
      for (const outside of hosts) {
        if (core.has(outside)) continue;
        network.block(inside.number, outside.number);
        network.block(outside.number, inside.number);
      }
    }
  }

  /** The operator: starts what is down, removes members that will never come back. */
  #look(): void {
    const { hosts, scheduler, checkers, clients, network, trace } = this.#world;
    this.#startAll();
    scheduler.at(scheduler.nowMillis + lookEveryMillis, null, () => this.#look());
    if (this.#core !== null && !isEnough(this.#core, hosts, checkers.shadows.values())) {
      trace.event('quiet: a change wants those who are cut off');
      this.#core = null;
      network.unblockAll();
    }
    if (this.#core !== null) return;
    const leader = [...checkers.shadows.values()]
      .filter((shadow) => shadow.leads)
      .sort((a, b) => b.term - a.term)[0];
    const present = new Set(hosts.filter(({ isUp }) => isUp).map(({ incarnation }) => incarnation));
    for (const { id, incarnation } of leader?.configuration.members ?? []) {
      if (present.has(incarnation)) continue;
      trace.event(`operator: remove lost member ${id}`);
      clients[0]?.remove(String(id));
      break;
    }
  }

  #startAll(): void {
    for (const host of this.#world.hosts) {
      if (host.isUp || host.isRemoved) continue;
      if (this.#core !== null && !this.#core.has(host)) continue;
      if (host.isDamaged) host.wipe();
      host.start();
    }
  }

  /** What is not even yet, one line; null: nothing. */
  #unevenness(): string | null {
    const { hosts, checkers, clients } = this.#world;
    const { commitMax } = checkers.commits;
    for (const { name, open } of clients) if (open > 0) return `${name} waits for ${open} answers`;
    for (const { name, isUp, isRemoved, server } of hosts) {
      if (isRemoved) continue;
      if (!isUp) return `${name} is down`;
      const shadow = server?.shadow ?? null;
      if (shadow === null) return `${name} is in no cluster: ${this.#waitingOf(name)}`;
      const at = shadow.machineIndex;
      if (at !== commitMax) return `${name} has applied ${at} of ${commitMax}`;
      if (shadow.configuration.votersOutgoing.length > 0) return `${name} is in a joint phase`;
    }
    return null;
  }

  #waitingOf(name: string): string {
    const host = this.#world.hosts.find((one) => one.name === name);
    return host?.server?.replica?.status().self.waitingFor ?? '';
  }

  #compare(): void {
    const { hosts, checkers } = this.#world;
    for (const { isUp, shadow } of hosts) {
      if (!isUp || shadow === null || shadow.machine === null) continue;
      const known: Shadow = shadow;
      checkers.machines.compare(known, known.machine as Machine, known.machineIndex);
    }
  }
}
