/**
 * A play about the moment between an append and what is said of it: a server, or two, end right
 * after the core gave entries out, when they are sent, when they are nearly on disk, when they are
 * there and nobody knows, or when the answer has just left.
 */

import type { SimHost } from './sim-host.js';
import type { Part, Stage } from './stage.js';

const appendMillisMax = 4000;

/** See the head of the file. */
export function* crashAtAppend(stage: Stage): Part<void> {
  const { rng } = stage;
  const isLeader = rng.below(2) === 0;
  const victim = yield* stage.appends(appendMillisMax, (_one, _entries, leads) => {
    return leads === isLeader;
  });
  const host = stage.hostOf(victim ?? undefined);
  if (victim === null || host === null) return;
  const moment = rng.below(5);
  if (moment === 1) yield* stage.pause(rng.below(100) / 1000);
  if (moment === 2) yield* stage.pause(rng.below(2000) / 1000);
  if (moment > 2) yield* stage.writes(500, (one) => one === victim);
  if (moment === 4) yield* stage.pause(rng.below(100) / 1000);
  const power = rng.below(2) === 0;
  const fallen = [host];
  // Another one with it: then what is left may just not be enough.
  const other = stage.shuffled(stage.others([host]).filter(({ isUp }) => isUp))[0];
  if (other !== undefined && rng.below(3) === 0) fallen.push(other);
  for (const each of fallen) endAtAppend(stage, each, power);
  if (rng.below(2) === 0) yield* stage.pause(rng.below(2 * stage.electionMillis));
  for (const each of fallen) if (!each.isRemoved && !each.isDamaged) each.start();
}

function endAtAppend(stage: Stage, host: SimHost, power: boolean): void {
  const leads = host.isUp && host.shadow?.leads === true;
  if (leads && (host.shadow?.pending.length ?? 0) > 0) {
    stage.mark('leader crashed with an append under way');
  }
  stage.takeDown(host, power);
}
