/**
 * Which clusters a server remembers to have met, and what it tells of them.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OtherClusters } from '../../src/replica/other-clusters.js';
import { HandClock } from './hand-clock.js';

const foreign = { clusterName: 'main', clusterId: 'c2', name: 'x', addresses: ['a:1'] };

function memory(clusterId: string | null = 'c1') {
  const clock = new HandClock();
  const others = new OtherClusters({ clock, self: () => ({ clusterName: 'main', clusterId }) });
  return { clock, others };
}

test('of one cluster: how many servers, which was met last, where, and how long ago', () => {
  const { clock, others } = memory();
  assert.is(others.met('q1', foreign), true, 'news');
  clock.pass(5000);
  assert.is(others.met('q2', { ...foreign, name: 'y', addresses: [] }), false);
  assert.is(others.met('q1', { ...foreign, addresses: ['b:1'] }), false);
  clock.pass(1000);
  const met = { cluster: 'main', clusterId: 'c2', servers: 2, server: 'x', addresses: ['b:1'] };
  assert.equal(others.list(), [{ ...met, seenMillis: 1000 }]);
});

test('its own cluster, another name, and servers in none are no other cluster', () => {
  const { others } = memory();
  for (const server of [
    { ...foreign, clusterId: 'c1' },
    { ...foreign, clusterId: null },
    { ...foreign, clusterName: 'test' },
  ]) {
    assert.is(others.met('q1', server), false);
  }
  assert.equal(others.list(), []);
});

test('who is in no cluster yet has met no other', () => {
  const { others } = memory(null);
  assert.is(others.met('q1', foreign), false);
  assert.equal(others.list(), []);
});

test('whoever makes up clusters and keys fills no memory', () => {
  const { others } = memory();
  for (let i = 0; i < 100; i++) others.met(`q${i}`, foreign);
  for (let i = 0; i < 100; i++) others.met('q', { ...foreign, clusterId: `made up ${i}` });
  const list = others.list();
  assert.equal([list.length, list[0]?.clusterId, list[0]?.servers], [8, 'c2', 64]);
});

test.run();
