/**
 * A short storm: what a long one (`make lab SCENARIO=storm SECONDS=600`) does, some faults of it.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inLab } from './lab.js';
import { Storm, stormDefaults } from './storm.js';

test(
  'a storm of 25 seconds loses nothing, and the cluster serves most of the time',
  inLab(6, async (lab) => {
    const options = { ...stormDefaults, seconds: 25, seed: 1, periodMillis: 6000 };
    const { judgement, availability, faults } = await new Storm(lab, options, console.log).run();
    assert.is(judgement.fault, null);
    assert.ok(judgement.acknowledged > 500, `${judgement.acknowledged} appends`);
    assert.ok(judgement.reads > 20, `${judgement.reads} reads`);
    assert.ok(faults >= 2, `${faults} faults`);
    // Two cores do all of it, and perhaps other tests beside: the goal is the long storm's.
    assert.ok(availability.share > 0.6, `available ${availability.share}`);
  }),
);

test.run();
