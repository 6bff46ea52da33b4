/**
 * What enters the table of records, and what gives way.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type MemberRecord, RecordTable, strangersMax } from '../../src/membership/table.js';

const owner = { peerId: 'self', clusterName: 'main' };
const clusterId = 'c1'.repeat(8);
const otherId = 'd2'.repeat(8);

const plain: MemberRecord = {
  peerId: 'p1',
  incarnation: 'aa'.repeat(8),
  sequence: 10,
  clusterName: 'main',
  clusterId,
  memberId: 1,
  name: 'n1',
  version: '1',
  addresses: ['a:1'],
  zone: null,
  loopDelayMillis: 0,
  ownHealth: 0,
  disk: 'well',
  standbys: null,
  leaving: false,
};

function signed(given: Partial<MemberRecord>) {
  const empty = new Uint8Array(0);
  return { record: { ...plain, ...given }, payload: empty, signature: empty };
}

function member(peerId: string, incarnation = plain.incarnation) {
  return { id: 1, peerId, incarnation, name: peerId };
}

function table(): RecordTable {
  const made = new RecordTable(owner);
  made.joined(clusterId);
  made.configured([member('p1'), member('self')]);
  made.take(signed({}));
  return made;
}

// [what, the record, verdict]
const rows: readonly [string, Partial<MemberRecord>, string][] = [
  ['the same again', {}, 'older'],
  ['an older one', { sequence: 9, addresses: ['b:1'] }, 'older'],
  ['a newer one', { sequence: 11, addresses: ['b:1'] }, 'newer'],
  ['this server itself', { peerId: 'self', sequence: 99 }, 'ours'],
  ['another cluster name', { clusterName: 'x', sequence: 11 }, 'otherName'],
  ['another cluster of this name', { clusterId: otherId, sequence: 11 }, 'otherCluster'],
  ['in no cluster yet', { peerId: 'p9', clusterId: null, memberId: null }, 'newer'],
  ["a member's key, another folder", { incarnation: 'bb'.repeat(8), sequence: 11 }, 'otherFolder'],
];

test('what a record is, and that only a newer one enters', () => {
  for (const [what, record, verdict] of rows) {
    const made = table();
    assert.is(made.judge({ ...plain, ...record }), verdict, what);
    assert.is(made.take(signed(record)), verdict, what);
    const { peerId, sequence } = { ...plain, ...record };
    const held = made.get(peerId)?.record.sequence;
    const expected = verdict === 'newer' ? sequence : peerId === 'p1' ? plain.sequence : undefined;
    assert.is(held, expected, what);
  }
});

test('another cluster of this name never enters', () => {
  const made = table();
  for (const peerId of ['q1', 'p1']) {
    made.take(signed({ peerId, clusterId: otherId, sequence: 99, addresses: ['q:1'] }));
  }
  assert.equal(
    made.records().map(({ peerId, clusterId: id, addresses }) => [peerId, id, addresses]),
    [['p1', clusterId, ['a:1']]],
  );
});

test('records taken before this server was in a cluster go when they are of another', () => {
  const made = new RecordTable(owner);
  made.take(signed({ peerId: 'q1', clusterId: otherId }));
  made.take(signed({ peerId: 'p1' }));
  made.joined(clusterId);
  assert.equal(
    made.records().map(({ peerId }) => peerId),
    ['p1'],
  );
});

test('strangers share few places, the one heard longest ago goes; members always have room', () => {
  const made = table();
  const stranger = (i: number) => signed({ peerId: `s${i}`, clusterId: null, memberId: null });
  for (let i = 0; i < strangersMax; i++) made.take(stranger(i));
  // Heard again: s0 is not the oldest any more.
  made.take(signed({ peerId: 's0', sequence: 11 }));
  made.take(stranger(strangersMax));
  assert.is(made.records().length, strangersMax + 1);
  assert.is(made.get('s1'), undefined);
  assert.ok(made.get('s0') !== undefined && made.get('p1') !== undefined);
  const all = Array.from({ length: 200 }, (_, i) => member(`m${i}`));
  made.configured(all);
  for (const { peerId } of all) made.take(signed({ peerId }));
  assert.is(made.records().length, 200 + strangersMax);
});

test('who was taken out is a stranger; who comes in with another folder has no record', () => {
  const made = table();
  made.configured([member('self')]);
  assert.is(made.get('p1')?.record.name, 'n1');
  made.configured([member('self'), member('p1', 'cc'.repeat(8))]);
  assert.is(made.get('p1'), undefined);
});

test.run();
