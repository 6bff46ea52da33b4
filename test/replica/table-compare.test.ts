/**
 * Two tables compared: what each lacks it gets, whoever began. The post is a puppet that writes
 * down what is sent.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Liveness } from '../../src/membership/liveness.js';
import { type MemberRecord, RecordTable, type Rumour } from '../../src/membership/table.js';
import type { GossipPost } from '../../src/replica/gossip-post.js';
import { OwnRecord } from '../../src/replica/own-record.js';
import { TableCompare } from '../../src/replica/table-compare.js';
import type { GossipBody } from '../../src/wire/gossip-messages.js';
import { simSigner } from '../sim/sim-signer.js';

const facts = {
  incarnation: 'aa'.repeat(8),
  clusterName: 'main',
  clusterId: null,
  memberId: null,
  name: 'n',
  version: '1',
  addresses: [],
  zone: null,
  loopDelayMillis: 0,
  ownHealth: 0,
  disk: 'well' as const,
  standbys: null,
  leaving: false,
};

/** A server that holds record 5 of p1, p2 and p3, where p3 is dead; and all that it sent. */
function server() {
  const sent: string[] = [];
  const heard: Rumour[] = [];
  const members = ['p1', 'p2', 'p3', 'p9'];
  const table = new RecordTable({ peerId: 'self', clusterName: 'main' });
  const liveness = new Liveness('self', { suspicionMillisMin: 1, suspicionMillisMax: 1 });
  const held = ['p1', 'p2', 'p3'];
  for (const peerId of held) {
    const record: MemberRecord = { ...facts, peerId, sequence: 5 };
    table.take({ record, payload: new Uint8Array(0), signature: new Uint8Array(0) });
  }
  const sequences = members.map((peerId) => [
    peerId,
    { sequence: held.includes(peerId) ? 5 : 0, leaving: false },
  ]) as [string, { sequence: number; leaving: boolean }][];
  liveness.configured(new Map(sequences), 0);
  liveness.heard({ kind: 'dead', subject: 'p3', sequence: 5, accuser: 'p2' }, 0);
  const post = {
    members,
    send: (_: string, body: GossipBody) => void sent.push(JSON.stringify(body)),
    tell: (_: string, records: { record: MemberRecord }[], rumours: Rumour[] = []) => {
      const names = records.map(({ record }) => `${record.peerId}@${record.sequence}`);
      sent.push([...names, ...rumours.map(({ kind, subject }) => `${kind} ${subject}`)].join(' '));
    },
  } as unknown as GossipPost;
  const compare = new TableCompare({
    self: 'self',
    own: new OwnRecord(facts, 7, simSigner('self')),
    table,
    liveness,
    post,
    rumour: (rumour) => void heard.push(rumour),
  });
  return { compare, sent, heard };
}

const equal = [
  { peerId: 'self', sequence: 7, dead: false },
  { peerId: 'p1', sequence: 5, dead: false },
  { peerId: 'p2', sequence: 5, dead: false },
  { peerId: 'p3', sequence: 5, dead: true },
  { peerId: 'p9', sequence: 0, dead: false },
];

// [what, what the other's row of one member is, what is sent, what is believed dead]
const rows: readonly [string, (typeof equal)[number], readonly string[], readonly string[]][] = [
  ['all equal', { peerId: 'p1', sequence: 5, dead: false }, [], []],
  ['an older record there', { peerId: 'p1', sequence: 4, dead: false }, ['p1@5'], []],
  [
    'a newer record there',
    { peerId: 'p1', sequence: 6, dead: false },
    ['{"type":"want","peerIds":["p1"]}'],
    [],
  ],
  ['own record unknown there', { peerId: 'self', sequence: 0, dead: false }, ['self@7'], []],
  ['a death unknown here', { peerId: 'p1', sequence: 5, dead: true }, [], ['p1']],
  ['a death unknown there', { peerId: 'p3', sequence: 5, dead: false }, ['dead p3'], []],
  ['a death of an older record there', { peerId: 'p1', sequence: 4, dead: true }, ['p1@5'], []],
];

test('each gets what it lacks', () => {
  for (const [what, row, sent, deaths] of rows) {
    const made = server();
    made.compare.digest('p2', [row, ...equal.filter(({ peerId }) => peerId !== row.peerId)]);
    assert.equal(made.sent, sent, what);
    assert.equal(
      made.heard.map(({ subject }) => subject),
      deaths,
      what,
    );
  }
});

test('equal tables have equal hashes, in whatever order, and then nothing more is said', () => {
  const one = server();
  const other = server();
  one.compare.begin('p1');
  const { hash } = JSON.parse(one.sent[0] as string) as { hash: number };
  other.compare.summary('p2', hash);
  assert.equal(other.sent, []);
  other.compare.summary('p2', hash + 1);
  assert.match(other.sent[0] as string, /"type":"digest"/);
});

test.run();
