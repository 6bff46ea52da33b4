/**
 * Who is linked to whom and who watches whom, for clusters of every size to eighty.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { neighbourhood } from '../../src/membership/ring.js';
import type { Configuration } from '../../src/raft/types.js';

function cluster(count: number, voters: number): Configuration {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  return {
    voters: ids.slice(0, voters),
    votersOutgoing: [],
    learners: ids.slice(voters),
    learnersNext: [],
    members: ids.map((id) => ({ id, peerId: `peer${id}`, incarnation: '', name: '' })),
    reason: '',
  };
}

const peerOf = (id: number): string => `peer${id}`;

test('links and watching are the same seen from either end', () => {
  for (const count of [2, 3, 6, 17, 50, 80]) {
    const configuration = cluster(count, Math.min(5, count));
    const views = new Map(
      configuration.members.map(({ peerId }) => [peerId, neighbourhood(configuration, peerId)]),
    );
    for (const [one, { links, watched }] of views) {
      assert.not.ok(links.has(one) || watched.has(one));
      for (const other of links) assert.ok(views.get(other)?.links.has(one), `${count}`);
      for (const other of watched) {
        assert.ok(views.get(other)?.watched.has(one), `${count}`);
        assert.ok(links.has(other), 'whoever is watched is linked');
      }
    }
  }
});

test('up to five members everybody watches everybody', () => {
  for (const count of [2, 3, 4, 5]) {
    const configuration = cluster(count, 1);
    for (const { peerId } of configuration.members) {
      assert.is(neighbourhood(configuration, peerId).watched.size, count - 1);
    }
  }
});

test('a voter is linked to all, and watches the other voters', () => {
  const configuration = cluster(50, 5);
  const { links, watched } = neighbourhood(configuration, peerOf(1));
  assert.is(links.size, 49);
  for (const id of [2, 3, 4, 5]) assert.ok(watched.has(peerOf(id)));
});

test('an outgoing voter of a joint change still counts as one', () => {
  const configuration = { ...cluster(50, 5), votersOutgoing: [40] };
  assert.is(neighbourhood(configuration, peerOf(40)).links.size, 49);
  assert.ok(neighbourhood(configuration, peerOf(20)).links.has(peerOf(40)));
});

test('what a server has to watch grows by the logarithm, and a rumour has few steps to go', () => {
  for (const count of [8, 16, 32, 64]) {
    const configuration = cluster(count, 5);
    const chords = 2 * Math.log2(count);
    for (const { id, peerId } of configuration.members) {
      const { watched, links } = neighbourhood(configuration, peerId);
      const others = id <= 5 ? 4 : 0;
      assert.ok(watched.size >= Math.log2(count) && watched.size <= chords + others, `${count}`);
      if (id > 5) assert.ok(links.size <= chords + 5, `${count}`);
    }
    assert.ok(steps(configuration) <= Math.log2(count), `${count}`);
  }
});

test('one who is not in the configuration yet is linked to its voters', () => {
  const { links } = neighbourhood(cluster(3, 3), 'newcomer');
  assert.equal([...links].sort(), ['peer1', 'peer2', 'peer3']);
});

/** How many steps the farthest member is away, going only along those who watch each other. */
function steps(configuration: Configuration): number {
  let reached = new Set([peerOf(configuration.members.length)]);
  for (let step = 0; ; step++) {
    if (reached.size === configuration.members.length) return step;
    const further = [...reached].flatMap((peer) => [...neighbourhood(configuration, peer).watched]);
    reached = new Set([...reached, ...further]);
  }
}

test.run();
