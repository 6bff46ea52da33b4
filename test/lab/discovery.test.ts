/**
 * Servers find each other on their network without being told where: by mDNS, real packets.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inLab } from './lab.js';
import { Lacking } from './namespaces.js';

test(
  'a member is found by mDNS under an address that nobody was told',
  inLab(3, async (lab) => {
    const flags = ['--stabilisation', '300'];
    // Peers that do not answer: what joins must be found by mDNS.
    const nobody = [`${lab.network.address(lab.clientHost)}:1`];
    await lab.server(1).start({ mdns: true, flags });
    for (const host of [2, 3]) {
      await lab.server(host).start({ mdns: true, peers: nobody, flags });
    }
    await lab.untilVoters(3);
  }),
);

test(
  'three servers found a cluster together, by make run-server EXPECT=3 on each and nothing else',
  inLab(3, async (lab) => {
    const [first] = lab.servers;
    for (const server of lab.servers) {
      server.launch({ byMake: true, mdns: true, expect: 3 });
    }
    const ended = first?.exit(600_000).then(() => first.plain.join('; '));
    const voting = lab.untilVoters(3).then(() => null);
    const why = await Promise.race([voting, ended]);
    voting.catch(() => {}); // The servers have ended, and said why.
    if (why?.includes('not built')) throw new Lacking(why);
    assert.is(why, null);
  }),
);

test.run();
