/**
 * Machines that lose their disk, or their address: a name tag and an address are not identity.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inLab } from './lab.js';
import { assertRecords } from './lab-records.js';
import type { LabServer } from './lab-server.js';

const quick = ['--stabilisation', '300'];

test(
  'a server with a wiped disk comes back as another member, and the old one goes',
  inLab(3, async (lab) => {
    await lab.grow(3, quick);
    const grown = await lab.untilVoters(3);
    await lab.append('one');
    const leader = await lab.leader();
    const [victim] = lab.without(leader) as [LabServer];
    const old = grown.members.find(({ name }) => name === victim.name)?.memberId;
    await victim.kill();
    victim.wipe();
    await lab.start(victim, { flags: quick });
    const { members } = await lab.until('the newcomer is a member', ({ self, members }) => {
      const isNew = ({ name, memberId, health }: (typeof members)[number]): boolean =>
        name === victim.name && memberId !== old && health === 'alive';
      return self.role === 'leader' && members.some(isNew);
    });
    if (members.some(({ memberId }) => memberId === old)) {
      const words = ['members', 'remove', String(old), '-t', leader.address];
      const told = await lab.quorate([...words, '--timeout', '20s']);
      assert.ok(told.code === 0 || /no member/.test(told.err), told.err);
    }
    await lab.untilVoters(3);
    await assertRecords(lab, ['one']);
  }),
);

test(
  'all servers change their addresses at once',
  inLab(3, async (lab) => {
    await lab.grow(3, quick);
    const before = await lab.untilVoters(3);
    await lab.append('before');
    await Promise.all(lab.servers.map((server) => server.stop()));
    for (const { host } of lab.servers) await lab.network.readdress(host, 1);
    await Promise.all(lab.servers.map((server) => lab.start(server, { flags: quick })));
    const after = await lab.untilVoters(3);
    const ids = ({ members }: typeof after): readonly number[] =>
      members.map(({ memberId }) => memberId).sort((a, b) => a - b);
    assert.equal(ids(after), ids(before), 'the same members');
    await lab.append('after');
    await assertRecords(lab, ['before', 'after']);
  }),
);

test.run();
