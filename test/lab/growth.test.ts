/**
 * A cluster grows across hosts, from the command that users type, and goes on where it was.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inLab } from './lab.js';

test(
  'from one to three to five across hosts, each started by make run-server',
  inLab(5, async (lab) => {
    const first = lab.server(1);
    await first.start({ byMake: true });
    await lab.untilVoters(1);
    const client = lab.agent();
    await client.call('append', { targets: [first.address], data: 'one', timeoutMillis: 10_000 });
    for (const host of [2, 3]) {
      await lab.server(host).start({ byMake: true, peers: [first.address] });
    }
    await lab.untilVoters(3);
    // Those that follow know only followers: whoever is asked leads on to the leader.
    for (const host of [4, 5]) {
      await lab.server(host).start({ byMake: true, peers: [lab.server(host - 2).address] });
    }
    const status = await lab.untilVoters(5);
    assert.is(status.faultTolerance, 2);
    const targets = [lab.server(5).address];
    await client.call('append', { targets, data: 'five', timeoutMillis: 10_000 });
    for (const { address } of lab.servers) {
      const told = await lab.quorate(['query', '--json', '-t', address], 1);
      const records = told.out.split('\n').filter(Boolean);
      assert.equal(
        records.map((line) => (JSON.parse(line) as { readonly data: string }).data),
        ['one', 'five'],
      );
    }
  }),
);

test.run();
