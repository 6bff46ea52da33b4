/**
 * What befalls snapshots: servers die right when their state was frozen or some moments later, and
 * bits turn in files of snapshots, often with a restart at once, so that they are met. The log is
 * whole, so none of it may ever harm anybody: neither kind counts as a loss.
 *
 * Chance is a stream of its own; a world without these kinds is not touched.
 */

import type { Rng } from '../../src/base/rng.js';
import type { Shadow } from './shadow.js';
import type { SimHost } from './sim-host.js';
import { snapshotFolder } from './sim-snapshots.js';
import type { World } from './world.js';

/** Longest pause between two turned bits, milliseconds. */
const rotMillisMax = 6000;

/** Longest time from the freezing of a state to the end of its server, milliseconds. */
const crashMillisMax = 20;

/** See the head of the file. */
export class SnapshotStrikes {
  readonly #world: World;
  readonly #rng: Rng;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#rng = world.chances.snapshots;
  }

  start(): void {
    const { faults } = this.#world.swarm;
    const { checkers } = this.#world;
    if (faults.has('snapshotcrash')) checkers.onFrozen = (shadow) => this.#frozen(shadow);
    if (faults.has('snapshotrot')) this.#rotLater();
  }

  stop(): void {
    this.#isOver = true;
    this.#world.checkers.onFrozen = null;
  }

  #frozen(shadow: Shadow): void {
    if (this.#rng.below(4) > 0) return;
    const { scheduler } = this.#world;
    const after = this.#rng.below(2) * this.#rng.below(crashMillisMax);
    const power = this.#rng.below(2) === 0;
    scheduler.at(scheduler.nowMillis + after, null, () => {
      const host = this.#world.hosts.find((one) => one.isUp && one.shadow === shadow);
      if (this.#isOver || host === undefined || host.isHeld) return;
      if (hasHalfSnapshot(host)) this.#world.marks.hit('crash while writing a snapshot');
      host.kill(power);
      if (this.#rng.below(3) > 0) this.#startSoon(host);
    });
  }

  #rotLater(): void {
    const { scheduler } = this.#world;
    scheduler.at(scheduler.nowMillis + 1 + this.#rng.below(rotMillisMax), null, () => {
      if (this.#isOver) return;
      this.#rot();
      this.#rotLater();
    });
  }

  #rot(): void {
    const { hosts, trace } = this.#world;
    const host = hosts[this.#rng.below(hosts.length)] as SimHost;
    const names = host.media.list(snapshotFolder);
    // Mostly the newest, which is read first.
    const at = this.#rng.below(3) === 0 ? this.#rng.below(Math.max(1, names.length)) : -1;
    const name = names.at(at);
    const content = name === undefined ? undefined : host.media.get(`${snapshotFolder}/${name}`);
    if (content === undefined || content.size === 0) return;
    const position = this.#rng.below(content.size);
    trace.event(`${host.name}: a bit of ${name} turns at ${position}`);
    host.hasRottenSnapshots = true;
    content.flip(position, this.#rng.below(8));
    if (!host.isUp || host.isHeld || this.#rng.below(2) === 0) return;
    host.kill(false);
    this.#startSoon(host);
  }

  #startSoon(host: SimHost): void {
    const { scheduler } = this.#world;
    scheduler.at(scheduler.nowMillis + this.#rng.below(300), null, () => {
      if (this.#isOver || host.isUp || host.isHeld || host.isRemoved || host.isDamaged) return;
      host.start();
    });
  }
}

function hasHalfSnapshot({ media }: SimHost): boolean {
  return media.list(snapshotFolder).some((name) => name.endsWith('.tmp'));
}
