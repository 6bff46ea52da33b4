/**
 * The lab itself: hosts reach each other, and each fault does what it says and nothing else.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inLab, type Lab } from './lab.js';
import { packetFilter } from './packet-filter.js';

const port = 7000;

test('a packet filter drops whom it names, a share of them, and passes the rest', () => {
  const rows = [
    { rules: [], lines: ['32 0 0 8', '6 0 0 4294967295'] },
    {
      rules: [{ from: 3, lossShare: 1 }],
      lines: ['32 0 0 8', '21 0 1 3', '6 0 0 2', '6 0 0 4294967295'],
    },
    {
      rules: [{ from: 2, lossShare: 0.5 }],
      lines: [
        ...['32 0 0 8', '21 0 4 2', '32 0 0 4294963256', '53 1 0 2147483648'],
        ...['6 0 0 2', '6 0 0 4294967295', '6 0 0 4294967295'],
      ],
    },
  ];
  for (const { rules, lines } of rows) {
    assert.is(packetFilter(rules), `${lines.length},${lines.join(',')}`);
  }
});

/** How many of `count` datagrams from one host reach another. */
async function arrive(lab: Lab, from: number, to: number, count = 1): Promise<number> {
  const receiver = lab.agent(to);
  await receiver.call('listen', { port });
  await lab.agent(from).call('send', { to: lab.network.address(to), port, count });
  return receiver.call('heard', null);
}

/** Which of the pairs `from>to` let a datagram through. */
async function open(lab: Lab, pairs: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pair of pairs) {
    const [from, to] = pair.split('>').map(Number) as [number, number];
    if ((await arrive(lab, from, to)) > 0) found.push(pair);
  }
  return found;
}

test(
  'cuts are what they say, links come back with their routes, addresses change',
  inLab(2, async (lab) => {
    const { network } = lab;
    const all = ['1>2', '2>1', '1>3', '3>1', '2>3', '3>2'];
    assert.equal(await open(lab, all), all, 'nothing is cut');
    await network.cut([1], [2]);
    assert.equal(await open(lab, all), all.slice(1), 'one way is cut');
    await network.partition([1], [2]);
    assert.equal(await open(lab, all), all.slice(2), 'a bridge: 1 and 2 only by way of 3');
    await network.heal();
    await network.isolate(3);
    assert.equal(await open(lab, all), ['1>2', '2>1'], 'one is alone');
    await network.heal();
    await network.lose([1], [2], 0.3);
    const lossy = await arrive(lab, 1, 2, 1000);
    assert.ok(lossy > 600 && lossy < 800, `30 % of 1000 are lost: ${lossy} came`);
    assert.is(await arrive(lab, 2, 1, 100), 100, 'the other way loses none');
    await network.heal();
    assert.equal(await open(lab, all), all, 'all is healed');

    await network.linkDown(2);
    assert.equal(await open(lab, ['1>2', '1>3']), ['1>3']);
    await network.linkUp(2);
    assert.equal(await open(lab, ['1>2', '2>3']), ['1>2', '2>3']);
    const before = network.address(2);
    await network.readdress(2, 1);
    assert.is.not(network.address(2), before);
    assert.equal(await open(lab, ['1>2', '2>1']), ['1>2', '2>1'], 'under the new address');
    await network.limitRate(1, 80);
    // 28 bytes of headers and 8 of data: 100 datagrams are 0.04 s at that rate, and all are kept.
    assert.is(await arrive(lab, 1, 2, 100), 100);
    await network.limitRate(1, null);
  }),
);

test(
  'packets are delayed',
  inLab(1, async (lab) => {
    await lab.network.delay(1, 300);
    assert.is(await arrive(lab, 1, 2), 0, 'it is still on its way');
    await lab.network.delay(1, 0);
    assert.is(await arrive(lab, 1, 2), 1);
  }),
);

test.run();
