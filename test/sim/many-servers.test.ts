/**
 * What a cluster costs as it grows: the gossip that each server sends stays the same, and a change
 * of the members and a death are known to all no later than with the logarithm of the servers.
 *
 *   MANY_SERVERS=5,12,25,50 node --import tsx test/sim/many-servers.test.ts    (minutes)
 */
// time limit: 600 s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Measured, measureServers } from './many-servers.js';
import { inMacroTask } from './scheduler.js';

const sizes = (process.env['MANY_SERVERS'] ?? '5,12').split(',').map(Number);

/** What chance may add: of five deaths and five changes the longest is taken. */
const slack = 1.3;

/** Frames that a server at rest may send in a second: five probes, five answers, and the rest. */
const framesMax = 15;

function row(measured: Measured): string {
  const { servers, framesPerSecond, bytesPerSecond, bytesPerSecondMedian } = measured;
  const { changeMillis, addressMillis, deadMillisMedian, deadMillis } = measured;
  const whole = (value: number): string => value.toFixed(0);
  return (
    `${servers} servers: ${framesPerSecond.toFixed(1)} frames and ${whole(bytesPerSecond)} bytes ` +
    `a second at the busiest, ${whole(bytesPerSecondMedian)} bytes at the median; a change known ` +
    `to all after ${whole(changeMillis)} ms, an address after ${whole(addressMillis)} ms, a ` +
    `death after ${whole(deadMillisMedian)} ms, at most ${whole(deadMillis)} ms`
  );
}

test('gossip a server stays the same, news travels no slower than the logarithm', async () => {
  let least: Measured | null = null;
  for (const servers of sizes) {
    const measured = await inMacroTask(() => measureServers(servers, 1));
    console.log(row(measured));
    least ??= measured;
    const growth = slack * (Math.log2(servers) / Math.log2(least.servers));
    assert.ok(measured.framesPerSecond < framesMax, `${measured.framesPerSecond} frames`);
    assert.ok(measured.bytesPerSecond <= slack * least.bytesPerSecond, 'more bytes a server');
    assert.ok(measured.changeMillis <= growth * least.changeMillis, 'changes grow slow');
    assert.ok(measured.addressMillis <= growth * least.addressMillis, 'addresses grow slow');
    assert.ok(measured.deadMillis <= growth * least.deadMillis, 'deaths grow slow');
    assert.ok(measured.deadMillis < 3000, `dead to all only after ${measured.deadMillis} ms`);
  }
  assert.ok(least !== null && sizes.length > 1, 'nothing to compare');
});

test.run();
