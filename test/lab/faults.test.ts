/**
 * Faults of machines and of the network between them, in a cluster of three real servers: what was
 * acknowledged stays, the majority goes on, the minority says no, and all are one again once the
 * fault is over.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inLab } from './lab.js';
import { assertRecords } from './lab-records.js';

const quick = ['--stabilisation', '300'];

test(
  'kill -9, a cut-off leader, one-way loss, a pulled cable, a pause: three servers',
  inLab(3, async (lab) => {
    const { network } = lab;
    await lab.grow(3, quick);
    await lab.untilVoters(3);
    await lab.append('begun');

    const killed = await lab.leader();
    await killed.kill();
    await lab.append('the leader was killed', { to: lab.without(killed) });
    await lab.start(killed);
    await lab.untilVoters(3);

    // The leader, alone, and a client beside it; the others and theirs on the other side.
    const lonely = await lab.leader();
    const others = lab.without(lonely);
    await network.partition([lonely.host], [...others.map(({ host }) => host), lab.clientHost]);
    await lab.append('the majority goes on', { to: others });
    const alone = { to: [lonely], from: lonely.host, millis: 3000 };
    await fails(lab.append('a minority', alone), /leader|in time|served/i);
    await network.heal();
    await lab.untilVoters(3);

    // Nobody hears the leader, and it hears everybody.
    const unheard = await lab.leader();
    await network.cut([unheard.host], network.hosts);
    await lab.append('nobody hears the leader', { to: lab.without(unheard) });
    await network.heal();
    await lab.untilVoters(3);

    const unplugged = await lab.leader();
    await network.linkDown(unplugged.host);
    await lab.append('a cable was pulled', { to: lab.without(unplugged) });
    await network.linkUp(unplugged.host);
    await lab.untilVoters(3);

    const paused = await lab.leader();
    await paused.pause();
    const pausedAt = performance.now();
    await lab.append('the leader was paused', { to: lab.without(paused) });
    // Long enough to be called dead, by whoever counts.
    const rest = 20_000 - (performance.now() - pausedAt);
    await new Promise((over) => setTimeout(over, rest));
    await paused.resume();
    await lab.untilVoters(3);
    await assertRecords(lab, [
      'begun',
      'the leader was killed',
      'the majority goes on',
      'nobody hears the leader',
      'a cable was pulled',
      'the leader was paused',
    ]);
  }),
);

/** It is refused, for one of the reasons. */
async function fails(work: Promise<unknown>, why: RegExp): Promise<void> {
  const failure = await work.then(
    () => null,
    (error: Error) => error,
  );
  assert.ok(failure !== null, 'it should have been refused');
  assert.match(failure.message, why);
}

test.run();
