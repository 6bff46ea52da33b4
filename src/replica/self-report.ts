/**
 * Looks once a second at what a member has to say of itself beyond what gossip measures by itself,
 * and hands it to gossip, which tells the others when it is new. The pace bounds what that costs:
 * each word is a signed record to everybody.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { DiskFitness } from '../membership/table.js';
import type { Consensus } from './consensus.js';
import { DiskWatch } from './disk-watch.js';
import type { Gossip } from './gossip.js';

/** How often is looked, milliseconds. */
const lookMillis = 1000;

/** A look that comes so much too late found a process that stood still, milliseconds. */
const lateMillisMax = 500;

/** What a report works with. */
export interface SelfReportDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly gossip: Pick<Gossip, 'disk' | 'standbys'>;
  /** How late the event loop runs, milliseconds. */
  readonly loopDelayMillis: () => number;
  /** Null: this server is no member yet. */
  readonly consensus: () => Reported | null;
}

/** What is looked at. */
type Reported = Pick<Consensus, 'writeTimes' | 'standbys'> & {
  readonly alarm: Pick<Consensus['alarm'], 'line'>;
};

/** See the head of the file. */
export class SelfReport {
  readonly #deps: SelfReportDeps;
  readonly #disk = new DiskWatch();
  #told: DiskFitness = 'well';
  #lookedAt = 0;
  #timer: Timer | null = null;

  constructor(deps: SelfReportDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { clock } = this.#deps;
    this.#lookedAt = clock.monotonicMillis();
    this.#timer = clock.after(lookMillis, () => {
      this.#look(clock.monotonicMillis() - this.#lookedAt > lookMillis + lateMillisMax);
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** @param isLate this process stood still. */
  #look(isLate: boolean): void {
    const consensus = this.#deps.consensus();
    if (consensus === null) return;
    this.#lookAtDisk(consensus, isLate);
    this.#deps.gossip.standbys(consensus.standbys());
  }

  #lookAtDisk(consensus: Reported, isLate: boolean): void {
    const { log, gossip, loopDelayMillis } = this.#deps;
    const times = consensus.writeTimes();
    const isFull = consensus.alarm.line !== null;
    // That it is full, and is not any more, the alarm tells by itself; its writes wait for room.
    if (isFull) this.#told = 'well';
    if (isFull || isLate) return this.#disk.stoodStill(times);
    const { fitness, writeMillis } = this.#disk.look(times, loopDelayMillis());
    if (fitness === this.#told) return;
    this.#told = fitness;
    gossip.disk(fitness);
    if (fitness === 'slow') log.warn({ writeMillis: Math.round(writeMillis) }, 'the disk is slow');
    else log.info({}, 'the disk is well again');
  }
}
