/**
 * Options: the defaults are good, and all faults are named at once.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { raftOptionsDefault, validateRaftOptions } from '../../src/raft/options.js';

test('the defaults have no faults and cannot be changed', () => {
  assert.equal(validateRaftOptions(raftOptionsDefault), []);
  assert.ok(Object.isFrozen(raftOptionsDefault));
});

test('all faults come at once', () => {
  const faults = validateRaftOptions({
    ...raftOptionsDefault,
    heartbeatTicks: 0,
    inflightMessagesMax: 1.5,
    electionTicksMin: 9,
    electionTicksMax: 9,
  });
  assert.equal(faults, [
    'heartbeatTicks must be a whole number of at least 1, not 0',
    'inflightMessagesMax must be a whole number of at least 1, not 1.5',
    'electionTicksMax must exceed electionTicksMin, or two candidates tie for ever',
  ]);
  const slow = { ...raftOptionsDefault, heartbeatTicks: 6 };
  assert.match(validateRaftOptions(slow).join(), /electionTicksMin must exceed heartbeatTicks/);
});

test.run();
