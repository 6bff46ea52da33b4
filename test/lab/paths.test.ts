/**
 * Networks that are bad, but not so bad that no majority can talk: five servers go on.
 */

import { test } from 'uvu';
import { inLab } from './lab.js';
import { assertRecords } from './lab-records.js';

const quick = ['--stabilisation', '300'];

test(
  'a bridge, and a lossy network, do not stop five servers',
  inLab(5, async (lab) => {
    const { network } = lab;
    await lab.grow(5, quick);
    await lab.untilVoters(5);
    await lab.append('begun');
    // 1 and 2 see 4 and 5 only by way of 3: everybody is in reach of a majority through 3 alone.
    await network.partition([1, 2], [4, 5]);
    await lab.append('a bridge');
    await network.heal();
    await network.lose(network.hosts, network.hosts, 0.05);
    await lab.append('one frame of twenty is lost');
    await network.heal();
    await lab.untilVoters(5);
    await assertRecords(lab, ['begun', 'a bridge', 'one frame of twenty is lost']);
  }),
);

test.run();
