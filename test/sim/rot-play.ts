/**
 * A play about damage in the newest part of a log, with whole batches behind it: a bit turns there,
 * and the server is killed and started at once, so that it must tell damage from a torn tail.
 */

import type { Part, Stage } from './stage.js';

/** How far behind the end of what is surely on disk a bit turns at most, bytes. */
const reachBytes = 3000;

/** How often a byte that is not zero is looked for: in padding a bit harms nobody. */
const triesMax = 20;

/** See the head of the file. */
export function* rotAndCrash(stage: Stage): Part<void> {
  const { rng, nemesis } = stage;
  const victim = yield* stage.writes(
    2000,
    ({ id }) => !nemesis.lost.has(id) && nemesis.mayLose(id),
  );
  const host = stage.hostOf(victim ?? undefined);
  if (victim === null || host === null) return;
  const segments = host.media.list('/data/log').filter((name) => name.endsWith('.wal'));
  // The last one with something in it; behind it there may be an empty one, ready to be used.
  const name = segments
    .reverse()
    .find((each) => (host.media.get(`/data/log/${each}`)?.provenEnd ?? 0) > 0);
  const content = name === undefined ? undefined : host.media.get(`/data/log/${name}`);
  if (content === undefined) return;
  for (let tries = triesMax; tries > 0; tries--) {
    const position = content.provenEnd - 1 - rng.below(Math.min(reachBytes, content.provenEnd));
    if (content.bytes[position] === 0) continue;
    nemesis.lost.add(victim.id);
    host.diskFaults.add('rots');
    stage.note(`a bit of ${name} of ${host.name} turns at ${position}`);
    content.flip(position, rng.below(8));
    stage.mark('damage before whole batches');
    host.kill(rng.below(2) === 0);
    host.start();
    return;
  }
}
